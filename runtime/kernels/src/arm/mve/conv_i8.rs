//! Dense convolution of one group: three pixels and two channels share their loads.
//!
//! Pointwise convolutions read pixels where they lie; other fields are gathered first. Channels go in blocks, so that
//! the zero point's share of a block's sums is computed once.

use super::finish::{finish, is_exact, limit};
use super::tile_i8::{ROWS, Tile, one, total};
use crate::arm::copy::copy;
use crate::generic::field_i8::{Field, Pixel, Pixels};
use crate::generic::window_i8::part;
use crate::int8::ConvI8;
use crate::{Axis, Conv};
use core::arch::naked_asm;
use core::mem::MaybeUninit;

/// Pixels of a tile.
const PIXELS: usize = 3;

/// Channels of a block; a row of sums has one more, for the pair of an odd last one.
const BLOCK: usize = 32;

/// Channels of a stretch of the only pixel.
const SINGLE: usize = 128;

/// Elements of three gathered fields.
const ROOM: usize = PIXELS * 576;

type Sums = [i32; BLOCK + 2];

/// Writes every output; whether it could.
pub(super) fn conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) -> bool {
    let g = &conv.geometry;
    let [_, rows, cols] = &g.axes;
    let Some(field) = Field::new(g) else { return false };
    let pixels = [g.batch, rows.output, cols.output].iter().fold(1usize, |n, &d| n.saturating_mul(d));
    let pointwise = rows.is_pointwise() && cols.is_pointwise();
    let there = y.len() == pixels.saturating_mul(field.outs)
        && conv.w.len() == field.depth.saturating_mul(field.outs)
        && conv.bias.len() == field.outs
        && conv.scale.len() == field.outs;
    let room =
        if pointwise { conv.x.len() == pixels.saturating_mul(field.depth) } else { field.depth <= ROOM / PIXELS };
    if g.groups != 1 || !there || !room || field.depth == 0 || !is_exact(conv) {
        return false;
    }
    if pointwise && pixels == 1 && field.outs >= ROWS {
        single(conv, y);
    } else if pointwise {
        blocks(conv, &field, pixels, None, y);
    } else {
        gathered(conv, &field, pixels, y);
    }
    limit(conv.output, y);
    true
}

/// The only pixel: a fully connected layer's, of three channels or more.
#[inline(never)]
fn single(conv: &ConvI8<'_>, y: &mut [i8]) {
    let (depth, channels) = (conv.x.len(), y.len());
    let mut memory = [MaybeUninit::uninit(); SINGLE];
    let mut next = 0usize;
    while next < channels {
        // One or two channels that are left go with one or two that are done already.
        let from = next.min(channels.saturating_sub(ROWS));
        let outs = channels.wrapping_sub(from).min(SINGLE);
        next = from.wrapping_add(outs);
        let w = part(conv.w, from.wrapping_mul(depth), outs.wrapping_mul(depth));
        let sums = one(conv.x, conv.x_zero, w, part(conv.bias, from, outs), &mut memory);
        finish(conv.output, part(conv.scale, from, outs), sums, y.get_mut(from..next).unwrap_or_default());
    }
}

#[inline(never)]
fn gathered(conv: &ConvI8<'_>, field: &Field, pixels: usize, y: &mut [i8]) {
    blocks(conv, field, pixels, Some(&mut [0; ROOM]), y);
}

/// Every block of channels of every pixel. Fields are gathered if there is memory for that.
#[inline(never)]
fn blocks(conv: &ConvI8<'_>, field: &Field, pixels: usize, mut memory: Option<&mut [i8; ROOM]>, y: &mut [i8]) {
    let (depth, channels) = (field.depth, field.outs);
    for from in (0..channels).step_by(BLOCK) {
        let outs = channels.wrapping_sub(from).min(BLOCK);
        let w = part(conv.w, from.wrapping_mul(depth), outs.wrapping_mul(depth));
        let (bias, scale) = (part(conv.bias, from, outs), part(conv.scale, from, outs));
        let mut start: Sums = [0; BLOCK + 2];
        for ((start, &bias), o) in start.iter_mut().zip(bias).zip(0usize..) {
            let total = total(part(w, o.wrapping_mul(depth), depth));
            *start = bias.wrapping_sub(total.wrapping_mul(i32::from(conv.x_zero)));
        }
        let mut sums: [Sums; PIXELS] = [[0; BLOCK + 2]; PIXELS];
        for first in (0..pixels).step_by(PIXELS) {
            let count = pixels.wrapping_sub(first).min(PIXELS);
            let x = match &mut memory {
                None => part(conv.x, first.wrapping_mul(depth), count.wrapping_mul(depth)),
                Some(memory) => gather(conv, field, first, count, &mut **memory),
            };
            // A missing pixel is the one before it.
            let row = |p: usize| part(x, p.min(count.wrapping_sub(1)).wrapping_mul(depth), depth);
            Tile { x: [row(0), row(1), row(2)], w, depth, start: &start }.run(outs, &mut sums);
            for (p, sums) in (first..).zip(&sums).take(count) {
                let at = p.wrapping_mul(channels).wrapping_add(from);
                let y = y.get_mut(at..).and_then(|y| y.get_mut(..outs)).unwrap_or_default();
                finish(conv.output, scale, sums, y);
            }
        }
    }
}

/// The fields of `count` pixels from the `first` on, one after the other.
fn gather<'a>(conv: &ConvI8<'_>, field: &Field, first: usize, count: usize, memory: &'a mut [i8]) -> &'a [i8] {
    let mut pixels = Pixels::from(&conv.geometry, first);
    let mut to = 0usize;
    for _ in 0..count {
        let (at, end): (Pixel, _) = (pixels.next(), to.wrapping_add(field.depth));
        if !copy_window(conv, field, at, memory.get_mut(to..end).unwrap_or_default()) {
            field.runs(0, field.depth, conv, at, 0, |run, line, from| {
                let end = to.wrapping_add(run);
                copy(memory.get_mut(to..end).unwrap_or_default(), line, from, conv.x_zero);
                to = end;
            });
        }
        to = end;
    }
    part(memory, 0, to)
}

/// The field of a pixel, its zero points in the padding; whether its window has no gaps.
fn copy_window(conv: &ConvI8<'_>, field: &Field, at: Pixel, to: &mut [i8]) -> bool {
    let Conv { in_channels: channels, axes: [_, rows, cols], .. } = &conv.geometry;
    let dense = |axis: &Axis| axis.dilation == 1 || axis.kernel == 1;
    if !dense(rows) || !dense(cols) || field.runs != 1 || to.len() != field.depth {
        return false;
    }
    let ([top, left], [down, across]) = at.taps(&conv.geometry);
    if down < rows.kernel || across < cols.kernel {
        to.fill(conv.x_zero);
    }
    let pitch = cols.input.wrapping_mul(*channels);
    let start = at.tap(&conv.geometry, top, left).wrapping_mul(*channels);
    let run = across.wrapping_mul(*channels);
    let read = pitch.saturating_mul(down.wrapping_sub(1)).saturating_add(run);
    let (there, first) = (part(conv.x, start, read), top.wrapping_mul(cols.kernel).wrapping_add(left));
    if down > 0 && run > 0 && !there.is_empty() {
        let args = Window {
            to: to.as_mut_ptr().wrapping_add(first.wrapping_mul(*channels)),
            from: there.as_ptr(),
            width: field.run,
            pitch,
            rows: down,
        };
        // SAFETY: `there` has all rows, and `to` the whole window, of which they are a part.
        unsafe { copy_rows(&raw const args, run) };
    }
    true
}

#[repr(C)]
struct Window {
    to: *mut i8,
    from: *const i8,
    /// Bytes from a row to the next, written and read.
    width: usize,
    pitch: usize,
    rows: usize,
}

/// # Safety
/// `rows > 0` times `run > 0` bytes must be readable and writable.
#[unsafe(naked)]
unsafe extern "C" fn copy_rows(window: *const Window, run: usize) {
    naked_asm!(
        cpu!(),
        "push {{r4-r8, lr}}",
        "ldm r0, {{r2-r6}}",
        "2:",
        "mov r7, r2",
        "mov r8, r3",
        "dlstp.8 lr, r1",
        "3:",
        "vldrb.u8 q0, [r8], #16",
        "vstrb.8 q0, [r7], #16",
        "letp lr, 3b",
        "add r2, r2, r4",
        "add r3, r3, r5",
        "subs r6, r6, #1",
        "bne 2b",
        "pop {{r4-r8, pc}}",
    )
}
