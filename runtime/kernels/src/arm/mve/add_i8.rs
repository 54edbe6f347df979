//! Sums of quantized values, four at a time.
//!
//! The steps are those of [`generic::add_i8`]. Only the division is made one by one, as MVE has none; and MVE takes
//! subnormal numbers for 0, so scales of which some come are left to the portable kernel.

use super::finish::limit;
use crate::generic;
use crate::int8::BinaryI8;
use core::arch::naked_asm;

/// Adds `b` to `y`.
pub(super) fn add_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    let BinaryI8 { a_scale, b_scale, y_scale, output, .. } = *steps;
    let fours = y.len() / 4;
    let plain = [a_scale, b_scale, y_scale].iter().all(|scale| (1e-20..1e15).contains(scale));
    if !plain || i8::try_from(output.zero()).is_err() || fours == 0 || b.len() != y.len() {
        return generic::add_i8(steps, y, b);
    }
    let (whole, rest) = y.split_at_mut_checked(fours.wrapping_mul(4)).unwrap_or_default();
    generic::add_i8(steps, rest, b.get(whole.len()..).unwrap_or(&[]));
    let args = Fours {
        y: whole.as_mut_ptr(),
        b: b.as_ptr(),
        fours,
        a_zero: steps.a_zero.into(),
        b_zero: steps.b_zero.into(),
        a_scale,
        b_scale,
        zero: output.zero(),
        y_scale,
    };
    // SAFETY: `y` and `b` have so many fours, at least one.
    unsafe { add_fours(&raw const args) };
    limit(output, whole);
}

#[repr(C)]
struct Fours {
    y: *mut i8,
    b: *const i8,
    fours: usize,
    a_zero: i32,
    b_zero: i32,
    a_scale: f32,
    b_scale: f32,
    zero: i32,
    y_scale: f32,
}

/// # Safety
/// Of `y` and `b` there must be `fours` times four bytes, at least once.
#[unsafe(naked)]
unsafe extern "C" fn add_fours(args: *const Fours) {
    naked_asm!(
        cpu!(),
        "push {{r4-r9, lr}}",
        "vldr s8, [r0, #32]",
        "ldm r0, {{r1-r8}}",
        "dls lr, r3",
        "2:",
        "vldrb.s32 q0, [r1]",
        "vldrb.s32 q1, [r2], #4",
        "vsub.i32 q0, q0, r4",
        "vsub.i32 q1, q1, r5",
        "vcvt.f32.s32 q0, q0",
        "vcvt.f32.s32 q1, q1",
        "vmul.f32 q0, q0, r6",
        "vmul.f32 q1, q1, r7",
        "vadd.f32 q0, q0, q1",
        "vdiv.f32 s0, s0, s8",
        "vdiv.f32 s1, s1, s8",
        "vdiv.f32 s2, s2, s8",
        "vdiv.f32 s3, s3, s8",
        "vcvtn.s32.f32 q0, q0",
        "vqadd.s32 q0, q0, r8",
        "vqmovnb.s32 q0, q0",
        "vqmovnb.s16 q0, q0",
        "vstrb.32 q0, [r1], #4",
        "le lr, 2b",
        "pop {{r4-r9, pc}}",
    )
}
