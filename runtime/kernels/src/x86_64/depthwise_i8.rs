//! Depthwise integer convolution: 16 channels side by side, two taps to a product.
//!
//! ```text
//! packed: for each 16 channels: bias i32 [lanes], scale f32 [lanes], weights i16 [pairs of taps][lanes][2]
//! ```
//!
//! The channels of two taps, interleaved, meet their weights in `vpmaddwd`. Lanes are as unpacking orders them, which is
//! what packing the sums undoes. An odd last tap is paired with itself and a weight of 0.

use super::bytes::{Writer, vectors};
use super::segments::share;
use super::store::{Place, Requantize, Sums, channel_of_lane, store};
use super::strip::{Pixels, Stack, Strip, TAIL, block, image_sizes, laid, parts, whole_rows};
use crate::int8::ConvI8;
use crate::{Axis, Conv};
use core::arch::x86_64::*;

/// Elements of a strip: 24 KB of stack.
const ROOM: usize = 12 * 1024;

/// Channels of a vector.
const LANES: usize = 16;

/// The most pairs of taps.
const PAIRS: usize = 64;

/// Pixels whose sums are in registers together.
const PIXELS: usize = 5;

/// How many neighbouring pixels make up the lanes where channels are too few: under a stride of 1 they lie in a row, as their
/// taps do.
fn fold(g: &Conv) -> usize {
    let [_, _, cols] = &g.axes;
    let n = LANES.checked_div(g.in_channels).unwrap_or(1);
    let fits = n > 1 && n.wrapping_mul(g.in_channels) == LANES && cols.stride == 1 && cols.output.is_multiple_of(n);
    // Not a matter of how many rows there are: some of them are packed like all.
    let whole = whole_rows(g, g.in_channels, ROOM).is_some_and(|rows| rows > 0);
    if fits && whole { n } else { 1 }
}

/// Pairs of taps; nothing if there are too many, or nothing to compute.
fn pairs(g: &Conv) -> Option<usize> {
    let [depth, rows, cols] = &g.axes;
    let pairs = rows.kernel.checked_mul(cols.kernel)?.div_ceil(2);
    let plain = *depth == Axis::UNIT && rows.stride > 0 && cols.stride > 0 && g.in_channels > 0;
    let fits = (1..=PAIRS).contains(&pairs) && block::<i16>(g, ROOM).is_some();
    (plain && fits).then_some(pairs)
}

/// Channels, rows and columns of the parts: whole rows where neighbours make up the lanes.
fn parts_size(g: &Conv) -> Option<(usize, usize, usize)> {
    let [_, _, cols] = &g.axes;
    if fold(g) > 1 {
        Some((g.in_channels, whole_rows(g, g.in_channels, ROOM)?, cols.output))
    } else {
        block::<i16>(g, ROOM)
    }
}

fn block_bytes(pairs: usize) -> usize {
    pairs.saturating_add(2).saturating_mul(2 * 32)
}

/// Packs what [`depthwise_conv_i8`] reads, if `out` has room; returns the bytes that it takes, 0 if there is no packed form.
pub(super) fn pack(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
    let g = &laid(conv.geometry);
    let Some(pairs) = pairs(g) else { return 0 };
    let [_, rows, cols] = &g.axes;
    let taps = rows.kernel.wrapping_mul(cols.kernel);
    if conv.w.is_empty() || Some(conv.w.len()) != taps.checked_mul(g.in_channels) {
        return 0;
    }
    let len = g.in_channels.div_ceil(LANES).saturating_mul(block_bytes(pairs));
    if out.len() < len {
        return len;
    }
    let mut writer = Writer::new(out);
    for first in (0..g.in_channels).step_by(LANES) {
        let lanes = (0..LANES).map(|lane| first.wrapping_add(channel_of_lane(2, lane / 8, lane % 8)));
        let folded = fold(g) > 1;
        let lanes = lanes.map(|c| if folded { c.checked_rem(g.in_channels) } else { (c < g.in_channels).then_some(c) });
        lanes.clone().for_each(|c| writer.i32(c.and_then(|c| conv.bias.get(c)).copied().unwrap_or(0)));
        lanes.clone().for_each(|c| writer.f32(c.and_then(|c| conv.scale.get(c)).copied().unwrap_or(0.0)));
        for pair in 0..pairs {
            for c in lanes.clone() {
                for tap in [pair.wrapping_mul(2), pair.wrapping_mul(2).wrapping_add(1)] {
                    let w = c.and_then(|c| conv.w.get(tap.wrapping_mul(g.in_channels).wrapping_add(c)));
                    writer.i16(w.copied().unwrap_or(0).into());
                }
            }
        }
    }
    len
}

/// Convolves with weights that [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2")]
pub(super) fn depthwise_conv_i8(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) -> bool {
    let g = &laid(conv.geometry);
    let Some(pairs) = pairs(g).filter(|_| !packed.is_empty()) else { return false };
    let Some((deep, tall, wide)) = parts_size(g) else { return false };
    let Some((image, plane)) = image_sizes(g, y.len()) else { return false };
    let mut stack = Stack::<i16, ROOM>::new();
    for (x, y) in conv.x.chunks(image).zip(y.chunks_mut(plane)) {
        for channel in (0..g.in_channels).step_by(deep) {
            let start = (channel / LANES).saturating_mul(block_bytes(pairs));
            let weights = packed.get(start..).unwrap_or(&[]);
            let channels = channel..channel.saturating_add(deep).min(g.in_channels);
            for part in parts(g, channels.clone(), (tall, wide)) {
                let strip = Strip::new(g, part, x, conv.x_zero, &mut stack);
                convolve(conv, g, &strip, weights, channels.start, channels.len(), y);
            }
        }
    }
    true
}

/// Every block of channels over a strip.
#[inline]
#[target_feature(enable = "avx2")]
fn convolve(
    conv: &ConvI8<'_>,
    g: &Conv,
    strip: &Strip<'_, i16>,
    weights: &[u8],
    first: usize,
    channels: usize,
    y: &mut [i8],
) {
    let [_, down, across] = &g.axes;
    let requantize = Requantize::new(conv.output);
    let mut offsets = [0; 2 * PAIRS];
    let taps = (0..down.kernel).flat_map(|row| (0..across.kernel).map(move |col| (row, col)));
    let mut last = 0;
    for (slot, (row, col)) in offsets.iter_mut().zip(taps) {
        last = strip.tap(row, col);
        *slot = last;
    }
    let count = down.kernel.wrapping_mul(across.kernel);
    // The odd one out.
    if let Some(spare) = offsets.get_mut(count).filter(|_| count % 2 == 1) {
        *spare = last;
    }
    let pairs = offsets.as_chunks().0.get(..count.div_ceil(2)).unwrap_or(&[]);
    let fold = fold(g);
    let (channels, pixels) = if fold > 1 { (LANES, strip.pixels().folded(fold)) } else { (channels, strip.pixels()) };
    let over = Over { x: strip.elements(), pairs, last, requantize, weights, first, channels };
    over.run(pixels, y);
}

/// A strip on its way under the taps, which begin in pairs.
struct Over<'a> {
    x: &'a [i16],
    pairs: &'a [[usize; 2]],
    last: usize,
    requantize: Requantize,
    weights: &'a [u8],
    /// The first channel, and how many.
    first: usize,
    channels: usize,
}

impl Over<'_> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn run(&self, mut pixels: Pixels, y: &mut [i8]) {
        while pixels.left > 0 {
            match share(pixels.left, PIXELS) {
                5 => self.put::<5>(&mut pixels, y),
                4 => self.put::<4>(&mut pixels, y),
                3 => self.put::<3>(&mut pixels, y),
                2 => self.put::<2>(&mut pixels, y),
                _ => self.put::<1>(&mut pixels, y),
            }
        }
    }

    /// Every channel of the next `P` pixels: their lines stay in the first cache, and so do the weights.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn put<const P: usize>(&self, pixels: &mut Pixels, y: &mut [i8]) {
        let (windows, outputs) = pixels.take::<P>();
        let blocks = self.weights.chunks_exact(block_bytes(self.pairs.len()));
        for (channel, packed) in (0..self.channels).step_by(LANES).zip(blocks) {
            let Some((bias, packed)) = vectors::<2>(packed) else { return };
            let Some((scale, w)) = vectors::<2>(packed) else { return };
            let scale = scale.map(|s| _mm256_castsi256_ps(s));
            let len = self.channels.wrapping_sub(channel).min(LANES);
            let place = Place { first: self.first.wrapping_add(channel), len };
            let x = self.x.get(channel..).unwrap_or(&[]);
            store(self.requantize, self.sums(x, windows, w, bias), scale, outputs, place, y);
        }
    }

    /// The sums of the pixels whose windows begin at `windows` in `x`.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn sums<const P: usize>(&self, x: &[i16], windows: [usize; P], w: &[u8], start: Sums<2>) -> [Sums<2>; P] {
        let mut sums = [start; P];
        let last = windows.iter().fold(0usize, |last, &w| last.max(w));
        if last.saturating_add(self.last).saturating_add(LANES) > x.len() {
            return sums;
        }
        // SAFETY: 16 elements from the last tap of the last window on are in `x`.
        let windows = windows.map(|at| unsafe { x.as_ptr().add(at) });
        for ([first, second], w) in self.pairs.iter().zip(w.as_chunks::<64>().0) {
            let w = w.as_ptr().cast::<__m256i>();
            // SAFETY: there are 64 bytes.
            let (low, high) = unsafe { (_mm256_loadu_si256(w), _mm256_loadu_si256(w.add(1))) };
            for ([even, odd], window) in sums.iter_mut().zip(windows) {
                // SAFETY: as for `windows`; no tap lies behind the last.
                let (a, b) = unsafe {
                    (_mm256_loadu_si256(window.add(*first).cast()), _mm256_loadu_si256(window.add(*second).cast()))
                };
                *even = _mm256_add_epi32(*even, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), low));
                *odd = _mm256_add_epi32(*odd, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), high));
            }
        }
        sums
    }
}

const _: () = assert!(TAIL >= LANES);
