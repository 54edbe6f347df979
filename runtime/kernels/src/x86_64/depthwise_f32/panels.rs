//! Panels of channels over a rectangle of outputs: the inner loops.

use crate::Conv;
use crate::x86_64::tile_f32::{Sums, vectors};
use core::arch::x86_64::*;
use core::ops::Range;

use super::LANES;

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
pub(super) struct Taps {
    first: usize,
    along: Steps,
    across: Steps,
    /// Outputs are 1 or 2 taps apart, and there are three taps along them; 0 if they share nothing.
    pub(super) sharing: usize,
}

impl Taps {
    /// Along columns, or along rows where the image is `upright`: that decides the order of a sum, and so must not depend on how
    /// many rows are computed together.
    pub(super) fn new(g: &Conv, under: &Range<usize>, right: &Range<usize>, upright: bool) -> Taps {
        let [_, down, across] = &g.axes;
        let row = down.dilation.saturating_mul(across.input).saturating_mul(g.in_channels);
        let of_rows = Steps { count: under.len(), by: [row, across.kernel] };
        let of_cols = Steps { count: right.len(), by: [across.dilation.saturating_mul(g.in_channels), 1] };
        let first = under.start.wrapping_mul(across.kernel).wrapping_add(right.start);
        let (axis, along, across) = if upright { (down, of_rows, of_cols) } else { (across, of_cols, of_rows) };
        let shared = along.count == 3 && axis.dilation == 1 && (1..=2).contains(&axis.stride);
        Taps { first, along, across, sharing: if shared { axis.stride } else { 0 } }
    }

    pub(super) fn are_none(&self) -> bool {
        self.along.count == 0 || self.across.count == 0
    }

    /// How far the last tap is from the first: elements of the input, and taps.
    fn span(&self, k: usize) -> usize {
        self.along.span(k).saturating_add(self.across.span(k))
    }
}

/// A rectangle as lines: where the first window begins and the first output, and how far the next are.
pub(super) struct Lines {
    at: [usize; 2],
    count: usize,
    pitch: [usize; 2],
    /// Outputs of a line.
    pub(super) len: usize,
    step: [usize; 2],
}

impl Lines {
    pub(super) fn new(
        at: [usize; 2],
        [tall, wide]: [usize; 2],
        pitch: [usize; 2],
        step: [usize; 2],
        upright: bool,
    ) -> Lines {
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
pub(super) struct Panels<'a> {
    pub(super) x: &'a [f32],
    pub(super) taps: Taps,
    /// Weights of a channel.
    pub(super) each: usize,
    pub(super) w: &'a [f32],
    pub(super) bias: &'a [f32],
    pub(super) clamp: (f32, f32),
}

impl Panels<'_> {
    /// The panels `which`, of `len` channels each: outputs, `P` at a time, of which there are as many in a line; `PART` if the channels
    /// are fewer than the lanes.
    #[inline(never)]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run<const P: usize, const V: usize, const S: usize, const PART: bool>(
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
