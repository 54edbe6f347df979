//! Depthwise convolution, eight channels at a time, whatever the window and the weights.
//!
//! ```text
//! VLDRB.S16  x, w         eight channels of a tap, widened
//! VSUB       x -= x_zero
//! VMULLB, VMULLT, VADD    products of even and of odd channels, 32 bits wide
//! ```
//!
//! Padding is never visited. A last block of fewer than eight channels goes with some that are done already.

use super::depthwise_wide_i8::depthwise_wide_i8;
use super::finish::{is_exact, limit};
use crate::Conv;
use crate::generic::window_i8::each_pixel;
use crate::int8::ConvI8;
use core::arch::naked_asm;

/// Channels of a block.
const BLOCK: usize = 8;

/// Writes every output; whether it could.
pub(super) fn depthwise_conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) -> bool {
    let Conv { batch, in_channels, out_channels, axes: [_, rows, cols], .. } = conv.geometry;
    let len = |sizes: [usize; 4]| sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(usize::MAX);
    let there = in_channels == out_channels
        && conv.x.len() >= len([batch, rows.input, cols.input, in_channels])
        && conv.w.len() >= len([1, rows.kernel, cols.kernel, in_channels])
        && y.len() >= len([batch, rows.output, cols.output, out_channels])
        && conv.bias.len() >= out_channels
        && conv.scale.len() >= out_channels;
    if !there || in_channels < BLOCK || !is_exact(conv) {
        return false;
    }
    if depthwise_wide_i8(conv, y) {
        return true;
    }
    let across = cols.dilation.wrapping_mul(in_channels);
    let down = rows.dilation.wrapping_mul(cols.input).wrapping_mul(in_channels);
    each_pixel(&conv.geometry, conv.x, y, |window, x, y| {
        let [taps_down, taps_across] = window.taps();
        // A window on nothing but padding has no taps, wherever its first one would be.
        let none = taps_down == 0 || taps_across == 0;
        let (at_x, at_w) = if none { (0, 0) } else { window.first() };
        if y.len() != out_channels {
            return;
        }
        let args = Blocks {
            x: x.as_ptr().wrapping_add(at_x),
            w: conv.w.as_ptr().wrapping_add(at_w),
            across,
            channels: in_channels,
            next_x: down.wrapping_sub(taps_across.wrapping_mul(across)),
            next_w: cols.kernel.wrapping_sub(taps_across).wrapping_mul(in_channels),
            rows: if none { 0 } else { taps_down },
            cols: taps_across,
            x_zero: conv.x_zero.into(),
            bias: conv.bias.as_ptr(),
            scale: conv.scale.as_ptr(),
            y: y.as_mut_ptr(),
            zero: conv.output.zero(),
            last: in_channels.wrapping_sub(BLOCK),
        };
        // SAFETY: the window's taps lie on the input, which is there as a whole, as are weights, biases, scales and `y`, for
        // eight channels from the last block on.
        unsafe { blocks(&raw const args) };
    });
    limit(conv.output, y);
    true
}

/// What [`blocks`] works on.
#[repr(C)]
struct Blocks {
    x: *const i8,
    w: *const i8,
    /// Bytes from a tap to the next, of the input and of the weights.
    across: usize,
    channels: usize,
    /// Bytes from beyond a row of taps to the next row.
    next_x: usize,
    next_w: usize,
    /// Taps.
    rows: usize,
    cols: usize,
    x_zero: i32,
    bias: *const i32,
    scale: *const f32,
    y: *mut i8,
    zero: i32,
    /// Where the last block begins.
    last: usize,
}

/// # Safety
/// Of each operand eight channels from `last` on must be there.
#[unsafe(naked)]
unsafe extern "C" fn blocks(args: *const Blocks) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "vpush {{d8-d9}}",
        // The channel that a block begins with.
        "movs r12, #0",
        "mov r11, r0",
        "2:",
        "ldm r11, {{r1-r9}}",
        "ldr r10, [r11, #36]",
        "add r1, r1, r12",
        "add r2, r2, r12",
        "add r10, r10, r12, lsl #2",
        "vld20.32 {{q0, q1}}, [r10]",
        "vld21.32 {{q0, q1}}, [r10]",
        "cbz r7, 5f",
        "3:",
        "dls lr, r8",
        "4:",
        "vldrb.s16 q2, [r1]",
        "add r1, r1, r3",
        "vldrb.s16 q3, [r2]",
        "add r2, r2, r4",
        "vsub.i16 q2, q2, r9",
        "vmullb.s16 q4, q2, q3",
        "vmullt.s16 q2, q2, q3",
        "vadd.i32 q0, q0, q4",
        "vadd.i32 q1, q1, q2",
        "le lr, 4b",
        "add r1, r1, r5",
        "add r2, r2, r6",
        "subs r7, r7, #1",
        "bne 3b",
        "5:",
        "add r0, r11, #40",
        "ldm r0, {{r1, r2, r3, r4}}",
        "add r1, r1, r12, lsl #2",
        "vld20.32 {{q2, q3}}, [r1]",
        "vld21.32 {{q2, q3}}, [r1]",
        "vcvt.f32.s32 q0, q0",
        "vcvt.f32.s32 q1, q1",
        "vmul.f32 q0, q0, q2",
        "vmul.f32 q1, q1, q3",
        "vcvtn.s32.f32 q0, q0",
        "vcvtn.s32.f32 q1, q1",
        "vqmovnb.s32 q0, q0",
        "vqmovnt.s32 q0, q1",
        "vqadd.s16 q0, q0, r3",
        "vqmovnb.s16 q0, q0",
        "add r2, r2, r12",
        "vstrb.16 q0, [r2]",
        "cmp r12, r4",
        "beq 6f",
        "adds r12, r12, #8",
        "cmp r12, r4",
        "it hi",
        "movhi r12, r4",
        "b 2b",
        "6:",
        "vpop {{d8-d9}}",
        "pop {{r4-r11, pc}}",
    )
}
