//! `QuantizeLinear`, `DequantizeLinear` and `DynamicQuantizeLinear`.

use super::binary::{convert, scalar};
use super::shape::{Made, one};
use super::{ImportError, NodeContext, Translate};
use crate::ir::ValueId;
use siskin::DType;
use siskin::attrs::NoAttrs;
use siskin::op::activation::ClipAttrs;
use siskin::op::quantize_linear::{DequantizeAttrs, QuantizeAttrs};
use siskin::op::reduce::ReduceAttrs;
use siskin::op::{Clip, DequantizeLinear, Div, Max, Min, Neg, QuantizeLinear, ReduceMax, ReduceMin, Round, Sub};

pub(super) const OPERATORS: &[(&str, Translate)] =
    &[("DequantizeLinear", dequantize), ("DynamicQuantizeLinear", dynamic), ("QuantizeLinear", quantize)];

fn quantize(cx: &mut NodeContext<'_>) -> Made {
    let [x, scale] = [cx.input(0)?, cx.input(1)?];
    let zero = cx.opt(2);
    let given = cx.int_or("output_dtype", 0)?;
    let dtype = match zero {
        Some(zero) => cx.dtype(zero),
        None if given != 0 => cx.dtype_of(given)?,
        None => DType::U8,
    };
    if !matches!(dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16) {
        return cx.fail(format!("it quantizes to {dtype}: quantize to int8, uint8, int16 or uint16"));
    }
    let (axis, block) = layout(cx, x, scale)?;
    let y = cx.add::<QuantizeLinear>(&QuantizeAttrs { axis, block, dtype }, &[Some(x), Some(scale), zero])?;
    one(y)
}

fn dequantize(cx: &mut NodeContext<'_>) -> Made {
    let [x, scale] = [cx.input(0)?, cx.input(1)?];
    let (axis, block) = layout(cx, x, scale)?;
    let y = cx.add::<DequantizeLinear>(&DequantizeAttrs { axis, block }, &[Some(x), Some(scale), cx.opt(2)])?;
    one(y)
}

/// The scale that maps the values' range, 0 included, to 256 steps, and the quantization with it.
fn dynamic(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let all = ReduceAttrs { axes: (1 << cx.rank(x)) - 1, keepdims: false };
    let zero = scalar(cx, 0.0, DType::F32)?;
    let least = cx.op::<ReduceMin>(&all, &[x])?;
    let least = cx.op::<Min>(&NoAttrs {}, &[least, zero])?;
    let greatest = cx.op::<ReduceMax>(&all, &[x])?;
    let greatest = cx.op::<Max>(&NoAttrs {}, &[greatest, zero])?;
    let range = cx.op::<Sub>(&NoAttrs {}, &[greatest, least])?;
    let steps = scalar(cx, 255.0, DType::F32)?;
    let scale = cx.op::<Div>(&NoAttrs {}, &[range, steps])?;
    let below = cx.op::<Div>(&NoAttrs {}, &[least, scale])?;
    let below = cx.op::<Neg>(&NoAttrs {}, &[below])?;
    let below = cx.op::<Clip>(&ClipAttrs { min: 0.0, max: 255.0 }, &[below])?;
    let below = cx.op::<Round>(&NoAttrs {}, &[below])?;
    let zero_point = convert(cx, below, DType::U8)?;
    let attrs = QuantizeAttrs { axis: 0, block: 0, dtype: DType::U8 };
    let y = cx.op::<QuantizeLinear>(&attrs, &[x, scale, zero_point])?;
    Ok(vec![Some(y), Some(scale), Some(zero_point)])
}

/// The axis along which scales differ, and how many of its elements share one (0: a scale for each, or one for all).
fn layout(cx: &NodeContext<'_>, x: ValueId, scale: ValueId) -> Result<(u32, u32), ImportError> {
    let block = cx.int_or("block_size", 0)?;
    let block = u32::try_from(block).map_err(|_| cx.error(format!("block_size = {block} is negative")))?;
    // One scale needs no axis; the default, 1, need not exist then.
    if block == 0 && cx.ty(scale).shape.elements() == 1 {
        return Ok((0, 0));
    }
    let axis = cx.axis(cx.int_or("axis", 1)?, cx.rank(x))?;
    Ok((axis as u32, block))
}
