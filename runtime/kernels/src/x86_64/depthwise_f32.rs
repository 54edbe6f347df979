//! Depthwise float convolution: 8 or 16 channels side by side, read where they lie.
//!
//! ```text
//! packed: for each panel of 16 channels, the last one of 8 if that is enough: weights f32 [taps][lanes]
//! ```
//!
//! Outputs whose windows reach equally far into the padding form a rectangle; its list of taps leaves out what lies there. So nothing
//! is copied, and the loop over taps tests nothing.
//!
//! Reading is the bound: two vectors a cycle, as many as products. So where there are three taps along a line of outputs, a vector is
//! read once for all outputs of a tile that it lies under, and weights stay in registers: 35 to 45 GMAC/s on Zen 3 instead of 22 to 30.

use super::conv_f32::{pack_panels, panels, panels_len, weight};
use super::segments::{SEGMENTS, share};
use super::strip::laid;
use super::tile_f32::{Place, Sums, vectors};
use crate::{Axis, Conv, ConvF32, Weights};
use core::arch::x86_64::*;
use core::ops::Range;

/// Outputs whose sums are in registers together.
const OUTPUTS: usize = 6;

/// As [`OUTPUTS`], where three taps share what they read: their weights take six more registers.
const SHARING: usize = 4;

const LANES: usize = 16;

/// Channels that go over the image together: their weights, and the rows under them, stay in the caches.
const DEEP: usize = 128;

/// Outputs of a band of rows, which goes under one panel after the other.
const BAND: usize = 128;

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
        let rectangle = [rows.len(), cols.len()];
        let sharing = Sharing::new(self.g, &under, &right, rectangle);
        let taps = Taps::new(self.g, under, right);
        // Without a tap there is no place to read.
        let window = if taps.count == 0 { 0 } else { corner.wrapping_mul(channels).wrapping_add(self.first) };
        let output = rows.start.wrapping_mul(across.output).wrapping_add(cols.start).wrapping_mul(channels);
        let pitch = [across.input.wrapping_mul(down.stride), across.output].map(|n| n.wrapping_mul(channels));
        let step = [across.stride.wrapping_mul(channels), channels];
        let lines = Lines::new([window, output], rectangle, pitch, step, sharing);
        let stride = lines.sharing.as_ref().map_or(0, |s| s.stride);
        match (stride, share(lines.len, if stride > 0 { SHARING } else { OUTPUTS })) {
            (1, 4) => self.panels::<4, 1>(&taps, &lines, y),
            (1, 3) => self.panels::<3, 1>(&taps, &lines, y),
            (1, 2) => self.panels::<2, 1>(&taps, &lines, y),
            (2, 4) => self.panels::<4, 2>(&taps, &lines, y),
            (2, 3) => self.panels::<3, 2>(&taps, &lines, y),
            (2, 2) => self.panels::<2, 2>(&taps, &lines, y),
            (_, 6) => self.panels::<6, 0>(&taps, &lines, y),
            (_, 5) => self.panels::<5, 0>(&taps, &lines, y),
            (_, 4) => self.panels::<4, 0>(&taps, &lines, y),
            (_, 3) => self.panels::<3, 0>(&taps, &lines, y),
            (_, 2) => self.panels::<2, 0>(&taps, &lines, y),
            _ => self.panels::<1, 0>(&taps, &lines, y),
        }
    }

    /// Every panel over a rectangle, `P` outputs at a time; see [`Sharing`] for `S`.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn panels<const P: usize, const S: usize>(&self, taps: &Taps, lines: &Lines, y: &mut [f32]) {
        let mut rest = self.weights;
        for (lanes, at) in panels(self.count) {
            let Some((w, later)) = rest.split_at_checked(lanes.wrapping_mul(self.taps)) else { return };
            rest = later;
            let len = self.count.wrapping_sub(at).min(lanes);
            let place = Place { first: self.first.wrapping_add(at), len, clamp: self.clamp };
            let panel =
                Panel { x: self.x.get(at..).unwrap_or(&[]), taps, w, bias: self.bias.get(at..).unwrap_or(&[]), place };
            match (lanes == LANES, len == lanes) {
                (true, true) => panel.run::<P, 2, S, false>(lines, y),
                (true, false) => panel.run::<P, 2, 0, true>(lines, y),
                (false, true) => panel.run::<P, 1, S, false>(lines, y),
                (false, false) => panel.run::<P, 1, 0, true>(lines, y),
            }
        }
    }
}

/// Three taps along the lines, each as far from the next as neighbours of the input are, as often as there are taps across.
struct Sharing {
    /// Of the outputs: 1 or 2.
    stride: usize,
    /// How many times.
    times: usize,
    /// How far neighbours along the lines are from each other, and across: elements of the input, and taps.
    along: [usize; 2],
    across: [usize; 2],
}

impl Sharing {
    fn new(g: &Conv, under: &Range<usize>, right: &Range<usize>, [tall, wide]: [usize; 2]) -> Option<Sharing> {
        let [_, down, across] = &g.axes;
        let of_row = [across.input.wrapping_mul(g.in_channels), across.kernel];
        let of_col = [g.in_channels, 1];
        let (axis, len, times, near, (far, dilation)) = if tall > wide {
            (down, under.len(), right.len(), of_row, (of_col, across.dilation))
        } else {
            (across, right.len(), under.len(), of_col, (of_row, down.dilation))
        };
        let shared = len == 3 && axis.dilation == 1 && (1..=2).contains(&axis.stride);
        let far = [far[0].wrapping_mul(dilation), far[1]];
        shared.then_some(Sharing { stride: axis.stride, times, along: near, across: far })
    }
}

/// A rectangle as lines along its longer side: where the first window begins and the first output, and how far the next are.
struct Lines {
    at: [usize; 2],
    count: usize,
    pitch: [usize; 2],
    /// Outputs of a line.
    len: usize,
    step: [usize; 2],
    sharing: Option<Sharing>,
}

impl Lines {
    fn new(
        at: [usize; 2],
        [tall, wide]: [usize; 2],
        pitch: [usize; 2],
        step: [usize; 2],
        sharing: Option<Sharing>,
    ) -> Lines {
        if tall > wide {
            return Lines { at, count: wide, pitch: step, len: tall, step: pitch, sharing };
        }
        Lines { at, count: tall, pitch, len: wide, step, sharing }
    }

    /// The last window and the last output.
    fn last(&self) -> [usize; 2] {
        let along = |k: usize, n: usize, by: [usize; 2]| n.saturating_sub(1).saturating_mul(by[k]);
        [0, 1].map(|k| {
            let line = along(k, self.count, self.pitch);
            self.at[k].saturating_add(line).saturating_add(along(k, self.len, self.step))
        })
    }
}

/// Some channels, their weights and taps.
struct Panel<'a> {
    /// From the first of the channels on.
    x: &'a [f32],
    taps: &'a Taps,
    w: &'a [f32],
    bias: &'a [f32],
    place: Place,
}

impl Panel<'_> {
    /// Outputs, `P` at a time, of which there are as many in a line; `PART` if the channels are fewer than the lanes.
    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    fn run<const P: usize, const V: usize, const S: usize, const PART: bool>(&self, lines: &Lines, y: &mut [f32]) {
        let (lanes, len) = (V.wrapping_mul(8), self.place.len);
        let [window, output] = lines.last();
        let weights = self.taps.list().last().map_or(0, |(_, tap)| tap.saturating_add(1).saturating_mul(lanes));
        let reads = window.saturating_add(self.taps.reach).saturating_add(len) <= self.x.len() || weights == 0;
        let writes = output.saturating_add(self.place.first).saturating_add(len) <= y.len();
        if !reads || !writes || weights > self.w.len() || lines.len < P || len > lanes || (!PART && len < lanes) {
            return;
        }
        let masks: [__m256i; V] = core::array::from_fn(|v| mask(len.saturating_sub(v.wrapping_mul(8))));
        let start = vectors::<V>(self.bias);
        let first = self.taps.list().first().map_or(0, |(_, tap)| tap.wrapping_mul(lanes));
        let first = self.w.as_ptr().wrapping_add(first);
        let (min, max) = (_mm256_set1_ps(self.place.clamp.0), _mm256_set1_ps(self.place.clamp.1));
        let [mut x, mut to] = lines.at;
        to = to.wrapping_add(self.place.first);
        for _ in 0..lines.count {
            for i in (0..lines.len).step_by(P) {
                // The last ones overlap those before them.
                let i = i.min(lines.len - P);
                let (x, to) = (x + i * lines.step[0], to + i * lines.step[1]);
                let window = self.x.as_ptr().wrapping_add(x);
                let mut sums = [start; P];
                match &lines.sharing {
                    Some(sharing) if S > 0 => {
                        let (mut x, mut w) = (window, first);
                        for _ in 0..sharing.times {
                            // SAFETY: as below: these taps are the list, and `S` neighbours are a step.
                            unsafe { share_three::<P, V, S>(x, w, sharing.along, &mut sums) };
                            x = x.wrapping_add(sharing.across[0]);
                            w = w.wrapping_add(sharing.across[1] * lanes);
                        }
                    }
                    _ => {
                        let windows = core::array::from_fn(|p| window.wrapping_add(p * lines.step[0]));
                        for &tap in self.taps.list() {
                            // SAFETY: `reads` counts elements from the last tap of the last window on, and there are as many weights as
                            // lanes for the last tap; taps rise.
                            unsafe { multiply::<P, V, PART>(windows, tap, self.w.as_ptr(), masks, &mut sums) };
                        }
                    }
                }
                for (p, sums) in sums.into_iter().enumerate() {
                    for (v, (sum, mask)) in sums.into_iter().zip(masks).enumerate() {
                        // With a NaN these give their second operand.
                        let sum = _mm256_min_ps(max, _mm256_max_ps(min, sum));
                        let y = y.as_mut_ptr().wrapping_add(to + p * lines.step[1] + v * 8);
                        // SAFETY: `writes` counts elements from the last output on.
                        unsafe { if PART { _mm256_maskstore_ps(y, mask, sum) } else { _mm256_storeu_ps(y, sum) } };
                    }
                }
            }
            x = x.wrapping_add(lines.pitch[0]);
            to = to.wrapping_add(lines.pitch[1]);
        }
    }
}

/// Adds the products of three taps, whose weights begin at `w`.
///
/// # Safety
/// All lanes of `S · (P - 1) + 3` neighbours from `x` on, and the weights, are there.
#[inline]
#[target_feature(enable = "avx2,fma")]
unsafe fn share_three<const P: usize, const V: usize, const S: usize>(
    x: *const f32,
    w: *const f32,
    [near, apart]: [usize; 2],
    sums: &mut [Sums<V>; P],
) {
    // SAFETY: the caller says so.
    let load = |t: usize, v: usize| unsafe { _mm256_loadu_ps(w.add((t * apart * V + v) * 8)) };
    let weights: [Sums<V>; 3] = core::array::from_fn(|t| core::array::from_fn(|v| load(t, v)));
    for i in 0..S * (P - 1) + 3 {
        for v in 0..V {
            // SAFETY: the caller says so.
            let x = unsafe { _mm256_loadu_ps(x.add(i * near + v * 8)) };
            for (t, weights) in weights.iter().enumerate() {
                if i >= t && (i - t).is_multiple_of(S) && (i - t) / S < P {
                    let sum = &mut sums[(i - t) / S][v];
                    *sum = _mm256_fmadd_ps(x, weights[v], *sum);
                }
            }
        }
    }
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
