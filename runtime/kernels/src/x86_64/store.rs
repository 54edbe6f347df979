//! Sums to outputs: requantization of 8 or 16 channels at once.

use crate::ToI8;
use core::arch::x86_64::*;

/// [`ToI8`] in registers.
#[derive(Clone, Copy)]
pub(super) struct Requantize {
    low: __m256,
    high: __m256,
    zero: __m256i,
}

impl Requantize {
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn new(output: ToI8) -> Requantize {
        let (low, high, zero) = output.parts();
        Requantize { low: _mm256_set1_ps(low), high: _mm256_set1_ps(high), zero: _mm256_set1_epi32(zero) }
    }

    /// `ToI8::round` of each lane, widened.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(super) fn round(self, v: __m256) -> __m256i {
        // With a NaN these give their second operand, as the comparisons of `ToI8` do.
        let v = _mm256_min_ps(_mm256_max_ps(v, self.low), self.high);
        // The rounding mode is never changed: half to even.
        _mm256_add_epi32(_mm256_cvtps_epi32(v), self.zero)
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn requantize(self, sums: __m256i, scale: __m256) -> __m256i {
        self.round(_mm256_mul_ps(_mm256_cvtepi32_ps(sums), scale))
    }
}

/// The sums of 8 or 16 channels of one pixel.
///
/// One vector holds channels 0 to 7 in order. Of two, the first holds 0..4 and 8..12, the second 4..8 and 12..16: what packing two
/// vectors of 256 bits puts in order.
pub(super) type Sums<const V: usize> = [__m256i; V];

/// The channels of the lanes of `V` vectors of [`Sums`].
pub(super) const fn channel_of_lane(v: usize, vector: usize, lane: usize) -> usize {
    if v == 1 {
        return lane;
    }
    vector * 4 + lane + if lane >= 4 { 4 } else { 0 }
}

/// The outputs of a pixel, 8 or 16 bytes.
#[inline]
#[target_feature(enable = "avx2")]
fn outputs<const V: usize>(r: Requantize, sums: Sums<V>, scale: [__m256; V]) -> __m128i {
    let of = |v: usize| match (sums.get(v), scale.get(v)) {
        (Some(&sums), Some(&scale)) => r.requantize(sums, scale),
        _ => _mm256_setzero_si256(),
    };
    let words = _mm256_packs_epi32(of(0), of(V.wrapping_sub(1)));
    let bytes = _mm256_packs_epi16(words, words);
    let (low, high) = (_mm256_castsi256_si128(bytes), _mm256_extracti128_si256::<1>(bytes));
    if V == 2 { _mm_unpacklo_epi64(low, high) } else { _mm_unpacklo_epi32(low, high) }
}

/// Where the outputs of some channels go: `len`, at most `8 · V`, from `first` on in each pixel.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) first: usize,
    pub(super) len: usize,
}

/// Requantizes the sums of some pixels, whose channels begin at `at` in `y`, rising.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn store<const R: usize, const V: usize>(
    r: Requantize,
    sums: [Sums<V>; R],
    scale: [__m256; V],
    at: [usize; R],
    place: Place,
    y: &mut [i8],
) {
    let last = at.iter().fold(0usize, |last, &at| last.max(at)).saturating_add(place.first);
    let full = place.len == V.wrapping_mul(8) && last.saturating_add(place.len) <= y.len();
    for (sums, at) in sums.into_iter().zip(at) {
        let (bytes, start) = (outputs::<V>(r, sums, scale), at.wrapping_add(place.first));
        if full {
            // SAFETY: 8 or 16 bytes from the last start on are in `y`, and no start lies behind it.
            unsafe {
                let y = y.as_mut_ptr().add(start);
                if V == 2 { _mm_storeu_si128(y.cast(), bytes) } else { _mm_storel_epi64(y.cast(), bytes) }
            }
        } else {
            part(bytes, y.get_mut(start..start.wrapping_add(place.len)).unwrap_or(&mut []));
        }
    }
}

/// The first bytes of `all`.
#[inline]
#[target_feature(enable = "avx2")]
fn part(all: __m128i, channels: &mut [i8]) {
    let mut bytes = [0i8; 16];
    // SAFETY: there is room for 16 bytes.
    unsafe { _mm_storeu_si128(bytes.as_mut_ptr().cast(), all) };
    channels.iter_mut().zip(bytes).for_each(|(y, b)| *y = b);
}
