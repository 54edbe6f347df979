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

mod panels;

use super::conv_f32::{pack_panels, panels_len, weight};
use super::segments::share;
use super::strip::laid;
use crate::{Axis, Conv, ConvF32, Weights};
use core::ops::Range;
use panels::{Lines, Panels, Taps};

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
