//! The inner loop of dense float kernels: a few rows by 8 or 16 columns, all sums in registers.
//!
//! ```text
//! sums[r][o] += Σ_segments Σ_k x[window r + segment + k] · w[..][o]
//! ```
//!
//! The bound is FMA: two a cycle on Zen 3, 8 products each. A sum takes its products in order, so rows do not depend on how they
//! are grouped; a lone row has four sums that are added in the end, or its additions would wait for each other.

use super::segments::Segments;
use core::arch::x86_64::*;

/// Sums of `8 · V` columns of one row, in order.
pub(super) type Sums<const V: usize> = [__m256; V];

/// Rows of a tile: with 16 columns their sums leave four of the 16 registers.
pub(super) const ROWS: usize = 6;

/// Weights: `len` rows for each segment, `step` elements apart, `8 · V` of which are read.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) data: &'a [f32],
    pub(super) step: usize,
}

/// Adds products to `start`, for windows that begin at `windows` in `x`. Sums as they were if `x` or `w` is too short.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn tile<const R: usize, const V: usize>(
    x: &[f32],
    windows: [usize; R],
    segments: &Segments,
    len: usize,
    w: Rows<'_>,
    start: Sums<V>,
) -> [Sums<V>; R] {
    let mut sums = [start; R];
    let rows = segments.offsets().len().saturating_mul(len);
    let reach = rows.saturating_sub(1).saturating_mul(w.step).saturating_add(V.wrapping_mul(8));
    if segments.reach(&windows, len) > x.len() || reach > w.data.len() || rows == 0 {
        return sums;
    }
    let mut data = w.data.as_ptr();
    for &offset in segments.offsets() {
        // SAFETY: `reach` says that each window has `len` elements from each offset on.
        let x: [*const f32; R] = windows.map(|at| unsafe { x.as_ptr().add(at + offset) });
        if R == 1 {
            lone(x[0], len, data, w.step, &mut sums[0]);
        } else {
            for k in 0..len {
                // SAFETY: `reach` counts elements of each window and of the weights.
                unsafe { multiply(x, k, data.wrapping_add(k * w.step), &mut sums) };
            }
        }
        data = data.wrapping_add(len.wrapping_mul(w.step));
    }
    sums
}

/// Adds the products of element `k` of each window.
///
/// # Safety
/// Element `k` of each of `x` and `8 · V` elements of `w` are there.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply<const R: usize, const V: usize>(
    x: [*const f32; R],
    k: usize,
    w: *const f32,
    sums: &mut [Sums<V>; R],
) {
    // SAFETY: the caller says so.
    let weights: Sums<V> = core::array::from_fn(|v| unsafe { _mm256_loadu_ps(w.add(v * 8)) });
    for (sums, x) in sums.iter_mut().zip(x) {
        // SAFETY: the caller says so.
        let x = _mm256_set1_ps(unsafe { *x.add(k) });
        for (sum, w) in sums.iter_mut().zip(weights) {
            *sum = _mm256_fmadd_ps(x, w, *sum);
        }
    }
}

/// One row: four partial sums for each vector.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn lone<const V: usize>(x: *const f32, len: usize, w: *const f32, step: usize, sums: &mut Sums<V>) {
    let mut parts = [[_mm256_setzero_ps(); V]; 4];
    let mut k = 0;
    while k < len {
        let parts = parts.iter_mut().enumerate().take(len.wrapping_sub(k));
        for (i, part) in parts {
            // SAFETY: `tile` has checked `len` elements of `x` and as many rows of `w`.
            let x = _mm256_set1_ps(unsafe { *x.add(k + i) });
            for (v, part) in part.iter_mut().enumerate() {
                // SAFETY: as above.
                *part = _mm256_fmadd_ps(x, unsafe { _mm256_loadu_ps(w.add((k + i) * step + v * 8)) }, *part);
            }
        }
        k = k.wrapping_add(4);
    }
    let [a, b, c, d] = parts;
    for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
        *sum = _mm256_add_ps(*sum, _mm256_add_ps(_mm256_add_ps(a, b), _mm256_add_ps(c, d)));
    }
}

/// Where the results of some columns go, and their bounds.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// The first column, and how many: at most `8 · V`.
    pub(super) first: usize,
    pub(super) len: usize,
    pub(super) clamp: (f32, f32),
}

/// Clamps the sums of some rows, which begin at `at` in `y`, rising. A NaN stays.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn store<const R: usize, const V: usize>(sums: [Sums<V>; R], at: [usize; R], place: Place, y: &mut [f32]) {
    let (min, max) = (_mm256_set1_ps(place.clamp.0), _mm256_set1_ps(place.clamp.1));
    let last = at.iter().fold(0usize, |last, &at| last.max(at)).saturating_add(place.first);
    let full = place.len == V.wrapping_mul(8) && last.saturating_add(place.len) <= y.len();
    for (sums, at) in sums.into_iter().zip(at) {
        let start = at.wrapping_add(place.first);
        // With a NaN these give their second operand.
        let sums = sums.map(|s| _mm256_min_ps(max, _mm256_max_ps(min, s)));
        if full {
            for (v, sum) in sums.into_iter().enumerate() {
                // SAFETY: `8 · V` elements from the last start on are in `y`, and no start lies behind it.
                unsafe { _mm256_storeu_ps(y.as_mut_ptr().add(start + v * 8), sum) };
            }
        } else {
            let y = y.get_mut(start..start.wrapping_add(place.len)).unwrap_or(&mut []);
            for (y, sum) in y.chunks_mut(8).zip(sums) {
                let mut lanes = [0.0; 8];
                // SAFETY: there are 8 elements.
                unsafe { _mm256_storeu_ps(lanes.as_mut_ptr(), sum) };
                y.iter_mut().zip(lanes).for_each(|(y, l)| *y = l);
            }
        }
    }
}

/// Up to 16 values as vectors; 0 beyond them.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn vectors<const V: usize>(values: &[f32]) -> Sums<V> {
    if let Some(whole) = values.first_chunk::<16>() {
        // SAFETY: 8 elements from 0 and from 8 on are there.
        return core::array::from_fn(|v| unsafe { _mm256_loadu_ps(whole.as_ptr().add((v * 8).min(8))) });
    }
    let mut lanes = [0.0; 16];
    lanes.iter_mut().zip(values).for_each(|(l, &v)| *l = v);
    // SAFETY: 8 elements from 0 and from 8 on are there.
    core::array::from_fn(|v| unsafe { _mm256_loadu_ps(lanes.as_ptr().add((v * 8).min(8))) })
}
