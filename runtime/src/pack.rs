//! Constants packed at load for the kernels of a machine, in memory of the caller.
//!
//! ```text
//! memory: for each operator, in order: end u32 of its bytes, place u32 of its entry in the op set
//!         for each tensor: start u32 and end u32 of its bytes within their place
//!         bytes of operator 0, 1, …, each from a multiple of 64 on
//! ```
//!
//! A file holds its weights for any machine. Kernels with wide registers want them in another order, or wider; this is where they
//! get it, once. The file stays as it is and must stay: operators without a packed form read it.
//!
//! What a file leaves to be computed for every operator of every run, where its operands lie and which entry it is, is in the
//! tables. Results do not change, in integers not by a bit. What is absent: an allocator; [`Model::packed_len`] says how much memory it
//! takes.

use crate::io::{Io, MAX_OUTPUTS, Operands, Values};
use crate::model::RecordTypes;
use crate::{Code, Entry, Model, TypeRef};
use core::ops::Range;
use siskin_format::{OpRecord, Place};

/// Where an operator's bytes begin: what cache lines and vectors are aligned to.
const ALIGN: usize = 64;

impl<'a> Model<'a> {
    /// Bytes of memory that [`Model::pack`] takes.
    #[must_use]
    pub fn packed_len(&self) -> usize {
        self.artifact.ops().iter().fold(self.table_len(), |at, record| {
            at.saturating_add(self.pack_op(record, &mut [])).saturating_add(ALIGN.saturating_sub(1)) / ALIGN * ALIGN
        })
    }

    /// The same model with its constants packed into `memory`, which should begin at a multiple of 64. If there are fewer bytes
    /// than [`Model::packed_len`] says, operators that find no room go without.
    #[must_use]
    pub fn pack(mut self, memory: &'a mut [u8]) -> Model<'a> {
        let ops = self.artifact.ops().len();
        for (i, tensor) in self.artifact.tensors().iter().enumerate() {
            let range = self.artifact.range(tensor).unwrap_or(0..0);
            let Some(slot) = pairs_mut(memory).get_mut(ops.saturating_add(i)) else { return self };
            *slot = [range.start, range.end].map(|at| u32::try_from(at).unwrap_or(0).to_le_bytes());
        }
        let mut at = self.table_len();
        for (i, record) in self.artifact.ops().iter().enumerate() {
            let room = memory.get_mut(at..).unwrap_or(&mut []);
            let (there, taken) = (room.len(), self.pack_op(record, room));
            let end = at.saturating_add(if taken <= there { taken } else { 0 });
            let place = self.ops.0.iter().position(|e| e.code.0 == record.code).unwrap_or(usize::MAX);
            let Some(slot) = pairs_mut(memory).get_mut(i) else { return self };
            *slot = [end, place].map(|n| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
            at = end.saturating_add(ALIGN.saturating_sub(1)) / ALIGN * ALIGN;
        }
        self.packed = memory;
        self
    }

    /// Bytes of the tables.
    fn table_len(&self) -> usize {
        let rows = self.artifact.ops().len().saturating_add(self.artifact.tensors().len());
        rows.saturating_mul(8).next_multiple_of(ALIGN)
    }

    fn pack_op(&self, record: &OpRecord, out: &mut [u8]) -> usize {
        let Some(entry) = self.ops.get(Code(record.code)) else { return 0 };
        let artifact = &self.artifact;
        let inputs = artifact.operands(record).get(..record.inputs.into()).unwrap_or(&[]);
        let values = Constants(RecordTypes { artifact, inputs });
        let io = Io::new(&values, [const { None }; MAX_OUTPUTS], &mut [], None);
        entry.pack(artifact.attrs(record), &io, out)
    }

    /// The entry and the packed constants of operator `i`; none of these if nothing was packed.
    pub(crate) fn packed_op(&self, i: usize) -> (&'a [u8], Option<&'static Entry>) {
        let table = pairs(self.packed);
        let Some(&[end, place]) = table.get(i) else { return (&[], None) };
        let before = i.checked_sub(1).and_then(|i| table.get(i));
        let before = before.map_or(self.table_len(), |[end, _]| u32::from_le_bytes(*end) as usize);
        let start = before.saturating_add(ALIGN.saturating_sub(1)) / ALIGN * ALIGN;
        let bytes = self.packed.get(start..u32::from_le_bytes(end) as usize).unwrap_or(&[]);
        (bytes, self.ops.0.get(u32::from_le_bytes(place) as usize).copied())
    }

    /// The bytes of a tensor of this model within their place, from the table if there is one.
    pub(crate) fn packed_range(&self, tensor: u16) -> Option<Range<usize>> {
        let at = self.artifact.ops().len().saturating_add(tensor.into());
        match pairs(self.packed).get(at) {
            Some(range) => {
                let [start, end] = range.map(|at| u32::from_le_bytes(at) as usize);
                Some(start..end)
            }
            None => self.artifact.range(self.artifact.tensor(tensor)?),
        }
    }
}

/// A table of pairs of words.
fn pairs(memory: &[u8]) -> &[[[u8; 4]; 2]] {
    memory.as_chunks::<4>().0.as_chunks::<2>().0
}

/// As [`pairs`], to be written.
fn pairs_mut(memory: &mut [u8]) -> &mut [[[u8; 4]; 2]] {
    memory.as_chunks_mut::<4>().0.as_chunks_mut::<2>().0
}

/// The inputs of an operator of which only the constants have bytes.
struct Constants<'s, 'a>(RecordTypes<'s, 'a>);

impl Operands for Constants<'_, '_> {
    fn count(&self) -> usize {
        self.0.count()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        self.0.ty(i)
    }
}

impl<'a> Values<'a> for Constants<'a, 'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        let artifact = self.0.artifact;
        let tensor = artifact.tensor(*self.0.inputs.get(i)?)?;
        let range = artifact.range(tensor)?;
        if tensor.place()? == Place::Weights { artifact.weights().get(range) } else { None }
    }
}
