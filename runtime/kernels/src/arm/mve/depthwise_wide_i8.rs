//! Depthwise convolution of sixteen channels at a time.
//!
//! ```text
//! VMULLB.S8, VMULLT.S8    products of even and of odd channels, 16 bits wide
//! VADD.I16                with those of another tap: 2 · 128 · 127 fits
//! VMOVLB, VMOVLT, VADD    to the sums, 32 bits wide: channels 0, 4, 8, 12, then 1, 5, 9, 13, … as VLD4 loads them
//! ```
//!
//! Bytes are used as they are: the zero point's share is in what sums begin with. Taps are found by offsets from the
//! window's first one; those in the padding lie on a row of zero points, so that every window has all taps.
//!
//! What is absent: weights of -128, whose products with -128 would overflow.

use super::finish::limit;
use crate::Conv;
use crate::generic::field_i8::{Pixel, Pixels};
use crate::generic::window_i8::part;
use crate::int8::ConvI8;
use core::arch::naked_asm;

/// Channels of a block.
const BLOCK: usize = 16;

/// Channels of a stretch, for which there is memory.
const STRETCH: usize = 128;

/// Taps of the largest window.
const TAPS: usize = 28;

/// Bytes from a window's first tap to each.
type Offsets = [usize; TAPS];

/// Writes every output of operands that are there as a whole; whether it could.
pub(super) fn depthwise_wide_i8(conv: &ConvI8<'_>, y: &mut [i8]) -> bool {
    let Conv { in_channels: channels, axes: [_, rows, cols], .. } = conv.geometry;
    let taps = rows.kernel.saturating_mul(cols.kernel);
    if channels < BLOCK || taps == 0 || taps > TAPS || conv.w.contains(&-128) {
        return false;
    }
    let mut offsets = [0; TAPS];
    for (offset, tap) in offsets.iter_mut().zip(0..taps) {
        let (k, l) = (tap.checked_div(cols.kernel).unwrap_or(0), tap.checked_rem(cols.kernel).unwrap_or(0));
        let pixels = k.wrapping_mul(rows.dilation).wrapping_mul(cols.input).wrapping_add(l.wrapping_mul(cols.dilation));
        *offset = pixels.wrapping_mul(channels);
    }
    let mut from = 0usize;
    while from < channels {
        from = from.min(channels.wrapping_sub(BLOCK));
        let len = channels.wrapping_sub(from).min(STRETCH);
        stretch(conv, &offsets, taps, from, len, y);
        from = from.wrapping_add(len);
    }
    limit(conv.output, y);
    true
}

/// The outputs of `len` channels, from channel `from` on.
#[inline(never)]
fn stretch(conv: &ConvI8<'_>, offsets: &Offsets, taps: usize, from: usize, len: usize, y: &mut [i8]) {
    let channels = conv.geometry.in_channels;
    let padding = [conv.x_zero; STRETCH];
    let mut start = [0; STRETCH];
    let (bias, len) = (part(conv.bias, from, len), len.min(STRETCH));
    if bias.is_empty() || len < BLOCK {
        return;
    }
    let w = conv.w.as_ptr().wrapping_add(from);
    let minus = i32::from(conv.x_zero).wrapping_neg();
    let column = Column { taps, channels, minus };
    // SAFETY: weights are there for every tap and channel, biases for `len`.
    unsafe { begin(start.as_mut_ptr(), bias.as_ptr(), w, len, &raw const column) };
    let mut args = Blocks {
        x: core::ptr::null(),
        offsets: offsets.as_ptr(),
        w,
        channels,
        pairs: taps / 2,
        odd: taps % 2,
        start: start.as_ptr(),
        scale: conv.scale.as_ptr().wrapping_add(from),
        y: y.as_mut_ptr().wrapping_add(from),
        zero: conv.output.zero(),
        last: len.wrapping_sub(BLOCK),
    };
    let Conv { batch, axes: [_, rows, cols], .. } = conv.geometry;
    let mut next = Pixels::new(&conv.geometry);
    for _ in 0..batch.wrapping_mul(rows.output).wrapping_mul(cols.output) {
        let at = next.next();
        args.x = conv.x.as_ptr().wrapping_add(at.index(&conv.geometry).wrapping_mul(channels)).wrapping_add(from);
        let mut own = [0; TAPS];
        args.offsets = if at.is_whole(&conv.geometry) {
            offsets.as_ptr()
        } else {
            let beyond = padding.as_ptr().addr().wrapping_sub(args.x.addr());
            reach(conv, at, offsets, beyond, &mut own);
            own.as_ptr()
        };
        // SAFETY: taps lie on the input or on `padding`; the rest is there for `len` channels of every pixel.
        unsafe { blocks(&raw const args) };
        args.y = args.y.wrapping_add(channels);
    }
}

/// The offsets of a window that reaches into the padding, which is at offset `beyond`.
fn reach(conv: &ConvI8<'_>, at: Pixel, offsets: &Offsets, beyond: usize, own: &mut Offsets) {
    let [_, rows, cols] = &conv.geometry.axes;
    let mut taps = own.iter_mut().zip(offsets);
    for k in 0..rows.kernel {
        for l in 0..cols.kernel {
            let Some((own, &offset)) = taps.next() else { return };
            *own = if at.is_on_input(&conv.geometry, k, l) { offset } else { beyond };
        }
    }
}

/// The weights of a channel.
#[repr(C)]
struct Column {
    taps: usize,
    /// Bytes from one to the next.
    channels: usize,
    minus: i32,
}

/// `start[c] = bias[c] + minus · Σ w[tap][c]` for `len` channels.
///
/// # Safety
/// Starts must be writable; biases and weights, of `taps > 0` each, readable.
#[unsafe(naked)]
unsafe extern "C" fn begin(start: *mut i32, bias: *const i32, w: *const i8, len: usize, column: *const Column) {
    naked_asm!(
        cpu!(),
        "push {{r4-r9, lr}}",
        "ldr r4, [sp, #28]",
        "ldm r4, {{r4, r5, r6}}",
        "wlstp.32 lr, r3, 4f",
        "2:",
        "mov r7, r2",
        "mov r8, r4",
        "vmov.i32 q0, #0",
        "3:",
        "vldrb.s32 q1, [r7]",
        "add r7, r7, r5",
        "vadd.i32 q0, q0, q1",
        "subs r8, r8, #1",
        "bne 3b",
        "vmul.i32 q0, q0, r6",
        "vldrw.u32 q1, [r1], #16",
        "adds r2, r2, #4",
        "vadd.i32 q0, q0, q1",
        "vstrw.32 q0, [r0], #16",
        "letp lr, 2b",
        "4:",
        "pop {{r4-r9, pc}}",
    )
}

/// What [`blocks`] works on.
#[repr(C)]
struct Blocks {
    /// The window's first tap, which need not be on the input.
    x: *const i8,
    offsets: *const usize,
    w: *const i8,
    /// Bytes from a tap's weights to the next one's.
    channels: usize,
    /// Taps by two, and whether one is left.
    pairs: usize,
    odd: usize,
    start: *const i32,
    scale: *const f32,
    y: *mut i8,
    zero: i32,
    /// Where the last block begins.
    last: usize,
}

/// Adds products of sixteen channels, even ones in `q6` and odd ones in `q4`, to the sums.
macro_rules! add {
    () => {
        concat!(
            "vmovlb.s16 q5, q6\n",
            "vadd.i32 q0, q0, q5\n",
            "vmovlt.s16 q6, q6\n",
            "vadd.i32 q2, q2, q6\n",
            "vmovlb.s16 q5, q4\n",
            "vadd.i32 q1, q1, q5\n",
            "vmovlt.s16 q4, q4\n",
            "vadd.i32 q3, q3, q4",
        )
    };
}

/// # Safety
/// Of each operand sixteen channels from `last` on must be there.
#[unsafe(naked)]
unsafe extern "C" fn blocks(args: *const Blocks) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11, lr}}",
        "vpush {{d8-d15}}",
        "mov r11, r0",
        // The channel that a block begins with.
        "movs r12, #0",
        "2:",
        "ldm r11, {{r1-r7}}",
        "add r1, r1, r12",
        "add r3, r3, r12",
        "add r7, r7, r12, lsl #2",
        "vld40.32 {{q0, q1, q2, q3}}, [r7]",
        "vld41.32 {{q0, q1, q2, q3}}, [r7]",
        "vld42.32 {{q0, q1, q2, q3}}, [r7]",
        "vld43.32 {{q0, q1, q2, q3}}, [r7]",
        "wls lr, r5, 4f",
        "3:",
        "ldrd r8, r9, [r2], #8",
        "add r8, r8, r1",
        "add r9, r9, r1",
        "vldrb.u8 q4, [r8]",
        "vldrb.u8 q5, [r3]",
        "add r3, r3, r4",
        "vmullb.s8 q6, q4, q5",
        "vmullt.s8 q4, q4, q5",
        "vldrb.u8 q5, [r9]",
        "vldrb.u8 q7, [r3]",
        "vmullb.s8 q7, q5, q7",
        "vadd.i16 q6, q6, q7",
        // Once more, for want of a register.
        "vldrb.u8 q7, [r3]",
        "add r3, r3, r4",
        "vmullt.s8 q7, q5, q7",
        "vadd.i16 q4, q4, q7",
        add!(),
        "le lr, 3b",
        "4:",
        "cbz r6, 5f",
        "ldr r8, [r2]",
        "add r8, r8, r1",
        "vldrb.u8 q4, [r8]",
        "vldrb.u8 q5, [r3]",
        "vmullb.s8 q6, q4, q5",
        "vmullt.s8 q4, q4, q5",
        add!(),
        "5:",
        "add r4, r11, #28",
        "ldm r4, {{r4-r7}}",
        "add r4, r4, r12, lsl #2",
        "vld40.32 {{q4, q5, q6, q7}}, [r4]",
        "vld41.32 {{q4, q5, q6, q7}}, [r4]",
        "vld42.32 {{q4, q5, q6, q7}}, [r4]",
        "vld43.32 {{q4, q5, q6, q7}}, [r4]",
        "vcvt.f32.s32 q0, q0",
        "vcvt.f32.s32 q1, q1",
        "vcvt.f32.s32 q2, q2",
        "vcvt.f32.s32 q3, q3",
        "vmul.f32 q0, q0, q4",
        "vmul.f32 q1, q1, q5",
        "vmul.f32 q2, q2, q6",
        "vmul.f32 q3, q3, q7",
        "vcvtn.s32.f32 q0, q0",
        "vcvtn.s32.f32 q1, q1",
        "vcvtn.s32.f32 q2, q2",
        "vcvtn.s32.f32 q3, q3",
        "vqmovnb.s32 q0, q0",
        "vqmovnt.s32 q0, q2",
        "vqmovnb.s32 q1, q1",
        "vqmovnt.s32 q1, q3",
        "vqadd.s16 q0, q0, r6",
        "vqadd.s16 q1, q1, r6",
        "vqmovnb.s16 q0, q0",
        "vqmovnt.s16 q0, q1",
        "add r5, r5, r12",
        "vstrb.8 q0, [r5]",
        "cmp r12, r7",
        "beq 6f",
        "adds r12, r12, #16",
        "cmp r12, r7",
        "it hi",
        "movhi r12, r7",
        "b 2b",
        "6:",
        "vpop {{d8-d15}}",
        "pop {{r4-r11, pc}}",
    )
}
