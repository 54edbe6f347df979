//! Dense and grouped convolution, channels last.
//!
//! ```text
//! y[n,i,j,o] = requantize(bias[o] + Σ_{k,l,c} (x[n, i·s+k·d-p, j·s'+l·d'-p', c] - x_zero) · w[o,k,l,c])
//! ```
//!
//! Output pixels go four at a time. A stretch of each one's receptive field is widened into a patch, its zero point
//! subtracted and its padding zeroed, and then meets the weights of every output channel: the inner loop is a dot
//! product of two plain rows, whatever the window. Patches and sums are the only memory, less than two kilobytes of stack.

use super::field_i8::{Field, Pixel, Pixels};
use super::tile_i8::{biases, finish, widen};
use super::window_i8::{lines, part};
use crate::Kernels;
use crate::int8::{ConvI8, Patch, Rows, TILE_COLS, TILE_DEPTH, TILE_ROWS};

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
                    gather(field, patch.get_mut(..len).unwrap_or(&mut []), k, conv, *at, group);
                }
            }
            let start = from.wrapping_mul(field.depth).wrapping_add(k);
            let span = outs.wrapping_sub(1).wrapping_mul(field.depth).wrapping_add(len);
            let data = part(conv.w, start, span);
            K::tile_i8(sums, patches, Rows { data, stride: field.depth, len });
        }
        for (y, sums) in lines(y, conv.geometry.out_channels).zip(sums) {
            finish(conv.output, part(conv.scale, from, outs), sums, y.get_mut(from..).unwrap_or_default());
        }
    }
}

/// Writes the elements of the field from `k` on: `x - x_zero`, 0 in the padding.
fn gather(field: &Field, mut patch: &mut [i16], k: usize, conv: &ConvI8<'_>, at: Pixel, group: usize) {
    field.runs(k, patch.len(), conv, at, group, |len, line, from| {
        let (head, tail) = core::mem::take(&mut patch).split_at_mut_checked(len).unwrap_or_default();
        widen(head, line, from, conv.x_zero);
        patch = tail;
    });
}
