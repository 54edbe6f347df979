//! Where the bytes of an artifact go, to the last one.

use core::ops::Range;
use siskin::format::{Header, Kind, Numbers, Place, Section};
use siskin::op::{UnpackWeights, UnpackWeightsAttrs};
use siskin::{DType, Model, Op, Step, attrs::Attrs};
use std::collections::BTreeMap;

/// The name of bytes that nobody reads.
const PADDING: &str = "padding";

/// A part of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub name: String,
    /// The bytes that it takes.
    pub bytes: u64,
}

/// The parts of a file, which add up to its length: what is greatest first, padding last.
///
/// `model` must be of this very file.
#[must_use]
pub fn ledger(file: &[u8], model: &Model<'_>) -> Vec<Entry> {
    entries(parts(file, model).iter().map(|p| (p.name.as_str(), p.range.len() as u64)))
}

/// Bytes by name: what is greatest first, padding last.
pub(crate) fn entries<'a>(parts: impl Iterator<Item = (&'a str, u64)>) -> Vec<Entry> {
    let mut sums: BTreeMap<&str, u64> = BTreeMap::new();
    parts.for_each(|(name, bytes)| *sums.entry(name).or_default() += bytes);
    let padding = sums.remove(PADDING).unwrap_or(0);
    let mut entries: Vec<Entry> =
        sums.into_iter().filter(|p| p.1 > 0).map(|(name, bytes)| Entry { name: name.into(), bytes }).collect();
    entries.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    entries.push(Entry { name: PADDING.into(), bytes: padding });
    entries
}

/// Neighbouring bytes of a file.
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) range: Range<usize>,
    /// What they look like, for packing.
    pub(crate) numbers: Numbers,
}

/// Every byte of a file once, in order.
pub(crate) fn parts(file: &[u8], model: &Model<'_>) -> Vec<Part> {
    let sections = sections(file);
    let mut found =
        vec![("header and section table".to_string(), 0, Header::LEN + sections.len() * Section::LEN, Numbers::Bytes)];
    for section in &sections {
        let (offset, len) = (section.offset as usize, section.len as usize);
        if section.kind == Kind::Weights.code() {
            let own = constants(model)
                .into_iter()
                .map(|(at, (name, bytes, numbers))| (name, offset + at as usize, bytes, numbers));
            found.extend(own);
        } else {
            let (name, numbers) = named(section.kind);
            found.push((name.into(), offset, len, numbers));
        }
    }
    found.sort_by_key(|&(_, start, ..)| start);
    let (mut parts, mut end) = (Vec::new(), 0);
    let padding = |range| Part { name: PADDING.into(), range, numbers: Numbers::Bytes };
    for (name, start, len, numbers) in found {
        if start > end {
            parts.push(padding(end..start));
        }
        // Constants of files that others wrote may overlap.
        let range = start.max(end)..(start + len).max(end).min(file.len());
        end = range.end.max(end);
        parts.push(Part { name, range, numbers });
    }
    parts.push(padding(end..file.len()));
    parts
}

fn sections(file: &[u8]) -> Vec<Section> {
    let header = file.get(..Header::LEN).and_then(|h| bytemuck::try_pod_read_unaligned::<Header>(h).ok());
    let count = header.map_or(0, |h| h.sections as usize);
    let table = file.get(Header::LEN..).unwrap_or(&[]);
    table.chunks_exact(Section::LEN).take(count).filter_map(|s| bytemuck::try_pod_read_unaligned(s).ok()).collect()
}

/// What a section holds, as people call it, and what it looks like.
fn named(kind: u16) -> (&'static str, Numbers) {
    let kinds = [
        (Kind::Tensors, "tensor records", Numbers::Records),
        (Kind::Ops, "operator records", Numbers::Records),
        (Kind::Operands, "operands", Numbers::Halves),
        (Kind::Words, "shapes and attributes", Numbers::Words),
        (Kind::Io, "inputs and outputs", Numbers::Bytes),
        (Kind::Names, "names", Numbers::Bytes),
        (Kind::Golden, "golden vectors", Numbers::Bytes),
        (Kind::Card, "card", Numbers::Bytes),
        (Kind::Preparation, "preparation of inputs", Numbers::Words),
        (Kind::Monitor, "monitor", Numbers::Halves),
    ];
    let found = kinds.iter().find(|(k, ..)| k.code() == kind);
    found.map_or(("unknown sections", Numbers::Bytes), |&(_, name, numbers)| (name, numbers))
}

/// What each constant is, its bytes and what they look like, by where it lies: tensors may share one.
fn constants(model: &Model<'_>) -> BTreeMap<u32, (String, usize, Numbers)> {
    let artifact = model.artifact();
    let mut found = BTreeMap::new();
    for step in model.steps() {
        for (operand, &index) in step.inputs().iter().enumerate() {
            let Some(tensor) = artifact.tensor(index).filter(|t| t.place() == Some(Place::Weights)) else { continue };
            let Some(ty) = artifact.ty(tensor) else { continue };
            let bytes = ty.checked_bytes().unwrap_or(0) as usize;
            let of = || (role(&step, operand, ty.dtype, ty.shape), bytes, look(&step, operand, ty.dtype));
            found.entry(tensor.offset).or_insert_with(of);
        }
    }
    found
}

/// The bits of the codes that an operand holds; nothing if it holds none.
fn code_bits(step: &Step<'_>, operand: usize) -> Option<u32> {
    let codes = step.entry.code == UnpackWeights::CODE && operand == 0;
    codes.then(|| UnpackWeightsAttrs::read(step.attrs()).map_or(0, |a| a.bits))
}

/// What an operand is to its operator.
fn role(step: &Step<'_>, operand: usize, dtype: DType, shape: &[u32]) -> String {
    if let Some(bits) = code_bits(step, operand) {
        return format!("weights of {bits} bits");
    }
    if step.entry.code == UnpackWeights::CODE {
        return "levels of weights".into();
    }
    let integer = step.entry.name.starts_with("QLinear");
    match dtype {
        DType::F32 if integer => "scales".into(),
        DType::I32 if integer => "biases".into(),
        DType::F32 | DType::F16 | DType::F64 if shape.len() < 2 => "vectors of real numbers".into(),
        _ => format!("weights of {} bits", 8 * dtype.size()),
    }
}

/// What the numbers of an operand look like.
fn look(step: &Step<'_>, operand: usize, dtype: DType) -> Numbers {
    match (code_bits(step, operand), dtype) {
        (Some(1), _) => Numbers::Codes1,
        (Some(2), _) => Numbers::Codes2,
        (Some(3), _) => Numbers::Codes3,
        (Some(4), _) => Numbers::Codes4,
        (_, DType::I8) => Numbers::Weights,
        (_, DType::F32 | DType::U32) => Numbers::Words,
        (_, DType::I32) => Numbers::Integers,
        (_, DType::F16 | DType::I16 | DType::U16) => Numbers::Halves,
        _ => Numbers::Bytes,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::lower::{Extras, lower};
    use crate::run::Loaded;

    #[test]
    fn every_byte_is_in_it_once() {
        let text = "graph g\nin x: i8[1,64]\nconst c: u8[64] = 0\nconst t: i8[1,4] = -3 -1 1 3\nconst b: i32[4] = 1 2 3 4\n\
                    const m: f32[4] = 1 1 1 1\nw: i8[4,64] = UnpackWeights(c, t) shape=[4,64] bits=2 run=256\n\
                    y: i8[1,4] = QLinearMatMul(x, w, b, m) zeros=[0,0,-128,127]\nout y\n";
        let graph = crate::ir::parse(text).unwrap();
        let file = lower(&graph, &Extras::default()).unwrap().file;
        let loaded = Loaded::new(&file).unwrap();
        let entries = ledger(&file, &loaded.model().unwrap());
        assert_eq!(entries.iter().map(|e| e.bytes).sum::<u64>(), file.len() as u64);
        let of = |name: &str| entries.iter().find(|e| e.name == name).map(|e| e.bytes);
        assert_eq!(
            [of("weights of 2 bits"), of("levels of weights"), of("biases"), of("scales")],
            [Some(64), Some(4), Some(16), Some(16)]
        );
    }
}
