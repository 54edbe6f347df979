//! Depthwise convolution, as [`crate::generic::depthwise_conv_i8`].
//!
//! ```text
//! for output pixels:             where each tap's channels begin; those in the padding are a row of x_zero
//!     for eight channels:        bias - x_zero · Σ w, then the taps two by two, scale, store
//! ```
//!
//! Along a row the addresses only advance, so that they are found once. Where taps of some outputs of the row lie in the padding,
//! the lines under it are copied with their padding first.

use super::panel::eight;
use super::{Lanes, load_8};
use crate::int8::ConvI8;

/// Taps at most, and one more to make their number even.
const TAPS: usize = 26;

/// Channels at a time at most.
const CHANNELS: usize = 256;

/// Pairs of taps of eight channels at most.
const PAIRS: usize = CHANNELS / 8 * TAPS / 2 / 2;

/// Elements of padded lines at most.
const LINES: usize = 8192;

/// See [`crate::generic::depthwise_conv_i8`].
pub(crate) fn depthwise_conv_i8<L: Lanes<N, U>, const N: usize, const U: usize>(conv: &ConvI8<'_>, y: &mut [i8]) {
    let g = &conv.geometry;
    let [_, rows, cols] = &g.axes;
    let taps = rows.kernel.saturating_mul(cols.kernel);
    let channels = g.in_channels;
    if taps == 0 || taps >= TAPS || channels < 8 || g.out_channels != channels {
        return crate::generic::depthwise_conv_i8(conv, y);
    }
    let pairs = taps.div_ceil(2);
    // A multiple of eight.
    let most = (PAIRS / pairs * 8).min(CHANNELS);
    let mut lines = Lines { elements: [conv.x_zero; LINES], held: [usize::MAX; TAPS] };
    let mut from = 0;
    while from < channels {
        // The last ones overlap those before them rather than being fewer than eight.
        let first = from.min(channels - 8);
        let part = Part::<L, N, U>::new(conv, first, (channels - first).min(most), pairs);
        part.each_row(&mut lines, y);
        from = first + part.channels;
    }
}

/// Some channels: `channels` from `first` on.
struct Part<'a, L: Lanes<N, U>, const N: usize, const U: usize> {
    conv: &'a ConvI8<'a>,
    first: usize,
    channels: usize,
    /// Pairs of taps.
    pairs: usize,
    /// By eight channels, then by pair.
    weights: [[[i16; 8]; 2]; PAIRS],
    /// What the sums of eight channels begin with.
    start: [[L::Sums; 2]; CHANNELS / 8],
    /// What lies in the padding.
    pad: [i8; CHANNELS],
}

impl<'a, L: Lanes<N, U>, const N: usize, const U: usize> Part<'a, L, N, U> {
    fn new(conv: &'a ConvI8<'a>, first: usize, channels: usize, pairs: usize) -> Part<'a, L, N, U> {
        let mut part = Part {
            conv,
            first,
            channels,
            pairs,
            weights: [[[0; 8]; 2]; PAIRS],
            start: [[L::sums([0; 4]); 2]; CHANNELS / 8],
            pad: [conv.x_zero; CHANNELS],
        };
        for (b, weights) in part.weights.chunks_exact_mut(pairs).take(channels.div_ceil(8)).enumerate() {
            let at = first + block(b, channels);
            let mut total = [0i32; 8];
            for (p, weights) in weights.iter_mut().enumerate() {
                let tap = |t: usize| eight(conv.w, t.wrapping_mul(conv.geometry.in_channels).wrapping_add(at));
                let odd = conv.geometry.axes[1].kernel.wrapping_mul(conv.geometry.axes[2].kernel) == 2 * p + 1;
                let (a, b) = (tap(2 * p), if odd { [0; 8] } else { tap(2 * p + 1) });
                *weights = L::tap_weights(&a, &b);
                total.iter_mut().zip(a).zip(b).for_each(|((t, a), b)| *t += i32::from(a) + i32::from(b));
            }
            let bias: [i32; 8] = eight(conv.bias, at);
            total.iter_mut().zip(bias).for_each(|(t, b)| *t = b.wrapping_sub(t.wrapping_mul(conv.x_zero.into())));
            let [t0, t1, t2, t3, t4, t5, t6, t7] = total;
            if let Some(start) = part.start.get_mut(b) {
                *start = [L::sums([t0, t1, t2, t3]), L::sums([t4, t5, t6, t7])];
            }
        }
        part
    }

    fn each_row(&self, lines: &mut Lines, y: &mut [i8]) {
        let [_, rows, cols] = &self.conv.geometry.axes;
        let (mut image, mut row) = (0usize, 0usize);
        // One more stands for all lines of padding.
        let len = self.line_len().saturating_mul(self.span().saturating_add(1));
        let padded = cols.interior() != (0..cols.output) && len <= LINES && self.span() < TAPS;
        for y in y.chunks_mut(cols.output.saturating_mul(self.conv.geometry.in_channels).max(1)) {
            if padded {
                self.pixels(&self.padded_taps(image, row, lines), y);
            } else {
                self.row(image, row, y);
            }
            row = row.wrapping_add(1);
            if row >= rows.output {
                (row, image) = (0, image.wrapping_add(1));
            }
        }
    }

    /// Elements of all channels of a padded line: those under the taps of a row of outputs.
    fn line_len(&self) -> usize {
        let [_, _, cols] = &self.conv.geometry.axes;
        let first = cols.output.saturating_sub(1).saturating_mul(cols.stride);
        let taps = cols.kernel.saturating_sub(1).saturating_mul(cols.dilation);
        first.saturating_add(taps).saturating_add(1).saturating_mul(self.conv.geometry.in_channels)
    }

    /// Lines that a row of outputs spans.
    fn span(&self) -> usize {
        let [_, rows, _] = &self.conv.geometry.axes;
        rows.kernel.saturating_sub(1).saturating_mul(rows.dilation).saturating_add(1)
    }

    /// The taps of a row of outputs in copies of the lines under it, which stay for the rows after it.
    fn padded_taps<'l>(&self, image: usize, row: usize, lines: &'l mut Lines) -> Taps<'l> {
        let g = &self.conv.geometry;
        let [_, rows, cols] = &g.axes;
        let (len, span) = (self.line_len(), self.span());
        let mut slots = [span; TAPS];
        for (ky, slot) in slots.iter_mut().enumerate().take(rows.kernel) {
            let Some(at) = rows.at(row, ky) else { continue };
            *slot = at.checked_rem(span).unwrap_or(0);
            let number = image.wrapping_mul(rows.input).wrapping_add(at);
            if let Some(held) = lines.held.get_mut(*slot).filter(|held| **held != number) {
                *held = number;
                let own = cols.input.wrapping_mul(g.in_channels);
                let start = number.wrapping_mul(own);
                let to = slot.wrapping_mul(len).wrapping_add(cols.pad.wrapping_mul(g.in_channels));
                let end = slot.wrapping_add(1).wrapping_mul(len);
                let line = lines.elements.get_mut(to..end).unwrap_or(&mut []);
                copy(line, self.conv.x.get(start..start.wrapping_add(own)).unwrap_or(&[]));
            }
        }
        let mut at: [&[i8]; TAPS] = [&[]; TAPS];
        let mut reach = usize::MAX;
        for (ky, slot) in slots.iter().enumerate().take(rows.kernel) {
            for kx in 0..cols.kernel {
                let start = kx.wrapping_mul(cols.dilation).wrapping_mul(g.in_channels).wrapping_add(self.first);
                let line = slot.wrapping_mul(len);
                let tap = lines.elements.get(line.wrapping_add(start)..line.wrapping_add(len)).unwrap_or(&[]);
                if let Some(at) = at.get_mut(ky.wrapping_mul(cols.kernel).wrapping_add(kx)) {
                    *at = tap;
                }
                reach = reach.min(tap.len());
            }
        }
        Taps::new(at, rows.kernel.wrapping_mul(cols.kernel), cols.stride.wrapping_mul(g.in_channels), reach)
    }

    fn row(&self, image: usize, row: usize, mut y: &mut [i8]) {
        let [_, rows, cols] = &self.conv.geometry.axes;
        let interior = if rows.taps(row).len() == rows.kernel { cols.interior() } else { 0..0 };
        let mut col = 0usize;
        while !y.is_empty() {
            let count = if interior.contains(&col) { interior.end.wrapping_sub(col) } else { 1 };
            let len = count.saturating_mul(self.conv.geometry.in_channels).min(y.len());
            let (head, tail) = y.split_at_mut_checked(len).unwrap_or_default();
            self.pixels(&self.taps(image, [row, col], count), head);
            (y, col) = (tail, col.wrapping_add(count));
        }
    }

    /// The taps of `count` outputs in a row, from one on; if those are several, none lies in the padding.
    fn taps(&self, image: usize, [row, col]: [usize; 2], count: usize) -> Taps<'_> {
        let g = &self.conv.geometry;
        let [_, rows, cols] = &g.axes;
        let padding = self.pad.get(..self.channels).unwrap_or(&[]);
        let mut at: [&[i8]; TAPS] = [padding; TAPS];
        let step = cols.stride.wrapping_mul(g.in_channels);
        let span = count.wrapping_sub(1).wrapping_mul(step).wrapping_add(self.channels);
        let mut reach = span;
        for ky in 0..rows.kernel {
            let line =
                rows.at(row, ky).map(|i| image.wrapping_mul(rows.input).wrapping_add(i).wrapping_mul(cols.input));
            for kx in 0..cols.kernel {
                let pixel = line.and_then(|line| Some(line.wrapping_add(cols.at(col, kx)?)));
                let start = pixel.map(|p| p.wrapping_mul(g.in_channels).wrapping_add(self.first));
                let tap = start.map_or(padding, |s| self.conv.x.get(s..s.wrapping_add(span)).unwrap_or(&[]));
                if let Some(at) = at.get_mut(ky.wrapping_mul(cols.kernel).wrapping_add(kx)) {
                    *at = tap;
                }
                reach = reach.min(tap.len());
            }
        }
        Taps::new(at, rows.kernel.wrapping_mul(cols.kernel), step, reach)
    }

    /// Outputs one after the other, as long as their taps reach: two at a time, which share the weights.
    fn pixels(&self, taps: &Taps<'_>, y: &mut [i8]) {
        let channels = self.conv.geometry.in_channels;
        let mut this = 0usize;
        for y in y.chunks_mut(channels.saturating_mul(2)) {
            let (y0, y1) = y.split_at_mut_checked(channels).unwrap_or_default();
            let next = if y1.is_empty() { this } else { this.saturating_add(taps.step) };
            if next.saturating_add(self.channels) > taps.reach {
                return;
            }
            let blocks = self.weights.chunks_exact(self.pairs).zip(&self.start).take(self.channels.div_ceil(8));
            for (b, (weights, &start)) in blocks.enumerate() {
                let from = block(b, self.channels);
                let pairs = taps.at.as_chunks::<2>().0.iter().zip(weights);
                // SAFETY: no slice is shorter than `reach >= next + channels`, `this <= next`, `from + 8 <= channels`.
                let at = |tap: &[i8], at: usize| unsafe { &*tap.as_ptr().add(at + from).cast::<[i8; 8]>() };
                let (mut s0, mut s1) = (start, start);
                if y1.is_empty() {
                    pairs.for_each(|([a, b], w)| s0 = L::taps(s0, at(a, this), at(b, this), w));
                } else {
                    pairs.for_each(|([a, b], w)| {
                        s0 = L::taps(s0, at(a, this), at(b, this), w);
                        s1 = L::taps(s1, at(a, next), at(b, next), w);
                    });
                }
                let from = from.wrapping_add(self.first);
                let scale = self.conv.scale.get(from..).and_then(|s| s.first_chunk());
                let Some(scale) = scale.map(load_8::<L::Reals>) else { return };
                let put = |y: &mut [i8], sums| {
                    if let Some(y) = y.get_mut(from..).and_then(|y| y.first_chunk_mut()) {
                        *y = L::requantize(sums, scale, self.conv.output);
                    }
                };
                put(y0, s0);
                put(y1, s1);
            }
            this = next.saturating_add(taps.step);
        }
    }
}

/// Copies of lines of the input between their padding.
struct Lines {
    elements: [i8; LINES],
    /// The number of the line in each place.
    held: [usize; TAPS],
}

/// `to[i] = from[i]`, as far as both go; sixteen at a time: a loop over bytes stays one.
fn copy(to: &mut [i8], from: &[i8]) {
    let len = to.len().min(from.len());
    let (to, from) = (to.get_mut(..len).unwrap_or(&mut []), from.get(..len).unwrap_or(&[]));
    let ((to, to_rest), (from, from_rest)) = (to.as_chunks_mut::<16>(), from.as_chunks::<16>());
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
    to_rest.iter_mut().zip(from_rest).for_each(|(to, from)| *to = *from);
}

/// Where the channels of every tap begin, for the first of some outputs in a row.
struct Taps<'a> {
    at: [&'a [i8]; TAPS],
    /// From one output to the next.
    step: usize,
    /// No tap is shorter.
    reach: usize,
}

impl<'a> Taps<'a> {
    /// Where their number is odd, the one after the last has weights of 0: it goes where the first goes.
    fn new(mut at: [&'a [i8]; TAPS], count: usize, step: usize, reach: usize) -> Taps<'a> {
        let [first, ..] = at;
        if let Some(spare) = at.get_mut(count) {
            *spare = first;
        }
        Taps { at, step, reach }
    }
}

/// The first channel of block `b` of eight of `channels`: the last block overlaps the one before it.
#[inline(always)]
fn block(b: usize, channels: usize) -> usize {
    b.saturating_mul(8).min(channels.saturating_sub(8))
}
