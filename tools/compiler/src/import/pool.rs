//! `MaxPool`, `AveragePool`, `LpPool` and their global forms, whose window is the whole image; `MaxUnpool`.
//!
//! Channels first in ONNX, channels last in the runtime: a Transpose before and after, which a later pass removes.

use super::shape::{Made, lengths, one, shape_of};
use super::slicing::pad;
use super::window::{self, Single, Window, channels_first, channels_last, per_axis};
use super::{ImportError, NodeContext, Translate};
use siskin::DType;
use siskin::op::{
    AveragePool, AveragePoolAttrs, LpPool, LpPoolAttrs, MaxPool, MaxPoolAttrs, MaxUnpool, MaxUnpoolAttrs,
};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("MaxPool", max_pool),
    ("GlobalMaxPool", max_pool),
    ("AveragePool", average_pool),
    ("GlobalAveragePool", average_pool),
    ("LpPool", lp_pool),
    ("GlobalLpPool", lp_pool),
    ("MaxUnpool", max_unpool),
];

/// The window of a pooling: as the attributes say, or the whole image.
fn pool_window(cx: &NodeContext<'_>) -> Result<Window, ImportError> {
    let input = window::spatial(cx, cx.input(0)?)?;
    if cx.op_type().starts_with("Global") {
        return Ok(Window {
            kernel: window::aligned(&input, 1),
            stride: [1; 3],
            dilation: [1; 3],
            pad_begin: [0; 3],
            pad_end: [0; 3],
            ceil_pad: [0; 3],
        });
    }
    if !cx.has("kernel_shape") {
        return cx.fail("kernel_shape is missing");
    }
    let kernel = per_axis(cx, "kernel_shape", input.len())?;
    window::window(cx, &input, &kernel)
}

fn max_pool(cx: &mut NodeContext<'_>) -> Made {
    let Window { kernel, stride, dilation, pad_begin, pad_end, .. } = pool_window(cx)?;
    let (indices, column_major) = (cx.wants(1), cx.int_or("storage_order", 0)? == 1);
    let attrs = MaxPoolAttrs { kernel, stride, dilation, pad_begin, pad_end, indices, column_major };
    let x = cx.input(0)?;
    if !matches!(cx.dtype(x), DType::F32 | DType::F16 | DType::I8 | DType::U8) {
        let dtype = cx.dtype(x);
        return cx.fail(format!("its input holds {dtype}, but f32, f16, i8 and u8 are supported"));
    }
    let x = channels_last(cx, x)?;
    let outputs = cx.add_all::<MaxPool>(&attrs, &[Some(x)])?;
    outputs.into_iter().map(|y| channels_first(cx, y).map(Some)).collect()
}

fn average_pool(cx: &mut NodeContext<'_>) -> Made {
    let Window { kernel, stride, dilation, pad_begin, pad_end, ceil_pad: uncounted } = pool_window(cx)?;
    let count_include_pad = cx.int_or("count_include_pad", 0)? != 0;
    let attrs = AveragePoolAttrs { kernel, stride, dilation, pad_begin, pad_end, count_include_pad, uncounted };
    let x = Single::new(cx, 0)?;
    let last = channels_last(cx, x.value)?;
    let y = cx.op::<AveragePool>(&attrs, &[last])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

fn lp_pool(cx: &mut NodeContext<'_>) -> Made {
    let Window { kernel, stride, dilation, pad_begin, pad_end, .. } = pool_window(cx)?;
    // Opset 1 had p as a float.
    let p = if cx.opset() < 2 { cx.float_or("p", 2.0)? } else { cx.int_or("p", 2)? as f32 };
    let attrs = LpPoolAttrs { kernel, stride, dilation, pad_begin, pad_end, p };
    let x = Single::new(cx, 0)?;
    let last = channels_last(cx, x.value)?;
    let y = cx.op::<LpPool>(&attrs, &[last])?;
    let y = channels_first(cx, y)?;
    one(x.restore(cx, y)?)
}

/// Indices count in the shape that the pooling's attributes imply. A longer `output_shape` adds zeros behind.
fn max_unpool(cx: &mut NodeContext<'_>) -> Made {
    let (x, indices) = (cx.input(0)?, cx.input(1)?);
    let input = window::spatial(cx, x)?;
    if !cx.has("kernel_shape") {
        return cx.fail("kernel_shape is missing");
    }
    let axes = input.len();
    let (kernel, stride) = (per_axis(cx, "kernel_shape", axes)?, per_axis(cx, "strides", axes)?);
    let (begin, end) = window::pads(cx, axes)?;
    let mut dims = cx.dims(x);
    for (i, dim) in dims.iter_mut().skip(2).enumerate() {
        let full = (u64::from(*dim) - 1) * u64::from(stride[i]) + u64::from(kernel[i]);
        let cut = u64::from(begin[i]) + u64::from(end[i]);
        let Some(length) = full.checked_sub(cut).and_then(|n| u32::try_from(n).ok()).filter(|&n| n > 0) else {
            return cx.fail(format!("spatial axis {i} of its output would have {full} - {cut} elements"));
        };
        *dim = length;
    }
    let shape = shape_of(cx, &dims)?;
    let y = cx.op::<MaxUnpool>(&MaxUnpoolAttrs { shape }, &[x, indices])?;
    let Some(wanted) = cx.ints(2)? else { return one(y) };
    let wanted = lengths(cx, &wanted)?;
    if wanted.len() != dims.len() || wanted.iter().zip(&dims).any(|(w, d)| w < d) {
        return cx.fail(format!("output_shape {wanted:?} must be at least {dims:?} along each axis"));
    }
    let widths: Vec<_> = wanted.iter().zip(&dims).map(|(&w, &d)| (0, i64::from(w - d))).collect();
    one(pad(cx, y, &widths, None)?)
}
