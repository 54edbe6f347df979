//! Packed constants as bytes: how they are written once and read again.

use core::arch::x86_64::*;

/// Writes values one after the other, as far as there is room.
pub(super) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    pub(super) fn new(bytes: &'a mut [u8]) -> Writer<'a> {
        Writer { rest: bytes }
    }

    pub(super) fn put<const N: usize>(&mut self, value: [u8; N]) {
        if let Some((head, tail)) = core::mem::take(&mut self.rest).split_first_chunk_mut::<N>() {
            *head = value;
            self.rest = tail;
        }
    }

    pub(super) fn i32(&mut self, value: i32) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn f32(&mut self, value: f32) {
        self.put(value.to_le_bytes());
    }

    pub(super) fn i16(&mut self, value: i16) {
        self.put(value.to_le_bytes());
    }
}

/// A vector of 256 bits, and the bytes after it.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn vector(bytes: &[u8]) -> Option<(__m256i, &[u8])> {
    let (head, rest) = bytes.split_first_chunk::<32>()?;
    // SAFETY: there are 32 bytes.
    Some((unsafe { _mm256_loadu_si256(head.as_ptr().cast()) }, rest))
}

/// `V` vectors of 256 bits, and the bytes after them.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn vectors<const V: usize>(bytes: &[u8]) -> Option<([__m256i; V], &[u8])> {
    let (mut out, mut rest) = ([_mm256_setzero_si256(); V], bytes);
    for o in &mut out {
        (*o, rest) = vector(rest)?;
    }
    Some((out, rest))
}
