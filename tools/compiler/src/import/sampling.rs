//! Sampling at computed points: `GridSample`, `AffineGrid`, `RoiAlign`.
//!
//! `AffineGrid` becomes the product of a constant grid and the transformation.

use super::binary::convert;
use super::gathering::indices;
use super::generate::tensor_of;
use super::matmul::product;
use super::shape::{Made, lengths, one, reshape};
use super::{NodeContext, Translate};
use siskin::op::grid_sample::{GridSampleAttrs, Padding, SampleMode};
use siskin::op::roi_align::RoiAlignAttrs;
use siskin::op::{GridSample, RoiAlign};
use siskin::{DType, Shape};

pub(super) const OPERATORS: &[(&str, Translate)] =
    &[("GridSample", grid_sample), ("AffineGrid", affine_grid), ("RoiAlign", roi_align)];

fn grid_sample(cx: &mut NodeContext<'_>) -> Made {
    let (x, grid) = (cx.input(0)?, cx.input(1)?);
    let mode = cx.text_or("mode", "linear")?;
    // Opset 16 named modes after two axes.
    let mode = match mode.as_str() {
        "bilinear" => Some(SampleMode::Linear),
        "bicubic" => Some(SampleMode::Cubic),
        other => SampleMode::by_name(other),
    };
    let mode = mode.ok_or_else(|| cx.error("'mode' is none of nearest, linear and cubic"))?;
    let padding = Padding::by_name(&cx.text_or("padding_mode", "zeros")?);
    let padding = padding.ok_or_else(|| cx.error("'padding_mode' is none of zeros, border and reflection"))?;
    let attrs = GridSampleAttrs { mode, padding, align_corners: cx.int_or("align_corners", 0)? != 0 };
    let grid = convert(cx, grid, DType::F32)?;
    one(cx.op::<GridSample>(&attrs, &[x, grid])?)
}

fn affine_grid(cx: &mut NodeContext<'_>) -> Made {
    let theta = cx.input(0)?;
    let dtype = cx.dtype(theta);
    let size = lengths(cx, &cx.need_ints(1)?)?;
    let (&[batch, _, ref spatial @ ..], 4 | 5) = (size.as_slice(), size.len()) else {
        return cx.fail(format!("size {size:?} must be [n, c, h, w] or [n, c, d, h, w]"));
    };
    let axes = spatial.len() as u32;
    if cx.dims(theta) != [batch, axes, axes + 1] {
        return cx.fail(format!("a transformation of shape {:?} does not suit size {size:?}", cx.dims(theta)));
    }
    let points = base_grid(spatial, cx.int_or("align_corners", 0)? != 0);
    let Some(base) = points.and_then(|p| tensor_of(DType::F32, &[p.len() as u32 / (axes + 1), axes + 1], &p)) else {
        return cx.fail(format!("size {size:?} is out of range"));
    };
    let base = cx.add_const(base);
    let theta = convert(cx, theta, DType::F32)?;
    let moved = product(cx, base, theta, true, None)?;
    let grid = reshape(cx, moved, &[&[batch], spatial, &[axes]].concat())?;
    one(convert(cx, grid, dtype)?)
}

/// `[points, axes + 1]`: the coordinates of every place, innermost axis first, and a 1.
fn base_grid(spatial: &[u32], align_corners: bool) -> Option<Vec<f64>> {
    let places = Shape::new(spatial)?.checked_elements().filter(|&n| n <= 1 << 26)?;
    let coordinate = |i: u32, len: u32| {
        let (i, n) = (f64::from(i), f64::from(len));
        if align_corners { -1.0 + 2.0 * i / (n - 1.0).max(1.0) } else { (2.0 * i + 1.0) / n - 1.0 }
    };
    let mut grid = Vec::new();
    for mut place in 0..places {
        for &len in spatial.iter().rev() {
            grid.push(coordinate(place % len, len));
            place /= len;
        }
        grid.push(1.0);
    }
    Some(grid)
}

fn roi_align(cx: &mut NodeContext<'_>) -> Made {
    let (x, regions, samples) = (cx.input(0)?, cx.input(1)?, indices(cx, 2)?);
    let dtype = cx.dtype(x);
    if dtype == DType::F64 {
        return cx.fail("f64 elements are not supported: cast to float32 before");
    }
    // Before opset 16 there was one way to place coordinates, and it has another name now.
    let default = if cx.opset() < 16 { "output_half_pixel" } else { "half_pixel" };
    let half_pixel = match cx.text_or("coordinate_transformation_mode", default)?.as_str() {
        "half_pixel" => true,
        "output_half_pixel" => false,
        other => return cx.fail(format!("coordinate_transformation_mode '{other}' is not known")),
    };
    let max = match cx.text_or("mode", "avg")?.as_str() {
        "avg" => false,
        "max" => true,
        other => return cx.fail(format!("mode '{other}' is neither avg nor max")),
    };
    let sizes = [cx.int_or("output_height", 1)?, cx.int_or("output_width", 1)?, cx.int_or("sampling_ratio", 0)?];
    let &[height, width, sampling_ratio] = lengths(cx, &sizes)?.as_slice() else { return cx.fail("sizes") };
    if sampling_ratio > 128 {
        return cx.fail(format!("a sampling_ratio of {sampling_ratio} is not supported: at most 128 is"));
    }
    let spatial_scale = cx.float_or("spatial_scale", 1.0)?;
    let attrs = RoiAlignAttrs { height, width, sampling_ratio, spatial_scale, half_pixel, max };
    let (x, regions) = (convert(cx, x, DType::F32)?, convert(cx, regions, DType::F32)?);
    let y = cx.op::<RoiAlign>(&attrs, &[x, regions, samples])?;
    one(convert(cx, y, dtype)?)
}
