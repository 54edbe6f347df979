//! One element of any type, widened: the small way through an operator, beside the fast loops for the types that
//! models mostly run on.
//!
//! `f16` widens to `f32`, integers and booleans to 64 bits; storing narrows again: halves round to nearest even,
//! integers wrap. Elements are little-endian in memory, as on every target.

use super::types::Types;
use crate::DType;
use core::cmp::Ordering;
use half::f16;

/// One element, widened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    /// An `f32` or an `f16`.
    F32(f32),
    /// An `f64`.
    F64(f64),
    /// A signed integer.
    Signed(i64),
    /// An unsigned integer or a boolean.
    Unsigned(u64),
}

use Number::{F32, F64, Signed, Unsigned};

impl Number {
    /// Element `i` of a tensor; nothing beyond its end.
    pub(super) fn load(dtype: DType, bytes: &[u8], i: usize) -> Option<Number> {
        let bits = match dtype.size() {
            1 => bytes.get(i).copied()?.into(),
            2 => u16::from_le_bytes(take(bytes, i)?).into(),
            4 => u32::from_le_bytes(take(bytes, i)?).into(),
            _ => u64::from_le_bytes(take(bytes, i)?),
        };
        Some(match dtype {
            DType::F32 => F32(f32::from_bits(bits as u32)),
            DType::F16 => F32(f16::from_bits(bits as u16).to_f32()),
            DType::F64 => F64(f64::from_bits(bits)),
            _ if Types::SIGNED_INT.has(dtype) => {
                let unused = 64u32.wrapping_sub(dtype.size().wrapping_mul(8));
                Signed(bits.wrapping_shl(unused).cast_signed().wrapping_shr(unused))
            }
            _ => Unsigned(bits),
        })
    }

    /// Writes element `i` of a tensor of the same kind, floats to floats and integers to integers; integers wrap.
    /// Nothing beyond the end.
    pub(super) fn store(self, dtype: DType, bytes: &mut [u8], i: usize) {
        let bits = match self {
            F32(v) if dtype == DType::F16 => f16::from_f32(v).to_bits().into(),
            F32(v) => v.to_bits().into(),
            F64(v) => v.to_bits(),
            Signed(v) => v.cast_unsigned(),
            Unsigned(v) => v,
        };
        match dtype.size() {
            1 => put(bytes, i, [bits as u8]),
            2 => put(bytes, i, (bits as u16).to_le_bytes()),
            4 => put(bytes, i, (bits as u32).to_le_bytes()),
            _ => put(bytes, i, bits.to_le_bytes()),
        }
    }

    /// The number as [`Number::store`] takes it for this type: floats to integers truncate and saturate, NaN becomes 0;
    /// to booleans, all but 0 is true; to halves it is rounded once.
    pub(super) fn cast(self, dtype: DType) -> Number {
        match dtype {
            DType::F32 => F32(self.to_f32()),
            DType::F16 => F32(self.to_odd_f32()),
            DType::F64 => F64(self.to_f64()),
            DType::Bool => self.is_true().into(),
            DType::U64 => Unsigned(self.to_u64()),
            _ => Signed(self.to_i64(Number::least(dtype).to_i64(0, 0), Number::greatest(dtype).to_i64(0, 0))),
        }
    }

    /// A small number in the kind of this type.
    pub(super) fn small(dtype: DType, n: u8) -> Number {
        match dtype {
            DType::F64 => F64(n.into()),
            DType::F32 | DType::F16 => F32(n.into()),
            _ if Types::SIGNED_INT.has(dtype) => Signed(n.into()),
            _ => Unsigned(n.into()),
        }
    }

    /// The least number of a type, negative infinity for floats.
    pub(super) fn least(dtype: DType) -> Number {
        match dtype {
            DType::F64 => F64(f64::NEG_INFINITY),
            DType::F32 | DType::F16 => F32(f32::NEG_INFINITY),
            _ if Types::SIGNED_INT.has(dtype) => {
                Signed(i64::MIN.wrapping_shr(64u32.wrapping_sub(dtype.size().wrapping_mul(8))))
            }
            _ => Unsigned(0),
        }
    }

    /// The greatest number of a type, infinity for floats.
    pub(super) fn greatest(dtype: DType) -> Number {
        match Number::least(dtype) {
            F32(v) => F32(-v),
            F64(v) => F64(-v),
            Signed(v) => Signed(!v),
            Unsigned(_) if dtype == DType::Bool => Unsigned(1),
            Unsigned(_) => Unsigned(u64::MAX.wrapping_shr(64u32.wrapping_sub(dtype.size().wrapping_mul(8)))),
        }
    }

    pub(super) fn to_f32(self) -> f32 {
        match self {
            F32(v) => v,
            F64(v) => v as f32,
            Signed(v) => v as f32,
            Unsigned(v) => v as f32,
        }
    }

    pub(super) fn to_f64(self) -> f64 {
        match self {
            F32(v) => v.into(),
            F64(v) => v,
            Signed(v) => v as f64,
            Unsigned(v) => v as f64,
        }
    }

    /// Floats truncate and saturate at the bounds; integers stay as they are, for the caller to wrap.
    fn to_i64(self, min: i64, max: i64) -> i64 {
        match self {
            // `clamp` would check its bounds.
            F32(v) => (v as i64).max(min).min(max),
            F64(v) => (v as i64).max(min).min(max),
            Signed(v) => v,
            Unsigned(v) => v.cast_signed(),
        }
    }

    fn to_u64(self) -> u64 {
        match self {
            F32(v) => v as u64,
            F64(v) => v as u64,
            Signed(v) => v.cast_unsigned(),
            Unsigned(v) => v,
        }
    }

    /// Whether it is other than 0; NaN is.
    pub(super) fn is_true(self) -> bool {
        match self {
            F32(v) => v != 0.0,
            F64(v) => v != 0.0,
            Signed(v) => v != 0,
            Unsigned(v) => v != 0,
        }
    }

    /// How two numbers of one type compare; nothing if either is NaN.
    pub(super) fn order(self, other: Number) -> Option<Ordering> {
        match (self, other) {
            (F32(a), F32(b)) => a.partial_cmp(&b),
            (F64(a), F64(b)) => a.partial_cmp(&b),
            (Signed(a), Signed(b)) => Some(a.cmp(&b)),
            (Unsigned(a), Unsigned(b)) => Some(a.cmp(&b)),
            _ => None,
        }
    }

    /// As [`Number::order`], with NaN above everything and equal to itself.
    pub(super) fn total_order(self, other: Number) -> Ordering {
        self.order(other).unwrap_or_else(|| self.is_nan().cmp(&other.is_nan()))
    }

    pub(super) fn is_nan(self) -> bool {
        match self {
            F32(v) => v.is_nan(),
            F64(v) => v.is_nan(),
            Signed(_) | Unsigned(_) => false,
        }
    }

    /// An `f32` that rounds to the same `f16` as the number itself: rounding twice to nearest could miss by one.
    fn to_odd_f32(self) -> f32 {
        let near = self.to_f32();
        let F64(v) = self else { return near };
        let inexact = f64::from(near) != v && near.is_finite();
        if !inexact {
            return near;
        }
        // Towards zero, then the last bit set: it stands for all that was lost.
        let away = f64::from(near.abs()) > v.abs();
        f32::from_bits(near.to_bits().wrapping_sub(away.into()) | 1)
    }
}

/// A function of two numbers of one type, by type; `f16` comes as `f32`.
pub(super) struct ByType {
    pub(super) single: fn(f32, f32) -> f32,
    pub(super) double: fn(f64, f64) -> f64,
    pub(super) signed: fn(i64, i64) -> i64,
    pub(super) unsigned: fn(u64, u64) -> u64,
}

impl ByType {
    pub(super) const SUM: ByType =
        ByType { single: |a, b| a + b, double: |a, b| a + b, signed: i64::wrapping_add, unsigned: u64::wrapping_add };
    pub(super) const PRODUCT: ByType =
        ByType { single: |a, b| a * b, double: |a, b| a * b, signed: i64::wrapping_mul, unsigned: u64::wrapping_mul };
    /// NaN if either is NaN.
    pub(super) const LESSER: ByType = ByType {
        single: |a, b| if a < b || a.is_nan() { a } else { b },
        double: |a, b| if a < b || a.is_nan() { a } else { b },
        signed: i64::min,
        unsigned: u64::min,
    };
    /// NaN if either is NaN.
    pub(super) const GREATER: ByType = ByType {
        single: |a, b| if a > b || a.is_nan() { a } else { b },
        double: |a, b| if a > b || a.is_nan() { a } else { b },
        signed: i64::max,
        unsigned: u64::max,
    };

    pub(super) fn apply(&self, a: Number, b: Number) -> Number {
        match (a, b) {
            (F32(a), F32(b)) => F32((self.single)(a, b)),
            (F64(a), F64(b)) => F64((self.double)(a, b)),
            (Signed(a), Signed(b)) => Signed((self.signed)(a, b)),
            (Unsigned(a), Unsigned(b)) => Unsigned((self.unsigned)(a, b)),
            _ => a,
        }
    }
}

impl From<bool> for Number {
    fn from(v: bool) -> Number {
        Unsigned(v.into())
    }
}

fn take<const N: usize>(bytes: &[u8], i: usize) -> Option<[u8; N]> {
    bytes.get(i.checked_mul(N)?..)?.first_chunk().copied()
}

fn put<const N: usize>(bytes: &mut [u8], i: usize, value: [u8; N]) {
    if let Some(slot) = i.checked_mul(N).and_then(|at| bytes.get_mut(at..)?.first_chunk_mut()) {
        *slot = value;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn cast(v: Number, dtype: DType) -> Number {
        let mut bytes = [0; 8];
        v.cast(dtype).store(dtype, &mut bytes, 0);
        Number::load(dtype, &bytes, 0).unwrap()
    }

    #[test]
    fn floats_saturate_and_integers_wrap() {
        assert_eq!(cast(F32(300.7), DType::U8), Unsigned(255));
        assert_eq!(cast(F32(-300.7), DType::I8), Signed(-128));
        assert_eq!(cast(F32(f32::NAN), DType::I32), Signed(0));
        assert_eq!(cast(F64(1e30), DType::U64), Unsigned(u64::MAX));
        assert_eq!(cast(Signed(-1), DType::U16), Unsigned(65_535));
        assert_eq!(cast(Unsigned(300), DType::I8), Signed(44));
        assert_eq!(cast(F32(0.25), DType::Bool), Unsigned(1));
    }

    #[test]
    fn doubles_round_to_halves_once() {
        // Just above the middle of 1 and the next half; as an f32 it is the middle, which would round to 1.
        let middle = 1.0 + 1.0 / 2048.0;
        assert_eq!(cast(F64(middle + 1e-12), DType::F16), F32(1.0 + 1.0 / 1024.0));
        assert_eq!(cast(F64(-middle - 1e-12), DType::F16), F32(-1.0 - 1.0 / 1024.0));
        assert_eq!(cast(F64(middle - 1e-12), DType::F16), F32(1.0));
        assert_eq!(cast(F64(65_519.999), DType::F16), F32(65_504.0));
        assert_eq!(cast(F64(65_520.0), DType::F16), F32(f32::INFINITY));
    }
}
