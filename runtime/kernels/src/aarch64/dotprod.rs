//! The same lanes with `sdot`, which adds the products of four bytes with four to a sum: a unit is four bytes.

use super::neon::Neon;
use crate::ToI8;
use crate::lanes::Lanes;
use core::arch::aarch64::*;
use core::arch::asm;

pub(super) struct Dotprod;

// SAFETY: they are registers or arrays of integers.
unsafe impl Lanes<16, 4> for Dotprod {
    type Element = i8;
    type Weights = int8x16_t;
    type Sums = int32x4_t;
    type Reals = float32x4_t;
    const ZERO: i8 = 0;
    // SAFETY: any 16 bytes are one.
    const NO_WEIGHTS: int8x16_t = unsafe { core::mem::transmute([0i8; 16]) };

    #[inline(always)]
    fn element(x: i8) -> i8 {
        x
    }

    #[inline(always)]
    fn elements(x: &[i8; 16]) -> [i8; 16] {
        *x
    }

    #[inline(always)]
    fn in_place(x: &[i8]) -> Option<&[i8]> {
        Some(x)
    }

    #[inline(always)]
    fn weights(rows: [&[i8; 16]; 4], sums: int32x4_t) -> ([int8x16_t; 4], int32x4_t) {
        neon! {
            // A unit is a lane of 32 bits: rows of units become rows of channels.
            let [a, b, c, d] = rows.map(|row| vreinterpretq_s32_s8(vld1q_s8(row.as_ptr())));
            let ([ac_low, ac_high], [bd_low, bd_high]) = (zip(a, c), zip(b, d));
            let ([w0, w1], [w2, w3]) = (zip(ac_low, bd_low), zip(ac_high, bd_high));
            let units = [w0, w1, w2, w3].map(|w| vreinterpretq_s8_s32(w));
            (units, units.into_iter().fold(sums, |sums, w| sdot(sums, vdupq_n_s8(1), w)))
        }
    }

    #[inline(always)]
    fn dot(sums: int32x4_t, x: &[i8; 4], w: int8x16_t) -> int32x4_t {
        neon! {
            let x = i32::from_le_bytes(x.map(i8::cast_unsigned));
            sdot(sums, vreinterpretq_s8_s32(vdupq_n_s32(x)), w)
        }
    }

    #[inline(always)]
    fn sums(x: [i32; 4]) -> int32x4_t {
        Neon::sums(x)
    }

    #[inline(always)]
    fn values(sums: int32x4_t) -> [i32; 4] {
        Neon::values(sums)
    }

    #[inline(always)]
    fn add(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon! {
            vaddq_s32(a, b)
        }
    }

    #[inline(always)]
    fn tap_weights(a: &[i8; 8], b: &[i8; 8]) -> [[i16; 8]; 2] {
        Neon::tap_weights(a, b)
    }

    #[inline(always)]
    fn taps(sums: [int32x4_t; 2], a: &[i8; 8], b: &[i8; 8], weights: &[[i16; 8]; 2]) -> [int32x4_t; 2] {
        Neon::taps(sums, a, b, weights)
    }

    #[inline(always)]
    fn real(x: &[i8; 8], zero: i8) -> [float32x4_t; 2] {
        Neon::real(x, zero)
    }

    #[inline(always)]
    fn round(v: [float32x4_t; 2], output: ToI8) -> [i8; 8] {
        Neon::round(v, output)
    }

    #[inline(always)]
    fn requantize(sums: [int32x4_t; 2], scale: [float32x4_t; 2], output: ToI8) -> [i8; 8] {
        Neon::requantize(sums, scale, output)
    }
}

/// Lanes of `a` and `b` by turns.
#[inline(always)]
fn zip(a: int32x4_t, b: int32x4_t) -> [int32x4_t; 2] {
    neon! {
        [vzip1q_s32(a, b), vzip2q_s32(a, b)]
    }
}

/// `sums[i] + Σ_k a[4i + k] · b[4i + k]`
#[inline(always)]
fn sdot(mut sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: it reads and writes registers only; whoever chose this set has the instruction. As assembly, it can be inlined
    // where the compiler does not know that.
    unsafe {
        asm!(
            ".arch_extension dotprod", "sdot {s:v}.4s, {a:v}.16b, {b:v}.16b",
            s = inout(vreg) sums, a = in(vreg) a, b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sums
}
