//! Elements that are weighted and summed: by resizing and sampling.
//!
//! Weights are `f32`. Halves and 8-bit and 16-bit integers sum in `f32`, doubles in `f64`; the sum is rounded once, for
//! integers half to even and saturated.

use crate::DType;
use crate::quant::round_half_even;
use bytemuck::Pod;
use half::f16;

/// An element type with the type of its sums.
pub(super) trait Real: Pod {
    type Sum: Copy;
    const ZERO: Self::Sum;

    /// `sum + weight · self`
    fn add(self, weight: f32, sum: Self::Sum) -> Self::Sum;

    fn round(sum: Self::Sum) -> Self;
}

macro_rules! reals {
    ($($t:ty: $sum:ty, $widen:expr, $round:expr;)*) => {$(
        impl Real for $t {
            type Sum = $sum;
            const ZERO: $sum = 0.0;

            #[inline]
            fn add(self, weight: f32, sum: $sum) -> $sum {
                sum + <$sum>::from(weight) * $widen(self)
            }

            #[inline]
            fn round(sum: $sum) -> $t {
                $round(sum)
            }
        }
    )*};
}

reals! {
    f32: f32, |v| v, |s| s;
    f16: f32, f16::to_f32, f16::from_f32;
    f64: f64, |v| v, |s| s;
    // Float to integer casts saturate.
    i8: f32, f32::from, |s| round_half_even(s) as i8;
    u8: f32, f32::from, |s| round_half_even(s) as u8;
    i16: f32, f32::from, |s| round_half_even(s) as i16;
}

/// Whether elements of this type are weighted and summed.
pub(super) const fn is_real(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F16 | DType::F64 | DType::I8 | DType::U8 | DType::I16)
}

/// Runs `$body` with `$t` the element type of output 0, if it is one that is weighted and summed.
macro_rules! by_real {
    ($io:ident, $t:ident => $body:expr) => {
        match $io.out_ty(0).map(|t| t.dtype) {
            Some(crate::DType::F32) => {
                type $t = f32;
                $body
            }
            Some(crate::DType::F16) => {
                type $t = half::f16;
                $body
            }
            Some(crate::DType::F64) => {
                type $t = f64;
                $body
            }
            Some(crate::DType::I8) => {
                type $t = i8;
                $body
            }
            Some(crate::DType::U8) => {
                type $t = u8;
                $body
            }
            Some(crate::DType::I16) => {
                type $t = i16;
                $body
            }
            _ => {}
        }
    };
}
pub(super) use by_real;
