//! Elementwise operators: sums and products of quantized values, and tables.
//!
//! ```text
//! add: y = round((f32(y - a_zero) · a_scale + f32(b - b_zero) · b_scale) / y_scale)
//! mul: y = round((f32(y - a_zero) · a_scale) · (f32(b - b_zero) · b_scale) / y_scale)
//! lut: y = table[y + 128]
//! ```
//!
//! Each step is one f32 operation: what DequantizeLinear, the float operator and QuantizeLinear compute one after
//! the other. The first operand stands in `y`; the second is as long as `y`, or one element that meets all.

use crate::int8::BinaryI8;

/// Adds `b` to `y`.
pub fn add_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    combine(steps, y, b, |a, b| a + b);
}

/// Multiplies `y` by `b`.
pub fn mul_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    combine(steps, y, b, |a, b| a * b);
}

/// Replaces each element of `y` by what `table`, 256 long, holds for it.
pub fn lut_i8(table: &[i8], y: &mut [i8]) {
    let Some(table) = table.first_chunk::<256>() else { return };
    for y in y {
        *y = table.get(usize::from(y.cast_unsigned() ^ 0x80)).copied().unwrap_or(0);
    }
}

#[inline(always)]
pub(crate) fn combine(steps: &BinaryI8, y: &mut [i8], b: &[i8], f: impl Fn(f32, f32) -> f32 + Copy) {
    let step = |a: i8, b: i8| {
        let a = real(a, steps.a_zero, steps.a_scale);
        let b = real(b, steps.b_zero, steps.b_scale);
        steps.output.round(f(a, b) / steps.y_scale)
    };
    if let &[b] = b {
        y.iter_mut().for_each(|y| *y = step(*y, b));
    } else {
        y.iter_mut().zip(b).for_each(|(y, &b)| *y = step(*y, b));
    }
}

#[inline]
fn real(v: i8, zero: i8, scale: f32) -> f32 {
    f32::from(i16::from(v).wrapping_sub(i16::from(zero))) * scale
}
