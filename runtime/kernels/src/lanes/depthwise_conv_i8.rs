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
use core::marker::PhantomData;

/// Taps at most, and one more to make their number even.
const TAPS: usize = 26;

/// Channels at a time at most.
const CHANNELS: usize = 256;

/// Units of the weights of that many channels at most.
const UNITS: usize = 240;

/// Elements of padded lines at most.
const LINES: usize = 8192;

/// Weights of eight channels: of two taps, as [`Lanes::taps`] wants them. Before those of a block is one of eight `i32`, what the sums begin
/// with.
type Unit = [[i16; 8]; 2];

/// Taps, if this file convolves so.
fn taps(conv: &ConvI8<'_>) -> Option<usize> {
    let g = &conv.geometry;
    let [_, rows, cols] = &g.axes;
    let taps = rows.kernel.saturating_mul(cols.kernel);
    ((1..TAPS).contains(&taps) && g.in_channels >= 8 && g.out_channels == g.in_channels).then_some(taps)
}

/// See [`crate::generic::depthwise_conv_i8`]; `packed` is what [`pack_depthwise_conv_i8`] made, or empty.
pub(crate) fn depthwise_conv_i8<L: Lanes<N, U>, const N: usize, const U: usize>(
    conv: &ConvI8<'_>,
    packed: &[u8],
    y: &mut [i8],
) {
    let Some(taps) = taps(conv) else { return crate::generic::depthwise_conv_i8(conv, y) };
    let channels = conv.geometry.in_channels;
    let (units, blocks) = (taps.div_ceil(2) + 1, channels.div_ceil(8));
    // SAFETY: integers are whatever the bytes are.
    let (_, packed, _) = unsafe { packed.align_to::<Unit>() };
    let mut own = [[[0; 8]; 2]; UNITS];
    let mut lines = Lines { elements: [conv.x_zero; LINES], held: [usize::MAX; TAPS] };
    let most = (UNITS / units).min(CHANNELS / 8);
    for first in (0..blocks).step_by(most) {
        let count = (blocks - first).min(most);
        let weights = packed.get(first.wrapping_mul(units)..).and_then(|w| w.get(..count.wrapping_mul(units)));
        let weights = weights.unwrap_or_else(|| {
            pack::<L, N, U>(conv, taps, first, &mut own);
            own.get(..count.wrapping_mul(units)).unwrap_or(&[])
        });
        let from = block(first, channels);
        let channels = first.wrapping_add(count).wrapping_mul(8).min(channels).wrapping_sub(from);
        let part = Part::<L, N, U> {
            conv,
            first: from,
            channels,
            units,
            weights,
            pad: [conv.x_zero; CHANNELS],
            lanes: PhantomData,
        };
        part.each_row(&mut lines, y);
    }
}

/// Packs what [`depthwise_conv_i8`] reads, if `out` has room; returns the bytes that it takes, 0 if there is no packed form.
pub(crate) fn pack_depthwise_conv_i8<L: Lanes<N, U>, const N: usize, const U: usize>(
    conv: &ConvI8<'_>,
    out: &mut [u8],
) -> usize {
    let Some(taps) = taps(conv).filter(|taps| taps.checked_mul(conv.geometry.in_channels) == Some(conv.w.len())) else {
        return 0;
    };
    let units = conv.geometry.in_channels.div_ceil(8).saturating_mul(taps.div_ceil(2) + 1);
    let len = units.saturating_mul(size_of::<Unit>());
    if let Some(out) = out.get_mut(..len) {
        // SAFETY: integers are whatever the bytes are.
        let (_, out, _) = unsafe { out.align_to_mut() };
        pack::<L, N, U>(conv, taps, 0, out);
    }
    len
}

/// Packs blocks of eight channels from block `first` on, as many as there are and fit.
fn pack<L: Lanes<N, U>, const N: usize, const U: usize>(
    conv: &ConvI8<'_>,
    taps: usize,
    first: usize,
    out: &mut [Unit],
) {
    let channels = conv.geometry.in_channels;
    for (b, out) in (first..channels.div_ceil(8)).zip(out.chunks_exact_mut(taps.div_ceil(2) + 1)) {
        let at = block(b, channels);
        let mut total = [0i32; 8];
        let Some((start, weights)) = out.split_first_mut() else { return };
        for (p, weights) in weights.iter_mut().enumerate() {
            let tap = |t: usize| eight(conv.w, t.wrapping_mul(channels).wrapping_add(at));
            let (a, b) = (tap(2 * p), if taps == 2 * p + 1 { [0; 8] } else { tap(2 * p + 1) });
            *weights = L::tap_weights(&a, &b);
            total.iter_mut().zip(a).zip(b).for_each(|((t, a), b)| *t += i32::from(a) + i32::from(b));
        }
        let bias: [i32; 8] = eight(conv.bias, at);
        let sums = start.as_flattened_mut().as_chunks_mut::<2>().0;
        for ((to, total), bias) in sums.iter_mut().zip(total).zip(bias) {
            let sum = bias.wrapping_sub(total.wrapping_mul(conv.x_zero.into()));
            // SAFETY: both are four bytes, and any are integers.
            *to = unsafe { core::mem::transmute::<i32, [i16; 2]>(sum) };
        }
    }
}

/// Some channels: `channels` from `first` on.
struct Part<'a, L, const N: usize, const U: usize> {
    conv: &'a ConvI8<'a>,
    first: usize,
    channels: usize,
    /// Units of eight channels.
    units: usize,
    weights: &'a [Unit],
    /// What lies in the padding.
    pad: [i8; CHANNELS],
    lanes: PhantomData<L>,
}

impl<L: Lanes<N, U>, const N: usize, const U: usize> Part<'_, L, N, U> {
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
            for (b, weights) in self.weights.chunks_exact(self.units).enumerate() {
                let Some((start, weights)) = weights.split_first() else { return };
                // SAFETY: both are 32 bytes, and any are integers.
                let start: [[i32; 4]; 2] = unsafe { core::mem::transmute(*start) };
                let start = start.map(L::sums);
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
