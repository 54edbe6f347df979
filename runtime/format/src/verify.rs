//! What makes a file safe to run: the graph part of [`Artifact::parse`].
//!
//! Proved here, once:
//! 1. every tensor lies inside its place, aligned to its element, and arena and state end where their last tensor does;
//! 2. every operator reads only constants, state, inputs and values that an earlier operator wrote;
//! 3. arena tensors stand in the table in the order in which they come to life, inputs first, and each is
//!    written exactly once; `last_use` is the last operator that reads it;
//! 4. an operator writes over no value that is still needed, except the one that it declares to take over;
//! 5. inputs and outputs name arena, state or constant tensors and valid UTF-8.
//!
//! The walk costs `operators × live tensors`; [`MAX_TENSORS`] bounds it for hostile files.

use crate::{ABSENT, Artifact, DType, FormatError, IoRecord, OpRecord, Place, Role, TensorRecord};
use core::ops::Range;

/// The most tensors in a file: bounds what a hostile file can make the verifier do.
const MAX_TENSORS: usize = 32_768;

impl Artifact<'_> {
    pub(crate) fn verify(&self) -> Result<(), FormatError> {
        if self.tensors.len() > MAX_TENSORS {
            return Err(FormatError::Tensor(u16::MAX));
        }
        let [mut arena, mut state] = [0; 2];
        for (tensor, i) in self.tensors.iter().zip(0u16..) {
            let (place, end) = self.verify_tensor(tensor).ok_or(FormatError::Tensor(i))?;
            match place {
                Place::Arena => arena = end.max(arena),
                Place::State => state = end.max(state),
                Place::Weights => {}
            }
        }
        // Nobody may ask a device for memory that nothing uses.
        if usize::try_from(self.header.arena_len) != Ok(arena) || usize::try_from(self.header.state_len) != Ok(state) {
            return Err(FormatError::Length);
        }
        for (io, i) in self.io.iter().zip(0u16..) {
            self.verify_io(io).ok_or(FormatError::Io(i))?;
        }
        self.verify_plan()?;
        self.goldens().verify(self).ok_or(FormatError::Golden)
    }

    /// The place of a tensor, and its end there.
    fn verify_tensor(&self, tensor: &TensorRecord) -> Option<(Place, usize)> {
        let dtype = tensor.dtype()?;
        let range = self.range(tensor)?;
        let place = tensor.place()?;
        let room = match place {
            Place::Arena => usize::try_from(self.header.arena_len).ok()?,
            Place::State => usize::try_from(self.header.state_len).ok()?,
            Place::Weights => self.weights.len(),
        };
        let aligned = tensor.offset.checked_rem(dtype.size()) == Some(0);
        (aligned && range.end <= room && tensor.reserved == 0).then_some((place, range.end))
    }

    fn verify_io(&self, io: &IoRecord) -> Option<()> {
        let tensor = self.tensor(io.tensor)?;
        let outer = DType::from_code(io.outer)?;
        let role = io.role()?;
        let start = usize::from(io.name);
        let name = self.names.get(start..start.checked_add(usize::from(io.name_len))?)?;
        core::str::from_utf8(name).ok()?;
        let plain = Some(outer) == tensor.dtype();
        let quantized = outer == DType::F32
            && matches!(tensor.dtype()?, DType::I8 | DType::U8 | DType::I16)
            && io.scale.is_finite()
            && io.scale > 0.0
            && io.zero_point.unsigned_abs() <= 32_768;
        let placed = role == Role::Output || tensor.place()? == Place::Arena;
        ((plain || quantized) && placed).then_some(())
    }

    /// Walks the operators in order; `born` tensors of the table are alive or dead, the rest unwritten.
    fn verify_plan(&self) -> Result<(), FormatError> {
        let end = u16::try_from(self.ops.len()).map_err(|_| FormatError::Op(u16::MAX))?;
        let mut born = self.verify_inputs()?;
        for (op, at) in self.ops.iter().zip(0u16..) {
            born = self.verify_op(op, at, born).ok_or(FormatError::Op(at))?;
        }
        if self.next_arena(born).is_some() {
            return Err(FormatError::Op(end));
        }
        for (io, i) in self.io.iter().zip(0u16..) {
            let tensor = self.tensor(io.tensor).ok_or(FormatError::Io(i))?;
            let kept = tensor.place() != Some(Place::Arena) || tensor.last_use == end;
            if io.role() == Some(Role::Output) && !kept {
                return Err(FormatError::Io(i));
            }
        }
        Ok(())
    }

    /// The inputs must be the first arena tensors, in order, and may not overlap.
    fn verify_inputs(&self) -> Result<usize, FormatError> {
        let mut born = 0;
        for (io, i) in self.inputs().zip(0u16..) {
            let next = self.next_arena(born).ok_or(FormatError::Io(i))?;
            let index = usize::from(io.tensor);
            let tensor = self.tensor(io.tensor).ok_or(FormatError::Io(i))?;
            if index != next || self.clobbers(tensor, next, 0, None) {
                return Err(FormatError::Io(i));
            }
            born = next.saturating_add(1);
        }
        Ok(born)
    }

    /// Checks one operator and returns how many tensors of the table have come to life after it.
    fn verify_op(&self, op: &OpRecord, at: u16, mut born: usize) -> Option<usize> {
        let operands = self.operands(op);
        let inputs = operands.get(..usize::from(op.inputs))?;
        let written = operands.get(usize::from(op.inputs)..)?;
        let complete = written.len() == usize::from(op.outputs).checked_add(usize::from(op.scratch))?;
        let attrs_whole = self.attrs(op).len() == usize::from(op.attrs_len);
        if !complete || !attrs_whole || op.outputs == 0 || op.scratch > 1 || op.reserved != 0 {
            return None;
        }
        for &input in inputs.iter().filter(|&&i| i != ABSENT) {
            let tensor = self.tensor(input)?;
            let alive = usize::from(input) < born && tensor.last_use >= at;
            (tensor.place()? != Place::Arena || alive).then_some(())?;
        }
        let taken = self.taken_over(op, inputs, at)?;
        for (&output, k) in written.iter().zip(0usize..) {
            let tensor = self.tensor(output)?;
            match tensor.place()? {
                Place::Weights => return None,
                Place::State => self.verify_state_write(output, at)?,
                Place::Arena => {
                    let next = self.next_arena(born)?;
                    let over = if k == 0 { taken } else { None };
                    let ok =
                        usize::from(output) == next && tensor.last_use >= at && !self.clobbers(tensor, next, at, over);
                    ok.then_some(())?;
                    born = next.checked_add(1)?;
                }
            }
        }
        if let (Some(taken), Some(&output)) = (taken, written.first()) {
            let same = self.range(self.tensor(taken)?)? == self.range(self.tensor(output)?)?;
            same.then_some(())?;
        }
        Some(born)
    }

    /// The input that output 0 takes over: one in the arena that dies here. `Some(None)` if none is declared.
    #[expect(clippy::option_option, reason = "outer: valid or not; inner: declared or not")]
    fn taken_over(&self, op: &OpRecord, inputs: &[u16], at: u16) -> Option<Option<u16>> {
        let Some(k) = op.in_place.checked_sub(1) else { return Some(None) };
        let &index = inputs.get(usize::from(k))?;
        let tensor = self.tensor(index)?;
        let dies = tensor.place()? == Place::Arena && tensor.last_use == at;
        let once = inputs.iter().filter(|&&i| i == index).count() == 1;
        (dies && once).then_some(Some(index))
    }

    /// A state tensor is written at the end: after its last read, by one operator.
    fn verify_state_write(&self, written: u16, at: u16) -> Option<()> {
        let range = self.range(self.tensor(written)?)?;
        let start = usize::from(at);
        for (op, i) in self.ops.iter().skip(start).zip(0usize..) {
            let operands = self.operands(op);
            let (inputs, outputs) = operands.split_at_checked(usize::from(op.inputs))?;
            let reads = inputs.iter().any(|&t| self.overlaps_state(t, &range));
            let writes = outputs.iter().filter(|&&t| self.overlaps_state(t, &range)).count();
            if reads || (i > 0 && writes > 0) || writes > 1 {
                return None;
            }
        }
        Some(())
    }

    fn overlaps_state(&self, tensor: u16, range: &Range<usize>) -> bool {
        let state = self.tensor(tensor).filter(|t| t.place() == Some(Place::State));
        state.and_then(|t| self.range(t)).is_some_and(|r| overlap(&r, range))
    }

    /// Whether writing `tensor` at operator `at` destroys one of the first `born` tensors that is still needed.
    fn clobbers(&self, tensor: &TensorRecord, born: usize, at: u16, except: Option<u16>) -> bool {
        let Some(range) = self.range(tensor) else { return true };
        self.tensors.iter().take(born).zip(0u16..).any(|(other, i)| {
            other.place() == Some(Place::Arena)
                && other.last_use >= at
                && Some(i) != except
                && self.range(other).is_none_or(|r| overlap(&r, &range))
        })
    }

    /// The index of the first arena tensor at or after `from`.
    fn next_arena(&self, from: usize) -> Option<usize> {
        let rest = self.tensors.get(from..)?;
        let skip = rest.iter().position(|t| t.place() == Some(Place::Arena))?;
        from.checked_add(skip)
    }
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}
