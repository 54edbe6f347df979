//! Questions about one element, and negation: `IsNaN`, `IsInf`, `Not`, `BitwiseNot`.

use super::map::{map_any, same_type, unary};
use super::number::Number::{F32, F64, Signed, Unsigned};
use super::types::Types;
use crate::attrs::NoAttrs;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

crate::attrs! {
    /// Attributes of [`IsInf`].
    pub struct IsInfAttrs {
        /// Whether negative infinity counts.
        pub negative: bool,
        /// Whether positive infinity counts.
        pub positive: bool,
    }
}

unary! {
    /// Every bit inverted.
    BitwiseNot = 124, NoAttrs, INT, |_, x| x, wide |n| match n {
        Signed(v) => Signed(!v),
        Unsigned(v) => Unsigned(!v),
        n => n,
    };
    /// `false` for `true` and the reverse.
    Not = 123, NoAttrs, BOOL, |_, x| x, wide |n| (!n.is_true()).into();
}

/// Whether `x` is not a number.
pub struct IsNaN;

impl Op for IsNaN {
    const CODE: Code = Code(121);
    const NAME: &'static str = "IsNaN";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        question(sig, out)
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        map_any(io, &|n| n.is_nan().into());
    }
}

/// Whether `x` is infinite, of a sign that counts.
pub struct IsInf;

impl Op for IsInf {
    const CODE: Code = Code(122);
    const NAME: &'static str = "IsInf";
    type Attrs = IsInfAttrs;

    fn infer(_: &IsInfAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        question(sig, out)
    }

    fn run<K: Kernels>(attrs: &IsInfAttrs, io: &mut Io<'_>) {
        map_any(io, &|n| {
            let (infinite, negative) = match n {
                F32(v) => (v.is_infinite(), v < 0.0),
                F64(v) => (v.is_infinite(), v < 0.0),
                Signed(_) | Unsigned(_) => (false, false),
            };
            (infinite && if negative { attrs.negative } else { attrs.positive }).into()
        });
    }
}

/// `[..] of floats -> [..] of booleans`.
fn question(sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
    same_type(sig, Types::FLOAT, out)?;
    out.dims(DType::Bool, sig.ty(0)?.shape)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn finds_infinities_by_sign_and_what_is_no_number() {
        let x = Tensor::of(&[4], &[f32::NEG_INFINITY, f32::INFINITY, f32::NAN, 1.0]);
        let ask = |negative, positive| run::<IsInf>(&IsInfAttrs { negative, positive }, &[&x]);
        assert_eq!(ask(true, true), Ok(Tensor::bools(&[4], &[1, 1, 0, 0])));
        assert_eq!(ask(true, false), Ok(Tensor::bools(&[4], &[1, 0, 0, 0])));
        assert_eq!(run::<IsNaN>(&NoAttrs {}, &[&x]), Ok(Tensor::bools(&[4], &[0, 0, 1, 0])));
    }

    #[test]
    fn negations() {
        let x = Tensor::bools(&[2], &[0, 1]);
        assert_eq!(run::<Not>(&NoAttrs {}, &[&x]), Ok(Tensor::bools(&[2], &[1, 0])));
        let x = Tensor::of(&[2], &[0u16, 0xff0f]);
        assert_eq!(run::<BitwiseNot>(&NoAttrs {}, &[&x]), Ok(Tensor::of(&[2], &[0xffffu16, 0x00f0])));
        assert_eq!(run::<Not>(&NoAttrs {}, &[&x]), Err(Refusal::DType));
    }
}
