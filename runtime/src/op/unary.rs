//! Elementary functions of one element: `y[i] = f(x[i])`, one operator each.
//!
//! The functions that need more than arithmetic do not take `f64`.

use super::map::{unary, wide};
use super::number::Number::{Signed, Unsigned};
use crate::attrs::NoAttrs;
use crate::quant;
use siskin_kernels::{double, math};

/// A function that models seldom use, by way of its `f64` form: one copy of each serves both types.
fn rounded(f: fn(f64) -> f64, x: f32) -> f32 {
    f(x.into()) as f32
}

unary! {
    /// `tanh x`.
    Tanh = 62, NoAttrs, SHORT, |_, x| math::tanh(x);
    /// `e^x`.
    Exp = 63, NoAttrs, SHORT, |_, x| math::exp(x);
    /// `ln x`.
    Log = 64, NoAttrs, SHORT, |_, x| libm::logf(x);
    /// `√x`.
    Sqrt = 65, NoAttrs, FLOAT, |_, x| libm::sqrtf(x), wide |n| wide(n, libm::sqrt);
    /// `|x|`; the least integer stays itself.
    Abs = 66, NoAttrs, NUMERIC, |_, x| x.abs(), wide |n| match n {
        Signed(v) => Signed(v.wrapping_abs()),
        n => wide(n, f64::abs),
    };
    /// `-x`; the least integer stays itself.
    Neg = 67, NoAttrs, SIGNED, |_, x| -x, wide |n| match n {
        Signed(v) => Signed(v.wrapping_neg()),
        n => wide(n, |v| -v),
    };
    /// `1 / x`.
    Reciprocal = 68, NoAttrs, FLOAT, |_, x| 1.0 / x, wide |n| wide(n, |v| 1.0 / v);
    /// The largest integer that is not above `x`.
    Floor = 69, NoAttrs, FLOAT, |_, x| libm::floorf(x), wide |n| wide(n, libm::floor);
    /// The smallest integer that is not below `x`.
    Ceil = 70, NoAttrs, FLOAT, |_, x| libm::ceilf(x), wide |n| wide(n, libm::ceil);
    /// The nearest integer, halves to the even one.
    Round = 71, NoAttrs, FLOAT, |_, x| quant::round_half_even(x).copysign(x), wide |n| wide(n, libm::rint);
    /// -1, 0 or 1; NaN stays.
    Sign = 72, NoAttrs, NUMERIC, |_, x| if x > 0.0 { 1.0 } else if x < 0.0 { -1.0 } else { x }, wide |n| match n {
        Signed(v) => Signed(v.signum()),
        Unsigned(v) => Unsigned(v.min(1)),
        n => wide(n, |v| if v > 0.0 { 1.0 } else if v < 0.0 { -1.0 } else { v }),
    };
    /// The error function, `2/√π · ∫ e^-t² dt` from 0 to `x`.
    Erf = 73, NoAttrs, SHORT, |_, x| math::erf(x);
    /// `sin x`, radians.
    Sin = 74, NoAttrs, SHORT, |_, x| rounded(double::sin, x);
    /// `cos x`, radians.
    Cos = 75, NoAttrs, SHORT, |_, x| rounded(double::cos, x);
    /// `tan x`, radians.
    Tan = 76, NoAttrs, SHORT, |_, x| rounded(double::tan, x);
    /// The inverse of the sine.
    Asin = 77, NoAttrs, SHORT, |_, x| rounded(double::asin, x);
    /// The inverse of the cosine.
    Acos = 78, NoAttrs, SHORT, |_, x| rounded(double::acos, x);
    /// The inverse of the tangent.
    Atan = 79, NoAttrs, SHORT, |_, x| rounded(double::atan, x);
    /// `(e^x - e^-x) / 2`.
    Sinh = 80, NoAttrs, SHORT, |_, x| rounded(double::sinh, x);
    /// `(e^x + e^-x) / 2`.
    Cosh = 81, NoAttrs, SHORT, |_, x| rounded(double::cosh, x);
    /// The inverse of the hyperbolic sine.
    Asinh = 82, NoAttrs, SHORT, |_, x| rounded(double::asinh, x);
    /// The inverse of the hyperbolic cosine.
    Acosh = 83, NoAttrs, SHORT, |_, x| rounded(double::acosh, x);
    /// The inverse of the hyperbolic tangent.
    Atanh = 84, NoAttrs, SHORT, |_, x| rounded(double::atanh, x);
}

#[cfg(test)]
#[allow(clippy::approx_constant, reason = "expected values stand as numpy prints them")]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};
    use crate::{Refusal, Op};
    use half::f16;

    fn check<O: Op<Attrs = NoAttrs>>(x: &[f32], want: &[f32]) {
        let x = Tensor::of(&[x.len() as u32], x);
        let y = run::<O>(&NoAttrs {}, &[&x]).unwrap();
        for (y, w) in y.get::<f32>().iter().zip(want) {
            assert!((y - w).abs() <= 1e-6 * w.abs().max(1.0), "{} of {x:?} is {y}, not {w}", O::NAME);
        }
        let again = run_all::<O>(&NoAttrs {}, &[Some(&x)], Some(0)).unwrap();
        assert_eq!(again, [y], "{} in place", O::NAME);
    }

    // The expected values are numpy's and scipy's.
    #[test]
    fn functions_give_numpys_values() {
        check::<Exp>(&[-1.0, 0.0, 1.0], &[0.36787945, 1.0, 2.7182817]);
        check::<Log>(&[0.5, 1.0, 10.0], &[-0.6931472, 0.0, 2.3025851]);
        check::<Sqrt>(&[0.25, 2.0], &[0.5, 1.4142135]);
        check::<Abs>(&[-1.5, 0.0, 2.0], &[1.5, 0.0, 2.0]);
        check::<Neg>(&[-1.5, 2.0], &[1.5, -2.0]);
        check::<Reciprocal>(&[-4.0, 0.5], &[-0.25, 2.0]);
        check::<Floor>(&[-1.5, 1.2, 2.0], &[-2.0, 1.0, 2.0]);
        check::<Ceil>(&[-1.5, 1.2, 2.0], &[-1.0, 2.0, 2.0]);
        check::<Round>(&[-2.5, -0.5, 0.5, 1.5, 2.7], &[-2.0, -0.0, 0.0, 2.0, 3.0]);
        check::<Sign>(&[-7.0, 0.0, 0.1], &[-1.0, 0.0, 1.0]);
        check::<Erf>(&[-1.0, 0.25, 3.0], &[-0.8427008, 0.2763264, 0.9999779]);
        check::<Sin>(&[-1.0, 2.0], &[-0.84147096, 0.9092974]);
        check::<Cos>(&[-1.0, 2.0], &[0.5403023, -0.41614684]);
        check::<Tan>(&[-1.0, 2.0], &[-1.5574077, -2.1850398]);
        check::<Asin>(&[-1.0, 0.5], &[-1.5707964, 0.5235988]);
        check::<Acos>(&[-1.0, 0.5], &[core::f32::consts::PI, 1.0471976]);
        check::<Atan>(&[-1.0, 2.0], &[-0.7853982, 1.1071488]);
        check::<Sinh>(&[-1.0, 2.0], &[-1.1752012, 3.6268604]);
        check::<Cosh>(&[-1.0, 2.0], &[1.5430806, 3.7621958]);
        check::<Tanh>(&[-1.0, 0.5], &[-0.7615942, 0.46211717]);
        check::<Asinh>(&[-1.0, 2.0], &[-0.8813736, 1.4436355]);
        check::<Acosh>(&[1.0, 2.0], &[0.0, 1.316958]);
        check::<Atanh>(&[-0.5, 0.25], &[-0.54930615, 0.2554128]);
    }

    #[test]
    fn other_types_go_through_numbers() {
        let x = Tensor::of(&[3], &[i8::MIN, -1, 5]);
        assert_eq!(run::<Abs>(&NoAttrs {}, &[&x]), Ok(Tensor::of(&[3], &[i8::MIN, 1, 5])));
        assert_eq!(run::<Neg>(&NoAttrs {}, &[&x]), Ok(Tensor::of(&[3], &[i8::MIN, 1, -5])));
        assert_eq!(run::<Sign>(&NoAttrs {}, &[&x]), Ok(Tensor::of(&[3], &[-1i8, -1, 1])));
        let x = Tensor::of(&[2], &[2.25f64, 1e300]);
        assert_eq!(run::<Sqrt>(&NoAttrs {}, &[&x]), Ok(Tensor::of(&[2], &[1.5f64, 1e150])));
        let halves = |a, b| Tensor::of(&[2], &[f16::from_f32(a), f16::from_f32(b)]);
        assert_eq!(run::<Exp>(&NoAttrs {}, &[&halves(0.0, 1.0)]), Ok(halves(1.0, 2.71875)));
    }

    #[test]
    fn refuses_types_and_operands_that_it_does_not_know() {
        let (ints, doubles) = (Tensor::of(&[1], &[1i32]), Tensor::of(&[1], &[1.0f64]));
        assert_eq!(run::<Sqrt>(&NoAttrs {}, &[&ints]), Err(Refusal::DType));
        assert_eq!(run::<Exp>(&NoAttrs {}, &[&doubles]), Err(Refusal::DType));
        assert_eq!(run::<Abs>(&NoAttrs {}, &[&ints, &ints]), Err(Refusal::Shape));
        assert_eq!(run::<Abs>(&NoAttrs {}, &[]), Err(Refusal::Shape));
    }
}
