//! Rows of outputs of a depthwise convolution, by strips of six.

use super::depthwise_conv_i8::ROWS;
use super::line_i8::{CHANNELS, Line, WORDS};
use core::arch::naked_asm;

/// Outputs of a strip.
pub(super) const STRIP: usize = 6;

/// What the outputs of a channel need.
#[repr(C)]
pub(super) struct Channel {
    pub(super) bias: i32,
    /// By row of the window: the taps `(0, 1)` and `(1, 2)`.
    pub(super) weights: [[u32; 2]; ROWS],
    pub(super) scale: f32,
}

/// A row of outputs of four channels.
#[repr(C)]
pub(super) struct Strips {
    /// Where the next output goes: set before each call.
    pub(super) y: *mut i8,
    /// `Channel`s that follow each other, and the end of the last.
    channels: *const Channel,
    end: *const Channel,
    /// Bytes from an output to its neighbour, and three times that.
    stride: usize,
    stride3: usize,
    zero: i32,
    /// Outputs.
    outs: usize,
    /// The lines under the rows of the window: set before each call.
    pub(super) lines: [*const Line; ROWS],
    step: usize,
}

impl Strips {
    /// Rows of `outs` outputs, `stride` bytes apart; `step` columns of the input, 1 or 2, for each.
    pub(super) fn new(channels: &[Channel; CHANNELS], step: usize, outs: usize, stride: usize, zero: i32) -> Strips {
        let (lines, y) = ([core::ptr::null(); ROWS], core::ptr::null_mut());
        let ends = channels.as_ptr_range();
        let stride3 = stride.wrapping_mul(3);
        Strips { y, channels: ends.start, end: ends.end, stride, stride3, zero, outs, lines, step }
    }

    /// The pairs of a line that a row needs.
    pub(super) fn words(&self) -> usize {
        self.outs.div_ceil(STRIP).saturating_mul(self.step.saturating_mul(STRIP / 2)).saturating_add(1)
    }

    /// Writes the row.
    ///
    /// # Safety
    /// `y` must have four bytes for each output, `stride` apart, `outs > 0`, and lines [`Strips::words`] pairs; the channels
    /// must still be there.
    pub(super) unsafe fn run(&self) {
        // SAFETY: the caller's.
        unsafe { if self.step == 1 { by_one(self) } else { by_two(self) } }
    }
}

/// The products of a row of the window with step 1, added to `$r0, …`.
macro_rules! row_by_one {
    ($s0:literal, $s1:literal, $s2:literal, $s3:literal, $s4:literal) => {
        concat!(
            "ldm r12, {{r6-r9}}\n",
            "smlad r0, r6, r10, ",
            $s0,
            "\n",
            "smlatb r1, r6, r10, ",
            $s1,
            "\n",
            "smlad r2, r7, r10, ",
            $s2,
            "\n",
            "smlatb r3, r7, r10, ",
            $s3,
            "\n",
            "smlad r4, r8, r10, ",
            $s4,
            "\n",
            "smlatb r5, r8, r10, r5\n",
            "smlabt r0, r7, r11, r0\n",
            "smlad r1, r7, r11, r1\n",
            "smlabt r2, r8, r11, r2\n",
            "smlad r3, r8, r11, r3\n",
            "smlabt r4, r9, r11, r4\n",
            "smlad r5, r9, r11, r5",
        )
    };
}

/// Likewise with step 2.
macro_rules! row_by_two {
    ($s0:literal, $s1:literal, $s2:literal, $s3:literal, $s4:literal) => {
        concat!(
            "ldm r12!, {{r6-r9}}\n",
            "smlad r0, r6, r10, ",
            $s0,
            "\n",
            "smlad r1, r7, r10, ",
            $s1,
            "\n",
            "smlad r2, r8, r10, ",
            $s2,
            "\n",
            "smlad r3, r9, r10, ",
            $s3,
            "\n",
            "smlabt r0, r7, r11, r0\n",
            "smlabt r1, r8, r11, r1\n",
            "smlabt r2, r9, r11, r2\n",
            "ldm r12, {{r6-r8}}\n",
            "smlad r4, r6, r10, ",
            $s4,
            "\n",
            "smlad r5, r7, r10, r5\n",
            "smlabt r3, r6, r11, r3\n",
            "smlabt r4, r7, r11, r4\n",
            "smlabt r5, r8, r11, r5",
        )
    };
}

macro_rules! strips {
    ($name:ident, $row:ident, $words:expr) => {
        /// # Safety
        /// See [`Strips::run`].
        #[unsafe(naked)]
        unsafe extern "C" fn $name(args: *const Strips) {
            naked_asm!(
                cpu!(),
                "push {{r4-r11, lr}}",
                "ldm r0, {{r1-r10}}",
                "push {{r1-r10}}",
                // One more word: where among the stores to enter.
                "sub sp, #4",
                "2:",
                "ldr r6, [sp, #{outs}]",
                "ldr lr, [sp, #{channels}]",
                "adr r10, 4f",
                "rsbs r6, r6, #6",
                "it mi",
                "movmi r6, #0",
                "add r10, r10, r6, lsl #2",
                "orr r10, r10, #1",
                "str r10, [sp]",
                "3:",
                "ldr r12, [sp, #{lines}]",
                "ldm lr!, {{r5, r10, r11}}",
                $row!("r5", "r5", "r5", "r5", "r5"),
                "add r12, r12, #{plane}",
                "str r12, [sp, #{lines}]",
                "ldr r12, [sp, #{lines} + 4]",
                "ldm lr!, {{r10, r11}}",
                $row!("r0", "r1", "r2", "r3", "r4"),
                "add r12, r12, #{plane}",
                "str r12, [sp, #{lines} + 4]",
                "ldr r12, [sp, #{lines} + 8]",
                "ldm lr!, {{r10, r11}}",
                $row!("r0", "r1", "r2", "r3", "r4"),
                "add r12, r12, #{plane}",
                "str r12, [sp, #{lines} + 8]",
                "vldmia lr!, {{s6}}",
                "vmov s0, s1, r0, r1",
                "vmov s2, s3, r2, r3",
                "vmov s4, s5, r4, r5",
                "vcvt.f32.s32 s0, s0",
                "vcvt.f32.s32 s1, s1",
                "vcvt.f32.s32 s2, s2",
                "vcvt.f32.s32 s3, s3",
                "vcvt.f32.s32 s4, s4",
                "vcvt.f32.s32 s5, s5",
                "vmul.f32 s0, s0, s6",
                "vmul.f32 s1, s1, s6",
                "vmul.f32 s2, s2, s6",
                "vmul.f32 s3, s3, s6",
                "vmul.f32 s4, s4, s6",
                "vmul.f32 s5, s5, s6",
                "vcvtr.s32.f32 s0, s0",
                "vcvtr.s32.f32 s1, s1",
                "vcvtr.s32.f32 s2, s2",
                "vcvtr.s32.f32 s3, s3",
                "vcvtr.s32.f32 s4, s4",
                "vcvtr.s32.f32 s5, s5",
                "vmov r0, r1, s0, s1",
                "vmov r2, r3, s2, s3",
                "vmov r4, r5, s4, s5",
                "add r8, sp, #{stride}",
                "ldm r8, {{r8, r9, r10}}",
                "ldr r7, [sp, #{y}]",
                "qadd r0, r0, r10",
                "qadd r1, r1, r10",
                "qadd r2, r2, r10",
                "qadd r3, r3, r10",
                "qadd r4, r4, r10",
                "qadd r5, r5, r10",
                "ssat r0, #8, r0",
                "ssat r1, #8, r1",
                "ssat r2, #8, r2",
                "ssat r3, #8, r3",
                "ssat r4, #8, r4",
                "ssat r5, #8, r5",
                "add r9, r9, r7",
                "ldr pc, [sp]",
                ".p2align 2",
                "4:",
                "strb.w r5, [r9, r8, lsl #1]",
                "strb.w r4, [r9, r8]",
                "strb.w r3, [r9]",
                "strb.w r2, [r7, r8, lsl #1]",
                "strb.w r1, [r7, r8]",
                "strb.w r0, [r7], #1",
                "ldr r6, [sp, #{end}]",
                "str r7, [sp, #{y}]",
                "cmp lr, r6",
                "bne.w 3b",
                // The next strip: six outputs on, and back to the first channel.
                "ldr r6, [sp, #{outs}]",
                "subs r6, r6, #6",
                "bls 5f",
                "str r6, [sp, #{outs}]",
                "ldr r9, [sp, #{stride} + 4]",
                "subs r7, r7, #4",
                "add r7, r7, r9, lsl #1",
                "str r7, [sp, #{y}]",
                "add r12, sp, #{lines}",
                "ldm r12, {{r3-r5}}",
                "sub r3, r3, #{back}",
                "sub r4, r4, #{back}",
                "sub r5, r5, #{back}",
                "stm r12, {{r3-r5}}",
                "b.w 2b",
                "5:",
                "add sp, #44",
                "pop {{r4-r11, pc}}",
                // By two a row leaves its line's pointer four words on.
                plane = const WORDS * 4 - ($words / STRIP) * 16,
                back = const CHANNELS * WORDS * 4 - $words * 4,
                y = const 4,
                channels = const 8,
                end = const 12,
                stride = const 16,
                outs = const 28,
                lines = const 32,
            )
        }
    };
}

strips!(by_one, row_by_one, STRIP / 2);
strips!(by_two, row_by_two, STRIP);
