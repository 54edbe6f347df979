//! 128-bit lanes by the instructions of `simd128`.

use crate::ToI8;
use crate::lanes::{Four, Lanes};
use crate::round::MAGIC;
use core::arch::wasm32::*;

pub(super) struct Simd;

// SAFETY: they are registers or arrays of integers.
unsafe impl Lanes<8, 2> for Simd {
    type Element = i16;
    type Weights = v128;
    type Sums = v128;
    type Reals = v128;
    const ZERO: i16 = 0;
    const NO_WEIGHTS: v128 = i32x4(0, 0, 0, 0);

    #[inline(always)]
    fn element(x: i8) -> i16 {
        x.into()
    }

    #[inline(always)]
    fn elements(x: &[i8; 8]) -> [i16; 8] {
        of_i16(widen(x))
    }

    #[inline(always)]
    fn in_place(_: &[i8]) -> Option<&[i16]> {
        None
    }

    #[inline(always)]
    fn weights(rows: [&[i8; 8]; 4], sums: v128) -> ([v128; 4], v128) {
        // A unit is a lane of 32 bits: rows of units become rows of channels.
        let [a, b, c, d] = rows.map(widen);
        let low = |a, b| i32x4_shuffle::<0, 4, 1, 5>(a, b);
        let high = |a, b| i32x4_shuffle::<2, 6, 3, 7>(a, b);
        let [ac_low, bd_low, ac_high, bd_high] = [low(a, c), low(b, d), high(a, c), high(b, d)];
        let units = [low(ac_low, bd_low), high(ac_low, bd_low), low(ac_high, bd_high), high(ac_high, bd_high)];
        (units, units.into_iter().fold(sums, |sums, w| i32x4_add(sums, i32x4_extadd_pairwise_i16x8(w))))
    }

    #[inline(always)]
    fn dot(sums: v128, x: &[i16; 2], w: v128) -> v128 {
        // SAFETY: the array is 4 bytes, and any alignment will do.
        let x = unsafe { v128_load32_splat(x.as_ptr().cast()) };
        dot(sums, x, w)
    }

    #[inline(always)]
    fn sums([a, b, c, d]: [i32; 4]) -> v128 {
        i32x4(a, b, c, d)
    }

    #[inline(always)]
    fn values(sums: v128) -> [i32; 4] {
        [
            i32x4_extract_lane::<0>(sums),
            i32x4_extract_lane::<1>(sums),
            i32x4_extract_lane::<2>(sums),
            i32x4_extract_lane::<3>(sums),
        ]
    }

    #[inline(always)]
    fn add(a: v128, b: v128) -> v128 {
        i32x4_add(a, b)
    }

    #[inline(always)]
    fn tap_weights(a: &[i8; 8], b: &[i8; 8]) -> [[i16; 8]; 2] {
        interleave(a, b).map(of_i16)
    }

    #[inline(always)]
    fn taps([low, high]: [v128; 2], a: &[i8; 8], b: &[i8; 8], [w_low, w_high]: &[[i16; 8]; 2]) -> [v128; 2] {
        let [x_low, x_high] = interleave(a, b);
        [dot(low, x_low, load(w_low)), dot(high, x_high, load(w_high))]
    }

    #[inline(always)]
    fn real(x: &[i8; 8], zero: i8) -> [v128; 2] {
        let x = i16x8_sub(widen(x), i16x8_splat(zero.into()));
        [i32x4_extend_low_i16x8(x), i32x4_extend_high_i16x8(x)].map(|x| f32x4_convert_i32x4(x))
    }

    #[inline(always)]
    fn round([a, b]: [v128; 2], output: ToI8) -> [i8; 8] {
        let ToI8 { low, high, offset } = output;
        let round = |v| {
            // `pmax(a, b)` is `a < b ? b : a`: what is no number gives `low`, as it must.
            let v = f32x4_pmin(f32x4_splat(high), f32x4_pmax(f32x4_splat(low), v));
            // Limits and zero point leave nothing to saturate.
            i32x4_add(f32x4_add(v, f32x4_splat(MAGIC)), i32x4_splat(offset))
        };
        let (a, b) = (round(a), round(b));
        let bytes = i8x16_narrow_i16x8(i16x8_narrow_i32x4(a, b), a);
        i64x2_extract_lane::<0>(bytes).to_le_bytes().map(u8::cast_signed)
    }

    #[inline(always)]
    fn requantize([a, b]: [v128; 2], [a_scale, b_scale]: [v128; 2], output: ToI8) -> [i8; 8] {
        let real = |sums, scale| f32x4_mul(f32x4_convert_i32x4(sums), scale);
        Simd::round([real(a, a_scale), real(b, b_scale)], output)
    }
}

impl Four for v128 {
    #[inline(always)]
    fn splat(x: f32) -> v128 {
        f32x4_splat(x)
    }

    #[inline(always)]
    fn load(x: &[f32; 4]) -> v128 {
        load(x)
    }

    #[inline(always)]
    fn values(self) -> [f32; 4] {
        let mut array = [0.0; 4];
        // SAFETY: the array is 16 bytes, and any alignment will do.
        unsafe { v128_store(array.as_mut_ptr().cast(), self) };
        array
    }

    #[inline(always)]
    fn add(self, b: v128) -> v128 {
        f32x4_add(self, b)
    }

    #[inline(always)]
    fn mul(self, b: v128) -> v128 {
        f32x4_mul(self, b)
    }

    #[inline(always)]
    fn div(self, b: v128) -> v128 {
        f32x4_div(self, b)
    }

    #[inline(always)]
    fn mul_add(self, a: v128, b: v128) -> v128 {
        #[cfg(target_feature = "relaxed-simd")]
        return f32x4_relaxed_madd(a, b, self);
        #[cfg(not(target_feature = "relaxed-simd"))]
        f32x4_add(self, f32x4_mul(a, b))
    }

    #[inline(always)]
    fn clamp(self, min: v128, max: v128) -> v128 {
        f32x4_pmin(f32x4_pmax(self, min), max)
    }
}

#[inline(always)]
fn dot(sums: v128, a: v128, b: v128) -> v128 {
    i32x4_add(sums, i32x4_dot_i16x8(a, b))
}

/// 16 bytes.
#[inline(always)]
fn load<T, const N: usize>(x: &[T; N]) -> v128 {
    const { assert!(size_of::<[T; N]>() == 16) }
    // SAFETY: the array is 16 bytes, and any alignment will do.
    unsafe { v128_load(x.as_ptr().cast()) }
}

#[inline(always)]
fn widen(x: &[i8; 8]) -> v128 {
    // SAFETY: the array is 8 bytes, and any alignment will do.
    unsafe { i16x8_load_extend_i8x8(x.as_ptr()) }
}

/// `a[0], b[0], a[1], b[1], …`
#[inline(always)]
fn interleave(a: &[i8; 8], b: &[i8; 8]) -> [v128; 2] {
    let (a, b) = (widen(a), widen(b));
    [i16x8_shuffle::<0, 8, 1, 9, 2, 10, 3, 11>(a, b), i16x8_shuffle::<4, 12, 5, 13, 6, 14, 7, 15>(a, b)]
}

#[inline(always)]
fn of_i16(v: v128) -> [i16; 8] {
    let mut array = [0; 8];
    // SAFETY: the array is 16 bytes, and any alignment will do.
    unsafe { v128_store(array.as_mut_ptr().cast(), v) };
    array
}
