//! The activation functions of recurrent cells, as ONNX defines them.
//!
//! | function | of `v` with `alpha`, `beta` |
//! |---|---|
//! | Sigmoid | `1 / (1 + e^-v)` |
//! | Tanh | `tanh v` |
//! | Relu | `max(0, v)` |
//! | Affine | `alpha·v + beta` |
//! | LeakyRelu | `v`, below 0 `alpha·v` |
//! | ThresholdedRelu | `v`, below `alpha` 0 |
//! | ScaledTanh | `alpha·tanh(beta·v)` |
//! | HardSigmoid | `alpha·v + beta` within 0 and 1 |
//! | Elu | `v`, below 0 `alpha·(e^v - 1)` |
//! | Softsign | `v / (1 + abs v)` |
//! | Softplus | `ln(1 + e^v)` |

use crate::math;

/// A function of one value. The numbers are in shipped files: append, never renumber.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the module's table says what each is")]
pub enum Function {
    #[default]
    Sigmoid = 0,
    Tanh = 1,
    Relu = 2,
    Affine = 3,
    LeakyRelu = 4,
    ThresholdedRelu = 5,
    ScaledTanh = 6,
    HardSigmoid = 7,
    Elu = 8,
    Softsign = 9,
    Softplus = 10,
}

impl Function {
    /// Every function with its name, in the order of their numbers.
    pub const ALL: [(Function, &'static str); 11] = [
        (Function::Sigmoid, "Sigmoid"),
        (Function::Tanh, "Tanh"),
        (Function::Relu, "Relu"),
        (Function::Affine, "Affine"),
        (Function::LeakyRelu, "LeakyRelu"),
        (Function::ThresholdedRelu, "ThresholdedRelu"),
        (Function::ScaledTanh, "ScaledTanh"),
        (Function::HardSigmoid, "HardSigmoid"),
        (Function::Elu, "Elu"),
        (Function::Softsign, "Softsign"),
        (Function::Softplus, "Softplus"),
    ];

    /// The values of `alpha` and `beta` where a model gives none; nothing for one that the function does not use.
    #[must_use]
    pub const fn defaults(self) -> (Option<f32>, Option<f32>) {
        match self {
            Function::Affine | Function::ScaledTanh => {
                (Some(1.0), Some(if matches!(self, Function::Affine) { 0.0 } else { 1.0 }))
            }
            Function::LeakyRelu => (Some(0.01), None),
            Function::ThresholdedRelu | Function::Elu => (Some(1.0), None),
            Function::HardSigmoid => (Some(0.2), Some(0.5)),
            _ => (None, None),
        }
    }
}

/// A function with its parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activation {
    /// The function.
    pub function: Function,
    /// Its first parameter; 0 if it has none.
    pub alpha: f32,
    /// Its second parameter; 0 if it has none.
    pub beta: f32,
}

impl Activation {
    /// A function without parameters.
    #[must_use]
    pub const fn plain(function: Function) -> Activation {
        Activation { function, alpha: 0.0, beta: 0.0 }
    }

    /// The function's value at `v` clipped to `-clip..=clip`.
    #[must_use]
    pub fn at(self, v: f32, clip: f32) -> f32 {
        let v = clipped(v, -clip, clip);
        let Activation { function, alpha, beta } = self;
        match function {
            Function::Sigmoid => 1.0 / (1.0 + exp(-v)),
            Function::Tanh => tanh(v),
            Function::Relu if v < 0.0 => 0.0,
            Function::Relu => v,
            Function::Affine => alpha * v + beta,
            Function::LeakyRelu if v < 0.0 => alpha * v,
            Function::LeakyRelu => v,
            Function::ThresholdedRelu if v < alpha => 0.0,
            Function::ThresholdedRelu => v,
            Function::ScaledTanh => alpha * tanh(beta * v),
            Function::HardSigmoid => clipped(alpha * v + beta, 0.0, 1.0),
            Function::Elu if v < 0.0 => alpha * expm1(v),
            Function::Elu => v,
            Function::Softsign => v / (1.0 + v.abs()),
            // Written so that e^v cannot overflow.
            Function::Softplus => log1p(exp(-v.abs())) + if v > 0.0 { v } else { 0.0 },
        }
    }
}

/// `v` within `min` and `max`; a NaN stays.
fn clipped(v: f32, min: f32, max: f32) -> f32 {
    let low = if v < min { min } else { v };
    if low > max { max } else { low }
}

/// One copy of the exponential for all functions: here it is computed for one element at a time.
#[inline(never)]
fn exp(v: f32) -> f32 {
    math::exp(v)
}

#[inline(never)]
fn tanh(v: f32) -> f32 {
    math::tanh(v)
}

#[inline(never)]
fn expm1(v: f32) -> f32 {
    math::expm1(v)
}

#[inline(never)]
fn log1p(v: f32) -> f32 {
    math::log1p(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_table_s() {
        let of = |function, alpha, beta| Activation { function, alpha, beta };
        for (activation, v, want) in [
            (of(Function::Sigmoid, 0.0, 0.0), 1.0, 0.731_058_6),
            (of(Function::Sigmoid, 0.0, 0.0), -200.0, 0.0),
            (of(Function::Tanh, 0.0, 0.0), -0.5, -0.462_117_16),
            (of(Function::Relu, 0.0, 0.0), -1.0, 0.0),
            (of(Function::Affine, 2.0, 1.0), 3.0, 7.0),
            (of(Function::LeakyRelu, 0.1, 0.0), -2.0, -0.2),
            (of(Function::ThresholdedRelu, 1.0, 0.0), 0.9, 0.0),
            (of(Function::ThresholdedRelu, 1.0, 0.0), 1.5, 1.5),
            (of(Function::ScaledTanh, 2.0, 0.5), 1.0, 0.924_234_3),
            (of(Function::HardSigmoid, 0.2, 0.5), 1.0, 0.7),
            (of(Function::HardSigmoid, 0.2, 0.5), 9.0, 1.0),
            (of(Function::Elu, 2.0, 0.0), -1.0, -1.264_241_1),
            (of(Function::Softsign, 0.0, 0.0), -3.0, -0.75),
            (of(Function::Softplus, 0.0, 0.0), 1.0, 1.313_261_7),
            (of(Function::Softplus, 0.0, 0.0), 200.0, 200.0),
        ] {
            let got = activation.at(v, f32::INFINITY);
            assert!((got - want).abs() < 1e-6, "{activation:?} at {v}: {got}");
        }
        assert_eq!(of(Function::Affine, 1.0, 0.0).at(-5.0, 2.0), -2.0);
        assert!(of(Function::Relu, 0.0, 0.0).at(f32::NAN, 1.0).is_nan());
    }

    #[test]
    fn numbers_are_the_list_s() {
        for (i, (function, _)) in Function::ALL.iter().enumerate() {
            assert_eq!(*function as usize, i);
        }
    }
}
