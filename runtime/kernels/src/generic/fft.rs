//! The discrete Fourier transform, radix 2, in place.
//!
//! ```text
//! X[k] = Σ_n x[n] · e^(-2πi · k · n / N)
//! ```
//!
//! Cooley and Tukey's, from shuffled samples upwards; error grows as `log N`. Every step is one `f32` operation, so that a
//! device and a browser agree to the last bit.

use crate::double;
use core::f64::consts::TAU;

/// Fills `twiddles` with `e^(-2πi · k / N)` for `k < N / 2`; `N` is twice its length.
pub fn fft_twiddles(twiddles: &mut [[f32; 2]]) {
    let step = TAU / (2 * twiddles.len().max(1)) as f64;
    for (k, w) in twiddles.iter_mut().enumerate() {
        let angle = step * k as f64;
        *w = [double::cos(angle) as f32, -double::sin(angle) as f32];
    }
}

/// Transforms `x`, `[re, im]` each. Nothing happens unless its length is twice that of `twiddles` and a power of two.
pub fn fft(x: &mut [[f32; 2]], twiddles: &[[f32; 2]]) {
    let n = x.len();
    if !n.is_power_of_two() || twiddles.len().wrapping_mul(2) != n {
        return;
    }
    shuffle(x);
    let mut half = 1;
    while half < n {
        let every = twiddles.len().checked_div(half).unwrap_or(1).max(1);
        for block in x.chunks_exact_mut(half.wrapping_mul(2)) {
            let Some((low, high)) = block.split_at_mut_checked(half) else { return };
            for ((a, b), w) in low.iter_mut().zip(high).zip(twiddles.iter().step_by(every)) {
                let turned = [b[0] * w[0] - b[1] * w[1], b[0] * w[1] + b[1] * w[0]];
                *b = [a[0] - turned[0], a[1] - turned[1]];
                *a = [a[0] + turned[0], a[1] + turned[1]];
            }
        }
        half = half.wrapping_mul(2);
    }
}

/// Brings each sample to the place whose bits are its own backwards.
fn shuffle(x: &mut [[f32; 2]]) {
    let unused = usize::BITS.wrapping_sub(x.len().trailing_zeros());
    for i in 1..x.len() {
        let j = i.reverse_bits().wrapping_shr(unused);
        if i < j && j < x.len() {
            x.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;
    use std::vec::Vec;

    #[test]
    fn equals_the_definition() {
        for n in [2usize, 8, 64, 512] {
            let mut twiddles = vec![[0f32; 2]; n / 2];
            fft_twiddles(&mut twiddles);
            let input: Vec<[f32; 2]> =
                (0..n).map(|i| [((i * 37 % 101) as f32 - 50.0) / 50.0, ((i * 53 % 89) as f32 - 44.0) / 44.0]).collect();
            let mut x = input.clone();
            fft(&mut x, &twiddles);
            for (k, got) in x.iter().enumerate() {
                let mut want = [0f64; 2];
                for (i, v) in input.iter().enumerate() {
                    let angle = -TAU * ((k * i) % n) as f64 / n as f64;
                    let (re, im) = (f64::from(v[0]), f64::from(v[1]));
                    want[0] += re * libm::cos(angle) - im * libm::sin(angle);
                    want[1] += re * libm::sin(angle) + im * libm::cos(angle);
                }
                for (g, w) in got.iter().zip(want) {
                    assert!((f64::from(*g) - w).abs() < 2e-5 * (n as f64).sqrt(), "n {n}, k {k}: {g} is not {w}");
                }
            }
        }
    }

    #[test]
    fn other_lengths_stay_as_they_are() {
        let mut x = [[1f32, 2.0]; 6];
        fft(&mut x, &[[1.0, 0.0]; 3]);
        assert_eq!(x, [[1.0, 2.0]; 6]);
        fft(&mut [], &[]);
    }
}
