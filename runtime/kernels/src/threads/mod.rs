//! Kernels on several threads: outputs are cut into parts, which a pool of the caller computes.
//!
//! ```text
//! y: [ part 0 | part 1 | … ]   rows of the outermost axis, about as many in each
//! ```
//!
//! A band of the rows of a convolution is a convolution, of a stretch of its input, and some rows of a product are a product. So any
//! set of kernels serves, and results do not depend on how many threads there are, not by a bit: a part never has a single output
//! pixel or row, the one case in which a sum is taken in another order.
//!
//! What is small stays on the caller's thread: handing it over would cost more than it saves. What is absent: a part of the channels,
//! which the only row of a product would need; it reads each weight once, and memory is no faster for two.

mod split;
#[cfg(test)]
mod tests;
#[cfg(feature = "std")]
mod workers;

use crate::int8::ConvI8;
use crate::{Axis, Conv, ConvF32, Kernels, MatMulF32};
use core::ops::Range;
use split::{Split, each_part};
#[cfg(feature = "std")]
pub use workers::Workers;

/// Threads that work together.
pub trait Pool: Sync {
    /// How many, the caller's included.
    fn threads(&self) -> usize;

    /// Calls `task` with each of `0..tasks`, on whichever thread, and returns when all calls have. What it leaves out the caller does.
    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync));
}

/// Multiply-adds that are worth a part, in `f32`: about 8 µs, many times what a thread takes to wake. Tests cut small shapes.
const PART_F32: u64 = if cfg!(test) { 50 } else { 400_000 };

/// As [`PART_F32`] in int8.
const PART_I8: u64 = PART_F32 / 2 * 3;

/// As [`PART_F32`] where each output channel reads one input channel, which takes two to three times as long.
const PART_DEPTHWISE: u64 = PART_F32 / 3;

/// As [`Kernels::packed_conv_f32`]. Without packed weights all is done on this thread: there is scratch for one.
pub fn conv_f32<K: Kernels>(pool: &dyn Pool, conv: ConvF32<'_>, packed: &[f32]) {
    let g = conv.geometry;
    let part = if g.is_depthwise() { PART_DEPTHWISE } else { PART_F32 };
    let bands = Bands::new(&g, pool, part).filter(|bands| !packed.is_empty() && bands.fits(conv.y));
    let Some(bands) = bands else { return K::packed_conv_f32(conv, packed) };
    let ConvF32 { x, w, bias, clamp, y, .. } = conv;
    each_part(pool, bands.split, y, &|rows, y| {
        let (geometry, x) = bands.band(&g, rows, x);
        K::packed_conv_f32(ConvF32 { geometry, x, w, bias, clamp, scratch: &mut [], y }, packed);
    });
}

/// As [`Kernels::packed_conv_i8`].
pub fn conv_i8<K: Kernels>(pool: &dyn Pool, conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
    let g = &conv.geometry;
    match Bands::new(g, pool, PART_I8).filter(|bands| bands.fits(y)) {
        Some(bands) => each_part(pool, bands.split, y, &|rows, y| {
            let (geometry, x) = bands.band(g, rows, conv.x);
            K::packed_conv_i8(&ConvI8 { geometry, x, ..*conv }, packed, y);
        }),
        None => K::packed_conv_i8(conv, packed, y),
    }
}

/// As [`Kernels::packed_depthwise_conv_i8`].
pub fn depthwise_conv_i8<K: Kernels>(pool: &dyn Pool, conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
    let g = &conv.geometry;
    match Bands::new(g, pool, PART_DEPTHWISE).filter(|bands| bands.fits(y) && bands.keep_rows_whole(g)) {
        Some(bands) => each_part(pool, bands.split, y, &|rows, y| {
            let (geometry, x) = bands.band(g, rows, conv.x);
            K::packed_depthwise_conv_i8(&ConvI8 { geometry, x, ..*conv }, packed, y);
        }),
        None => K::packed_depthwise_conv_i8(conv, packed, y),
    }
}

/// As [`Kernels::packed_matmul_f32`].
pub fn matmul_f32<K: Kernels>(pool: &dyn Pool, product: MatMulF32<'_>, packed: &[f32]) {
    let MatMulF32 { a, b, bias, y, k, n, transpose_b, min, max } = product;
    let rows = y.len().checked_div(n).unwrap_or(0);
    let macs = (y.len() as u64).saturating_mul(k as u64);
    match Split::new(rows, n, macs / PART_F32, pool.threads()) {
        Some(split) => each_part(pool, split, y, &|rows, y| {
            let a = a.get(rows.start.saturating_mul(k)..rows.end.saturating_mul(k)).unwrap_or(&[]);
            K::packed_matmul_f32(MatMulF32 { a, b, bias, y, k, n, transpose_b, min, max }, packed);
        }),
        None => K::packed_matmul_f32(MatMulF32 { a, b, bias, y, k, n, transpose_b, min, max }, packed),
    }
}

/// The outputs of a convolution, cut along the outermost of its axes that has more than one.
struct Bands {
    axis: usize,
    split: Split,
}

impl Bands {
    /// Nothing if it is not worth it: `part` multiply-adds are.
    fn new(g: &Conv, pool: &dyn Pool, part: u64) -> Option<Bands> {
        let axis = g.axes.iter().position(|a| a.output > 1)?;
        let (outer, inner) = g.axes.split_at_checked(axis)?;
        let (cut, inner) = inner.split_first()?;
        // A band reads a stretch of the input, and each window reaches it.
        let lies_together = g.batch == 1 && outer.iter().all(|a| a.input == 1);
        let reaches = cut.output.saturating_sub(1).saturating_mul(cut.stride) < cut.input.saturating_add(cut.pad);
        let row = inner.iter().fold(g.out_channels, |n, a| n.saturating_mul(a.output));
        let split = Split::new(cut.output, row, g.macs().checked_div(part)?, pool.threads())?;
        (lies_together && reaches).then_some(Bands { axis, split })
    }

    /// Whether bands are of whole rows, as long as those of the image: weights may have been packed for their length. An image one
    /// pixel wide may be walked as a row.
    fn keep_rows_whole(&self, g: &Conv) -> bool {
        let [_, _, cols] = &g.axes;
        self.axis < 2 && !(cols.output == 1 && cols.is_pointwise())
    }

    /// Whether `y` holds all outputs and no more.
    fn fits<T>(&self, y: &[T]) -> bool {
        y.len() == self.split.len()
    }

    /// The convolution that gives these rows, and the input that it reads.
    fn band<'x, T>(&self, g: &Conv, rows: Range<usize>, x: &'x [T]) -> (Conv, &'x [T]) {
        let mut band = *g;
        let Some(axis) = band.axes.get_mut(self.axis) else { return (band, &[]) };
        let (first, cut) = cut(axis, rows);
        *axis = cut;
        let inner = g.axes.iter().skip(self.axis.saturating_add(1));
        let row = inner.fold(g.in_channels, |n, a| n.saturating_mul(a.input));
        let from = first.saturating_mul(row);
        let x = x.get(from..from.saturating_add(cut.input.saturating_mul(row))).unwrap_or(&[]);
        (band, x)
    }
}

/// An axis on which only these outputs are computed, and the first element of the input that is left.
fn cut(axis: &Axis, outputs: Range<usize>) -> (usize, Axis) {
    let start = outputs.start.saturating_mul(axis.stride);
    let first = start.saturating_sub(axis.pad);
    let reach = axis.kernel.saturating_sub(1).saturating_mul(axis.dilation).saturating_add(1);
    let last = outputs.end.saturating_sub(1).saturating_mul(axis.stride).saturating_add(reach);
    let end = last.saturating_sub(axis.pad).min(axis.input).max(first.saturating_add(1));
    let input = end.saturating_sub(first);
    (first, Axis { input, output: outputs.len(), pad: axis.pad.saturating_sub(start), ..*axis })
}
