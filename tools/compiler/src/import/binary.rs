//! Operators of two operands, and those of many that are chains of them: `Sum`, `Mean`, `Max`, `Min`.

use super::shape::{Made, one};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::attrs::NoAttrs;
use siskin::op::binary::ModAttrs;
use siskin::op::cast::CastAttrs;
use siskin::op::compare::BitShiftAttrs;
use siskin::op::{
    Add, And, BitShift, BitwiseAnd, BitwiseOr, BitwiseXor, Cast, Div, Equal, Greater, GreaterOrEqual, Less,
    LessOrEqual, Max, Min, Mod, Mul, Or, PRelu, Pow, Sub, Where, Xor,
};
use siskin::{DType, Op};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("Add", binary::<Add>),
    ("And", binary::<And>),
    ("BitShift", bit_shift),
    ("BitwiseAnd", binary::<BitwiseAnd>),
    ("BitwiseOr", binary::<BitwiseOr>),
    ("BitwiseXor", binary::<BitwiseXor>),
    ("Cast", cast),
    ("CastLike", cast_like),
    ("Div", binary::<Div>),
    ("Equal", binary::<Equal>),
    ("Greater", binary::<Greater>),
    ("GreaterOrEqual", binary::<GreaterOrEqual>),
    ("Less", binary::<Less>),
    ("LessOrEqual", binary::<LessOrEqual>),
    ("Max", variadic::<Max>),
    ("Mean", mean),
    ("Min", variadic::<Min>),
    ("Mod", modulo),
    ("Mul", binary::<Mul>),
    ("Or", binary::<Or>),
    ("PRelu", prelu),
    ("Pow", pow),
    ("Sub", binary::<Sub>),
    ("Sum", variadic::<Add>),
    ("Where", choose),
    ("Xor", binary::<Xor>),
];

fn binary<O: Op<Attrs = NoAttrs>>(cx: &mut NodeContext<'_>) -> Made {
    let (a, b) = operands(cx)?;
    one(cx.op::<O>(&NoAttrs {}, &[a, b])?)
}

/// Both operands. Before opset 7 the second one aligns at attribute `axis` instead of the last axis.
fn operands(cx: &mut NodeContext<'_>) -> Result<(ValueId, ValueId), ImportError> {
    let (a, b) = (cx.input(0)?, cx.input(1)?);
    let old = cx.opset() < 7 && cx.int_or("broadcast", 0)? != 0 && cx.has("axis");
    if !old {
        return Ok((a, b));
    }
    let axis = cx.axis(cx.int_or("axis", 0)?, cx.rank(a))?;
    let after = (cx.rank(a) - axis).checked_sub(cx.rank(b));
    let after = after.ok_or_else(|| cx.error("the second operand has too many axes to align at 'axis'"))?;
    Ok((a, with_ones_after(cx, b, after)?))
}

/// A constant with `n` more axes of length 1 at the end.
fn with_ones_after(cx: &mut NodeContext<'_>, v: ValueId, n: usize) -> Result<ValueId, ImportError> {
    if n == 0 {
        return Ok(v);
    }
    let mut dims = cx.dims(v);
    dims.extend(core::iter::repeat_n(1, n));
    let reshaped = cx.constant(v).and_then(|t| t.reshaped(&dims));
    let tensor = reshaped.ok_or_else(|| {
        cx.error("this opset's broadcasting of computed operands is not supported: convert the model to opset 7 or later")
    })?;
    Ok(cx.add_const(tensor))
}

/// A slope for each channel stands alone before opset 7.
fn prelu(cx: &mut NodeContext<'_>) -> Made {
    let (x, slope) = (cx.input(0)?, cx.input(1)?);
    let per_channel = cx.opset() < 7 && cx.rank(slope) == 1 && cx.ty(slope).shape.elements() > 1;
    let after = if per_channel { cx.rank(x).saturating_sub(2) } else { 0 };
    let slope = with_ones_after(cx, slope, after)?;
    one(cx.op::<PRelu>(&NoAttrs {}, &[x, slope])?)
}

/// A square is a product: faster, and without the weight of `powf`.
fn pow(cx: &mut NodeContext<'_>) -> Made {
    let (a, b) = operands(cx)?;
    let exponent = cx.constant(b).filter(|t| t.ty().shape.elements() == 1 && cx.rank(b) <= cx.rank(a));
    if exponent.is_some_and(|t| t.to_f32() == [2.0]) {
        return one(cx.op::<Mul>(&NoAttrs {}, &[a, a])?);
    }
    one(cx.op::<Pow>(&NoAttrs {}, &[a, b])?)
}

fn modulo(cx: &mut NodeContext<'_>) -> Made {
    let (a, b) = operands(cx)?;
    let fmod = cx.int_or("fmod", 0)? != 0;
    if cx.dtype(a).is_float() && !fmod {
        return cx.fail("fmod = 0 is defined for integers only: set fmod = 1");
    }
    one(cx.op::<Mod>(&ModAttrs { fmod }, &[a, b])?)
}

fn bit_shift(cx: &mut NodeContext<'_>) -> Made {
    let (a, b) = operands(cx)?;
    let right = match cx.text_or("direction", "")?.as_str() {
        "RIGHT" => true,
        "LEFT" => false,
        other => return cx.fail(format!("direction = '{other}' is neither 'LEFT' nor 'RIGHT'")),
    };
    one(cx.op::<BitShift>(&BitShiftAttrs { right }, &[a, b])?)
}

fn variadic<O: Op<Attrs = NoAttrs>>(cx: &mut NodeContext<'_>) -> Made {
    let mut result = cx.input(0)?;
    for i in 1..cx.count() {
        let next = cx.input(i)?;
        result = cx.op::<O>(&NoAttrs {}, &[result, next])?;
    }
    one(result)
}

fn mean(cx: &mut NodeContext<'_>) -> Made {
    let sum = variadic::<Add>(cx)?;
    let Some(&Some(sum)) = sum.first() else { return Ok(sum) };
    if cx.count() == 1 {
        return one(sum);
    }
    let count = scalar(cx, cx.count() as f32, cx.dtype(sum))?;
    one(cx.op::<Div>(&NoAttrs {}, &[sum, count])?)
}

/// A constant of this type.
pub(super) fn scalar(cx: &mut NodeContext<'_>, value: f32, dtype: DType) -> Result<ValueId, ImportError> {
    let wide = cx.add_const(Tensor::scalar(value));
    convert(cx, wide, dtype)
}

/// The value in this element type.
pub(super) fn convert(cx: &mut NodeContext<'_>, v: ValueId, dtype: DType) -> Result<ValueId, ImportError> {
    if cx.dtype(v) == dtype { Ok(v) } else { cx.op::<Cast>(&CastAttrs { dtype }, &[v]) }
}

/// `to` is a number since opset 6, a name before.
fn cast(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    if cx.opset() < 6 {
        return cx.fail("this opset's Cast is not supported: convert the model to opset 6 or later");
    }
    let to = cx.int("to")?.ok_or_else(|| cx.error("attribute 'to' is missing"))?;
    let dtype = cx.dtype_of(to)?;
    one(convert(cx, x, dtype)?)
}

fn cast_like(cx: &mut NodeContext<'_>) -> Made {
    let (x, like) = (cx.input(0)?, cx.input(1)?);
    let dtype = cx.dtype(like);
    one(convert(cx, x, dtype)?)
}

fn choose(cx: &mut NodeContext<'_>) -> Made {
    let operands = [cx.input(0)?, cx.input(1)?, cx.input(2)?];
    one(cx.op::<Where>(&NoAttrs {}, &operands)?)
}
