//! The inner loop of dense integer convolutions: a few pixels by 8 or 16 channels, all sums in registers.
//!
//! ```text
//! sums[r][o] += Σ_segments Σ_pairs x[segment + r·step + 2k ..][..2] · w[..][o][..2]
//! ```
//!
//! Two neighbouring elements of a receptive field are one lane of `vpmaddwd`: a broadcast of the pair meets the weights
//! of eight channels. The bound is that instruction: two a cycle on Zen 3, 16 products each.

use super::segments::Segments;
use super::store::Sums;
use core::arch::x86_64::*;

/// Bytes of the weights of `8 · v` channels.
pub(super) fn weight_bytes(v: usize, segments: usize, pairs: usize) -> usize {
    segments.saturating_mul(pairs).saturating_mul(v).saturating_mul(32)
}

/// Adds products to `start`, for the windows that begin at `windows` in `x`. Sums as they were if `x` or `w` is too short.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn tile<const R: usize, const V: usize>(
    x: &[i16],
    windows: [usize; R],
    segments: &Segments,
    pairs: usize,
    w: &[u8],
    start: Sums<V>,
) -> [Sums<V>; R] {
    let mut sums = [start; R];
    let fits = segments.reach(&windows, pairs.saturating_mul(2)) <= x.len();
    if !fits || weight_bytes(V, segments.offsets().len(), pairs) > w.len() {
        return sums;
    }
    let mut w = w.as_ptr().cast::<__m256i>();
    for &offset in segments.offsets() {
        // SAFETY: `reach` says that each window has `2 · pairs` elements from each offset on.
        let rows: [*const i32; R] = windows.map(|at| unsafe { x.as_ptr().add(at + offset).cast() });
        for k in 0..pairs {
            // SAFETY: `weight_bytes` counts `V` vectors for each pair of each segment.
            let weights: [__m256i; V] = core::array::from_fn(|v| unsafe { _mm256_loadu_si256(w.add(k * V + v)) });
            for (sums, row) in sums.iter_mut().zip(rows) {
                // SAFETY: as for `rows`.
                let pair = _mm256_set1_epi32(unsafe { row.add(k).read_unaligned() });
                for (sum, w) in sums.iter_mut().zip(weights) {
                    *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(pair, w));
                }
            }
        }
        // SAFETY: the end of the weights at most.
        w = unsafe { w.add(pairs * V) };
    }
    sums
}
