//! Elements that are weighted and summed: by resizing and sampling.
//!
//! Weights are `f32`. Halves and 8-bit and 16-bit integers sum in `f32`, doubles in `f64`; the sum is rounded once, for
//! integers half to even and saturated.

use super::number::Number::{self, F32, F64};
use crate::DType;
use crate::quant::round_half_even;

/// Whether elements of this type are weighted and summed.
pub(super) const fn is_real(dtype: DType) -> bool {
    matches!(dtype, DType::F32 | DType::F16 | DType::F64 | DType::I8 | DType::U8 | DType::I16)
}

/// `Σ weight · x`, of elements `x` of this type, as it is stored.
pub(super) fn weighted(dtype: DType, terms: &mut dyn Iterator<Item = (f32, Number)>) -> Number {
    let zero = if dtype == DType::F64 { F64(0.0) } else { F32(0.0) };
    let sum = terms.fold(zero, |sum, (weight, x)| match sum {
        F64(sum) => F64(sum + f64::from(weight) * x.to_f64()),
        sum => F32(sum.to_f32() + weight * x.to_f32()),
    });
    match sum {
        F32(v) if !dtype.is_float() => F32(round_half_even(v)).cast(dtype),
        sum => sum,
    }
}
