//! `ConvTranspose`, channels first in ONNX, channels last in the runtime; and `Col2Im`, which is one with unit weights.
//!
//! ```text
//! x [N, C, spatial…]       -> Transpose -> [N, spatial…, C]
//! w [C, O/group, kernel…]  ->              [O, kernel…, C/group]
//! ```
//!
//! With groups the first axis of the weights holds two, and a Reshape before and after the Transpose tells them apart.

use super::conv::{check_weights, group};
use super::shape::{Made, count, lengths, one, reshape, transpose};
use super::window::{self, AutoPad, Single, aligned, channels_first, channels_last, optional, per_axis, reach};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::op::conv_transpose::{ConvTranspose, ConvTransposeAttrs};

pub(super) const OPERATORS: &[(&str, Translate)] = &[("ConvTranspose", conv_transpose), ("Col2Im", col2im)];

fn conv_transpose(cx: &mut NodeContext<'_>) -> Made {
    let (x, w) = (Single::new(cx, 0)?, cx.input(1)?);
    let input = window::spatial(cx, x.value)?;
    let kernel = check_weights(cx, x.value, w)?;
    let attrs = attributes(cx, &input, &kernel)?;
    let (inputs, channels) = (cx.dims(w)[0], cx.dims(x.value)[1]);
    if inputs != channels || !inputs.is_multiple_of(attrs.group) {
        let groups = attrs.group;
        return cx
            .fail(format!("its weights, for {inputs} channels in {groups} groups, do not suit {channels} channels"));
    }
    let last = channels_last(cx, x.value)?;
    let w = weights(cx, w, attrs.group)?;
    let bias = optional(cx, 2)?;
    let y = cx.add::<ConvTranspose>(&attrs, &[Some(last), Some(w), bias])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

fn attributes(cx: &NodeContext<'_>, input: &[u32], kernel: &[u32]) -> Result<ConvTransposeAttrs, ImportError> {
    let axes = input.len();
    let (stride, dilation) = (per_axis(cx, "strides", axes)?, per_axis(cx, "dilations", axes)?);
    let mut more = output_padding(cx, axes)?;
    let (mut begin, mut end) = window::pads(cx, axes)?;
    let auto = window::auto_pad(cx)?;
    let wanted = wanted_lengths(cx, auto, input, &stride)?;
    for i in 0..axes {
        let full = u64::from(stride[i]) * u64::from(input[i] - 1) + reach(kernel[i], dilation[i]) + u64::from(more[i]);
        let Some(wanted) = wanted.as_ref().map(|w| u64::from(w[i])) else { continue };
        let total = u32::try_from(full.saturating_sub(wanted)).unwrap_or(u32::MAX);
        // ONNX puts the larger half before the first element unless told SAME_UPPER.
        let auto = if auto == AutoPad::SameUpper { auto } else { AutoPad::SameLower };
        (begin[i], end[i]) = window::split(auto, total, (0, 0));
        more[i] += u32::try_from(wanted.saturating_sub(full)).unwrap_or(0);
    }
    if auto == AutoPad::Valid && wanted.is_none() {
        (begin, end) = (vec![0; axes], vec![0; axes]);
    }
    Ok(ConvTransposeAttrs {
        stride: aligned(&stride, 1),
        dilation: aligned(&dilation, 1),
        pad_begin: aligned(&begin, 0),
        pad_end: aligned(&end, 0),
        output_padding: aligned(&more, 0),
        group: group(cx)?,
        min: f32::NEG_INFINITY,
        max: f32::INFINITY,
    })
}

fn output_padding(cx: &NodeContext<'_>, axes: usize) -> Result<Vec<u32>, ImportError> {
    let Some(list) = cx.int_list("output_padding")?.filter(|l| !l.is_empty()) else { return Ok(vec![0; axes]) };
    let padding: Option<Vec<u32>> = list.iter().map(|&v| u32::try_from(v).ok().filter(|&v| v < 1 << 30)).collect();
    padding
        .filter(|p| p.len() == axes)
        .ok_or_else(|| cx.error(format!("output_padding {list:?} must be {axes} numbers, one for each spatial axis")))
}

/// The lengths of the output's spatial axes, where the node states them.
fn wanted_lengths(
    cx: &NodeContext<'_>,
    auto: AutoPad,
    input: &[u32],
    stride: &[u32],
) -> Result<Option<Vec<u32>>, ImportError> {
    if let Some(list) = cx.int_list("output_shape")?.filter(|l| !l.is_empty()) {
        // Some exporters write batch and channels too.
        let from = list.len().saturating_sub(input.len());
        let lengths: Option<Vec<u32>> =
            list[from..].iter().map(|&v| u32::try_from(v).ok().filter(|&v| v > 0)).collect();
        return match lengths {
            Some(v) if v.len() == input.len() => Ok(Some(v)),
            _ => cx.fail(format!("output_shape {list:?} must have a positive length for each spatial axis")),
        };
    }
    let same = matches!(auto, AutoPad::SameUpper | AutoPad::SameLower);
    Ok(same.then(|| input.iter().zip(stride).map(|(i, s)| i.saturating_mul(*s)).collect()))
}

/// `[C, O/group, kernel…]` as `[O, kernel…, C/group]`.
fn weights(cx: &mut NodeContext<'_>, w: ValueId, group: u32) -> Result<ValueId, ImportError> {
    let dims = cx.dims(w);
    let rank = dims.len() as u32;
    if group == 1 {
        let order: Vec<u32> = (1..rank).chain([0]).collect();
        return transpose(cx, w, &order);
    }
    if dims[1] == 1 && dims[0] == group {
        return channels_last(cx, w);
    }
    let (each_in, each_out, kernel) = (dims[0] / group, dims[1], &dims[2..]);
    let split: Vec<u32> = [group, each_in, each_out].iter().chain(kernel).copied().collect();
    let joined: Vec<u32> = [group * each_out].iter().chain(kernel).chain([&each_in]).copied().collect();
    let order: Vec<u32> = [0].into_iter().chain(2..rank + 1).chain([1]).collect();
    let split = reshape(cx, w, &split)?;
    let moved = transpose(cx, split, &order)?;
    reshape(cx, moved, &joined)
}

/// `[N, C · taps, blocks]`: tap `t` of channel `c` goes to channel `c`, where a weight of 1 sits at `t` and 0 elsewhere.
fn col2im(cx: &mut NodeContext<'_>) -> Made {
    let x = Single::new(cx, 0)?;
    let (image, block) = (cx.need_ints(1)?, cx.need_ints(2)?);
    let (image, kernel) = (lengths(cx, &image)?, lengths(cx, &block)?);
    let (axes, dims) = (image.len(), cx.dims(x.value));
    let taps = count(&kernel);
    let &[n, columns, blocks] = dims.as_slice() else { return cx.fail("its input must have three axes") };
    if !(1..=3).contains(&axes) || kernel.len() != axes || taps == 0 || !u64::from(columns).is_multiple_of(taps) {
        return cx.fail(format!("an image {image:?} of blocks {kernel:?} does not suit {columns} columns"));
    }
    let (stride, dilation) = (per_axis(cx, "strides", axes)?, per_axis(cx, "dilations", axes)?);
    let (begin, end) = window::pads(cx, axes)?;
    let (mut along, mut more) = (vec![], vec![]);
    for i in 0..axes {
        let padded = u64::from(image[i]) + u64::from(begin[i]) + u64::from(end[i]);
        let Some(room) = padded.checked_sub(reach(kernel[i], dilation[i])) else {
            return cx.fail(format!("its blocks are longer than the padded image along axis {i}"));
        };
        along.push((room / u64::from(stride[i]) + 1) as u32);
        more.push((room % u64::from(stride[i])) as u32);
    }
    if count(&along) != u64::from(blocks) {
        return cx.fail(format!("{blocks} blocks given, but {along:?} fit into the image"));
    }
    let channels = columns / taps as u32;
    let attrs = ConvTransposeAttrs {
        stride: aligned(&stride, 1),
        dilation: aligned(&dilation, 1),
        pad_begin: aligned(&begin, 0),
        pad_end: aligned(&end, 0),
        output_padding: aligned(&more, 0),
        group: channels,
        min: f32::NEG_INFINITY,
        max: f32::INFINITY,
    };
    let unit = unit_weights(cx, channels, &kernel, taps as u32)?;
    let spread: Vec<u32> = [n, columns].into_iter().chain(along).collect();
    let spread = reshape(cx, x.value, &spread)?;
    let last = channels_last(cx, spread)?;
    let y = cx.op::<ConvTranspose>(&attrs, &[last, unit])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

/// `[channels, kernel…, taps]`, 1 where the place in the kernel is the tap.
fn unit_weights(cx: &mut NodeContext<'_>, channels: u32, kernel: &[u32], taps: u32) -> Result<ValueId, ImportError> {
    let dims: Vec<u32> = [channels].iter().chain(kernel).chain([&taps]).copied().collect();
    let of_one = (0..taps * taps).map(|i| if i / taps == i % taps { 1.0 } else { 0.0 });
    let weights: Vec<f32> = (0..channels).flat_map(|_| of_one.clone()).collect();
    let tensor = Tensor::new(&dims, &weights).ok_or_else(|| cx.error("its blocks have too many axes"))?;
    Ok(cx.add_const(tensor))
}
