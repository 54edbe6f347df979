//! 128-bit lanes by the instructions of NEON.
//!
//! A unit of two bytes meets two weights of each of four channels: `smull` makes eight products of 16 bits, `sadalp` adds them to
//! four sums by pairs.

use crate::ToI8;
use crate::lanes::{Four, Lanes};
use crate::round::MAGIC;
use core::arch::aarch64::*;

pub(super) struct Neon;

// SAFETY: they are registers or arrays of integers.
unsafe impl Lanes<8, 2> for Neon {
    type Element = i8;
    type Weights = [i8; 8];
    type Sums = int32x4_t;
    type Reals = float32x4_t;
    const ZERO: i8 = 0;
    const NO_WEIGHTS: [i8; 8] = [0; 8];

    #[inline(always)]
    fn element(x: i8) -> i8 {
        x
    }

    #[inline(always)]
    fn elements(x: &[i8; 8]) -> [i8; 8] {
        *x
    }

    #[inline(always)]
    fn in_place(x: &[i8]) -> Option<&[i8]> {
        Some(x)
    }

    #[inline(always)]
    fn weights([a, b, c, d]: [&[i8; 8]; 4], sums: int32x4_t) -> ([[i8; 8]; 4], int32x4_t) {
        neon! {
            let unit = |i: usize| {
                let of = |row: &[i8; 8]| [row[2 * i], row[2 * i + 1]];
                let ([a0, a1], [b0, b1], [c0, c1], [d0, d1]) = (of(a), of(b), of(c), of(d));
                [a0, a1, b0, b1, c0, c1, d0, d1]
            };
            let units = [unit(0), unit(1), unit(2), unit(3)];
            (units, units.iter().fold(sums, |sums, w| vpadalq_s16(sums, vmovl_s8(load_8(w)))))
        }
    }

    #[inline(always)]
    fn dot(sums: int32x4_t, x: &[i8; 2], w: [i8; 8]) -> int32x4_t {
        neon! {
            let x = vreinterpret_s8_s16(vdup_n_s16(i16::from_le_bytes(x.map(i8::cast_unsigned))));
            vpadalq_s16(sums, vmull_s8(x, load_8(&w)))
        }
    }

    #[inline(always)]
    fn sums(x: [i32; 4]) -> int32x4_t {
        neon! {
            vld1q_s32(x.as_ptr())
        }
    }

    #[inline(always)]
    fn values(sums: int32x4_t) -> [i32; 4] {
        neon! {
            let mut array = [0; 4];
            vst1q_s32(array.as_mut_ptr(), sums);
            array
        }
    }

    #[inline(always)]
    fn add(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        neon! {
            vaddq_s32(a, b)
        }
    }

    #[inline(always)]
    fn tap_weights(a: &[i8; 8], b: &[i8; 8]) -> [[i16; 8]; 2] {
        [a.map(i16::from), b.map(i16::from)]
    }

    #[inline(always)]
    fn taps(sums: [int32x4_t; 2], a: &[i8; 8], b: &[i8; 8], [w_a, w_b]: &[[i16; 8]; 2]) -> [int32x4_t; 2] {
        neon! {
            let add = |[low, high]: [int32x4_t; 2], x: &[i8; 8], w: &[i16; 8]| {
                let (x, w) = (vmovl_s8(load_8(x)), vld1q_s16(w.as_ptr()));
                [vmlal_s16(low, vget_low_s16(x), vget_low_s16(w)), vmlal_high_s16(high, x, w)]
            };
            add(add(sums, a, w_a), b, w_b)
        }
    }

    #[inline(always)]
    fn real(x: &[i8; 8], zero: i8) -> [float32x4_t; 2] {
        neon! {
            let x = vsubl_s8(load_8(x), vdup_n_s8(zero));
            [vcvtq_f32_s32(vmovl_s16(vget_low_s16(x))), vcvtq_f32_s32(vmovl_high_s16(x))]
        }
    }

    #[inline(always)]
    fn round([a, b]: [float32x4_t; 2], output: ToI8) -> [i8; 8] {
        neon! {
            let ToI8 { low, high, offset } = output;
            let round = |v| {
                // `maxnm` gives the number where the other is none: `low`, as it must.
                let v = vminnmq_f32(vdupq_n_f32(high), vmaxnmq_f32(vdupq_n_f32(low), v));
                // Limits and zero point leave nothing to saturate.
                let bits = vreinterpretq_s32_f32(vaddq_f32(v, vdupq_n_f32(MAGIC)));
                vmovn_s32(vaddq_s32(bits, vdupq_n_s32(offset)))
            };
            let bytes = vmovn_s16(vcombine_s16(round(a), round(b)));
            let mut array = [0; 8];
            vst1_s8(array.as_mut_ptr(), bytes);
            array
        }
    }

    #[inline(always)]
    fn requantize([a, b]: [int32x4_t; 2], [a_scale, b_scale]: [float32x4_t; 2], output: ToI8) -> [i8; 8] {
        neon! {
            Neon::round([vmulq_f32(vcvtq_f32_s32(a), a_scale), vmulq_f32(vcvtq_f32_s32(b), b_scale)], output)
        }
    }
}

impl Four for float32x4_t {
    #[inline(always)]
    fn splat(x: f32) -> float32x4_t {
        neon! {
            vdupq_n_f32(x)
        }
    }

    #[inline(always)]
    fn load(x: &[f32; 4]) -> float32x4_t {
        neon! {
            vld1q_f32(x.as_ptr())
        }
    }

    #[inline(always)]
    fn values(self) -> [f32; 4] {
        neon! {
            let mut array = [0.0; 4];
            vst1q_f32(array.as_mut_ptr(), self);
            array
        }
    }

    #[inline(always)]
    fn add(self, b: float32x4_t) -> float32x4_t {
        neon! {
            vaddq_f32(self, b)
        }
    }

    #[inline(always)]
    fn mul(self, b: float32x4_t) -> float32x4_t {
        neon! {
            vmulq_f32(self, b)
        }
    }

    #[inline(always)]
    fn div(self, b: float32x4_t) -> float32x4_t {
        neon! {
            vdivq_f32(self, b)
        }
    }

    #[inline(always)]
    fn mul_add(self, a: float32x4_t, b: float32x4_t) -> float32x4_t {
        neon! {
            vfmaq_f32(self, a, b)
        }
    }

    #[inline(always)]
    fn clamp(self, min: float32x4_t, max: float32x4_t) -> float32x4_t {
        neon! {
            // `max` and `min` keep NaN.
            vminq_f32(vmaxq_f32(self, min), max)
        }
    }
}

#[inline(always)]
fn load_8(x: &[i8; 8]) -> int8x8_t {
    neon! {
        vld1_s8(x.as_ptr())
    }
}
