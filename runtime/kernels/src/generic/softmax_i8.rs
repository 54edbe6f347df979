//! Softmax over rows, by eight stored powers.
//!
//! ```text
//! e_i = exp(-d · x_scale) = Π powers[k] over the bits k of d = max - x_i
//! y_i = round(e_i / (e_0 + e_1 + …) / y_scale)
//! ```
//!
//! Products run from bit 0 on, the sum in order, all in f32. The zero point of `x` cancels.

use crate::int8::SoftmaxI8;

/// Replaces each row of `y` by its softmax.
pub fn softmax_i8(softmax: &SoftmaxI8<'_>, y: &mut [i8]) {
    for row in y.chunks_mut(softmax.row.max(1)) {
        let max = row.iter().fold(i8::MIN, |max, &x| max.max(x));
        let exp = |x: i8| power(softmax.powers, max.abs_diff(x));
        let sum: f32 = row.iter().fold(0.0, |sum, &x| sum + exp(x));
        for y in row {
            *y = softmax.output.round(exp(*y) / sum / softmax.y_scale);
        }
    }
}

/// The product of the powers that the bits of `d` choose.
fn power(powers: &[f32], d: u8) -> f32 {
    let bits = (0..8u32).map(|k| d >> k & 1 == 1);
    powers.iter().zip(bits).filter(|&(_, bit)| bit).fold(1.0, |product, (p, _)| product * p)
}
