//! The receptive fields of a convolution's output pixels.

use crate::int8::ConvI8;
use crate::{Axis, Conv};

/// An output pixel: its image, and the input position under its window's first tap, negative in the padding.
#[derive(Clone, Copy)]
pub(crate) struct Pixel {
    image: usize,
    top: isize,
    left: isize,
}

#[allow(dead_code, reason = "each set of kernels needs some of it")]
impl Pixel {
    /// The input pixel under the window's first tap; see [`Pixel::tap`].
    pub(crate) fn index(&self, g: &Conv) -> usize {
        self.tap(g, 0, 0)
    }

    /// The input pixel under tap `(k, l)` of an undilated window; a number of no pixel, from which offsets count on, if that
    /// is in the padding.
    pub(crate) fn tap(&self, g: &Conv, k: usize, l: usize) -> usize {
        let [_, rows, cols] = &g.axes;
        let row = self.image.wrapping_mul(rows.input).wrapping_add_signed(self.top).wrapping_add(k);
        row.wrapping_mul(cols.input).wrapping_add_signed(self.left).wrapping_add(l)
    }

    /// The taps of an undilated window that lie on the input: the first ones and their numbers, down and across.
    pub(crate) fn taps(&self, g: &Conv) -> ([usize; 2], [usize; 2]) {
        let [_, rows, cols] = &g.axes;
        let taps = |from: isize, axis: &Axis| {
            let first = usize::try_from(from.wrapping_neg()).unwrap_or(0).min(axis.kernel);
            let end = axis.input.checked_add_signed(from.wrapping_neg()).unwrap_or(0).min(axis.kernel);
            (first, end.saturating_sub(first))
        };
        let ((top, down), (left, across)) = (taps(self.top, rows), taps(self.left, cols));
        ([top, left], [down, across])
    }

    /// Whether its window lies on the input.
    pub(crate) fn is_whole(&self, g: &Conv) -> bool {
        let [_, rows, cols] = &g.axes;
        let within = |from: isize, axis: &Axis| {
            let reach = axis.kernel.wrapping_sub(1).wrapping_mul(axis.dilation);
            from >= 0 && from.cast_unsigned().wrapping_add(reach) < axis.input
        };
        within(self.top, rows) && within(self.left, cols)
    }

    /// Whether tap `(k, l)` of its window lies on the input.
    pub(crate) fn is_on_input(&self, g: &Conv, k: usize, l: usize) -> bool {
        let [_, rows, cols] = &g.axes;
        let within = |from: isize, tap: usize, axis: &Axis| {
            from.wrapping_add_unsigned(tap.wrapping_mul(axis.dilation)).cast_unsigned() < axis.input
        };
        within(self.top, k, rows) && within(self.left, l, cols)
    }
}

/// Every output pixel, in order.
#[derive(Clone)]
pub(crate) struct Pixels<'a> {
    geometry: &'a Conv,
    image: usize,
    row: usize,
    col: usize,
}

#[allow(dead_code, reason = "each set of kernels needs some of it")]
impl<'a> Pixels<'a> {
    pub(crate) fn new(geometry: &'a Conv) -> Pixels<'a> {
        Pixels { geometry, image: 0, row: 0, col: 0 }
    }

    /// Those from pixel `index` on.
    pub(crate) fn from(geometry: &'a Conv, index: usize) -> Pixels<'a> {
        let [_, rows, cols] = &geometry.axes;
        let divide = |a: usize, b: usize| (a.checked_div(b).unwrap_or(0), a.checked_rem(b).unwrap_or(0));
        let (line, col) = divide(index, cols.output);
        let (image, row) = divide(line, rows.output);
        Pixels { geometry, image, row, col }
    }

    /// The number of the next one.
    pub(crate) fn at(&self) -> usize {
        let [_, rows, cols] = &self.geometry.axes;
        let row = self.image.wrapping_mul(rows.output).wrapping_add(self.row);
        row.wrapping_mul(cols.output).wrapping_add(self.col)
    }

    /// Leaves out `n`.
    pub(crate) fn skip(&mut self, n: usize) {
        (0..n).for_each(|_| _ = self.next());
    }

    #[inline]
    pub(crate) fn next(&mut self) -> Pixel {
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

/// The receptive field of an output pixel as a sequence of runs: stretches that are contiguous in the input.
pub(crate) struct Field {
    /// Elements in all: `height · width · in_channels / groups`.
    pub(crate) depth: usize,
    /// Elements of a run: a row of the window, or one tap if taps or groups stand apart.
    pub(crate) run: usize,
    /// Runs in a row of the window.
    pub(crate) runs: usize,
    /// Channels in of a group.
    pub(crate) ins: usize,
    /// Channels out of a group.
    pub(crate) outs: usize,
}

impl Field {
    /// Nothing if there is nothing to compute.
    pub(crate) fn new(g: &Conv) -> Option<Field> {
        let [_, rows, cols] = &g.axes;
        let ins = g.in_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let outs = g.out_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let width = cols.kernel.wrapping_mul(ins);
        let whole = g.groups == 1 && (cols.dilation == 1 || cols.kernel == 1);
        let (run, runs) = if whole { (width, 1) } else { (ins, cols.kernel) };
        Some(Field { depth: rows.kernel.wrapping_mul(width), run, runs, ins, outs }).filter(|f| f.run > 0)
    }

    /// Calls `f` for each run, or part of one, among the `len` elements of the field from `k` on: its length, the line of
    /// the input that it lies on, empty if that is padding, and where on the line it begins. What lies before the line
    /// or beyond it is padding.
    pub(crate) fn runs<'a>(
        &self,
        k: usize,
        mut len: usize,
        conv: &ConvI8<'a>,
        at: Pixel,
        group: usize,
        mut f: impl FnMut(usize, &'a [i8], isize),
    ) {
        let [_, rows, cols] = &conv.geometry.axes;
        let line = cols.input.wrapping_mul(conv.geometry.in_channels);
        let (run, mut skip) = (k.checked_div(self.run).unwrap_or(0), k.checked_rem(self.run).unwrap_or(0));
        let (mut row, mut tap) = (run.checked_div(self.runs).unwrap_or(0), run.checked_rem(self.runs).unwrap_or(0));
        while len > 0 {
            let part = self.run.wrapping_sub(skip).min(len);
            let i = at.top.wrapping_add_unsigned(row.wrapping_mul(rows.dilation));
            let j = at.left.wrapping_add_unsigned(tap.wrapping_mul(cols.dilation));
            let from = j.wrapping_mul(conv.geometry.in_channels.cast_signed());
            let from = from.wrapping_add_unsigned(group.wrapping_mul(self.ins).wrapping_add(skip));
            let on_input = usize::try_from(i).ok().filter(|&i| i < rows.input);
            let start = on_input.map(|i| at.image.wrapping_mul(rows.input).wrapping_add(i).wrapping_mul(line));
            f(part, start.and_then(|s| conv.x.get(s..s.wrapping_add(line))).unwrap_or(&[]), from);
            (len, skip, tap) = (len.wrapping_sub(part), 0, tap.wrapping_add(1));
            if tap == self.runs {
                (tap, row) = (0, row.wrapping_add(1));
            }
        }
    }
}
