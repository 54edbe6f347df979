//! Receptive fields as rows of operands.
//!
//! A field is a sequence of runs, stretches that are contiguous in the input: a row of the window, or one tap if taps or
//! groups stand apart. A run is copied at once, and what of it lies in the padding is made of `x_zero`.

use super::Lanes;
use crate::int8::ConvI8;
use crate::{Axis, Conv};

/// The shape of the receptive fields of one group.
pub(super) struct Field {
    /// Elements in all: `height · width · in_channels / groups`.
    pub(super) depth: usize,
    /// Channels out of a group.
    pub(super) outs: usize,
    /// Channels in of a group.
    ins: usize,
    /// Elements of a run.
    run: usize,
    /// Runs in a row of the window.
    runs: usize,
    /// Whether the fields of pixels one after the other lie so in the input.
    pub(super) plain: bool,
}

impl Field {
    /// Nothing if there is nothing to compute.
    pub(super) fn new(g: &Conv) -> Option<Field> {
        let [_, rows, cols] = &g.axes;
        let ins = g.in_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let outs = g.out_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let width = cols.kernel.wrapping_mul(ins);
        let whole = g.groups == 1 && (cols.dilation == 1 || cols.kernel == 1);
        let (run, runs) = if whole { (width, 1) } else { (ins, cols.kernel) };
        let plain = g.groups == 1 && g.axes.iter().all(Axis::is_pointwise);
        Some(Field { depth: rows.kernel.wrapping_mul(width), outs, ins, run, runs, plain }).filter(|f| f.run > 0)
    }

    /// Copies the elements of one pixel's field from `from` on.
    pub(super) fn gather<L: Lanes<N, U>, const N: usize, const U: usize>(
        &self,
        mut row: &mut [L::Element],
        from: usize,
        conv: &ConvI8<'_>,
        at: Pixel,
        group: usize,
    ) {
        let [_, rows, cols] = &conv.geometry.axes;
        let line = cols.input.wrapping_mul(conv.geometry.in_channels);
        if self.runs == 1 && row.len() == self.depth && at.is_within(rows, cols) {
            let first = at.image.wrapping_mul(rows.input).wrapping_add(at.top.cast_unsigned()).wrapping_mul(line);
            let first = first.wrapping_add(at.left.cast_unsigned().wrapping_mul(conv.geometry.in_channels));
            let mut first = first.wrapping_add(group.wrapping_mul(self.ins));
            for run in row.chunks_exact_mut(self.run) {
                copy::<L, N, U>(run, conv.x.get(first..).unwrap_or(&[]));
                first = first.wrapping_add(line.wrapping_mul(rows.dilation));
            }
            return;
        }
        let (run, mut skip) = if from == 0 { (0, 0) } else { (from / self.run.max(1), from % self.run.max(1)) };
        let (mut y, mut tap) = if run == 0 { (0, 0) } else { (run / self.runs.max(1), run % self.runs.max(1)) };
        while !row.is_empty() {
            let len = self.run.wrapping_sub(skip).min(row.len());
            let (head, tail) = row.split_at_mut_checked(len).unwrap_or_default();
            let i = at.top.wrapping_add_unsigned(y.wrapping_mul(rows.dilation));
            let j = at.left.wrapping_add_unsigned(tap.wrapping_mul(cols.dilation));
            let first = j.wrapping_mul(conv.geometry.in_channels.cast_signed());
            let first = first.wrapping_add_unsigned(group.wrapping_mul(self.ins).wrapping_add(skip));
            let on_input = usize::try_from(i).ok().filter(|&i| i < rows.input);
            let start = on_input.map(|i| at.image.wrapping_mul(rows.input).wrapping_add(i).wrapping_mul(line));
            let line = start.and_then(|s| conv.x.get(s..s.wrapping_add(line))).unwrap_or(&[]);
            copy_run::<L, N, U>(head, line, first, conv.x_zero);
            (row, skip, tap) = (tail, 0, tap.wrapping_add(1));
            if tap == self.runs {
                (tap, y) = (0, y.wrapping_add(1));
            }
        }
    }
}

/// `to[i] = line[first + i]`, and `zero` beyond either end of the line.
pub(super) fn copy_run<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [L::Element],
    line: &[i8],
    first: isize,
    zero: i8,
) {
    let before = usize::try_from(first.wrapping_neg()).unwrap_or(0).min(to.len());
    let (pad, to) = to.split_at_mut_checked(before).unwrap_or_default();
    let line = line.get(usize::try_from(first).unwrap_or(0)..).unwrap_or(&[]);
    let on_input = to.len().min(line.len());
    let (to, rest) = to.split_at_mut_checked(on_input).unwrap_or_default();
    pad.fill(L::element(zero));
    rest.fill(L::element(zero));
    copy::<L, N, U>(to, line);
}

/// `to[i] = from[i]`, as operands.
pub(super) fn copy<L: Lanes<N, U>, const N: usize, const U: usize>(to: &mut [L::Element], from: &[i8]) {
    let from = from.get(..to.len()).unwrap_or(from);
    for (to, from) in to.as_chunks_mut::<N>().0.iter_mut().zip(from.as_chunks::<N>().0) {
        *to = L::elements(from);
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        // Once more over a part of the last whole one: shorter than a loop over the rest.
        *to = L::elements(from);
    } else {
        to.iter_mut().zip(from).for_each(|(to, &x)| *to = L::element(x));
    }
}

/// An output pixel: its image, and the input position under its window's first tap, negative in the padding.
pub(super) struct Pixel {
    image: usize,
    top: isize,
    left: isize,
}

impl Pixel {
    /// Whether none of the window lies in the padding.
    #[inline(always)]
    fn is_within(&self, rows: &Axis, cols: &Axis) -> bool {
        let within = |first: isize, axis: &Axis| {
            let reach = axis.kernel.wrapping_sub(1).wrapping_mul(axis.dilation);
            usize::try_from(first).is_ok_and(|first| first.saturating_add(reach) < axis.input)
        };
        within(self.top, rows) && within(self.left, cols)
    }
}

/// Every output pixel, in order.
#[derive(Clone)]
pub(super) struct Pixels<'a> {
    geometry: &'a Conv,
    image: usize,
    row: usize,
    col: usize,
}

impl<'a> Pixels<'a> {
    pub(super) fn new(geometry: &'a Conv) -> Pixels<'a> {
        Pixels { geometry, image: 0, row: 0, col: 0 }
    }

    /// The number of the next one.
    pub(super) fn at(&self) -> usize {
        let [_, rows, cols] = &self.geometry.axes;
        let row = self.image.wrapping_mul(rows.output).wrapping_add(self.row);
        row.wrapping_mul(cols.output).wrapping_add(self.col)
    }

    /// Leaves out `n`.
    pub(super) fn skip(&mut self, n: usize) {
        (0..n).for_each(|_| _ = self.next());
    }

    pub(super) fn next(&mut self) -> Pixel {
        let [_, rows, cols] = &self.geometry.axes;
        let start = |o: usize, stride: usize, pad: usize| o.wrapping_mul(stride).wrapping_sub(pad).cast_signed();
        let pixel = Pixel {
            image: self.image,
            top: start(self.row, rows.stride, rows.pad),
            left: start(self.col, cols.stride, cols.pad),
        };
        self.col = self.col.wrapping_add(1);
        if self.col >= cols.output {
            (self.col, self.row) = (0, self.row.wrapping_add(1));
        }
        if self.row >= rows.output {
            (self.row, self.image) = (0, self.image.wrapping_add(1));
        }
        pixel
    }
}
