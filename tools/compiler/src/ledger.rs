//! Where the bytes of an artifact go, to the last one.

use siskin::format::{Header, Kind, Place, Section};
use siskin::op::{UnpackWeights, UnpackWeightsAttrs};
use siskin::{DType, Model, Op, Step, attrs::Attrs};
use std::collections::BTreeMap;

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
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    let mut add = |name: &str, bytes: u64| *parts.entry(name.into()).or_default() += bytes;
    let sections = sections(file);
    add("header and section table", (Header::LEN + sections.len() * Section::LEN) as u64);
    for section in sections.iter().filter(|s| s.kind != Kind::Weights.code()) {
        add(named(section.kind), section.len.into());
    }
    for (name, bytes) in constants(model).into_values() {
        add(&name, bytes);
    }
    let known: u64 = parts.values().sum();
    let mut entries: Vec<Entry> =
        parts.into_iter().filter(|p| p.1 > 0).map(|(name, bytes)| Entry { name, bytes }).collect();
    entries.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    entries.push(Entry { name: "padding".into(), bytes: (file.len() as u64).saturating_sub(known) });
    entries
}

fn sections(file: &[u8]) -> Vec<Section> {
    let header = file.get(..Header::LEN).and_then(|h| bytemuck::try_pod_read_unaligned::<Header>(h).ok());
    let count = header.map_or(0, |h| h.sections as usize);
    let table = file.get(Header::LEN..).unwrap_or(&[]);
    table.chunks_exact(Section::LEN).take(count).filter_map(|s| bytemuck::try_pod_read_unaligned(s).ok()).collect()
}

/// What a section holds, as people call it.
fn named(kind: u16) -> &'static str {
    let kinds = [
        (Kind::Tensors, "tensor records"),
        (Kind::Ops, "operator records"),
        (Kind::Operands, "operands"),
        (Kind::Words, "shapes and attributes"),
        (Kind::Io, "inputs and outputs"),
        (Kind::Names, "names"),
        (Kind::Golden, "golden vectors"),
        (Kind::Card, "card"),
        (Kind::Preparation, "preparation of inputs"),
        (Kind::Monitor, "monitor"),
    ];
    kinds.iter().find(|(k, _)| k.code() == kind).map_or("unknown sections", |(_, name)| name)
}

/// What each constant is, and its bytes, by where it lies: tensors may share one.
fn constants(model: &Model<'_>) -> BTreeMap<u32, (String, u64)> {
    let artifact = model.artifact();
    let mut found = BTreeMap::new();
    for step in model.steps() {
        for (operand, &index) in step.inputs().iter().enumerate() {
            let Some(tensor) = artifact.tensor(index).filter(|t| t.place() == Some(Place::Weights)) else { continue };
            let Some(ty) = artifact.ty(tensor) else { continue };
            let bytes = ty.checked_bytes().unwrap_or(0).into();
            found.entry(tensor.offset).or_insert_with(|| (role(&step, operand, ty.dtype, ty.shape), bytes));
        }
    }
    found
}

/// What an operand is to its operator.
fn role(step: &Step<'_>, operand: usize, dtype: DType, shape: &[u32]) -> String {
    if step.entry.code == UnpackWeights::CODE {
        let bits = UnpackWeightsAttrs::read(step.attrs()).map_or(0, |a| a.bits);
        return if operand == 0 { format!("weights of {bits} bits") } else { "levels of weights".into() };
    }
    let integer = step.entry.name.starts_with("QLinear");
    match dtype {
        DType::F32 if integer => "scales".into(),
        DType::I32 if integer => "biases".into(),
        DType::F32 | DType::F16 | DType::F64 if shape.len() < 2 => "vectors of real numbers".into(),
        _ => format!("weights of {} bits", 8 * dtype.size()),
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
