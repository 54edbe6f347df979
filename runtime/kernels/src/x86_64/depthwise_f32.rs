//! Depthwise float convolution: 8 or 16 channels side by side, read where they lie.
//!
//! ```text
//! packed: for each panel of 16 channels, the last one of 8 if that is enough: weights f32 [taps][lanes]
//! ```
//!
//! Outputs whose windows reach equally far into the padding form a rectangle; its list of taps leaves out what lies there. So nothing
//! is copied, and the loop over taps tests nothing.

use super::conv_f32::{pack_panels, panels, panels_len, weight};
use super::segments::{SEGMENTS, share};
use super::strip::{Pixels, laid};
use super::tile_f32::{Place, Sums, store, vectors};
use crate::{Axis, Conv, ConvF32, Weights};
use core::arch::x86_64::*;
use core::ops::Range;

/// Pixels whose sums are in registers together.
const PIXELS: usize = 6;

const LANES: usize = 16;

/// Channels that go over the image together: their weights, and the rows under them, stay in the caches.
const DEEP: usize = 128;

/// Outputs of a band of rows: enough to fill tiles from narrow images.
const BAND: usize = 32;

/// Taps; nothing if there are too many, or nothing to compute.
fn taps(g: &Conv) -> Option<usize> {
    let [depth, rows, cols] = &g.axes;
    let taps = rows.kernel.checked_mul(cols.kernel)?;
    let plain = *depth == Axis::UNIT && rows.stride > 0 && cols.stride > 0 && g.is_depthwise();
    (plain && (1..=SEGMENTS).contains(&taps)).then_some(taps)
}

/// Packs what [`conv_f32`] reads, if `out` has room; returns the elements that it takes, 0 if there is no packed form.
pub(super) fn pack(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
    let g = &laid(*g);
    let Some(taps) = taps(g).filter(|taps| taps.checked_mul(g.in_channels) == Some(w.len())) else { return 0 };
    let len = panels_len(g.in_channels, taps);
    if out.len() >= len {
        pack_panels(out, g.in_channels, taps, |c, tap| weight(w, c.wrapping_mul(taps).wrapping_add(tap)));
    }
    len
}

/// Convolves with weights that [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn conv_f32(conv: &mut ConvF32<'_>, packed: &[f32]) -> bool {
    let g = &laid(conv.geometry);
    let Some(taps) = taps(g).filter(|_| !packed.is_empty()) else { return false };
    let [_, down, across] = &g.axes;
    let image = down.input.saturating_mul(across.input).saturating_mul(g.in_channels);
    let plane = down.output.saturating_mul(across.output).saturating_mul(g.out_channels);
    if plane == 0 || plane > conv.y.len() {
        return false;
    }
    let band = BAND.checked_div(across.output).unwrap_or(1).max(1);
    let deep = if g.in_channels > DEEP.wrapping_add(DEEP / 2) { DEEP } else { g.in_channels };
    for (x, y) in conv.x.chunks(image.max(1)).zip(conv.y.chunks_mut(plane)) {
        for channel in (0..g.in_channels).step_by(deep.max(1)) {
            let weights = packed.get(channel.wrapping_mul(taps)..).unwrap_or(&[]);
            let bias = conv.bias.get(channel..).unwrap_or(&[]);
            let count = g.in_channels.wrapping_sub(channel).min(deep);
            let over = Over { g, x, weights, taps, bias, clamp: conv.clamp, first: channel, count };
            each_run(down, band, |rows| each_run(across, usize::MAX, |cols| over.rectangle(rows.clone(), cols, y)));
        }
    }
    true
}

/// Cuts the outputs of an axis into runs that read the same taps: those inside, at most `most` at a time, and the others one by one.
#[inline(always)]
fn each_run(axis: &Axis, most: usize, mut run: impl FnMut(Range<usize>)) {
    let inside = axis.interior();
    let mut at = 0;
    while at < axis.output {
        let len = if inside.contains(&at) { inside.end.wrapping_sub(at).min(most) } else { 1 };
        run(at..at.wrapping_add(len));
        at = at.wrapping_add(len);
    }
}

/// The taps of some outputs that lie in the image: how far from the first one, and which weight.
struct Taps {
    list: [(usize, usize); SEGMENTS],
    count: usize,
    /// How far the last one is.
    reach: usize,
}

impl Taps {
    #[inline(always)]
    fn new(g: &Conv, rows: Range<usize>, cols: Range<usize>) -> Taps {
        let [_, down, across] = &g.axes;
        let mut taps = Taps { list: [(0, 0); SEGMENTS], count: 0, reach: 0 };
        let all = rows.clone().flat_map(|row| cols.clone().map(move |col| (row, col)));
        for (slot, (row, col)) in taps.list.iter_mut().zip(all) {
            let down = row.wrapping_sub(rows.start).wrapping_mul(down.dilation).wrapping_mul(across.input);
            let right = col.wrapping_sub(cols.start).wrapping_mul(across.dilation);
            taps.reach = down.wrapping_add(right).wrapping_mul(g.in_channels);
            *slot = (taps.reach, row.wrapping_mul(across.kernel).wrapping_add(col));
            taps.count = taps.count.wrapping_add(1);
        }
        taps
    }

    #[inline(always)]
    fn list(&self) -> &[(usize, usize)] {
        self.list.get(..self.count).unwrap_or(&[])
    }
}

/// An image on its way under the taps.
struct Over<'a> {
    g: &'a Conv,
    x: &'a [f32],
    weights: &'a [f32],
    /// Weights of a channel.
    taps: usize,
    bias: &'a [f32],
    clamp: (f32, f32),
    /// The first channel, and how many.
    first: usize,
    count: usize,
}

impl Over<'_> {
    /// Outputs that read the same taps.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn rectangle(&self, rows: Range<usize>, cols: Range<usize>, y: &mut [f32]) {
        let [_, down, across] = &self.g.axes;
        let channels = self.g.in_channels;
        let (under, right) = (down.taps(rows.start), across.taps(cols.start));
        let corner = down.position(rows.start, under.start).wrapping_mul(across.input);
        let corner = corner.wrapping_add(across.position(cols.start, right.start));
        let taps = Taps::new(self.g, under, right);
        // Without a tap there is no place to read.
        let window = if taps.count == 0 { 0 } else { corner.wrapping_mul(channels).wrapping_add(self.first) };
        let output = rows.start.wrapping_mul(across.output).wrapping_add(cols.start).wrapping_mul(channels);
        let pitch = [across.input.wrapping_mul(down.stride), across.output].map(|n| n.wrapping_mul(channels));
        let step = [across.stride.wrapping_mul(channels), channels];
        let mut pixels = Pixels::rectangle([window, output], step, pitch, rows.len(), cols.len());
        while pixels.left > 0 {
            match share(pixels.left, PIXELS) {
                6 => self.put::<6>(&taps, &mut pixels, y),
                5 => self.put::<5>(&taps, &mut pixels, y),
                4 => self.put::<4>(&taps, &mut pixels, y),
                3 => self.put::<3>(&taps, &mut pixels, y),
                2 => self.put::<2>(&taps, &mut pixels, y),
                _ => self.put::<1>(&taps, &mut pixels, y),
            }
        }
    }

    /// Every channel of the next `P` pixels.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn put<const P: usize>(&self, taps: &Taps, pixels: &mut Pixels, y: &mut [f32]) {
        let (windows, outputs) = pixels.take::<P>();
        let mut rest = self.weights;
        for (lanes, at) in panels(self.count) {
            let Some((w, later)) = rest.split_at_checked(lanes.wrapping_mul(self.taps)) else { return };
            rest = later;
            let x = self.x.get(at..).unwrap_or(&[]);
            let len = self.count.wrapping_sub(at).min(lanes);
            let place = Place { first: self.first.wrapping_add(at), len, clamp: self.clamp };
            let bias = self.bias.get(at..).unwrap_or(&[]);
            match (lanes == LANES, len == lanes) {
                (true, true) => store(sums::<P, 2, false>(x, windows, taps, len, w, vectors(bias)), outputs, place, y),
                (true, false) => store(sums::<P, 2, true>(x, windows, taps, len, w, vectors(bias)), outputs, place, y),
                (false, true) => store(sums::<P, 1, false>(x, windows, taps, len, w, vectors(bias)), outputs, place, y),
                (false, false) => store(sums::<P, 1, true>(x, windows, taps, len, w, vectors(bias)), outputs, place, y),
            }
        }
    }
}

/// The sums of `len` channels of the pixels whose windows begin at `windows` in `x`; `PART` if they are less than the lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sums<const P: usize, const V: usize, const PART: bool>(
    x: &[f32],
    windows: [usize; P],
    taps: &Taps,
    len: usize,
    w: &[f32],
    start: Sums<V>,
) -> [Sums<V>; P] {
    let mut sums = [start; P];
    let lanes = V.wrapping_mul(8);
    let last = windows.iter().fold(0usize, |last, &w| last.max(w));
    let weights = taps.list().last().map_or(0, |(_, tap)| tap.saturating_add(1).saturating_mul(lanes));
    if last.saturating_add(taps.reach).saturating_add(len) > x.len() || weights > w.len() || (!PART && len != lanes) {
        return sums;
    }
    let masks: [__m256i; V] = core::array::from_fn(|v| mask(len.saturating_sub(v.wrapping_mul(8))));
    // SAFETY: `len` elements from the last tap of the last window on are in `x`.
    let windows = windows.map(|at| unsafe { x.as_ptr().add(at) });
    let w = w.as_ptr();
    for &tap in taps.list() {
        // SAFETY: taps rise, and there are as many weights as lanes for the last one; as for `windows`.
        unsafe { multiply::<P, V, PART>(windows, tap, w, masks, &mut sums) };
    }
    sums
}

/// Adds the products of one tap.
///
/// # Safety
/// All lanes of each window, or those of the masks, and the weights of the tap are there.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply<const P: usize, const V: usize, const PART: bool>(
    windows: [*const f32; P],
    (offset, tap): (usize, usize),
    w: *const f32,
    masks: [__m256i; V],
    sums: &mut [Sums<V>; P],
) {
    // SAFETY: the caller says so.
    let w: Sums<V> = core::array::from_fn(|v| unsafe { _mm256_loadu_ps(w.add((tap * V + v) * 8)) });
    for (sums, window) in sums.iter_mut().zip(windows) {
        for (v, ((sum, w), mask)) in sums.iter_mut().zip(w).zip(masks).enumerate() {
            let x = window.wrapping_add(offset + v * 8);
            // SAFETY: the caller says so.
            let x = unsafe { if PART { _mm256_maskload_ps(x, mask) } else { _mm256_loadu_ps(x) } };
            *sum = _mm256_fmadd_ps(x, w, *sum);
        }
    }
}

/// The first `len` lanes.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn mask(len: usize) -> __m256i {
    let len = _mm256_set1_epi32(len.min(8) as i32);
    _mm256_cmpgt_epi32(len, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))
}
