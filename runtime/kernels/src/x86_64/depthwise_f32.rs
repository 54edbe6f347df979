//! Depthwise float convolution: 8 or 16 channels side by side, read where they lie.
//!
//! ```text
//! packed: for each panel of 16 channels, the last one of 8 if that is enough: weights f32 [taps][lanes]
//! ```
//!
//! Outputs whose windows reach equally far into the padding form a rectangle; its taps leave out what lies there. So nothing
//! is copied, and the loop over taps tests nothing. Sums take taps row by row, in images narrower than a tile column by column.
//!
//! Reading is the bound: two vectors a cycle, as many as products. So where there are three taps along a line of outputs, a vector is
//! read once for all outputs of a tile that it lies under, and weights stay in registers: 35 to 45 GMAC/s on Zen 3 instead of 22 to 30.

use super::conv_f32::{pack_panels, panels_len, weight};
use super::segments::share;
use super::strip::laid;
use super::tile_f32::{Sums, vectors};
use crate::{Axis, Conv, ConvF32, Weights};
use core::arch::x86_64::*;
use core::ops::Range;

/// Outputs whose sums are in registers together.
const OUTPUTS: usize = 6;

/// As [`OUTPUTS`], where three taps share what they read: their weights take six more registers.
const SHARING: usize = 4;

/// As [`SHARING`], where channels fill one vector, and not two, of each.
const NARROW: usize = 8;

const LANES: usize = 16;

/// Channels that go over the image together: their weights, and the rows under them, stay in the caches.
const DEEP: usize = 128;

/// Outputs of a band of rows, which goes under one panel after the other.
const BAND: usize = 128;

/// Taps; nothing if there is nothing to compute.
fn taps(g: &Conv) -> Option<usize> {
    let [depth, rows, cols] = &g.axes;
    let taps = rows.kernel.checked_mul(cols.kernel)?;
    let plain = *depth == Axis::UNIT && rows.stride > 0 && cols.stride > 0 && g.is_depthwise();
    (plain && taps > 0).then_some(taps)
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
            each_run(down, band, |rows, under| {
                each_run(across, usize::MAX, |cols, right| over.rectangle([&rows, &cols], [&under, &right], y));
            });
        }
    }
    true
}

/// Cuts the outputs of an axis into runs that read the same taps, which `run` gets too: those inside, at most `most` at a time, and the
/// others one by one.
#[inline(always)]
fn each_run(axis: &Axis, most: usize, mut run: impl FnMut(Range<usize>, Range<usize>)) {
    let inside = axis.interior();
    let mut at = 0;
    while at < axis.output {
        let (len, taps) = if inside.contains(&at) {
            (inside.end.wrapping_sub(at).min(most), 0..axis.kernel)
        } else {
            (1, axis.taps(at))
        };
        run(at..at.wrapping_add(len), taps);
        at = at.wrapping_add(len);
    }
}

/// Equal steps through the input and through the taps.
#[derive(Clone, Copy)]
struct Steps {
    count: usize,
    /// Elements of the input from one to the next, and taps.
    by: [usize; 2],
}

impl Steps {
    /// From the first to the last.
    fn span(&self, k: usize) -> usize {
        self.count.saturating_sub(1).saturating_mul(self.by[k])
    }
}

/// The taps of some outputs that lie in the image, in the order in which sums take them.
#[derive(Clone, Copy)]
struct Taps {
    first: usize,
    along: Steps,
    across: Steps,
    /// Outputs are 1 or 2 taps apart, and there are three taps along them; 0 if they share nothing.
    sharing: usize,
}

impl Taps {
    /// Along columns, or along rows where the image is `upright`: that decides the order of a sum, and so must not depend on how
    /// many rows are computed together.
    fn new(g: &Conv, under: &Range<usize>, right: &Range<usize>, upright: bool) -> Taps {
        let [_, down, across] = &g.axes;
        let row = down.dilation.saturating_mul(across.input).saturating_mul(g.in_channels);
        let of_rows = Steps { count: under.len(), by: [row, across.kernel] };
        let of_cols = Steps { count: right.len(), by: [across.dilation.saturating_mul(g.in_channels), 1] };
        let first = under.start.wrapping_mul(across.kernel).wrapping_add(right.start);
        let (axis, along, across) = if upright { (down, of_rows, of_cols) } else { (across, of_cols, of_rows) };
        let shared = along.count == 3 && axis.dilation == 1 && (1..=2).contains(&axis.stride);
        Taps { first, along, across, sharing: if shared { axis.stride } else { 0 } }
    }

    fn are_none(&self) -> bool {
        self.along.count == 0 || self.across.count == 0
    }

    /// How far the last tap is from the first: elements of the input, and taps.
    fn span(&self, k: usize) -> usize {
        self.along.span(k).saturating_add(self.across.span(k))
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
    /// Outputs in these rows and columns, which read the same taps, those under rows and to the right.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn rectangle(&self, [rows, cols]: [&Range<usize>; 2], [under, right]: [&Range<usize>; 2], y: &mut [f32]) {
        let [_, down, across] = &self.g.axes;
        let channels = self.g.in_channels;
        let corner = down.position(rows.start, under.start).wrapping_mul(across.input);
        let corner = corner.wrapping_add(across.position(cols.start, right.start));
        let upright = cols.len() < SHARING;
        let taps = Taps::new(self.g, under, right, upright);
        // Without a tap there is no place to read.
        let window = if taps.are_none() { 0 } else { corner.wrapping_mul(channels).wrapping_add(self.first) };
        let output = rows.start.wrapping_mul(across.output).wrapping_add(cols.start).wrapping_mul(channels);
        let pitch = [across.input.wrapping_mul(down.stride), across.output].map(|n| n.wrapping_mul(channels));
        let step = [across.stride.wrapping_mul(channels), channels];
        let lines =
            Lines::new([window, output.wrapping_add(self.first)], [rows.len(), cols.len()], pitch, step, upright);
        let narrow = self.count <= LANES / 2;
        match (taps.sharing, lines.len) {
            (1, NARROW..) if narrow => self.panels::<NARROW, 1>(&taps, &lines, y),
            (1, 2..) => match share(lines.len, SHARING) {
                4 => self.panels::<4, 1>(&taps, &lines, y),
                3 => self.panels::<3, 1>(&taps, &lines, y),
                _ => self.panels::<2, 1>(&taps, &lines, y),
            },
            (2, 2..) => match share(lines.len, SHARING) {
                4 => self.panels::<4, 2>(&taps, &lines, y),
                3 => self.panels::<3, 2>(&taps, &lines, y),
                _ => self.panels::<2, 2>(&taps, &lines, y),
            },
            _ => match share(lines.len, OUTPUTS) {
                6 => self.panels::<6, 0>(&taps, &lines, y),
                5 => self.panels::<5, 0>(&taps, &lines, y),
                4 => self.panels::<4, 0>(&taps, &lines, y),
                3 => self.panels::<3, 0>(&taps, &lines, y),
                2 => self.panels::<2, 0>(&taps, &lines, y),
                _ => self.panels::<1, 0>(&taps, &lines, y),
            },
        }
    }

    /// Every panel over a rectangle, `P` outputs at a time, which are `S` taps apart and share what they read, or do not if that is 0.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn panels<const P: usize, const S: usize>(&self, taps: &Taps, lines: &Lines, y: &mut [f32]) {
        let whole = self.count / LANES;
        let (w, rest) = self.weights.split_at_checked(whole.wrapping_mul(LANES * self.taps)).unwrap_or_default();
        let panels = Panels { x: self.x, taps: *taps, each: self.taps, w, bias: self.bias, clamp: self.clamp };
        panels.run::<P, 2, S, false>(0..whole, LANES, lines, y);
        let panels = Panels { w: rest, ..panels };
        let (at, left) = (whole..whole.wrapping_add(1), self.count % LANES);
        match left {
            0 => {}
            8 => panels.run::<P, 1, S, false>(at, left, lines, y),
            1..8 => panels.run::<P, 1, 0, true>(at, left, lines, y),
            _ => panels.run::<P, 2, 0, true>(at, left, lines, y),
        }
    }
}

/// A rectangle as lines: where the first window begins and the first output, and how far the next are.
struct Lines {
    at: [usize; 2],
    count: usize,
    pitch: [usize; 2],
    /// Outputs of a line.
    len: usize,
    step: [usize; 2],
}

impl Lines {
    fn new(at: [usize; 2], [tall, wide]: [usize; 2], pitch: [usize; 2], step: [usize; 2], upright: bool) -> Lines {
        if upright {
            return Lines { at, count: wide, pitch: step, len: tall, step: pitch };
        }
        Lines { at, count: tall, pitch, len: wide, step }
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

/// Panels of channels, with their taps.
struct Panels<'a> {
    x: &'a [f32],
    taps: Taps,
    /// Weights of a channel.
    each: usize,
    w: &'a [f32],
    bias: &'a [f32],
    clamp: (f32, f32),
}

impl Panels<'_> {
    /// The panels `which`, of `len` channels each: outputs, `P` at a time, of which there are as many in a line; `PART` if the channels
    /// are fewer than the lanes.
    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    fn run<const P: usize, const V: usize, const S: usize, const PART: bool>(
        &self,
        which: Range<usize>,
        len: usize,
        lines: &Lines,
        y: &mut [f32],
    ) {
        let lanes = V.wrapping_mul(8);
        let end = which.end.saturating_sub(1).saturating_mul(LANES).saturating_add(len);
        let [window, output] = lines.last();
        let weights = which.len().saturating_mul(self.each).saturating_mul(lanes);
        let taps = self.taps.first.saturating_add(self.taps.span(1)) < self.each;
        let reads = window.saturating_add(self.taps.span(0)).saturating_add(end) <= self.x.len() && taps;
        let writes = output.saturating_add(end) <= y.len();
        if which.is_empty() || !(reads || self.taps.are_none()) || !writes || weights > self.w.len() {
            return;
        }
        if lines.len < P || len > lanes || (!PART && len < lanes) {
            return;
        }
        let masks: [__m256i; V] = core::array::from_fn(|v| mask(len.saturating_sub(v.wrapping_mul(8))));
        let mut w = self.w.as_ptr().wrapping_add(self.taps.first.wrapping_mul(lanes));
        for panel in which {
            let start = vectors::<V>(self.bias.get(panel * LANES..).unwrap_or(&[]));
            // SAFETY: the last of `which` reads and writes within the slices, and so do those before it.
            unsafe { self.panel::<P, V, S, PART>(panel * LANES, start, w, masks, lines, y.as_mut_ptr()) };
            w = w.wrapping_add(self.each * lanes);
        }
    }

    /// One panel, from `channel` on.
    ///
    /// # Safety
    /// The lanes of the masks of all windows and outputs, and all weights, are there, and so are `P` outputs in a line.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn panel<const P: usize, const V: usize, const S: usize, const PART: bool>(
        &self,
        channel: usize,
        start: Sums<V>,
        w: *const f32,
        masks: [__m256i; V],
        lines: &Lines,
        y: *mut f32,
    ) {
        let (min, max) = (_mm256_set1_ps(self.clamp.0), _mm256_set1_ps(self.clamp.1));
        let mut window = self.x.as_ptr().wrapping_add(lines.at[0].wrapping_add(channel));
        let mut output = y.wrapping_add(lines.at[1].wrapping_add(channel));
        for _ in 0..lines.count {
            for i in (0..lines.len).step_by(P) {
                // The last ones overlap those before them.
                let i = i.min(lines.len - P);
                let mut sums = [start; P];
                // SAFETY: the caller says so.
                unsafe {
                    self.sums::<P, V, S, PART>(window.add(i * lines.step[0]), lines.step[0], w, masks, &mut sums)
                };
                for (p, sums) in sums.into_iter().enumerate() {
                    for (v, (sum, mask)) in sums.into_iter().zip(masks).enumerate() {
                        // With a NaN these give their second operand.
                        let sum = _mm256_min_ps(max, _mm256_max_ps(min, sum));
                        let y = output.wrapping_add((i + p) * lines.step[1] + v * 8);
                        // SAFETY: the caller says so.
                        unsafe { if PART { _mm256_maskstore_ps(y, mask, sum) } else { _mm256_storeu_ps(y, sum) } };
                    }
                }
            }
            window = window.wrapping_add(lines.pitch[0]);
            output = output.wrapping_add(lines.pitch[1]);
        }
    }

    /// Adds the products of all taps for windows `step` apart.
    ///
    /// # Safety
    /// As for [`Panels::panel`].
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn sums<const P: usize, const V: usize, const S: usize, const PART: bool>(
        &self,
        window: *const f32,
        step: usize,
        w: *const f32,
        masks: [__m256i; V],
        sums: &mut [Sums<V>; P],
    ) {
        let Taps { along, across, .. } = self.taps;
        let lanes = V.wrapping_mul(8);
        let windows: [*const f32; P] = core::array::from_fn(|p| window.wrapping_add(p * step));
        let (mut x, mut w) = (0, w);
        for _ in 0..across.count {
            if S > 0 {
                let by = [along.by[0], along.by[1]];
                // SAFETY: the caller says so, and `S` neighbours are a step.
                unsafe { share_three::<P, V, S>(window.wrapping_add(x), w, by, sums) };
            } else {
                let (mut x, mut w) = (x, w);
                for _ in 0..along.count {
                    // SAFETY: the caller says so.
                    unsafe { multiply::<P, V, PART>(windows, x, w, masks, sums) };
                    x = x.wrapping_add(along.by[0]);
                    w = w.wrapping_add(along.by[1].wrapping_mul(lanes));
                }
            }
            x = x.wrapping_add(across.by[0]);
            w = w.wrapping_add(across.by[1].wrapping_mul(lanes));
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
    offset: usize,
    w: *const f32,
    masks: [__m256i; V],
    sums: &mut [Sums<V>; P],
) {
    // SAFETY: the caller says so.
    let w: Sums<V> = core::array::from_fn(|v| unsafe { _mm256_loadu_ps(w.add(v * 8)) });
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
