//! Requantization of four channels at a time.
//!
//! ```text
//! y = saturate(VCVTN(f32(sum) · scale) + zero)
//! ```
//!
//! `VCVTN` rounds half to even and saturates. MVE takes subnormal numbers for 0; what they make of a sum rounds to 0 anyway.

use crate::ToI8;
use crate::int8::ConvI8;
use core::arch::naked_asm;

/// Whether the scales are finite and the zero point is a byte, so that [`finish`] gives what [`ToI8`] gives.
pub(super) fn is_exact(conv: &ConvI8<'_>) -> bool {
    // Beyond the sign bit, infinities and what is no number have the greatest bits.
    // SAFETY: there are as many scales as that.
    let greatest = unsafe { greatest(conv.scale.as_ptr(), conv.scale.len()) };
    i8::try_from(conv.output.zero()).is_ok() && greatest < f32::INFINITY.to_bits() << 1
}

/// The greatest of the bits of `len` numbers, shifted by one.
///
/// # Safety
/// They must be readable.
#[unsafe(naked)]
unsafe extern "C" fn greatest(numbers: *const f32, len: usize) -> u32 {
    naked_asm!(
        cpu!(),
        "push {{r7, lr}}",
        "mov r2, r0",
        "movs r0, #0",
        "wlstp.32 lr, r1, 3f",
        "2:",
        "vldrw.u32 q0, [r2], #16",
        "vshl.i32 q0, q0, #1",
        "vmaxv.u32 r0, q0",
        "letp lr, 2b",
        "3:",
        "pop {{r7, pc}}",
    )
}

/// `y[c] = requantize(sums[c], scale[c])`, but for limits narrower than an `i8`'s.
pub(super) fn finish(output: ToI8, scale: &[f32], sums: &[i32], y: &mut [i8]) {
    let len = y.len();
    if scale.len() >= len && sums.len() >= len {
        // SAFETY: there are `len` of each.
        unsafe { fours(sums.as_ptr(), scale.as_ptr(), y.as_mut_ptr(), len, output.zero()) };
    }
}

/// Brings outputs within limits that are narrower than an `i8`'s.
pub(super) fn limit(output: ToI8, y: &mut [i8]) {
    let (low, high) = output.limits();
    if (low, high) != (i8::MIN, i8::MAX) {
        // SAFETY: there are as many bytes as that.
        unsafe { cut(y.as_mut_ptr(), y.len(), low.into(), high.into()) };
    }
}

/// `y = min(max(y, low), high)`
///
/// # Safety
/// `len` bytes must be writable.
#[unsafe(naked)]
unsafe extern "C" fn cut(y: *mut i8, len: usize, low: i32, high: i32) {
    naked_asm!(
        cpu!(),
        "push {{r7, lr}}",
        "vdup.8 q1, r2",
        "vdup.8 q2, r3",
        "wlstp.8 lr, r1, 3f",
        "2:",
        "vldrb.u8 q0, [r0]",
        "vmax.s8 q0, q0, q1",
        "vmin.s8 q0, q0, q2",
        "vstrb.8 q0, [r0], #16",
        "letp lr, 2b",
        "3:",
        "pop {{r7, pc}}",
    )
}

/// # Safety
/// `len` elements must be readable, and of `y` writable.
#[unsafe(naked)]
unsafe extern "C" fn fours(sums: *const i32, scale: *const f32, y: *mut i8, len: usize, zero: i32) {
    naked_asm!(
        cpu!(),
        "push {{r7, lr}}",
        "ldr r12, [sp, #8]",
        "wlstp.32 lr, r3, 3f",
        "2:",
        "vldrw.u32 q0, [r0], #16",
        "vcvt.f32.s32 q0, q0",
        "vldrw.u32 q1, [r1], #16",
        "vmul.f32 q0, q0, q1",
        "vcvtn.s32.f32 q0, q0",
        "vqadd.s32 q0, q0, r12",
        "vqmovnb.s32 q0, q0",
        "vqmovnb.s16 q0, q0",
        "vstrb.32 q0, [r2], #4",
        "letp lr, 2b",
        "3:",
        "pop {{r7, pc}}",
    )
}
