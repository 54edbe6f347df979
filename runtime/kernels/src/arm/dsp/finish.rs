//! Requantization of the sums of five pixels.
//!
//! ```text
//! y = saturate(VCVTR(f32(sum) · scale) + zero)
//! ```
//!
//! `VCVTR` rounds as the FPU's mode says, half to even unless a program changes it, and saturates, so the two
//! saturations after it give what [`ToI8`] gives for every finite scale.

use super::conv_i8::PIXELS;
use crate::ToI8;
use core::arch::naked_asm;

/// The sums of some pixels, by channel.
pub(super) type Sums = [i32; PIXELS];

/// Writes `y[p · stride + c]` for the first `pixels` of `sums[c]`, by channel of `scale`, whose elements are `finite` or
/// need not be.
#[inline(never)]
pub(super) fn finish(
    output: ToI8,
    finite: bool,
    scale: &[f32],
    sums: &[Sums],
    y: &mut [i8],
    stride: usize,
    pixels: usize,
) {
    let channels = scale.len().min(sums.len());
    let span = stride.saturating_mul(PIXELS.wrapping_sub(1)).saturating_add(channels);
    if finite && pixels == PIXELS && channels > 0 && y.len() >= span {
        // SAFETY: `channels` of scales and sums are there, and `span` bytes of `y`.
        unsafe { five(sums.as_ptr(), scale.as_ptr(), y.as_mut_ptr(), stride, channels, output.zero()) };
        limit(output, y.get_mut(..span).unwrap_or_default(), stride, channels);
    } else {
        for (p, row) in rows(y, stride, channels).enumerate().take(pixels) {
            for ((y, sums), &scale) in row.iter_mut().zip(sums).zip(scale) {
                *y = output.requantize(sums.get(p).copied().unwrap_or(0), scale);
            }
        }
    }
}

/// Brings the first `channels` of each pixel within limits that are narrower than an `i8`'s.
#[inline(never)]
pub(super) fn limit(output: ToI8, y: &mut [i8], stride: usize, channels: usize) {
    let (low, high) = output.limits();
    if (low, high) != (i8::MIN, i8::MAX) {
        rows(y, stride, channels).for_each(|row| row.iter_mut().for_each(|y| *y = (*y).max(low).min(high)));
    }
}

/// The first `channels` of each pixel.
fn rows(y: &mut [i8], stride: usize, channels: usize) -> impl Iterator<Item = &mut [i8]> {
    y.chunks_mut(stride.max(1)).filter_map(move |row| row.get_mut(..channels))
}

/// # Safety
/// `channels > 0` sums and scales must be readable, and `4 · stride + channels` bytes at `y` writable.
#[unsafe(naked)]
unsafe extern "C" fn five(sums: *const Sums, scale: *const f32, y: *mut i8, stride: usize, channels: usize, zero: i32) {
    naked_asm!(
        cpu!(),
        "push {{r4-r11}}",
        "ldrd r4, r5, [sp, #32]",
        "add r12, r3, r3, lsl #1",
        "2:",
        "vldmia r0!, {{s0-s4}}",
        "vldmia r1!, {{s5}}",
        "vcvt.f32.s32 s0, s0",
        "vcvt.f32.s32 s1, s1",
        "vcvt.f32.s32 s2, s2",
        "vcvt.f32.s32 s3, s3",
        "vcvt.f32.s32 s4, s4",
        "vmul.f32 s0, s0, s5",
        "vmul.f32 s1, s1, s5",
        "vmul.f32 s2, s2, s5",
        "vmul.f32 s3, s3, s5",
        "vmul.f32 s4, s4, s5",
        "vcvtr.s32.f32 s0, s0",
        "vcvtr.s32.f32 s1, s1",
        "vcvtr.s32.f32 s2, s2",
        "vcvtr.s32.f32 s3, s3",
        "vcvtr.s32.f32 s4, s4",
        "vmov r6, r7, s0, s1",
        "vmov r8, r9, s2, s3",
        "vmov r10, s4",
        "qadd r6, r6, r5",
        "qadd r7, r7, r5",
        "qadd r8, r8, r5",
        "qadd r9, r9, r5",
        "qadd r10, r10, r5",
        "ssat r6, #8, r6",
        "ssat r7, #8, r7",
        "ssat r8, #8, r8",
        "ssat r9, #8, r9",
        "ssat r10, #8, r10",
        "strb r7, [r2, r3]",
        "strb r8, [r2, r3, lsl #1]",
        "strb r9, [r2, r12]",
        "strb r10, [r2, r3, lsl #2]",
        "strb r6, [r2], #1",
        "subs r4, r4, #1",
        "bne 2b",
        "pop {{r4-r11}}",
        "bx lr",
    )
}
