//! Depthwise convolution by windows three wide: six neighbours of a row share each load.
//!
//! ```text
//! line of a channel: its elements of a row of the input in pairs, widened, zero point subtracted, 0 in the padding
//!
//! stride 1   y0 += SMLAD(x01, w01) + SMLABT(x23, w12)      y1 += SMLATB(x01, w01) + SMLAD(x23, w12)
//! stride 2   y0 += SMLAD(x01, w01) + SMLABT(x23, w12)
//! ```
//!
//! Four channels go at a time, the bytes of a word. A line is made once and serves three rows of outputs. Wide images go
//! in columns of a few strips. Other windows, and channels beyond the last four, are [`generic`]'s.

use super::finish::limit;
use super::line_i8::{CHANNELS, Columns, Line, WORDS};
use super::strip_i8::{Channel, STRIP, Strips};
use crate::Conv;
use crate::generic::depthwise_channels;
use crate::int8::ConvI8;

/// Rows of a window.
pub(super) const ROWS: usize = 3;

pub(super) fn depthwise_conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
    let quads = if suits(conv, y.len()) { conv.geometry.out_channels & !3 } else { 0 };
    for from in (0..quads).step_by(CHANNELS) {
        four(conv, from, y);
    }
    if quads < conv.geometry.out_channels {
        depthwise_channels(conv, quads, y);
    }
}

/// Whether the window is one of those, and every operand as long as the geometry says.
fn suits(conv: &ConvI8<'_>, y: usize) -> bool {
    let Conv { batch, in_channels, out_channels, axes: [_, rows, cols], .. } = conv.geometry;
    let len = |sizes: [usize; 4]| sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
    cols.kernel == 3
        && (cols.stride == 1 || cols.stride == 2)
        && cols.dilation == 1
        && (1..=ROWS).contains(&rows.kernel)
        && rows.dilation == 1
        && in_channels == out_channels
        && conv.x.len() >= len([batch, rows.input, cols.input, in_channels])
        && conv.w.len() >= len([1, rows.kernel, cols.kernel, in_channels])
        && y >= len([batch, rows.output, cols.output, out_channels])
        && conv.bias.len() >= out_channels
        && conv.scale.len() >= out_channels
        && conv.scale.iter().all(|scale| scale.is_finite())
}

/// Four channels of every image, from channel `from` on; [`suits`] has said yes.
fn four(conv: &ConvI8<'_>, from: usize, y: &mut [i8]) {
    let Conv { batch, axes: [_, _, cols], .. } = conv.geometry;
    let channels: [Channel; CHANNELS] = core::array::from_fn(|c| channel(conv, from.wrapping_add(c)));
    // As many strips as lines have words for.
    let tile = STRIP * if cols.stride == 1 { (WORDS - 1) / (STRIP / 2) } else { (WORDS - 1) / STRIP };
    for image in 0..batch {
        for first in (0..cols.output).step_by(tile) {
            let outs = cols.output.wrapping_sub(first).min(tile);
            columns(conv, &channels, [image, from, first], outs, y);
        }
    }
}

/// Weights of channel `c` in pairs, with what else its outputs need.
#[inline(never)]
fn channel(conv: &ConvI8<'_>, c: usize) -> Channel {
    let [_, rows, _] = conv.geometry.axes;
    let at = |k: usize, l: usize| {
        let tap = k.wrapping_mul(3).wrapping_add(l).wrapping_mul(conv.geometry.in_channels).wrapping_add(c);
        conv.w.get(tap).filter(|_| k < rows.kernel).copied().unwrap_or(0)
    };
    let pair = |a: i8, b: i8| {
        let half = |v: i8| u32::from(i16::from(v).cast_unsigned());
        half(a) | half(b) << 16
    };
    Channel {
        bias: conv.bias.get(c).copied().unwrap_or(0),
        weights: core::array::from_fn(|k| [pair(at(k, 0), at(k, 1)), pair(at(k, 1), at(k, 2))]),
        scale: conv.scale.get(c).copied().unwrap_or(0.0),
    }
}

/// `outs` columns of outputs, from column `first` on, of the four channels from `from` on of one image.
fn columns(
    conv: &ConvI8<'_>,
    channels: &[Channel; CHANNELS],
    [image, from, first]: [usize; 3],
    outs: usize,
    y: &mut [i8],
) {
    let Conv { in_channels, axes: [_, rows, cols], .. } = conv.geometry;
    let left = first.wrapping_mul(cols.stride).wrapping_sub(cols.pad).cast_signed();
    let loader = Columns::new(left, cols.input, in_channels, conv.x_zero);
    let mut strips = Strips::new(channels, cols.stride, outs, in_channels, conv.output.zero());
    if outs == 0 || strips.words() > WORDS {
        return;
    }
    let (line, span) = (cols.input.wrapping_mul(in_channels), cols.output.wrapping_mul(in_channels));
    let x = conv.x.as_ptr().wrapping_add(image.wrapping_mul(rows.input).wrapping_mul(line).wrapping_add(from));
    let at = image.wrapping_mul(rows.output).wrapping_mul(span);
    let at = at.wrapping_add(first.wrapping_mul(in_channels)).wrapping_add(from);
    strips.y = y.as_mut_ptr().wrapping_add(at);

    let mut lines = [Line::ZERO; ROWS];
    // The input row that the next load reads: those before it, as far back as a window reaches, are in the lines.
    let mut next = 0usize;
    for row in 0..rows.output {
        let top = row.wrapping_mul(rows.stride).wrapping_sub(rows.pad).cast_signed();
        for (k, under) in strips.lines.iter_mut().enumerate() {
            *under = &raw const ZERO;
            let Ok(i) = usize::try_from(top.wrapping_add_unsigned(k)) else { continue };
            if i < rows.input && k < rows.kernel {
                let Some(line_of) = lines.get_mut(i % ROWS) else { return };
                if i >= next {
                    // SAFETY: `suits` has found every row of the input, each with all columns and channels.
                    unsafe { loader.load(line_of, x.wrapping_add(i.wrapping_mul(line))) };
                    next = i.wrapping_add(1);
                }
                *under = line_of;
            }
        }
        // SAFETY: `suits` has found every row of the output; lines have the words, and `channels` is borrowed.
        unsafe { strips.run() };
        strips.y = strips.y.wrapping_add(span);
    }
    if conv.output.limits() != (i8::MIN, i8::MAX) {
        for row in y.get_mut(at..).unwrap_or_default().chunks_mut(span.max(1)).take(rows.output) {
            let len = outs.wrapping_mul(in_channels).min(row.len());
            limit(conv.output, row.get_mut(..len).unwrap_or_default(), in_channels, CHANNELS);
        }
    }
}

/// The line under a row of the window that lies in the padding.
static ZERO: Line = Line::ZERO;
