//! Rows brought to mean 0 and variance 1, or to root mean square 1.
//!
//! ```text
//! normalize: x = (x - mean) · 1/√(variance + ε)        rms: x = x · 1/√(mean of squares + ε)
//! ```
//!
//! The mean comes first, then the variance about it. A sum takes element `i` into lane `i mod 8`, in rising order, and
//! then adds the upper half of the lanes to the lower until one is left.

const LANES: usize = 8;

/// Normalizes a row in place; returns its mean and `1/√(variance + ε)`.
#[inline]
pub fn normalize_f32(row: &mut [f32], epsilon: f32) -> (f32, f32) {
    let n = row.len().max(1) as f32;
    let mean = sum(row, |v| v) / n;
    let variance = sum(row, |v| (v - mean) * (v - mean)) / n;
    let inverse = 1.0 / libm::sqrtf(variance + epsilon);
    row.iter_mut().for_each(|v| *v = (*v - mean) * inverse);
    (mean, inverse)
}

/// Divides a row by its root mean square, in place.
#[inline]
pub fn rms_normalize_f32(row: &mut [f32], epsilon: f32) {
    let mean = sum(row, |v| v * v) / row.len().max(1) as f32;
    let inverse = 1.0 / libm::sqrtf(mean + epsilon);
    row.iter_mut().for_each(|v| *v *= inverse);
}

/// `Σ f(row[i])`
#[inline(always)]
fn sum(row: &[f32], f: impl Fn(f32) -> f32) -> f32 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(l, &v)| *l += f(v));
    }
    lanes.iter_mut().zip(rest).for_each(|(l, &v)| *l += f(v));
    let [a, b, c, d, e, f, g, h] = lanes;
    let (a, b, c, d) = (a + e, b + f, c + g, d + h);
    (a + c) + (b + d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_normal() {
        let mut row: [f32; 11] = core::array::from_fn(|i| 100.0 + i as f32);
        let (mean, inverse) = normalize_f32(&mut row, 0.0);
        assert_eq!((mean, inverse), (105.0, 1.0 / libm::sqrtf(10.0)));
        assert_eq!(row, core::array::from_fn(|i| (i as f32 - 5.0) * inverse));
        let mut row = [3.0f32, -4.0, 0.0, 0.0];
        rms_normalize_f32(&mut row, 0.0);
        assert_eq!(row, [1.2, -1.6, 0.0, 0.0]);
        let mut flat = [7.0f32; 3];
        assert_eq!(normalize_f32(&mut flat, 1e-18), (7.0, 1.0 / libm::sqrtf(1e-18)));
        assert_eq!(flat, [0.0; 3]);
    }
}
