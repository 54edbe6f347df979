//! Normalizations: batch, layer, RMS, instance, group, mean-variance, LRN.
//!
//! ```text
//! BatchNormalization at inference   x · s + t over channels last, s = scale / √(var + ε), t = bias - mean · s
//! BatchNormalization in training    LayerNormalization of [C, N, spatial…], whose statistics renew the running ones
//! InstanceNormalization             LayerNormalization over spatial axes, scale and bias [C, 1…]
//! GroupNormalization                the same of [N, groups, C/groups, spatial]
//! MeanVarianceNormalization         LayerNormalization with the axes moved to the end
//! Skip…LayerNormalization           Add, then the layer
//! ```

use super::binary::scalar;
use super::shape::{Made, one, reshape, transpose};
use super::window::{Single, channels_first, channels_last, optional};
use super::{ImportError, NodeContext, Translate};
use crate::ir::ValueId;
use siskin::DType;
use siskin::attrs::NoAttrs;
use siskin::op::layer_norm::{LayerNormAttrs, RmsNormAttrs};
use siskin::op::lrn::{LRN, LrnAttrs};
use siskin::op::{Add, BatchNormalization, Div, LayerNormalization, Mul, RMSNormalization, Reciprocal, Sqrt, Sub};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("BatchNormalization", batch),
    ("LayerNormalization", layer),
    ("RMSNormalization", rms),
    ("SimplifiedLayerNormalization", rms),
    ("SkipLayerNormalization", skip_layer),
    ("SkipSimplifiedLayerNormalization", skip_rms),
    ("InstanceNormalization", instance),
    ("GroupNormalization", group),
    ("MeanVarianceNormalization", mean_variance),
    ("LRN", lrn),
];

const N: NoAttrs = NoAttrs {};

fn batch(cx: &mut NodeContext<'_>) -> Made {
    if cx.opset() < 9 && cx.int_or("spatial", 1)? == 0 {
        return cx.fail("spatial=0 is not supported: export with opset 9 or later");
    }
    let x = cx.input(0)?;
    if cx.rank(x) < 2 {
        return cx.fail("its input must have at least batch and channels");
    }
    let epsilon = cx.float_or("epsilon", 1e-5)?;
    if cx.int_or("training_mode", 0)? != 0 {
        return batch_training(cx, epsilon);
    }
    let mut parameters = [x; 4];
    for (i, p) in parameters.iter_mut().enumerate() {
        *p = parameter(cx, i + 1)?;
    }
    let [scale, bias, mean, variance] = parameters;
    let epsilon = scalar(cx, epsilon, DType::F32)?;
    let shifted = cx.op::<Add>(&N, &[variance, epsilon])?;
    let deviation = cx.op::<Sqrt>(&N, &[shifted])?;
    let scale = cx.op::<Div>(&N, &[scale, deviation])?;
    let centre = cx.op::<Mul>(&N, &[mean, scale])?;
    let shift = cx.op::<Sub>(&N, &[bias, centre])?;
    let x = Single::new(cx, 0)?;
    let last = channels_last(cx, x.value)?;
    let y = cx.op::<BatchNormalization>(&N, &[last, scale, shift])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

/// Operand `i` in `f32`; the constant itself where it is one, dequantized or not.
fn parameter(cx: &mut NodeContext<'_>, i: usize) -> Result<ValueId, ImportError> {
    let value = cx.input(i)?;
    let constant = cx.graph.constant(value).is_none().then(|| cx.constant(value)).flatten();
    match constant {
        Some(tensor) => Ok(cx.add_const(tensor)),
        None => Ok(Single::new(cx, i)?.value),
    }
}

fn batch_training(cx: &mut NodeContext<'_>, epsilon: f32) -> Made {
    let momentum = cx.float_or("momentum", 0.9)?;
    let x = Single::new(cx, 0)?;
    // [C, N, spatial…]: its own inverse as an order of axes.
    let order: Vec<u32> = [1, 0].into_iter().chain(2..cx.rank(x.value) as u32).collect();
    let first = transpose(cx, x.value, &order)?;
    let channels = cx.dims(first)[0];
    let per_channel: Vec<u32> = [channels].into_iter().chain(vec![1; order.len() - 1]).collect();
    let (scale, bias) = (parameter(cx, 1)?, parameter(cx, 2)?);
    let (scale, bias) = (reshape(cx, scale, &per_channel)?, reshape(cx, bias, &per_channel)?);
    let attrs = LayerNormAttrs { axis: 1, epsilon, statistics: true };
    let outputs = cx.add_all::<LayerNormalization>(&attrs, &[Some(first), Some(scale), Some(bias)])?;
    let &[y, mean, inverse] = outputs.as_slice() else { return cx.fail("its statistics are missing") };
    let y = transpose(cx, y, &order)?;
    let y = x.restore(cx, y)?;
    let squared = cx.op::<Mul>(&N, &[inverse, inverse])?;
    let raised = cx.op::<Reciprocal>(&N, &[squared])?;
    let epsilon = scalar(cx, epsilon, DType::F32)?;
    let variance = cx.op::<Sub>(&N, &[raised, epsilon])?;
    let mut made = vec![Some(y)];
    for (i, found) in [(3, mean), (4, variance)] {
        let found = reshape(cx, found, &[channels])?;
        let (running, kept) = (parameter(cx, i)?, scalar(cx, momentum, DType::F32)?);
        let fresh = scalar(cx, 1.0 - momentum, DType::F32)?;
        let (old, new) = (cx.op::<Mul>(&N, &[running, kept])?, cx.op::<Mul>(&N, &[found, fresh])?);
        made.push(Some(cx.op::<Add>(&N, &[old, new])?));
    }
    Ok(made)
}

fn layer(cx: &mut NodeContext<'_>) -> Made {
    let axis = attribute_axis(cx)?;
    let attrs = LayerNormAttrs { axis, epsilon: cx.float_or("epsilon", 1e-5)?, statistics: cx.wants(1) || cx.wants(2) };
    let x = Single::new(cx, 0)?;
    let inputs = [Some(x.value), optional(cx, 1)?, optional(cx, 2)?];
    let mut outputs = cx.add_all::<LayerNormalization>(&attrs, &inputs)?;
    outputs[0] = x.restore(cx, outputs[0])?;
    Ok(outputs.into_iter().map(Some).collect())
}

fn rms(cx: &mut NodeContext<'_>) -> Made {
    let attrs = RmsNormAttrs { axis: attribute_axis(cx)?, epsilon: cx.float_or("epsilon", 1e-5)? };
    let x = Single::new(cx, 0)?;
    let inputs = [Some(x.value), optional(cx, 1)?];
    let y = cx.add::<RMSNormalization>(&attrs, &inputs)?;
    one(x.restore(cx, y)?)
}

/// The first normalized axis; the last one if not given.
fn attribute_axis(cx: &NodeContext<'_>) -> Result<u32, ImportError> {
    let axis = cx.int_or("axis", -1)?;
    Ok(cx.axis(axis, cx.rank(cx.input(0)?))? as u32)
}

/// `input, skip, gamma, beta?, bias?`
fn skip_layer(cx: &mut NodeContext<'_>) -> Made {
    let (sum, made) = skip_sum(cx, 4)?;
    let attrs = LayerNormAttrs { axis: last(cx, sum)?, epsilon: cx.float_or("epsilon", 1e-12)?, statistics: false };
    let inputs = [Some(sum), optional(cx, 2)?, optional(cx, 3)?];
    let y = cx.add::<LayerNormalization>(&attrs, &inputs)?;
    skip_outputs(cx, y, made)
}

/// `input, skip, gamma, bias?`
fn skip_rms(cx: &mut NodeContext<'_>) -> Made {
    let (sum, made) = skip_sum(cx, 3)?;
    let attrs = RmsNormAttrs { axis: last(cx, sum)?, epsilon: cx.float_or("epsilon", 1e-12)? };
    let inputs = [Some(sum), optional(cx, 2)?];
    let y = cx.add::<RMSNormalization>(&attrs, &inputs)?;
    skip_outputs(cx, y, made)
}

fn last(cx: &NodeContext<'_>, v: ValueId) -> Result<u32, ImportError> {
    let rank = cx.rank(v);
    if rank == 0 { cx.fail("its input has no axes") } else { Ok(rank as u32 - 1) }
}

/// Input plus skip plus bias, in `f32`, and the element type of the input.
fn skip_sum(cx: &mut NodeContext<'_>, bias: usize) -> Result<(ValueId, Single), ImportError> {
    let (x, skip) = (Single::new(cx, 0)?, Single::new(cx, 1)?);
    let mut sum = cx.op::<Add>(&N, &[x.value, skip.value])?;
    if let Some(bias) = optional(cx, bias)? {
        sum = cx.op::<Add>(&N, &[sum, bias])?;
    }
    Ok((sum, Single { value: sum, ..x }))
}

/// Output 3 is the sum; 1 and 2 serve training.
fn skip_outputs(cx: &mut NodeContext<'_>, y: ValueId, sum: Single) -> Made {
    let y = sum.restore(cx, y)?;
    let skipped = sum.restore(cx, sum.value)?;
    Ok(vec![Some(y), None, None, Some(skipped)])
}

fn instance(cx: &mut NodeContext<'_>) -> Made {
    let x = Single::new(cx, 0)?;
    let rank = cx.rank(x.value);
    if rank < 3 {
        return cx.fail("its input must have batch, channels and at least one spatial axis");
    }
    let per_channel: Vec<u32> = [cx.dims(x.value)[1]].into_iter().chain(vec![1; rank - 2]).collect();
    let (scale, bias) = (parameter(cx, 1)?, parameter(cx, 2)?);
    let inputs = [x.value, reshape(cx, scale, &per_channel)?, reshape(cx, bias, &per_channel)?];
    let epsilon = cx.float_or("epsilon", 1e-5)?;
    let y = cx.op::<LayerNormalization>(&LayerNormAttrs { axis: 2, epsilon, statistics: false }, &inputs)?;
    one(x.restore(cx, y)?)
}

/// `scale` and `bias` have a value for each group in opset 18, for each channel later.
fn group(cx: &mut NodeContext<'_>) -> Made {
    let x = Single::new(cx, 0)?;
    let dims = cx.dims(x.value);
    let groups = cx.int_or("num_groups", 0)?;
    let Some(groups) = u32::try_from(groups).ok().filter(|&g| g > 0 && dims.len() >= 2 && dims[1].is_multiple_of(g))
    else {
        return cx.fail(format!("num_groups {groups} must divide the channels of {dims:?}"));
    };
    let each = dims[1] / groups;
    let rest = dims[2..].iter().product();
    let split = reshape(cx, x.value, &[dims[0], groups, each, rest])?;
    let mut inputs = vec![split];
    for i in 1..3 {
        let values = parameter(cx, i)?;
        let per_channel = cx.dims(values) == [dims[1]] && cx.opset() >= 21;
        inputs.push(reshape(cx, values, &[groups, if per_channel { each } else { 1 }, 1])?);
    }
    let epsilon = cx.float_or("epsilon", 1e-5)?;
    let y = cx.op::<LayerNormalization>(&LayerNormAttrs { axis: 2, epsilon, statistics: false }, &inputs)?;
    let y = reshape(cx, y, &dims)?;
    one(x.restore(cx, y)?)
}

/// `(x - mean) / (√variance + 1e-9)`, whose sum differs from `√(variance + 1e-18)` by less than a rounding.
fn mean_variance(cx: &mut NodeContext<'_>) -> Made {
    let x = Single::new(cx, 0)?;
    let rank = cx.rank(x.value);
    let axes = cx.int_list("axes")?.unwrap_or_else(|| vec![0, 2, 3]);
    let axes = axes.iter().map(|&a| Ok(cx.axis(a, rank)? as u32)).collect::<Result<Vec<_>, ImportError>>()?;
    let kept = (0..rank as u32).filter(|a| !axes.contains(a));
    let order: Vec<u32> = kept.chain((0..rank as u32).filter(|a| axes.contains(a))).collect();
    let back: Vec<u32> = (0..rank as u32).filter_map(|a| Some(order.iter().position(|&o| o == a)? as u32)).collect();
    let moved = transpose(cx, x.value, &order)?;
    let axis = order.iter().filter(|a| !axes.contains(a)).count() as u32;
    let attrs = LayerNormAttrs { axis, epsilon: 1e-18, statistics: false };
    let y = cx.op::<LayerNormalization>(&attrs, &[moved])?;
    let y = transpose(cx, y, &back)?;
    one(x.restore(cx, y)?)
}

fn lrn(cx: &mut NodeContext<'_>) -> Made {
    let size = cx.int_or("size", 0)?;
    let Some(size) = u32::try_from(size).ok().filter(|&s| s > 0) else {
        return cx.fail(format!("size {size} must be positive"));
    };
    let (alpha, beta) = (cx.float_or("alpha", 1e-4)?, cx.float_or("beta", 0.75)?);
    let attrs = LrnAttrs { size, alpha, beta, bias: cx.float_or("bias", 1.0)? };
    let x = Single::new(cx, 0)?;
    if cx.rank(x.value) < 2 {
        return cx.fail("its input must have at least batch and channels");
    }
    let last = channels_last(cx, x.value)?;
    let y = cx.op::<LRN>(&attrs, &[last])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}
