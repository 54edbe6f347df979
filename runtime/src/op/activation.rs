//! Activation functions: `y[i] = f(x[i])`, one operator each.

use super::map::unary;
use super::number::Number::{F64, Signed};
use crate::attrs::NoAttrs;
use siskin_kernels::math;

crate::attrs! {
    /// The bounds of [`Clip`].
    pub struct ClipAttrs {
        /// Smaller elements become this.
        pub min: f32,
        /// Larger elements become this; it wins if it is less than `min`.
        pub max: f32,
    }
}

crate::attrs! {
    /// Attributes of [`HardSigmoid`].
    pub struct HardSigmoidAttrs {
        /// The slope.
        pub alpha: f32,
        /// The value at 0.
        pub beta: f32,
    }
}

crate::attrs! {
    /// Attributes of [`LeakyRelu`] and [`ThresholdedRelu`].
    pub struct AlphaAttrs {
        /// The slope below 0; for [`ThresholdedRelu`] the threshold.
        pub alpha: f32,
    }
}

crate::attrs! {
    /// Attributes of [`Elu`].
    pub struct EluAttrs {
        /// Scales the exponential.
        pub alpha: f32,
        /// Divides the exponent.
        pub beta: f32,
        /// Scales everything.
        pub gamma: f32,
    }
}

crate::attrs! {
    /// Attributes of [`Gelu`].
    pub struct GeluAttrs {
        /// Whether the error function is replaced by its approximation through `tanh`.
        pub tanh: bool,
    }
}

crate::attrs! {
    /// Attributes of [`Shrink`].
    pub struct ShrinkAttrs {
        /// What lies within `-lambd..=lambd` becomes 0.
        pub lambd: f32,
        /// How far the rest moves towards 0.
        pub bias: f32,
    }
}

unary! {
    /// `max(x, 0)`.
    Relu = 60, NoAttrs, SIGNED, |_, x| if x < 0.0 { 0.0 } else { same(x) }, wide |n| match n {
        F64(v) if v < 0.0 => F64(0.0),
        Signed(v) => Signed(v.max(0)),
        n => n,
    };
    /// `1 / (1 + e^-x)`.
    Sigmoid = 61, NoAttrs, SHORT, |_, x| math::sigmoid(x);
    /// `ln(1 + e^x)`.
    Softplus = 85, NoAttrs, SHORT, |_, x| softplus(x);
    /// `x / (1 + |x|)`.
    Softsign = 86, NoAttrs, SHORT, |_, x| x / (1.0 + x.abs());
    /// `x · tanh(ln(1 + e^x))`.
    Mish = 87, NoAttrs, SHORT, |_, x| x * math::tanh(softplus(x));
    /// `x · Φ(x)`, `Φ` the distribution function of the normal distribution.
    Gelu = 88, GeluAttrs, SHORT, |a, x| if a.tanh { gelu_tanh(x) } else {
        0.5 * x * (1.0 + math::erf(x * core::f32::consts::FRAC_1_SQRT_2))
    };
    /// `x · max(0, min(1, x/6 + 1/2))`.
    HardSwish = 89, NoAttrs, SHORT, |_, x| x * clip(x * (1.0 / 6.0) + 0.5, 0.0, 1.0);
    /// `max(0, min(1, alpha · x + beta))`.
    HardSigmoid = 92, HardSigmoidAttrs, SHORT, |a, x| clip(a.alpha * x + a.beta, 0.0, 1.0);
    /// `x`, or `alpha · x` below 0.
    LeakyRelu = 93, AlphaAttrs, SHORT, |a, x| if x < 0.0 { a.alpha * x } else { x };
    /// `gamma · x`, or `gamma · alpha · (e^(x/beta) - 1)` below 0: ONNX's `Elu`, `Selu` and `Celu`.
    Elu = 94, EluAttrs, SHORT, |a, x| a.gamma * if x < 0.0 { a.alpha * math::expm1(x / a.beta) } else { x };
    /// `x`, or 0 where it does not exceed `alpha`.
    ThresholdedRelu = 97, AlphaAttrs, SHORT, |a, x| if x > a.alpha { x } else { 0.0 };
    /// `min(max(x, a.min), a.max)`.
    Clip = 98, ClipAttrs, SHORT, |a, x| clip(x, a.min, a.max);
    /// `x - bias` above `lambd`, `x + bias` below `-lambd`, 0 between.
    Shrink = 99, ShrinkAttrs, SHORT, |a, x| if x < -a.lambd {
        x + a.bias
    } else if x > a.lambd {
        x - a.bias
    } else {
        0.0
    };
}

/// `x`, but computed: in place, an element that stays would make a store under a mask of the others, which takes many cycles.
fn same(x: f32) -> f32 {
    x + 0.0
}

fn clip(x: f32, min: f32, max: f32) -> f32 {
    let x = if x < min { min } else { x };
    if x > max { max } else { x }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: f32) -> f32 {
    let above = if x < 0.0 { 0.0 } else { x };
    above + math::log1p(math::exp(-x.abs()))
}

fn gelu_tanh(x: f32) -> f32 {
    const SQRT_2_OVER_PI: f32 = 0.797_884_6;
    0.5 * x * (1.0 + math::tanh(SQRT_2_OVER_PI * (x + 0.044_715 * x * x * x)))
}

#[cfg(test)]
#[allow(clippy::approx_constant, reason = "expected values stand as numpy prints them")]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};
    use crate::{Refusal, Op};

    const X: [f32; 7] = [-100.0, -2.0, -0.5, 0.0, 0.5, 2.0, 100.0];

    fn check<O: Op>(attrs: &O::Attrs, want: [f32; 7]) {
        let x = Tensor::of(&[7], &X);
        let y = run::<O>(attrs, &[&x]).unwrap();
        for ((y, w), x) in y.get::<f32>().iter().zip(want).zip(X) {
            assert!((y - w).abs() <= 1e-6 * w.abs().max(1.0), "{} of {x} is {y}, not {w}", O::NAME);
        }
        assert_eq!(run_all::<O>(attrs, &[Some(&x)], Some(0)).unwrap(), [y], "{} in place", O::NAME);
    }

    // The expected values are those of ONNX's formulas in numpy, in double precision.
    #[test]
    fn activations_follow_onnx() {
        let none = NoAttrs {};
        check::<Relu>(&none, [0.0, 0.0, 0.0, 0.0, 0.5, 2.0, 100.0]);
        check::<Sigmoid>(&none, [0.0, 0.11920292, 0.37754068, 0.5, 0.62245935, 0.8807971, 1.0]);
        check::<Softplus>(&none, [0.0, 0.12692802, 0.474077, 0.6931472, 0.974077, 2.126928, 100.0]);
        check::<Softsign>(&none, [-0.990099, -0.6666667, -0.33333334, 0.0, 0.33333334, 0.6666667, 0.990099]);
        check::<Mish>(&none, [0.0, -0.2525015, -0.22074439, 0.0, 0.37524524, 1.943959, 100.0]);
        check::<HardSwish>(&none, [0.0, -0.33333334, -0.20833333, 0.0, 0.29166666, 1.6666666, 100.0]);
        let erf = GeluAttrs { tanh: false };
        check::<Gelu>(&erf, [0.0, -0.04550026, -0.15426877, 0.0, 0.34573123, 1.9544997, 100.0]);
        let tanh = GeluAttrs { tanh: true };
        check::<Gelu>(&tanh, [0.0, -0.04540231, -0.154286, 0.0, 0.345714, 1.9545977, 100.0]);
        check::<HardSigmoid>(&HardSigmoidAttrs { alpha: 0.2, beta: 0.5 }, [0.0, 0.1, 0.4, 0.5, 0.6, 0.9, 1.0]);
        let a = AlphaAttrs { alpha: 0.5 };
        check::<LeakyRelu>(&a, [-50.0, -1.0, -0.25, 0.0, 0.5, 2.0, 100.0]);
        check::<ThresholdedRelu>(&a, [0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 100.0]);
        let celu = EluAttrs { alpha: 2.0, beta: 2.0, gamma: 1.0 };
        check::<Elu>(&celu, [-2.0, -1.2642411, -0.44239843, 0.0, 0.5, 2.0, 100.0]);
        let selu = EluAttrs { alpha: 2.0, beta: 1.0, gamma: 3.0 };
        check::<Elu>(&selu, [-6.0, -5.1879883, -2.360816, 0.0, 1.5, 6.0, 300.0]);
        check::<Clip>(&ClipAttrs { min: -0.5, max: 1.0 }, [-0.5, -0.5, -0.5, 0.0, 0.5, 1.0, 1.0]);
        check::<Shrink>(&ShrinkAttrs { lambd: 1.0, bias: 0.5 }, [-99.5, -1.5, 0.0, 0.0, 0.0, 1.5, 99.5]);
    }

    #[test]
    fn not_a_number_stays() {
        let nan = Tensor::of(&[1], &[f32::NAN]);
        assert!(run::<Relu>(&NoAttrs {}, &[&nan]).unwrap().get::<f32>()[0].is_nan());
        assert!(run::<Clip>(&ClipAttrs { min: 0.0, max: 1.0 }, &[&nan]).unwrap().get::<f32>()[0].is_nan());
    }

    #[test]
    fn relu_takes_integers_and_the_rest_does_not() {
        let x = Tensor::of(&[3], &[-3i32, 0, 4]);
        assert_eq!(run::<Relu>(&NoAttrs {}, &[&x]), Ok(Tensor::of(&[3], &[0i32, 0, 4])));
        assert_eq!(run::<Sigmoid>(&NoAttrs {}, &[&x]), Err(Refusal::DType));
    }
}
