//! Indices that operators compute with: `i32` or `i64`, for `OneHot` also `f32`; negative ones count from the end.
//!
//! What lies outside an axis is an error in ONNX, but a run has no errors: reads take the nearest element, writes are
//! dropped.

use super::number::Number;
use crate::{DType, Io, Refusal, Sig};

/// The elements of an index operand.
#[derive(Clone, Copy)]
pub(super) struct Indices<'a> {
    dtype: DType,
    bytes: &'a [u8],
}

impl<'a> Indices<'a> {
    pub(super) fn new(io: &Io<'a>, operand: usize) -> Indices<'a> {
        Indices { dtype: io.ty(operand).map_or(DType::I64, |t| t.dtype), bytes: io.bytes(operand) }
    }

    /// Index `i` as it is; nothing beyond the end.
    pub(super) fn get(&self, i: usize) -> Option<i64> {
        match Number::load(self.dtype, self.bytes, i)? {
            Number::Signed(v) => Some(v),
            v => Some(v.to_f32() as i64),
        }
    }

    /// Index `i` into an axis of `len` elements; nothing if it lies outside.
    pub(super) fn within(&self, i: usize, len: u32) -> Option<usize> {
        let at = from_end(self.get(i)?, len);
        if (0..i64::from(len)).contains(&at) { usize::try_from(at).ok() } else { None }
    }

    /// Index `i` into an axis of `len` elements, the nearest one if it lies outside.
    pub(super) fn nearest(&self, i: usize, len: u32) -> usize {
        let last = i64::from(len).saturating_sub(1).max(0);
        usize::try_from(from_end(self.get(i).unwrap_or(0), len).clamp(0, last)).unwrap_or(0)
    }
}

fn from_end(i: i64, len: u32) -> i64 {
    if i < 0 { i.saturating_add(len.into()) } else { i }
}

/// The shape of an index operand.
pub(super) fn index_shape<'s>(sig: &Sig<'s>, operand: usize) -> Result<&'s [u32], Refusal> {
    let ty = sig.ty(operand)?;
    if matches!(ty.dtype, DType::I32 | DType::I64) { Ok(ty.shape) } else { Err(Refusal::DType) }
}
