//! Dense and grouped convolution, channels last.
//!
//! ```text
//! y[n,i,j,o] = requantize(bias[o] + Σ_{k,l,c} (x[n, i·s+k·d-p, j·s'+l·d'-p', c] - x_zero) · w[o,k,l,c])
//! ```
//!
//! Output pixels go four at a time. A stretch of each one's receptive field is widened into a patch, its zero point
//! subtracted and its padding zeroed, and then meets the weights of every output channel: the inner loop is a dot
//! product of two plain rows, whatever the window. Patches and sums are the only memory, less than two kilobytes of stack.

use super::tile_i8::{biases, finish, widen};
use super::window_i8::part;
use crate::int8::{ConvI8, Patch, Rows, TILE_COLS, TILE_DEPTH, TILE_ROWS};
use crate::{Conv, Kernels};

/// Convolves `conv.x` with `conv.w`, `[out_channels, height, width, in_channels / groups]`, into
/// `y`, `[batch, height, width, out_channels]`.
pub fn conv_i8<K: Kernels>(conv: &ConvI8<'_>, y: &mut [i8]) {
    let Some(field) = Field::new(&conv.geometry) else { return };
    let mut pixels = Pixels::new(&conv.geometry);
    let mut patches = [[0; TILE_DEPTH]; TILE_ROWS];
    let channels = conv.geometry.out_channels.max(1);
    for y in y.chunks_mut(channels.saturating_mul(TILE_ROWS).max(1)) {
        let at = [(); TILE_ROWS].map(|()| pixels.next());
        let rows = y.len().div_ceil(channels).min(TILE_ROWS);
        let (Some(at), Some(patches)) = (at.get(..rows), patches.get_mut(..rows)) else { return };
        for group in 0..conv.geometry.groups {
            convolve_group::<K>(conv, &field, group, at, patches, y);
        }
    }
}

/// The channels of one group, of a few pixels.
#[inline]
fn convolve_group<K: Kernels>(
    conv: &ConvI8<'_>,
    field: &Field,
    group: usize,
    at: &[Pixel],
    patches: &mut [Patch],
    y: &mut [i8],
) {
    let first = group.wrapping_mul(field.outs);
    for block in (0..field.outs).step_by(TILE_COLS) {
        let from = first.wrapping_add(block);
        let outs = field.outs.wrapping_sub(block).min(TILE_COLS);
        let mut sums = [biases(conv.bias, from, outs); TILE_ROWS];
        let Some(sums) = sums.get_mut(..at.len()) else { return };
        for k in (0..field.depth).step_by(TILE_DEPTH) {
            let len = field.depth.wrapping_sub(k).min(TILE_DEPTH);
            // A field of one stretch serves every block.
            if block == 0 || field.depth > TILE_DEPTH {
                for (patch, at) in patches.iter_mut().zip(at) {
                    field.gather(patch.get_mut(..len).unwrap_or(&mut []), k, conv, *at, group);
                }
            }
            let start = from.wrapping_mul(field.depth).wrapping_add(k);
            let span = outs.wrapping_sub(1).wrapping_mul(field.depth).wrapping_add(len);
            let data = part(conv.w, start, span);
            K::tile_i8(sums, patches, Rows { data, stride: field.depth, len });
        }
        for (y, sums) in y.chunks_mut(conv.geometry.out_channels.max(1)).zip(sums) {
            finish(conv.output, part(conv.scale, from, outs), sums, y.get_mut(from..).unwrap_or_default());
        }
    }
}

/// An output pixel: its image, and the input position under its window's first tap, negative in the padding.
#[derive(Clone, Copy)]
struct Pixel {
    image: usize,
    top: isize,
    left: isize,
}

/// Every output pixel, in order.
struct Pixels<'a> {
    geometry: &'a Conv,
    image: usize,
    row: usize,
    col: usize,
}

impl<'a> Pixels<'a> {
    fn new(geometry: &'a Conv) -> Pixels<'a> {
        Pixels { geometry, image: 0, row: 0, col: 0 }
    }

    #[inline]
    fn next(&mut self) -> Pixel {
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
struct Field {
    /// Elements in all: `height · width · in_channels / groups`.
    depth: usize,
    /// Elements of a run: a row of the window, or one tap if taps or groups stand apart.
    run: usize,
    /// Runs in a row of the window.
    runs: usize,
    /// Channels in of a group.
    ins: usize,
    /// Channels out of a group.
    outs: usize,
}

impl Field {
    /// Nothing if there is nothing to compute.
    fn new(g: &Conv) -> Option<Field> {
        let [_, rows, cols] = &g.axes;
        let ins = g.in_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let outs = g.out_channels.checked_div(g.groups).filter(|&n| n > 0)?;
        let width = cols.kernel.wrapping_mul(ins);
        let whole = g.groups == 1 && (cols.dilation == 1 || cols.kernel == 1);
        let (run, runs) = if whole { (width, 1) } else { (ins, cols.kernel) };
        Some(Field { depth: rows.kernel.wrapping_mul(width), run, runs, ins, outs }).filter(|f| f.run > 0)
    }

    /// Writes the elements of the field from `k` on: `x - x_zero`, 0 in the padding.
    fn gather(&self, mut patch: &mut [i16], k: usize, conv: &ConvI8<'_>, at: Pixel, group: usize) {
        let [_, rows, cols] = &conv.geometry.axes;
        let line = cols.input.wrapping_mul(conv.geometry.in_channels);
        let (run, mut skip) = (k.checked_div(self.run).unwrap_or(0), k.checked_rem(self.run).unwrap_or(0));
        let (mut row, mut tap) = (run.checked_div(self.runs).unwrap_or(0), run.checked_rem(self.runs).unwrap_or(0));
        while !patch.is_empty() {
            let len = self.run.wrapping_sub(skip).min(patch.len());
            let (head, tail) = patch.split_at_mut_checked(len).unwrap_or_default();
            let i = at.top.wrapping_add_unsigned(row.wrapping_mul(rows.dilation));
            let j = at.left.wrapping_add_unsigned(tap.wrapping_mul(cols.dilation));
            let from = j.wrapping_mul(conv.geometry.in_channels.cast_signed());
            let from = from.wrapping_add_unsigned(group.wrapping_mul(self.ins).wrapping_add(skip));
            let on_input = usize::try_from(i).ok().filter(|&i| i < rows.input);
            let start = on_input.map(|i| at.image.wrapping_mul(rows.input).wrapping_add(i).wrapping_mul(line));
            let line = start.and_then(|s| conv.x.get(s..s.wrapping_add(line))).unwrap_or(&[]);
            widen(head, line, from, conv.x_zero);
            (patch, skip, tap) = (tail, 0, tap.wrapping_add(1));
            if tap == self.runs {
                (tap, row) = (0, row.wrapping_add(1));
            }
        }
    }
}
