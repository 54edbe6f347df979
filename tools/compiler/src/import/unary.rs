//! Functions of one element, and `Dropout`, which at inference is none.

use super::binary::scalar;
use super::shape::{Made, one};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::attrs::{Attrs, NoAttrs};
use siskin::op::activation::{AlphaAttrs, ClipAttrs, EluAttrs, GeluAttrs, HardSigmoidAttrs, ShrinkAttrs};
use siskin::op::predicate::IsInfAttrs;
use siskin::op::unary_f64::UnaryF64Attrs;
use siskin::op::{
    Abs, Acos, Add, Acosh, Asin, Asinh, Atan, Atanh, BitwiseNot, Ceil, Clip, Cos, Cosh, Elu, Erf, Exp, Floor, Gelu,
    HardSigmoid, HardSwish, IsInf, IsNaN, LeakyRelu, Log, Max, Min, Mish, Mul, Neg, Not, Reciprocal, Relu, Round, Shrink, Sigmoid,
    Sign, Sin, Sinh, Softplus, Softsign, Sqrt, Tan, Tanh, ThresholdedRelu, UnaryF64,
};
use siskin::{Code, DType, Op, Type};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("Abs", plain::<Abs>),
    ("Acos", plain::<Acos>),
    ("Acosh", plain::<Acosh>),
    ("Asin", plain::<Asin>),
    ("Asinh", plain::<Asinh>),
    ("Atan", plain::<Atan>),
    ("Atanh", plain::<Atanh>),
    ("BiasGelu", gelu),
    ("BitwiseNot", plain::<BitwiseNot>),
    ("Ceil", plain::<Ceil>),
    ("Celu", celu),
    ("Clip", clip),
    ("Cos", plain::<Cos>),
    ("Cosh", plain::<Cosh>),
    ("Dropout", dropout),
    ("Elu", elu),
    ("Erf", plain::<Erf>),
    ("Exp", plain::<Exp>),
    ("FastGelu", gelu),
    ("Floor", plain::<Floor>),
    ("Gelu", gelu),
    ("HardSigmoid", hard_sigmoid),
    ("HardSwish", plain::<HardSwish>),
    ("IsInf", is_inf),
    ("IsNaN", plain::<IsNaN>),
    ("LeakyRelu", leaky_relu),
    ("Log", plain::<Log>),
    ("Mish", plain::<Mish>),
    ("Neg", plain::<Neg>),
    ("Not", plain::<Not>),
    ("QuickGelu", quick_gelu),
    ("Reciprocal", plain::<Reciprocal>),
    ("Relu", plain::<Relu>),
    ("Round", plain::<Round>),
    ("Selu", selu),
    ("Shrink", shrink),
    ("Sigmoid", plain::<Sigmoid>),
    ("Sign", plain::<Sign>),
    ("Sin", plain::<Sin>),
    ("Sinh", plain::<Sinh>),
    ("Softplus", plain::<Softplus>),
    ("Softsign", plain::<Softsign>),
    ("Sqrt", plain::<Sqrt>),
    ("Tan", plain::<Tan>),
    ("Tanh", plain::<Tanh>),
    ("ThresholdedRelu", thresholded_relu),
];

fn unary<O: Op>(cx: &mut NodeContext<'_>, attrs: &O::Attrs) -> Made {
    let x = cx.input(0)?;
    one(function::<O>(cx, attrs, x)?)
}

/// Operators that are [`UnaryF64`] for doubles.
const SINGLE: &[Code] = &[
    Acos::CODE,
    Acosh::CODE,
    Asin::CODE,
    Asinh::CODE,
    Atan::CODE,
    Atanh::CODE,
    Cos::CODE,
    Cosh::CODE,
    Elu::CODE,
    Erf::CODE,
    Exp::CODE,
    Gelu::CODE,
    HardSigmoid::CODE,
    HardSwish::CODE,
    LeakyRelu::CODE,
    Log::CODE,
    Mish::CODE,
    Shrink::CODE,
    Sigmoid::CODE,
    Sin::CODE,
    Sinh::CODE,
    Softplus::CODE,
    Softsign::CODE,
    Tan::CODE,
    Tanh::CODE,
    ThresholdedRelu::CODE,
];

/// `O` of a value, in its precision.
pub(super) fn function<O: Op>(cx: &mut NodeContext<'_>, attrs: &O::Attrs, x: ValueId) -> Result<ValueId, ImportError> {
    if cx.dtype(x) != DType::F64 || !SINGLE.contains(&O::CODE) {
        return cx.op::<O>(attrs, &[x]);
    }
    let mut words = Vec::new();
    attrs.write(&mut |w| words.push(w));
    let flag = O::CODE == Gelu::CODE;
    let parameter = |i: usize| words.get(i).map_or(0.0, |&w| if flag { w as f32 } else { f32::from_bits(w) });
    let parameters = core::array::from_fn(parameter);
    cx.op::<UnaryF64>(&UnaryF64Attrs { function: O::CODE.0.into(), parameters }, &[x])
}

fn plain<O: Op<Attrs = NoAttrs>>(cx: &mut NodeContext<'_>) -> Made {
    unary::<O>(cx, &NoAttrs {})
}

fn elu(cx: &mut NodeContext<'_>) -> Made {
    let alpha = cx.float_or("alpha", 1.0)?;
    unary::<Elu>(cx, &EluAttrs { alpha, beta: 1.0, gamma: 1.0 })
}

fn celu(cx: &mut NodeContext<'_>) -> Made {
    let alpha = cx.float_or("alpha", 1.0)?;
    unary::<Elu>(cx, &EluAttrs { alpha, beta: alpha, gamma: 1.0 })
}

fn selu(cx: &mut NodeContext<'_>) -> Made {
    // ONNX's defaults, as f32.
    let alpha = cx.float_or("alpha", 1.673_263_2)?;
    let gamma = cx.float_or("gamma", 1.050_701)?;
    unary::<Elu>(cx, &EluAttrs { alpha, beta: 1.0, gamma })
}

/// ONNX Runtime's forms have a bias and a name for each approximation.
fn gelu(cx: &mut NodeContext<'_>) -> Made {
    let default = if cx.op_type() == "FastGelu" { "tanh" } else { "none" };
    let tanh = match cx.text_or("approximate", default)?.as_str() {
        "none" => false,
        "tanh" => true,
        other => return cx.fail(format!("approximate = '{other}' is neither 'none' nor 'tanh'")),
    };
    let mut x = cx.input(0)?;
    if let Some(bias) = cx.opt(1) {
        x = cx.op::<Add>(&NoAttrs {}, &[x, bias])?;
    }
    one(function::<Gelu>(cx, &GeluAttrs { tanh }, x)?)
}

/// ONNX Runtime's `x · sigmoid(alpha · x)`.
fn quick_gelu(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let alpha = scalar(cx, cx.float_or("alpha", 1.702)?, cx.dtype(x))?;
    let scaled = cx.op::<Mul>(&NoAttrs {}, &[x, alpha])?;
    let gate = function::<Sigmoid>(cx, &NoAttrs {}, scaled)?;
    one(cx.op::<Mul>(&NoAttrs {}, &[x, gate])?)
}

fn hard_sigmoid(cx: &mut NodeContext<'_>) -> Made {
    let attrs = HardSigmoidAttrs { alpha: cx.float_or("alpha", 0.2)?, beta: cx.float_or("beta", 0.5)? };
    unary::<HardSigmoid>(cx, &attrs)
}

fn leaky_relu(cx: &mut NodeContext<'_>) -> Made {
    let alpha = cx.float_or("alpha", 0.01)?;
    unary::<LeakyRelu>(cx, &AlphaAttrs { alpha })
}

fn thresholded_relu(cx: &mut NodeContext<'_>) -> Made {
    let alpha = cx.float_or("alpha", 1.0)?;
    unary::<ThresholdedRelu>(cx, &AlphaAttrs { alpha })
}

fn shrink(cx: &mut NodeContext<'_>) -> Made {
    let attrs = ShrinkAttrs { lambd: cx.float_or("lambd", 0.5)?, bias: cx.float_or("bias", 0.0)? };
    unary::<Shrink>(cx, &attrs)
}

fn is_inf(cx: &mut NodeContext<'_>) -> Made {
    let negative = cx.int_or("detect_negative", 1)? != 0;
    let positive = cx.int_or("detect_positive", 1)? != 0;
    unary::<IsInf>(cx, &IsInfAttrs { negative, positive })
}

/// The bounds are attributes before opset 11, operands since. Bounds that are computed, and those of elements that are not
/// `f32` or `f16`, are a `Max` and a `Min`.
fn clip(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let (min, max) = if cx.opset() < 11 { (old_bound(cx, "min")?, old_bound(cx, "max")?) } else { (cx.opt(1), cx.opt(2)) };
    let fixed = |bound: Option<ValueId>, default: f32| match bound.map(|v| cx.constant(v)) {
        None => Some(default),
        Some(constant) => constant?.to_f32().first().copied(),
    };
    let short = matches!(cx.dtype(x), DType::F32 | DType::F16);
    if let Some((min, max)) = fixed(min, f32::NEG_INFINITY).zip(fixed(max, f32::INFINITY)).filter(|_| short) {
        return unary::<Clip>(cx, &ClipAttrs { min, max });
    }
    let mut y = x;
    if let Some(min) = min {
        y = cx.op::<Max>(&NoAttrs {}, &[y, min])?;
    }
    if let Some(max) = max {
        y = cx.op::<Min>(&NoAttrs {}, &[y, max])?;
    }
    one(y)
}

fn old_bound(cx: &mut NodeContext<'_>, name: &str) -> Result<Option<ValueId>, ImportError> {
    if !cx.has(name) {
        return Ok(None);
    }
    let (value, dtype) = (cx.float_or(name, 0.0)?, cx.dtype(cx.input(0)?));
    scalar(cx, value, dtype).map(Some)
}

/// `x` itself, and a mask that keeps everything.
fn dropout(cx: &mut NodeContext<'_>) -> Made {
    // Inference drops nothing, whatever the ratio.
    let _ratio = cx.opt(1);
    let training = cx.opt(2).map(|v| cx.constant(v).and_then(|t| t.to_i64()));
    if training.is_some_and(|t| t.is_none_or(|t| t.first() != Some(&0))) {
        return cx.fail("it drops values at random, as in training: export the model for inference");
    }
    let x = cx.input(0)?;
    if !cx.wants(1) {
        return one(x);
    }
    if cx.opset() < 10 {
        return cx.fail("a mask that is not boolean is not supported: convert the model to opset 10 or later");
    }
    let mut mask = Tensor::zeros(Type::new(DType::Bool, cx.ty(x).shape));
    mask.bytes_mut().fill(1);
    Ok(vec![Some(x), Some(cx.add_const(mask))])
}
