//! Writes a file: records in, bytes out. The same records give the same bytes.

use crate::{Header, IoRecord, Kind, MAGIC, MAJOR, MINOR, OpRecord, Section, TensorRecord, crc32};
use alloc::vec::Vec;

/// The parts of a file, to be laid out by [`Writer::finish`].
#[derive(Clone, Debug, Default)]
pub struct Writer {
    /// Bytes of arena.
    pub arena_len: u32,
    /// Bytes of state.
    pub state_len: u32,
    /// Tensors: arena tensors in the order in which they come to life.
    pub tensors: Vec<TensorRecord>,
    /// Operators, in order.
    pub ops: Vec<OpRecord>,
    /// Operand pool.
    pub operands: Vec<u16>,
    /// Dimensions and attributes.
    pub words: Vec<u32>,
    /// Constants.
    pub weights: Vec<u8>,
    /// Inputs, then outputs.
    pub io: Vec<IoRecord>,
    /// Names of inputs and outputs.
    pub names: Vec<u8>,
    /// Golden vectors, see [`crate::Golden`].
    pub golden: Vec<u8>,
    /// The card, ignorable.
    pub card: Vec<u8>,
    /// How inputs are made, ignorable; see [`crate::Preparation::write`].
    pub preparation: Vec<u8>,
    /// What a monitor compares with, ignorable; see [`crate::Baseline::write`].
    pub monitor: Vec<u8>,
}

impl Writer {
    /// The parts of a file that exists, to write it again with more.
    #[must_use]
    pub fn of(artifact: &crate::Artifact<'_>) -> Writer {
        Writer {
            arena_len: artifact.header.arena_len,
            state_len: artifact.header.state_len,
            tensors: artifact.tensors.to_vec(),
            ops: artifact.ops.to_vec(),
            operands: artifact.operands.to_vec(),
            words: artifact.words.to_vec(),
            weights: artifact.weights.to_vec(),
            io: artifact.io.to_vec(),
            names: artifact.names.to_vec(),
            golden: artifact.golden.to_vec(),
            card: artifact.card.to_vec(),
            preparation: artifact.preparation.to_vec(),
            monitor: artifact.monitor.to_vec(),
        }
    }

    /// The index at which `words` stand in the pool, appended if they do not stand there yet.
    /// Nothing if the pool outgrows its 16-bit index.
    pub fn intern_words(&mut self, words: &[u32]) -> Option<u16> {
        let found = if words.is_empty() { Some(0) } else { self.words.windows(words.len()).position(|w| w == words) };
        let at = found.unwrap_or_else(|| {
            let at = self.words.len();
            self.words.extend_from_slice(words);
            at
        });
        u16::try_from(at).ok()
    }

    /// Appends a constant at a multiple of `align` bytes and returns its offset, or that of an equal one.
    pub fn push_weights(&mut self, bytes: &[u8], align: usize) -> Option<u32> {
        let pad = self.weights.len().next_multiple_of(align.max(1)).checked_sub(self.weights.len())?;
        self.weights.extend(core::iter::repeat_n(0, pad));
        let at = u32::try_from(self.weights.len()).ok()?;
        self.weights.extend_from_slice(bytes);
        Some(at)
    }

    /// Lays the sections out, computes checksums and digest; `sha256` is the caller's hash.
    /// Nothing if the file outgrows 32-bit lengths.
    #[must_use]
    pub fn finish(&self, sha256: impl Fn(&[u8]) -> [u8; 32]) -> Option<Vec<u8>> {
        let sections: [(Kind, &[u8]); 11] = [
            (Kind::Tensors, bytemuck::cast_slice(&self.tensors)),
            (Kind::Ops, bytemuck::cast_slice(&self.ops)),
            (Kind::Operands, bytemuck::cast_slice(&self.operands)),
            (Kind::Words, bytemuck::cast_slice(&self.words)),
            (Kind::Io, bytemuck::cast_slice(&self.io)),
            (Kind::Names, &self.names),
            (Kind::Golden, &self.golden),
            (Kind::Card, &self.card),
            (Kind::Preparation, &self.preparation),
            (Kind::Monitor, &self.monitor),
            (Kind::Weights, &self.weights),
        ];
        let present: Vec<_> = sections.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
        let table_len = present.len().checked_mul(Section::LEN)?;
        let present = shortest(&present, table_len);
        let mut body = alloc::vec![0u8; table_len];
        let mut table = Vec::new();
        for (kind, bytes) in present {
            table.push(append(&mut body, kind, bytes)?);
        }
        let table: &[u8] = bytemuck::cast_slice(&table);
        body.get_mut(..table_len)?.copy_from_slice(table);
        let mut header = Header {
            magic: MAGIC,
            major: MAJOR,
            minor: MINOR,
            sections: u32::try_from(table_len.checked_div(Section::LEN)?).ok()?,
            file_len: u32::try_from(body.len().checked_add(Header::LEN)?).ok()?,
            arena_len: self.arena_len,
            state_len: self.state_len,
            reserved: 0,
            features: 0,
            digest: *sha256(&body).first_chunk()?,
            table_crc: crc32(table),
            header_crc: 0,
        };
        header.header_crc = crc32(bytemuck::bytes_of(&header).get(..60)?);
        let mut file = bytemuck::bytes_of(&header).to_vec();
        file.append(&mut body);
        Some(file)
    }
}

/// The order of sections that makes the shortest file. Weights begin at a multiple of 64: what stands before them, and what
/// behind, decides how many bytes that wastes. Of equally short orders it is the one that moves the fewest sections behind.
fn shortest<'a>(sections: &[(Kind, &'a [u8])], table_len: usize) -> Vec<(Kind, &'a [u8])> {
    let others = sections.iter().filter(|(kind, _)| *kind != Kind::Weights).count();
    let choices = u32::try_from(others).ok().and_then(|n| 1u32.checked_shl(n)).unwrap_or(1);
    let len = |order: &[(Kind, &[u8])]| {
        order.iter().fold(table_len, |end, (kind, bytes)| {
            end.next_multiple_of(usize::try_from(kind.align()).unwrap_or(1).max(1)).saturating_add(bytes.len())
        })
    };
    let key = |&behind: &u32| (len(&arranged(sections, behind)), behind.count_ones());
    arranged(sections, (0..choices).min_by_key(key).unwrap_or(0))
}

/// Sections in their order, those whose bit is set in `behind` after the weights.
fn arranged<'a>(sections: &[(Kind, &'a [u8])], behind: u32) -> Vec<(Kind, &'a [u8])> {
    let (weights, others): (Vec<_>, Vec<_>) = sections.iter().copied().partition(|(kind, _)| *kind == Kind::Weights);
    let is_behind = |i: u32| behind.checked_shr(i).unwrap_or(0) & 1 == 1;
    let (after, before): (Vec<_>, Vec<_>) = others.into_iter().zip(0..).partition(|&(_, i)| is_behind(i));
    let without_index = |(section, _)| section;
    before.into_iter().map(without_index).chain(weights).chain(after.into_iter().map(without_index)).collect()
}

/// Appends a section to the bytes that follow the header and returns its entry.
fn append(body: &mut Vec<u8>, kind: Kind, bytes: &[u8]) -> Option<Section> {
    let align = usize::try_from(kind.align()).ok()?;
    // The header's 64 bytes are a multiple of every alignment, so offsets may be counted from its end.
    body.resize(body.len().next_multiple_of(align), 0);
    let offset = u32::try_from(body.len().checked_add(Header::LEN)?).ok()?;
    body.extend_from_slice(bytes);
    let flags = if kind.is_ignorable() { Section::IGNORABLE } else { 0 };
    Some(Section { kind: kind.code(), flags, offset, len: u32::try_from(bytes.len()).ok()?, crc: crc32(bytes) })
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn sections_that_fill_the_gap_stand_before_the_weights() {
        let [a, b, w] = [[0; 40], [0; 40], [0; 40]];
        let sections = [(Kind::Tensors, &a[..40]), (Kind::Ops, &b[..24]), (Kind::Weights, &w[..10])];
        let kinds = |table| shortest(&sections, table).iter().map(|&(kind, _)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(64), [Kind::Tensors, Kind::Ops, Kind::Weights]);
        assert_eq!(kinds(24), [Kind::Tensors, Kind::Weights, Kind::Ops]);
        assert_eq!(kinds(40), [Kind::Ops, Kind::Weights, Kind::Tensors]);
    }
}
