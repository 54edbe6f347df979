//! `QLinearMatMul`, `QLinearConv`: quantized layers in ONNX's operator form.
//!
//! ```text
//! y = saturate(round_half_even(f32(Σ (a - a_zero)·(b - b_zero)) * (a_scale * b_scale / y_scale)) + y_zero)
//! ```
//!
//! A layer of `i8` activations with constant symmetric `i8` weights becomes DequantizeLinear, the float layer and
//! QuantizeLinear: the form in which the compiler finds its own integer layers, whose answers are the formula's. Any
//! other keeps the integers with its zero points: the products in `i32`, then the formula, step by step.

use super::binary::convert;
use super::conv::{check_groups, check_kernel, group};
use super::matmul::{multiply, product};
use super::shape::{Made, one, reshape};
use super::window::{self, Window, channels_first, channels_last};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::DType;
use siskin::attrs::NoAttrs;
use siskin::op::{
    Add, Conv, ConvAttrs, ConvInteger, ConvIntegerAttrs, DequantizeAttrs, DequantizeLinear, Div, MatMulInteger, Mul,
    QuantizeAttrs, QuantizeLinear,
};

pub(super) const OPERATORS: &[(&str, Translate)] = &[("QLinearMatMul", qlinear_matmul), ("QLinearConv", qlinear_conv)];

/// A quantized operand: integers, scale, zero point.
struct Quantized {
    integers: ValueId,
    scale: ValueId,
    zero: ValueId,
}

/// How a result is quantized.
struct Output {
    scale: ValueId,
    zero: ValueId,
}

/// The scale at operand `i`, in `f32`.
fn scale(cx: &mut NodeContext<'_>, i: usize) -> Result<ValueId, ImportError> {
    let scale = cx.input(i)?;
    convert(cx, scale, DType::F32)
}

fn quantized(cx: &mut NodeContext<'_>, first: usize) -> Result<Quantized, ImportError> {
    Ok(Quantized { integers: cx.input(first)?, scale: scale(cx, first + 1)?, zero: cx.input(first + 2)? })
}

fn result(cx: &mut NodeContext<'_>, first: usize) -> Result<Output, ImportError> {
    let output = Output { scale: scale(cx, first)?, zero: cx.input(first + 1)? };
    let single = [output.scale, output.zero].iter().all(|&v| cx.ty(v).shape.elements() == 1);
    if single { Ok(output) } else { cx.fail("the output must have one scale and one zero point: quantize it as a whole") }
}

fn qlinear_matmul(cx: &mut NodeContext<'_>) -> Made {
    let (a, b, y) = (quantized(cx, 0)?, quantized(cx, 3)?, result(cx, 6)?);
    let [left, right] = [a.integers, b.integers];
    if has_integer_form(cx, &a, &b, &y) && cx.rank(right) == 2 {
        let (left, right) = (dequantized(cx, &a, 0)?, dequantized(cx, &b, 1)?);
        let product = multiply(cx, left, right, |cx, a, b| product(cx, a, b, false, None))?;
        return one(quantize(cx, product, y.scale, y.zero)?);
    }
    let sums = multiply(cx, left, right, |cx, left, right| {
        cx.op::<MatMulInteger>(&NoAttrs {}, &[left, right, a.zero, b.zero])
    })?;
    // A scale for each row of a, as a column.
    let rows = cx.ty(a.scale).shape.elements() as u32;
    let column = if rows > 1 && cx.rank(a.scale) == 1 { reshape(cx, a.scale, &[rows, 1])? } else { a.scale };
    one(requantize(cx, sums, [column, b.scale, y.scale], y.zero)?)
}

fn qlinear_conv(cx: &mut NodeContext<'_>) -> Made {
    let (mut x, mut w, y) = (quantized(cx, 0)?, quantized(cx, 3)?, result(cx, 6)?);
    let bias = cx.opt(8);
    let input = window::spatial(cx, x.integers)?;
    let kernel = check_kernel(cx, x.integers, w.integers)?;
    let Window { stride, dilation, pad_begin, pad_end, .. } = window::window(cx, &input, &kernel)?;
    let group = group(cx)?;
    check_groups(cx, x.integers, w.integers, group)?;
    let integer_form = has_integer_form(cx, &x, &w, &y) && bias.is_none_or(|b| cx.graph.constant(b).is_some());
    x.integers = channels_last(cx, x.integers)?;
    w.integers = channels_last(cx, w.integers)?;
    let last = if integer_form {
        let bias = bias.map(|b| dequantized_bias(cx, b, x.scale, w.scale)).transpose()?;
        let (x, w) = (dequantized(cx, &x, 0)?, dequantized(cx, &w, 0)?);
        let attrs = ConvAttrs { stride, dilation, pad_begin, pad_end, group, ..ConvAttrs::default() };
        let real = cx.add::<Conv>(&attrs, &[Some(x), Some(w), bias])?;
        quantize(cx, real, y.scale, y.zero)?
    } else {
        let attrs = ConvIntegerAttrs { stride, dilation, pad_begin, pad_end, group };
        let mut sums = cx.op::<ConvInteger>(&attrs, &[x.integers, w.integers, x.zero, w.zero])?;
        if let Some(bias) = bias {
            sums = cx.op::<Add>(&NoAttrs {}, &[sums, bias])?;
        }
        // The scales of filters lie along the last axis.
        requantize(cx, sums, [x.scale, w.scale, y.scale], y.zero)?
    };
    one(channels_first(cx, last)?)
}

/// A bias, whose integers are in steps of the operands' scales.
fn dequantized_bias(
    cx: &mut NodeContext<'_>,
    bias: ValueId,
    x: ValueId,
    w: ValueId,
) -> Result<ValueId, ImportError> {
    let scale = cx.op::<Mul>(&NoAttrs {}, &[x, w])?;
    cx.op::<DequantizeLinear>(&DequantizeAttrs { axis: 0, block: 0 }, &[bias, scale])
}

/// Whether the compiler has an integer layer for these: see the module.
fn has_integer_form(cx: &NodeContext<'_>, x: &Quantized, w: &Quantized, y: &Output) -> bool {
    let constant = |v: ValueId| cx.graph.constant(v).is_some();
    let single = |v: ValueId| constant(v) && cx.ty(v).shape.elements() == 1;
    let zero = |v: ValueId| cx.graph.constant(v).is_some_and(|t| t.bytes().iter().all(|&b| b == 0));
    let signed = [x.zero, w.zero, y.zero].iter().all(|&v| cx.dtype(v) == DType::I8);
    let activations = [x.scale, x.zero, y.scale, y.zero].iter().all(|&v| single(v));
    signed && activations && constant(w.integers) && constant(w.scale) && zero(w.zero)
}

/// The real values behind integers, whose scales differ along `axis` if they do.
fn dequantized(cx: &mut NodeContext<'_>, q: &Quantized, axis: u32) -> Result<ValueId, ImportError> {
    let axis = if cx.ty(q.scale).shape.elements() == 1 { 0 } else { axis };
    cx.op::<DequantizeLinear>(&DequantizeAttrs { axis, block: 0 }, &[q.integers, q.scale, q.zero])
}

fn quantize(cx: &mut NodeContext<'_>, v: ValueId, scale: ValueId, zero: ValueId) -> Result<ValueId, ImportError> {
    let attrs = QuantizeAttrs { axis: 0, block: 0, dtype: cx.dtype(zero) };
    cx.op::<QuantizeLinear>(&attrs, &[v, scale, zero])
}

/// Sums in steps of `a·b` as integers in steps of `y`; the scales are broadcast to the sums.
fn requantize(
    cx: &mut NodeContext<'_>,
    sums: ValueId,
    [a, b, y]: [ValueId; 3],
    zero: ValueId,
) -> Result<ValueId, ImportError> {
    let step = cx.op::<Mul>(&NoAttrs {}, &[a, b])?;
    let scale = cx.op::<Div>(&NoAttrs {}, &[step, y])?;
    let sums = convert(cx, sums, DType::F32)?;
    let scaled = cx.op::<Mul>(&NoAttrs {}, &[sums, scale])?;
    let unit = cx.add_const(Tensor::scalar(1.0f32));
    quantize(cx, scaled, unit, zero)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::import::testing::{fold};

    fn u8s(dims: &[u32], v: &[u8]) -> Tensor {
        Tensor::new(dims, v).unwrap()
    }

    #[test]
    fn rounds_half_to_even_and_saturates() {
        let (a, b) = (u8s(&[1, 2], &[4, 2]), u8s(&[2, 3], &[2, 8, 0, 1, 1, 0]));
        let (one, half) = (Tensor::scalar(1.0f32), Tensor::scalar(half::f16::from_f32(0.5)));
        let (zero, most) = (Tensor::scalar(1u8), Tensor::scalar(254u8));
        // Sums 3, 21 and -4; halved 1.5, 10.5 and -2; rounded 2, 10 and -2.
        let inputs = [&a, &one, &zero, &b, &half, &zero, &one, &most].map(Some);
        assert_eq!(fold(qlinear_matmul, &[], &inputs).unwrap(), u8s(&[1, 3], &[255, 255, 252]));
    }

    #[test]
    fn filters_have_their_own_scales() {
        let (x, w) = (u8s(&[1, 1, 2], &[10, 20]), u8s(&[2, 1, 1], &[3, 5]));
        let (one, scales) = (Tensor::scalar(1.0f32), Tensor::vector(&[1.0f32, 0.5]));
        let (zero, bias) = (Tensor::scalar(0u8), Tensor::vector(&[1i32, -10]));
        let inputs = [&x, &one, &zero, &w, &scales, &zero, &one, &zero, &bias].map(Some);
        assert_eq!(fold(qlinear_conv, &[], &inputs).unwrap(), u8s(&[1, 2, 2], &[31, 61, 20, 45]));
        let many = Tensor::vector(&[1.0f32, 2.0]);
        let inputs = [&x, &one, &zero, &w, &scales, &zero, &many, &zero].map(Some);
        assert!(fold(qlinear_conv, &[], &inputs).unwrap_err().to_string().contains("one scale and one zero point"));
    }
}
