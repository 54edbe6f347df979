//! `Conv`, `ConvInteger` and `DeformConv`: channels first in ONNX, channels last in the runtime.
//!
//! ```text
//! x [N, C, spatial…]       -> Transpose -> [N, spatial…, C]
//! w [O, C/group, kernel…]  -> Transpose -> [O, kernel…, C/group]
//! ```
//!
//! The transposes of neighbours cancel in a later pass; that of constant weights folds here. Weights behind a
//! DequantizeLinear keep it, with the transpose after it.

use super::shape::{Made, one};
use super::window::{self, Single, Window, channels_first, channels_last, optional};
use super::{ImportError, NodeContext, Translate};
use crate::ir::ValueId;
use siskin::DType;
use siskin::op::{Conv, ConvAttrs, ConvInteger, ConvIntegerAttrs, DeformConv, DeformConvAttrs};

pub(super) const OPERATORS: &[(&str, Translate)] =
    &[("Conv", conv), ("ConvInteger", conv_integer), ("DeformConv", deform_conv)];

fn conv(cx: &mut NodeContext<'_>) -> Made {
    let (x, w) = (Single::new(cx, 0)?, cx.input(1)?);
    let input = window::spatial(cx, x.value)?;
    let kernel = check_weights(cx, x.value, w)?;
    let window = window::window(cx, &input, &kernel)?;
    let attrs = ConvAttrs {
        stride: window.stride,
        dilation: window.dilation,
        pad_begin: window.pad_begin,
        pad_end: window.pad_end,
        group: group(cx)?,
        ..ConvAttrs::default()
    };
    let (channels, each) = (cx.dims(x.value)[1], cx.dims(w)[1]);
    if each.checked_mul(attrs.group) != Some(channels) {
        let groups = attrs.group;
        return cx
            .fail(format!("{groups} groups of {each} channels do not make up the {channels} channels of its input"));
    }
    let last = channels_last(cx, x.value)?;
    let w = channels_last(cx, w)?;
    let bias = optional(cx, 2)?;
    let y = cx.add::<Conv>(&attrs, &[Some(last), Some(w), bias])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

fn conv_integer(cx: &mut NodeContext<'_>) -> Made {
    let (x, w) = (cx.input(0)?, cx.input(1)?);
    let input = window::spatial(cx, x)?;
    let kernel = check_kernel(cx, x, w)?;
    let Window { stride, dilation, pad_begin, pad_end, .. } = window::window(cx, &input, &kernel)?;
    let attrs = ConvIntegerAttrs { stride, dilation, pad_begin, pad_end, group: group(cx)? };
    check_groups(cx, x, w, attrs.group)?;
    let (x, w) = (channels_last(cx, x)?, channels_last(cx, w)?);
    let y = cx.add::<ConvInteger>(&attrs, &[Some(x), Some(w), cx.opt(2), cx.opt(3)])?;
    one(channels_first(cx, y)?)
}

/// ONNX's offsets `[N, groups · taps · 2, oH, oW]` and masks go channels last too.
fn deform_conv(cx: &mut NodeContext<'_>) -> Made {
    let (x, w, offset) = (Single::new(cx, 0)?, Single::new(cx, 1)?, Single::new(cx, 2)?);
    let input = window::spatial(cx, x.value)?;
    let kernel = check_kernel(cx, x.value, w.value)?;
    if input.len() != 2 || cx.rank(offset.value) != 4 {
        return cx.fail("only two spatial axes are supported");
    }
    let Window { stride, dilation, pad_begin, pad_end, .. } = window::window(cx, &input, &kernel)?;
    let groups = cx.int_or("offset_group", 1)?;
    let Some(offset_group) = u32::try_from(groups).ok().filter(|&g| g > 0) else {
        return cx.fail(format!("offset_group {groups} must be positive"));
    };
    let attrs = DeformConvAttrs { stride, dilation, pad_begin, pad_end, group: group(cx)?, offset_group };
    check_groups(cx, x.value, w.value, attrs.group)?;
    let (last, w) = (channels_last(cx, x.value)?, channels_last(cx, w.value)?);
    let offset = channels_last(cx, offset.value)?;
    let bias = optional(cx, 3)?;
    let mask = optional(cx, 4)?.map(|m| channels_last(cx, m)).transpose()?;
    let y = cx.add::<DeformConv>(&attrs, &[Some(last), Some(w), bias, Some(offset), mask])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

/// The attribute `group`.
pub(super) fn group(cx: &NodeContext<'_>) -> Result<u32, ImportError> {
    let group = cx.int_or("group", 1)?;
    u32::try_from(group).ok().filter(|&g| g > 0).ok_or_else(|| cx.error(format!("group {group} must be positive")))
}

/// The groups of weights `[O, C/group, kernel…]` make up the channels of the input.
pub(super) fn check_groups(cx: &NodeContext<'_>, x: ValueId, w: ValueId, groups: u32) -> Result<(), ImportError> {
    let (channels, each) = (cx.dims(x)[1], cx.dims(w)[1]);
    if each.checked_mul(groups) == Some(channels) {
        Ok(())
    } else {
        cx.fail(format!("{groups} groups of {each} channels do not make up the {channels} channels of its input"))
    }
}

/// As [`check_kernel`] for weights of real values.
pub(super) fn check_weights(cx: &NodeContext<'_>, x: ValueId, w: ValueId) -> Result<Vec<u32>, ImportError> {
    let dtype = cx.dtype(w);
    if !matches!(dtype, DType::F32 | DType::F16) {
        return cx.fail(format!("its weights hold {dtype}, but f32 and f16 are supported: export the model in f32"));
    }
    check_kernel(cx, x, w)
}

/// The kernel of weights `[.., .., kernel…]`, checked against the node and its input.
pub(super) fn check_kernel(cx: &NodeContext<'_>, x: ValueId, w: ValueId) -> Result<Vec<u32>, ImportError> {
    if cx.rank(w) != cx.rank(x) {
        let (a, b) = (cx.rank(w), cx.rank(x));
        return cx.fail(format!("its weights have {a} axes, but its input has {b}"));
    }
    let kernel = cx.dims(w)[2..].to_vec();
    let stated = cx.int_list("kernel_shape")?.unwrap_or_default();
    if !stated.is_empty() && !stated.iter().copied().eq(kernel.iter().map(|&k| i64::from(k))) {
        return cx.fail(format!("kernel_shape {stated:?} differs from that of its weights, {kernel:?}"));
    }
    Ok(kernel)
}
