//! Sets of element types: what the rules of operators accept.

use crate::DType;

/// A set of element types.
#[derive(Clone, Copy, Debug)]
pub(super) struct Types(u32);

impl Types {
    /// `f16` and `f32`: functions whose `f64` form would weigh down firmware for nothing.
    pub(super) const SHORT: Types = Types::of(&[DType::F16, DType::F32]);
    /// The floating point types.
    pub(super) const FLOAT: Types = Types::SHORT.and(Types::of(&[DType::F64]));
    /// The signed integers.
    pub(super) const SIGNED_INT: Types = Types::of(&[DType::I8, DType::I16, DType::I32, DType::I64]);
    /// The unsigned integers.
    pub(super) const UNSIGNED: Types = Types::of(&[DType::U8, DType::U16, DType::U32, DType::U64]);
    /// All integers.
    pub(super) const INT: Types = Types::SIGNED_INT.and(Types::UNSIGNED);
    /// Floats and signed integers.
    pub(super) const SIGNED: Types = Types::FLOAT.and(Types::SIGNED_INT);
    /// All but booleans.
    pub(super) const NUMERIC: Types = Types::FLOAT.and(Types::INT);
    /// Booleans.
    pub(super) const BOOL: Types = Types::of(&[DType::Bool]);

    const fn of(list: &[DType]) -> Types {
        let (mut set, mut rest) = (0, list);
        while let Some((first, tail)) = rest.split_first() {
            set |= 1u32.wrapping_shl(first.code() as u32);
            rest = tail;
        }
        Types(set)
    }

    /// Both sets together.
    pub(super) const fn and(self, other: Types) -> Types {
        Types(self.0 | other.0)
    }

    pub(super) fn has(self, dtype: DType) -> bool {
        self.0.wrapping_shr(dtype.code().into()) & 1 == 1
    }
}
