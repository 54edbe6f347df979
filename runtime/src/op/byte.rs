//! An 8-bit operand with its zero points, signed or not: one loop for all four pairs of types.
//!
//! A signed byte with its sign bit turned over is the unsigned byte 128 above it. Zero points rise alike, so that
//! differences stay.

use crate::{DType, Io};

/// The bytes of an operand.
pub(super) struct Bytes<'a> {
    bytes: &'a [u8],
    zeros: &'a [u8],
    sign: u8,
}

impl<'a> Bytes<'a> {
    /// Operand `i`, whose zero points are operand `zeros`, if given.
    pub(super) fn new(io: &Io<'a>, i: usize, zeros: usize) -> Bytes<'a> {
        let signed = io.ty(i).is_some_and(|t| t.dtype == DType::I8);
        Bytes { bytes: io.bytes(i), zeros: io.bytes(zeros), sign: if signed { 0x80 } else { 0 } }
    }

    /// The elements after the first `start`, raised.
    pub(super) fn after(&self, start: usize) -> impl Iterator<Item = i32> {
        let sign = self.sign;
        self.bytes.get(start..).unwrap_or(&[]).iter().map(move |&b| i32::from(b ^ sign))
    }

    /// Zero point `i`, or the one that all share, raised.
    pub(super) fn zero(&self, i: usize) -> i32 {
        let shared = if self.zeros.len() == 1 { self.zeros.first() } else { self.zeros.get(i) };
        i32::from(shared.map_or(0, |&z| z) ^ self.sign)
    }
}
