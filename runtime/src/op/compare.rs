//! Questions and logic of two operands, broadcast as in numpy.

use super::broadcast::{same_as_output, same_types, zip_any};
use super::number::Number::{self, F32, F64, Signed, Unsigned};
use super::types::Types;
use crate::attrs::NoAttrs;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type};
use core::cmp::Ordering::{Equal as Same, Greater as Above, Less as Below};

crate::attrs! {
    /// Attributes of [`BitShift`].
    pub struct BitShiftAttrs {
        /// Whether bits move towards the lowest.
        pub right: bool,
    }
}

/// `name = code, element types, [orders of a and b that it holds for];`
macro_rules! comparisons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $types:expr, [$($holds:pat),+];)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Op for $name {
            const CODE: Code = Code($code);
            const NAME: &'static str = stringify!($name);
            type Attrs = NoAttrs;

            fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
                out.one(Type::new(DType::Bool, same_types(sig, $types)?.shape))
            }

            fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
                zip_any(io, &|a, b| matches!(a.order(b), $(Some($holds))|+).into());
            }
        }
    )*};
}

comparisons! {
    /// Whether `a = b`.
    Equal = 109, Types::NUMERIC.and(Types::BOOL), [Same];
    /// Whether `a < b`.
    Less = 110, Types::NUMERIC, [Below];
    /// Whether `a ≤ b`.
    LessOrEqual = 111, Types::NUMERIC, [Below, Same];
    /// Whether `a > b`.
    Greater = 112, Types::NUMERIC, [Above];
    /// Whether `a ≥ b`.
    GreaterOrEqual = 113, Types::NUMERIC, [Above, Same];
}

/// `name = code, attributes, element types, |attributes, a, b| f(a, b) as bits;`
macro_rules! bitwise {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $attrs:ty, $types:ident, |$at:pat_param, $a:ident, $b:ident| $bits:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Op for $name {
            const CODE: Code = Code($code);
            const NAME: &'static str = stringify!($name);
            type Attrs = $attrs;

            fn infer(_: &$attrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
                out.one(same_types(sig, Types::$types)?)
            }

            fn in_place(_: &$attrs, sig: &Sig<'_>, input: usize) -> bool {
                same_as_output(sig, input)
            }

            fn run<K: Kernels>(attrs: &$attrs, io: &mut Io<'_>) {
                let $at = attrs;
                zip_any(io, &|a, b| {
                    let ($a, $b) = (bits(a), bits(b));
                    Unsigned($bits)
                });
            }
        }
    )*};
}

bitwise! {
    /// Whether both are true.
    And = 114, NoAttrs, BOOL, |_, a, b| a & b;
    /// Whether one is true.
    Or = 115, NoAttrs, BOOL, |_, a, b| a | b;
    /// Whether exactly one is true.
    Xor = 116, NoAttrs, BOOL, |_, a, b| a ^ b;
    /// The bits that both have.
    BitwiseAnd = 117, NoAttrs, INT, |_, a, b| a & b;
    /// The bits that either has.
    BitwiseOr = 118, NoAttrs, INT, |_, a, b| a | b;
    /// The bits that one has and the other has not.
    BitwiseXor = 119, NoAttrs, INT, |_, a, b| a ^ b;
    /// `a` with its bits moved by `b` places, zeros filling up.
    BitShift = 120, BitShiftAttrs, UNSIGNED, |attrs, a, b| {
        let places = u32::try_from(b).unwrap_or(u32::MAX);
        if attrs.right { a.checked_shr(places) } else { a.checked_shl(places) }.unwrap_or(0)
    };
}

/// The bits of an integer, its sign extended.
fn bits(n: Number) -> u64 {
    match n {
        Signed(v) => v.cast_unsigned(),
        Unsigned(v) => v,
        F32(_) | F64(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    const NONE: NoAttrs = NoAttrs {};

    #[test]
    fn comparisons_of_reals_and_integers() {
        let (a, b) = (Tensor::of(&[4], &[1.0f32, 2.0, 3.0, f32::NAN]), Tensor::of(&[], &[2.0f32]));
        let bools = |v: [u8; 4]| Ok(Tensor::bools(&[4], &v));
        assert_eq!(run::<Equal>(&NONE, &[&a, &b]), bools([0, 1, 0, 0]));
        assert_eq!(run::<Less>(&NONE, &[&a, &b]), bools([1, 0, 0, 0]));
        assert_eq!(run::<LessOrEqual>(&NONE, &[&a, &b]), bools([1, 1, 0, 0]));
        assert_eq!(run::<Greater>(&NONE, &[&a, &b]), bools([0, 0, 1, 0]));
        assert_eq!(run::<GreaterOrEqual>(&NONE, &[&a, &b]), bools([0, 1, 1, 0]));
        let (a, b) = (Tensor::of(&[2], &[i64::MAX, -1]), Tensor::of(&[2], &[i64::MAX - 1, 0]));
        assert_eq!(run::<Greater>(&NONE, &[&a, &b]), Ok(Tensor::bools(&[2], &[1, 0])));
        let (a, b) = (Tensor::bools(&[2], &[0, 1]), Tensor::bools(&[2], &[1, 1]));
        assert_eq!(run::<Equal>(&NONE, &[&a, &b]), Ok(Tensor::bools(&[2], &[0, 1])));
        assert_eq!(run::<Less>(&NONE, &[&a, &b]), Err(Refusal::DType));
    }

    #[test]
    fn logic_and_bits() {
        let (a, b) = (Tensor::bools(&[2, 1], &[0, 1]), Tensor::bools(&[2], &[0, 1]));
        assert_eq!(run::<And>(&NONE, &[&a, &b]), Ok(Tensor::bools(&[2, 2], &[0, 0, 0, 1])));
        assert_eq!(run::<Or>(&NONE, &[&a, &b]), Ok(Tensor::bools(&[2, 2], &[0, 1, 1, 1])));
        assert_eq!(run::<Xor>(&NONE, &[&a, &b]), Ok(Tensor::bools(&[2, 2], &[0, 1, 1, 0])));
        let (a, b) = (Tensor::of(&[2], &[-1i16, 0x0ff0]), Tensor::of(&[], &[0x00ffi16]));
        assert_eq!(run::<BitwiseAnd>(&NONE, &[&a, &b]), Ok(Tensor::of(&[2], &[0x00ffi16, 0x00f0])));
        assert_eq!(run::<BitwiseOr>(&NONE, &[&a, &b]), Ok(Tensor::of(&[2], &[-1i16, 0x0fff])));
        assert_eq!(run::<BitwiseXor>(&NONE, &[&a, &b]), Ok(Tensor::of(&[2], &[-256i16, 0x0f0f])));
        let (a, b) = (Tensor::of(&[3], &[0x81u8, 4, 255]), Tensor::of(&[3], &[1u8, 0, 200]));
        assert_eq!(run::<BitShift>(&BitShiftAttrs { right: false }, &[&a, &b]), Ok(Tensor::of(&[3], &[2u8, 4, 0])));
        assert_eq!(run::<BitShift>(&BitShiftAttrs { right: true }, &[&a, &b]), Ok(Tensor::of(&[3], &[0x40u8, 4, 0])));
        assert_eq!(run::<And>(&NONE, &[&a, &b]), Err(Refusal::DType));
    }
}
