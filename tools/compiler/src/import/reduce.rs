//! Operators along axes: reductions, `Softmax` and its kin, `ArgMax`, `TopK`, `CumSum`, `Det`.

use super::binary::convert;
use super::shape::{Made, one, reshape};
use super::unary::function;
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::attrs::NoAttrs;
use siskin::op::arg::ArgAttrs;
use siskin::op::cumsum::CumSumAttrs;
use siskin::op::reduce::ReduceAttrs;
use siskin::op::softmax::SoftmaxAttrs;
use siskin::op::topk::TopKAttrs;
use siskin::op::{
    ArgMax, ArgMin, CumSum, Det, Div, Equal, Exp, LogSoftmax, ReduceL1, ReduceL2, ReduceLogSum, ReduceLogSumExp, ReduceMax,
    ReduceMean, ReduceMin, ReduceProd, ReduceSum, ReduceSumSquare, Softmax, Sub, TopK,
};
use siskin::{DType, Op};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("ArgMax", arg::<ArgMax>),
    ("ArgMin", arg::<ArgMin>),
    ("CumSum", cumsum),
    ("Det", det),
    ("Hardmax", hardmax),
    ("LogSoftmax", log_softmax),
    ("ReduceL1", reduce::<ReduceL1>),
    ("ReduceL2", reduce::<ReduceL2>),
    ("ReduceLogSum", reduce::<ReduceLogSum>),
    ("ReduceLogSumExp", reduce::<ReduceLogSumExp>),
    ("ReduceMax", reduce::<ReduceMax>),
    ("ReduceMean", reduce::<ReduceMean>),
    ("ReduceMin", reduce::<ReduceMin>),
    ("ReduceProd", reduce::<ReduceProd>),
    ("ReduceSum", reduce::<ReduceSum>),
    ("ReduceSumSquare", reduce::<ReduceSumSquare>),
    ("Softmax", softmax),
    ("TopK", topk),
];

/// The axes are an attribute at first, an operand since opset 13 (`ReduceSum`) or 18; without any, all are meant.
fn reduce<O: Op<Attrs = ReduceAttrs>>(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let given = match cx.int_list("axes")? {
        Some(axes) => axes,
        None => cx.ints(1)?.unwrap_or_default(),
    };
    let rank = cx.rank(x);
    let axes = if !given.is_empty() {
        given.into_iter().try_fold(0u32, |bits, a| Ok::<_, ImportError>(bits | 1 << cx.axis(a, rank)?))?
    } else if cx.int_or("noop_with_empty_axes", 0)? != 0 {
        return one(x);
    } else {
        (1 << rank) - 1
    };
    let keepdims = cx.int_or("keepdims", 1)? != 0;
    one(cx.op::<O>(&ReduceAttrs { axes, keepdims }, &[x])?)
}

/// `x` and the axis that `along` works on. Before opset 13 it means that axis and all after it, taken as one.
fn coerced(cx: &mut NodeContext<'_>) -> Result<(ValueId, u32), ImportError> {
    let x = cx.input(0)?;
    let rank = cx.rank(x);
    if cx.opset() >= 13 {
        return Ok((x, cx.axis(cx.int_or("axis", -1)?, rank)? as u32));
    }
    let given = cx.int_or("axis", 1)?;
    // The axis may lie just behind the last one: then each element stands alone.
    let axis = if given == rank as i64 { rank } else { cx.axis(given, rank)? };
    let dims = cx.dims(x);
    let (before, after) = dims.split_at(axis);
    if after.len() == 1 || !after.is_empty() && after[1..].iter().all(|&d| d == 1) {
        return Ok((x, axis as u32));
    }
    let flat = [before.iter().product(), after.iter().product()];
    Ok((reshape(cx, x, &flat)?, 1))
}

fn softmax(cx: &mut NodeContext<'_>) -> Made {
    let (x, axis) = coerced(cx)?;
    let y = if cx.dtype(x) == DType::F64 { double(cx, x, axis)? } else { cx.op::<Softmax>(&SoftmaxAttrs { axis }, &[x])? };
    let dims = cx.dims(cx.input(0)?);
    one(reshape(cx, y, &dims)?)
}

/// `e^(x - max) / Σ e^(x - max)`, for the element type that `Softmax` does not take.
fn double(cx: &mut NodeContext<'_>, x: ValueId, axis: u32) -> Result<ValueId, ImportError> {
    let along = ReduceAttrs { axes: 1 << axis, keepdims: true };
    let max = cx.op::<ReduceMax>(&along, &[x])?;
    let shifted = cx.op::<Sub>(&NoAttrs {}, &[x, max])?;
    let e = function::<Exp>(cx, &NoAttrs {}, shifted)?;
    let sum = cx.op::<ReduceSum>(&along, &[e])?;
    cx.op::<Div>(&NoAttrs {}, &[e, sum])
}

fn log_softmax(cx: &mut NodeContext<'_>) -> Made {
    let (x, axis) = coerced(cx)?;
    let y = if cx.dtype(x) == DType::F64 {
        let sum = cx.op::<ReduceLogSumExp>(&ReduceAttrs { axes: 1 << axis, keepdims: true }, &[x])?;
        cx.op::<Sub>(&NoAttrs {}, &[x, sum])?
    } else {
        cx.op::<LogSoftmax>(&SoftmaxAttrs { axis }, &[x])?
    };
    let dims = cx.dims(cx.input(0)?);
    one(reshape(cx, y, &dims)?)
}

/// Where the index equals that of the first greatest element.
fn hardmax(cx: &mut NodeContext<'_>) -> Made {
    let (x, axis) = coerced(cx)?;
    let best = cx.op::<ArgMax>(&ArgAttrs { axis, keepdims: true, last: false }, &[x])?;
    let len = cx.dims(x)[axis as usize];
    let mut dims = vec![1; cx.rank(x)];
    dims[axis as usize] = len;
    let indices = Tensor::vector(&(0..i64::from(len)).collect::<Vec<_>>());
    let indices = indices.reshaped(&dims).ok_or_else(|| cx.error("too many axes"))?;
    let indices = cx.add_const(indices);
    let hit = cx.op::<Equal>(&NoAttrs {}, &[best, indices])?;
    let y = convert(cx, hit, cx.dtype(x))?;
    let dims = cx.dims(cx.input(0)?);
    one(reshape(cx, y, &dims)?)
}

fn arg<O: Op<Attrs = ArgAttrs>>(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let axis = cx.axis(cx.int_or("axis", 0)?, cx.rank(x))? as u32;
    let keepdims = cx.int_or("keepdims", 1)? != 0;
    let last = cx.int_or("select_last_index", 0)? != 0;
    one(cx.op::<O>(&ArgAttrs { axis, keepdims, last }, &[x])?)
}

fn cumsum(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let &[axis] = cx.need_ints(1)?.as_slice() else { return cx.fail("axis must be one number") };
    let axis = cx.axis(axis, cx.rank(x))? as u32;
    let (exclusive, reverse) = (cx.int_or("exclusive", 0)? != 0, cx.int_or("reverse", 0)? != 0);
    one(cx.op::<CumSum>(&CumSumAttrs { axis, exclusive, reverse }, &[x])?)
}

/// The result is sorted whether `sorted` asks for it or not. `k` is an operand since opset 10.
fn topk(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let k = if cx.opset() < 10 { vec![cx.int_or("k", 0)?] } else { cx.need_ints(1)? };
    let &[k] = k.as_slice() else { return cx.fail("k must be one number") };
    let axis = cx.axis(cx.int_or("axis", -1)?, cx.rank(x))?;
    let len = cx.dims(x)[axis];
    let k = u32::try_from(k).ok().filter(|&k| k <= len);
    let k = k.ok_or_else(|| cx.error(format!("k must lie between 0 and the axis's length, {len}")))?;
    let largest = cx.int_or("largest", 1)? != 0;
    let outputs = cx.add_all::<TopK>(&TopKAttrs { axis: axis as u32, k, largest }, &[Some(x)])?;
    Ok(outputs.into_iter().map(Some).collect())
}

fn det(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    if cx.dtype(x) != DType::F32 {
        return cx.fail(format!("elements are {}: only float32 is supported", cx.dtype(x)));
    }
    one(cx.op::<Det>(&NoAttrs {}, &[x])?)
}
