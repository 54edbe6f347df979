//! Weights stored in half precision, computed in full.

use crate::Weights;
use half::f16;

impl<'a> Weights<'a> {
    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Weights::F32(v) => v.len(),
            Weights::F16(v) => v.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements `range`; none if they do not all exist.
    #[inline]
    #[must_use]
    pub fn get(&self, range: core::ops::Range<usize>) -> Weights<'a> {
        match self {
            Weights::F32(v) => Weights::F32(v.get(range).unwrap_or(&[])),
            Weights::F16(v) => Weights::F16(v.get(range).unwrap_or(&[])),
        }
    }
}

/// An element that widens to `f32` without loss.
pub(crate) trait Widen: Copy {
    /// Room for four rows of widened elements.
    type Buffer;
    /// Four empty buffers.
    const BUFFERS: [Self::Buffer; 4];
    /// Elements that a buffer holds.
    const COLUMNS: usize;

    fn widen(self) -> f32;

    /// The first `n` of these elements, widened; at most [`Widen::COLUMNS`].
    fn widened<'a>(row: &'a [Self], n: usize, buffer: &'a mut Self::Buffer) -> &'a [f32];
}

impl Widen for f32 {
    type Buffer = [f32; 0];
    const BUFFERS: [[f32; 0]; 4] = [[]; 4];
    const COLUMNS: usize = usize::MAX;

    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }

    #[inline(always)]
    fn widened<'a>(row: &'a [f32], n: usize, _: &'a mut [f32; 0]) -> &'a [f32] {
        row.get(..n).unwrap_or(row)
    }
}

/// Halves that are widened at once: on the stack, so not many.
const HALVES: usize = 64;

impl Widen for f16 {
    type Buffer = [f32; HALVES];
    const BUFFERS: [[f32; HALVES]; 4] = [[0.0; HALVES]; 4];
    const COLUMNS: usize = HALVES;

    /// As `f16::to_f32`, without branches, so that loops over it vectorise.
    #[inline(always)]
    fn widen(self) -> f32 {
        let bits = u32::from(self.to_bits());
        // The exponent's bias differs by 112; multiplying also normalises subnormals.
        let scaled = f32::from_bits((bits & 0x7fff) << 13) * f32::from_bits((112 + 127) << 23);
        // Infinity and NaN came out as 2^16 and more, which no finite half is.
        let special = if scaled >= 65536.0 { 0x7f80_0000 } else { 0 };
        f32::from_bits(scaled.to_bits() | special | (bits & 0x8000) << 16)
    }

    fn widened<'a>(row: &'a [f16], n: usize, buffer: &'a mut [f32; HALVES]) -> &'a [f32] {
        let n = n.min(row.len());
        buffer.iter_mut().zip(row).for_each(|(w, h)| *w = h.widen());
        buffer.get(..n).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_widens_exactly() {
        for bits in 0..=u16::MAX {
            let h = f16::from_bits(bits);
            let (got, want) = (h.widen(), h.to_f32());
            assert!(got.to_bits() == want.to_bits() || (got.is_nan() && want.is_nan()), "{bits:#06x}: {got} {want}");
        }
    }
}
