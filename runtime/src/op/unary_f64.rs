//! `UnaryF64`: the functions of one element in double precision that their own operators compute in single.
//!
//! One operator for all, so that firmware which names `Sigmoid` does not carry `f64` arithmetic that hardly any model uses.

use super::map::map_any;
use super::number::Number::{F32, F64, Signed, Unsigned};
use siskin_kernels::double;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

crate::attrs! {
    /// Attributes of [`UnaryF64`].
    pub struct UnaryF64Attrs {
        /// The code of the operator that computes the function in `f32`.
        pub function: u32,
        /// That operator's attributes, in order; a boolean is 0 or 1.
        pub parameters: [f32; 3],
    }
}

/// `[..] -> [..]` of `f64`; see the module.
pub struct UnaryF64;

impl Op for UnaryF64 {
    const CODE: Code = Code(147);
    const NAME: &'static str = "UnaryF64";
    type Attrs = UnaryF64Attrs;

    fn infer(attrs: &UnaryF64Attrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        if x.dtype != DType::F64 {
            return Err(Refusal::DType);
        }
        function(attrs.function).ok_or(Refusal::Attrs)?;
        out.like(x)
    }

    fn in_place(_: &UnaryF64Attrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &UnaryF64Attrs, io: &mut Io<'_>) {
        let Some(f) = function(attrs.function) else { return };
        let parameters = attrs.parameters.map(f64::from);
        map_any(io, &|n| match n {
            F64(x) => F64(f(x, parameters)),
            F32(_) | Signed(_) | Unsigned(_) => n,
        });
    }
}

/// The function that the operator of this code computes.
fn function(code: u32) -> Option<fn(f64, [f64; 3]) -> f64> {
    Some(match code {
        61 => |x, _| 1.0 / (1.0 + double::exp(-x)),
        62 => |x, _| double::tanh(x),
        63 => |x, _| double::exp(x),
        64 => |x, _| double::log(x),
        73 => |x, _| double::erf(x),
        74 => |x, _| double::sin(x),
        75 => |x, _| double::cos(x),
        76 => |x, _| double::tan(x),
        77 => |x, _| double::asin(x),
        78 => |x, _| double::acos(x),
        79 => |x, _| double::atan(x),
        80 => |x, _| double::sinh(x),
        81 => |x, _| double::cosh(x),
        82 => |x, _| double::asinh(x),
        83 => |x, _| double::acosh(x),
        84 => |x, _| double::atanh(x),
        85 => |x, _| softplus(x),
        86 => |x, _| x / (1.0 + x.abs()),
        87 => |x, _| x * double::tanh(softplus(x)),
        88 => gelu,
        89 => |x, _| x * unit(x / 6.0 + 0.5),
        92 => |x, [alpha, beta, _]| unit(alpha * x + beta),
        93 => |x, [alpha, ..]| if x < 0.0 { alpha * x } else { x },
        94 => |x, [alpha, beta, gamma]| gamma * if x < 0.0 { alpha * double::expm1(x / beta) } else { x },
        97 => |x, [alpha, ..]| if x > alpha { x } else { 0.0 },
        99 => shrink,
        _ => return None,
    })
}

fn softplus(x: f64) -> f64 {
    let above = if x < 0.0 { 0.0 } else { x };
    above + double::log1p(double::exp(-x.abs()))
}

fn unit(x: f64) -> f64 {
    let x = if x < 0.0 { 0.0 } else { x };
    if x > 1.0 { 1.0 } else { x }
}

fn gelu(x: f64, [tanh, ..]: [f64; 3]) -> f64 {
    const SQRT_2_OVER_PI: f64 = 0.797_884_560_802_865_4;
    let bend = if tanh == 0.0 {
        double::erf(x * core::f64::consts::FRAC_1_SQRT_2)
    } else {
        double::tanh(SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x))
    };
    0.5 * x * (1.0 + bend)
}

fn shrink(x: f64, [lambd, bias, _]: [f64; 3]) -> f64 {
    if x < -lambd {
        x + bias
    } else if x > lambd {
        x - bias
    } else {
        0.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};
    use crate::op::{Elu, EluAttrs, Exp, Gelu, GeluAttrs, HardSigmoid, HardSigmoidAttrs, Mish, Shrink, ShrinkAttrs};
    use crate::{Generic, attrs::NoAttrs};

    const X: [f64; 5] = [-3.0, -0.4, 0.0, 0.4, 3.0];

    /// The operator itself, in single precision, is the reference.
    fn agrees<O: Op>(attrs: &O::Attrs, parameters: [f32; 3]) {
        let attrs64 = UnaryF64Attrs { function: O::CODE.0.into(), parameters };
        let y = run::<UnaryF64>(&attrs64, &[&Tensor::of(&[5], &X)]).unwrap();
        let single = run::<O>(attrs, &[&Tensor::of(&[5], &X.map(|x| x as f32))]).unwrap();
        for (y, s) in y.get::<f64>().iter().zip(single.get::<f32>()) {
            assert!((y - f64::from(*s)).abs() < 1e-6, "{}: {y}, not {s}", O::NAME);
        }
    }

    #[test]
    fn agrees_with_the_operators_of_single_precision() {
        for entry in crate::op::all::<Generic>().0 {
            let code = u32::from(entry.code.0);
            assert!(function(code).is_none() || (60..100).contains(&code), "{entry:?}");
        }
        agrees::<Exp>(&NoAttrs {}, [0.0; 3]);
        agrees::<Mish>(&NoAttrs {}, [0.0; 3]);
        agrees::<Gelu>(&GeluAttrs { tanh: false }, [0.0; 3]);
        agrees::<Gelu>(&GeluAttrs { tanh: true }, [1.0, 0.0, 0.0]);
        agrees::<HardSigmoid>(&HardSigmoidAttrs { alpha: 0.25, beta: 0.5 }, [0.25, 0.5, 0.0]);
        agrees::<Elu>(&EluAttrs { alpha: 0.5, beta: 2.0, gamma: 3.0 }, [0.5, 2.0, 3.0]);
        agrees::<Shrink>(&ShrinkAttrs { lambd: 0.5, bias: 0.25 }, [0.5, 0.25, 0.0]);
    }

    #[test]
    fn is_as_precise_as_doubles_are() {
        let attrs = UnaryF64Attrs { function: 61, parameters: [0.0; 3] };
        let y = run::<UnaryF64>(&attrs, &[&Tensor::of(&[1], &[1.0f64])]).unwrap();
        assert!((y.get::<f64>()[0] - 0.731_058_578_630_004_9).abs() < 1e-15);
    }

    #[test]
    fn refuses_other_functions_and_types() {
        let attrs = UnaryF64Attrs { function: 60, parameters: [0.0; 3] };
        assert_eq!(run::<UnaryF64>(&attrs, &[&Tensor::of(&[1], &[1.0f64])]), Err(Refusal::Attrs));
        let attrs = UnaryF64Attrs { function: 61, ..attrs };
        assert_eq!(run::<UnaryF64>(&attrs, &[&Tensor::of(&[1], &[1.0f32])]), Err(Refusal::DType));
    }
}
