//! Transposed convolution, channels last.
//!
//! ```text
//! y[n,i,j,o] = requantize(bias[o] + Σ (x[n,a,b,c] - x_zero) · w[o,k,l,c]),  over all a, b, k, l, c with
//!              a·s + k·d = i + p  and  b·s' + l·d' = j + p'
//! ```
//!
//! Each output pixel gathers its own taps, so that nothing is written twice and no sum leaves the stack. Pixels of a
//! row that lie a stride apart meet the same taps, at neighbouring input pixels: they go four at a time.

use super::tile_i8::{biases, finish, widen};
use super::window_i8::{part, pieces};
use crate::int8::{ConvI8, Rows, TILE_COLS, TILE_DEPTH, TILE_ROWS};
use crate::{Axis, Kernels};

/// Convolves `conv.x`, spread by its strides, with `conv.w`, `[out_channels, height, width, in_channels]`, into `y`,
/// `[batch, height, width, out_channels]`. There are no groups.
pub fn conv_transpose_i8<K: Kernels>(conv: &ConvI8<'_>, y: &mut [i8]) {
    let g = &conv.geometry;
    let [_, rows, cols] = &g.axes;
    let image = rows.input.saturating_mul(cols.input).saturating_mul(g.in_channels);
    let line = cols.output.saturating_mul(g.out_channels).max(1);
    for (x, y) in pieces(conv.x, image, y, line.saturating_mul(rows.output)) {
        for (row, y) in y.chunks_mut(line).enumerate() {
            let width = y.len().div_ceil(g.out_channels.max(1));
            for phase in 0..cols.stride.min(width) {
                for col in (phase..width).step_by(cols.stride.saturating_mul(TILE_ROWS).max(1)) {
                    pixels::<K>(conv, x, row, col, y);
                }
            }
        }
    }
}

/// The pixels `col`, `col + stride`, … of output row `y`, at most [`TILE_ROWS`] of them.
fn pixels<K: Kernels>(conv: &ConvI8<'_>, x: &[i8], row: usize, col: usize, y: &mut [i8]) {
    let g = &conv.geometry;
    let [_, rows, cols] = &g.axes;
    let depth = rows.kernel.wrapping_mul(cols.kernel).wrapping_mul(g.in_channels);
    let line = cols.input.wrapping_mul(g.in_channels);
    let mut pixels = y.chunks_mut(g.out_channels.max(1)).skip(col).step_by(cols.stride.max(1));
    let mut y: [&mut [i8]; TILE_ROWS] = [(); TILE_ROWS].map(|()| pixels.next().unwrap_or_default());
    let mut patches = [[0; TILE_DEPTH]; TILE_ROWS];
    for from in (0..g.out_channels).step_by(TILE_COLS) {
        let outs = g.out_channels.wrapping_sub(from).min(TILE_COLS);
        let mut sums = [biases(conv.bias, from, outs); TILE_ROWS];
        each_tap(rows, cols, row, col, |tap, i, j| {
            let x = x.get(i.wrapping_mul(line)..).and_then(|x| x.get(..line)).unwrap_or(&[]);
            for c in (0..g.in_channels).step_by(TILE_DEPTH) {
                let len = g.in_channels.wrapping_sub(c).min(TILE_DEPTH);
                for (patch, next) in patches.iter_mut().zip(0..) {
                    let at = j.wrapping_add(next).wrapping_mul(g.in_channels.cast_signed()).wrapping_add_unsigned(c);
                    widen(patch.get_mut(..len).unwrap_or(&mut []), x, at, conv.x_zero);
                }
                let k = tap.wrapping_mul(g.in_channels).wrapping_add(c);
                let start = from.wrapping_mul(depth).wrapping_add(k);
                let span = outs.wrapping_sub(1).wrapping_mul(depth).wrapping_add(len);
                let data = part(conv.w, start, span);
                K::tile_i8(&mut sums, &patches, Rows { data, stride: depth, len });
            }
        });
        for (y, sums) in y.iter_mut().zip(&sums) {
            finish(conv.output, part(conv.scale, from, outs), sums, y.get_mut(from..).unwrap_or_default());
        }
    }
}

/// Calls `f` for each tap of output `row`, `col` that can meet the input, with its index, and the input row and the
/// input column under it; the column may lie outside.
#[inline]
fn each_tap(rows: &Axis, cols: &Axis, row: usize, col: usize, mut f: impl FnMut(usize, usize, isize)) {
    for k in 0..rows.kernel {
        let i = source(rows, row, k).and_then(|i| usize::try_from(i).ok()).filter(|&i| i < rows.input);
        let Some(i) = i else { continue };
        for l in 0..cols.kernel {
            if let Some(j) = source(cols, col, l) {
                f(k.wrapping_mul(cols.kernel).wrapping_add(l), i, j);
            }
        }
    }
}

/// The input position that meets output `o` at tap `k`, if any does; it may lie outside.
#[inline]
fn source(axis: &Axis, o: usize, k: usize) -> Option<isize> {
    let spread = o.wrapping_add(axis.pad).wrapping_sub(k.wrapping_mul(axis.dilation)).cast_signed();
    let stride = axis.stride.cast_signed();
    let whole = spread.checked_rem(stride)? == 0;
    if whole { spread.checked_div(stride) } else { None }
}
