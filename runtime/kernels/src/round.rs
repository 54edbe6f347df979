//! Rounding and requantization, the same three roundings on every target.

// Adding and subtracting 1.5 * 2^23 rounds at the units digit in the FPU's own mode, which is half to even.
pub(crate) const MAGIC: f32 = 12_582_912.0;

/// Rounds to the nearest integer, halves to the even one. Exact for every finite `v`.
#[inline]
#[must_use]
pub fn round_half_even(v: f32) -> f32 {
    // Beyond 2^22 the sum would lose bits, but there every f32 with |v| >= 2^23 is whole already.
    if v.abs() < 4_194_304.0 { (v + MAGIC) - MAGIC } else { libm::rintf(v) }
}

/// How real values, in steps of an `i8` output, become that output: its zero point and limits.
///
/// ```text
/// round(v) = min(max(round_half_even(v) + zero, low), high)
/// ```
///
/// A `v` that is no number gives `low`; if `low > high`, everything gives `high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ToI8 {
    /// The limits before the zero point is added.
    pub(crate) low: f32,
    pub(crate) high: f32,
    /// What takes the bits of [`MAGIC`] off a sum, and adds the zero point.
    pub(crate) offset: i32,
}

impl ToI8 {
    /// The conversion to `low..=high`, cut to what an `i8` holds, for a zero point of at most 16 bits.
    #[inline]
    #[must_use]
    pub fn new(zero: i32, low: i32, high: i32) -> ToI8 {
        let zero = zero.clamp(-65_536, 65_536);
        let limit = |v: i32| v.clamp(-128, 127).wrapping_sub(zero) as f32;
        ToI8 { low: limit(low), high: limit(high), offset: zero.wrapping_sub(MAGIC.to_bits().cast_signed()) }
    }

    /// The limits before the zero point is added, and the zero point.
    #[cfg(target_arch = "x86_64")]
    pub(crate) fn parts(self) -> (f32, f32, i32) {
        (self.low, self.high, self.offset.wrapping_add(MAGIC.to_bits().cast_signed()))
    }

    /// `min(max(round_half_even(v) + zero, low), high)`
    #[inline]
    #[must_use]
    pub fn round(self, v: f32) -> i8 {
        // The limits are whole, so cutting before rounding gives what cutting after it would; and the integer can
        // then be read off the sum's bits, without a branch or a conversion.
        let v = if v > self.low { v } else { self.low };
        let v = if v < self.high { v } else { self.high };
        (v + MAGIC).to_bits().cast_signed().wrapping_add(self.offset) as i8
    }

    /// The zero point.
    #[inline]
    #[must_use]
    pub fn zero(self) -> i32 {
        self.offset.wrapping_add(MAGIC.to_bits().cast_signed())
    }

    /// The least and the greatest output.
    #[inline]
    #[must_use]
    pub fn limits(self) -> (i8, i8) {
        (self.round(f32::NEG_INFINITY), self.round(f32::INFINITY))
    }

    /// `round(f32(acc) · scale)`
    #[inline]
    #[must_use]
    pub fn requantize(self, acc: i32, scale: f32) -> i8 {
        self.round(acc as f32 * scale)
    }
}

/// `saturate(round_half_even(acc * scale) + zero)` within `min..=max`: [`ToI8`] for one value.
#[inline]
#[must_use]
pub fn requantize(acc: i32, scale: f32, zero: i32, min: i32, max: i32) -> i8 {
    ToI8::new(zero, min, max).requantize(acc, scale)
}

/// `saturate(round_half_even(v / scale) + zero)` as an `i8`, widened.
#[inline]
#[must_use]
pub fn quantize(v: f32, scale: f32, zero: i32) -> i32 {
    (round_half_even(v / scale) as i32).saturating_add(zero).clamp(-128, 127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_go_to_even() {
        for (v, r) in [
            (0.5, 0.0),
            (1.5, 2.0),
            (2.5, 2.0),
            (-0.5, -0.0),
            (-1.5, -2.0),
            (0.49999997, 0.0),
            (8_388_609.0, 8_388_609.0),
            (4_194_304.5, 4_194_304.0),
            (4_194_305.5, 4_194_306.0),
        ] {
            assert_eq!(round_half_even(v), r, "{v}");
        }
    }

    #[test]
    fn requantize_saturates() {
        assert_eq!(requantize(i32::MAX, 1.0, 127, -128, 127), 127);
        assert_eq!(requantize(i32::MIN, 1.0, -128, -128, 127), -128);
        assert_eq!(requantize(5, 0.5, 0, -128, 127), 2);
        assert_eq!(requantize(-100, 1.0, 0, -5, 127), -5);
    }

    #[test]
    fn nonsense_is_defined() {
        assert_eq!(requantize(0, f32::INFINITY, 3, -9, 9), -9, "no number");
        assert_eq!(requantize(-1, f32::INFINITY, 3, -9, 9), -9);
        assert_eq!(requantize(1, f32::INFINITY, 3, -9, 9), 9);
        assert_eq!(requantize(1, 1.0, 0, 9, -9), -9, "low above high");
    }
}
