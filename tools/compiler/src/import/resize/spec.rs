//! What a `Resize` or `Upsample` node asks for, all opsets alike.

use crate::import::{ImportError, NodeContext};
use crate::ir::ValueId;

/// How values between elements come about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    Nearest(Nearest),
    Linear,
    /// With its coefficient `a`.
    Cubic(f64),
}

/// Which neighbour is the nearest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Nearest {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
    /// Up where the axis shrinks, down where it grows: what onnxruntime does before opset 11.
    ByScale,
}

/// From a place in `y` to a coordinate in `x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Transform {
    HalfPixel,
    HalfPixelSymmetric,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
    /// Only part of the axis, the axis' `crop`; places outside `x` take the extrapolation value.
    CropAndResize,
}

/// What holds for every axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spec {
    pub(super) mode: Mode,
    pub(super) transform: Transform,
    pub(super) antialias: bool,
    pub(super) exclude_outside: bool,
    pub(super) extrapolation: f32,
}

/// One axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct AxisSpec {
    pub(super) input: u32,
    pub(super) output: u32,
    /// Output per input as the node says it, which need not be the ratio of the lengths.
    pub(super) scale: f64,
    /// The part of the axis that is resized, as fractions.
    pub(super) crop: [f64; 2],
}

impl AxisSpec {
    pub(super) fn growth(&self) -> f64 {
        f64::from(self.output) / f64::from(self.input.max(1))
    }

    fn kept(len: u32) -> AxisSpec {
        AxisSpec { input: len, output: len, scale: 1.0, crop: [0.0, 1.0] }
    }
}

/// Reads `Resize`.
pub(super) fn read(cx: &NodeContext<'_>, x: ValueId) -> Result<(Spec, Vec<AxisSpec>), ImportError> {
    if cx.opset() < 11 {
        return read_scaled(cx, x, cx.floats(1)?);
    }
    let spec = Spec {
        mode: mode(cx)?,
        transform: transform(cx)?,
        antialias: cx.int_or("antialias", 0)? != 0,
        exclude_outside: cx.int_or("exclude_outside", 0)? != 0,
        extrapolation: cx.float_or("extrapolation_value", 0.0)?,
    };
    if spec.antialias && matches!(spec.mode, Mode::Nearest(_)) {
        return cx.fail("antialias has no meaning for mode 'nearest'");
    }
    Ok((spec, read_axes(cx, x, spec.transform)?))
}

/// Reads `Upsample`: scales by attribute before opset 9.
pub(super) fn read_upsample(cx: &NodeContext<'_>, x: ValueId) -> Result<(Spec, Vec<AxisSpec>), ImportError> {
    let scales = if cx.opset() < 9 { cx.float_list("scales")? } else { cx.floats(1)? };
    read_scaled(cx, x, scales)
}

/// Before opset 11 coordinates were `place / scale`.
fn read_scaled(
    cx: &NodeContext<'_>,
    x: ValueId,
    scales: Option<Vec<f32>>,
) -> Result<(Spec, Vec<AxisSpec>), ImportError> {
    let mode = match cx.text_or("mode", "nearest")?.as_str() {
        "nearest" => Mode::Nearest(Nearest::ByScale),
        "linear" | "bilinear" => Mode::Linear,
        other => return cx.fail(format!("mode '{other}' is neither nearest nor linear")),
    };
    let scales = scales.ok_or_else(|| cx.error("'scales' is missing"))?;
    let mut axes: Vec<_> = cx.dims(x).into_iter().map(AxisSpec::kept).collect();
    scale_axes(cx, &mut axes, &(0..scales.len()).collect::<Vec<_>>(), &scales)?;
    let transform = Transform::Asymmetric;
    Ok((Spec { mode, transform, antialias: false, exclude_outside: false, extrapolation: 0.0 }, axes))
}

fn mode(cx: &NodeContext<'_>) -> Result<Mode, ImportError> {
    Ok(match cx.text_or("mode", "nearest")?.as_str() {
        "nearest" => Mode::Nearest(match cx.text_or("nearest_mode", "round_prefer_floor")?.as_str() {
            "round_prefer_floor" => Nearest::RoundPreferFloor,
            "round_prefer_ceil" => Nearest::RoundPreferCeil,
            "floor" => Nearest::Floor,
            "ceil" => Nearest::Ceil,
            other => return cx.fail(format!("nearest_mode '{other}' is not known")),
        }),
        "linear" => Mode::Linear,
        "cubic" => Mode::Cubic(cx.float_or("cubic_coeff_a", -0.75)?.into()),
        other => return cx.fail(format!("mode '{other}' is none of nearest, linear and cubic")),
    })
}

fn transform(cx: &NodeContext<'_>) -> Result<Transform, ImportError> {
    Ok(match cx.text_or("coordinate_transformation_mode", "half_pixel")?.as_str() {
        "half_pixel" => Transform::HalfPixel,
        "half_pixel_symmetric" => Transform::HalfPixelSymmetric,
        "pytorch_half_pixel" => Transform::PytorchHalfPixel,
        "align_corners" => Transform::AlignCorners,
        "asymmetric" => Transform::Asymmetric,
        "tf_crop_and_resize" => Transform::CropAndResize,
        other => return cx.fail(format!("coordinate_transformation_mode '{other}' is not supported")),
    })
}

fn read_axes(cx: &NodeContext<'_>, x: ValueId, transform: Transform) -> Result<Vec<AxisSpec>, ImportError> {
    let mut axes: Vec<_> = cx.dims(x).into_iter().map(AxisSpec::kept).collect();
    let named = match cx.int_list("axes")? {
        Some(list) => list.iter().map(|&a| cx.axis(a, axes.len())).collect::<Result<Vec<_>, _>>()?,
        None => (0..axes.len()).collect(),
    };
    let scales = cx.floats(2)?.filter(|s| !s.is_empty());
    let sizes = cx.ints(3)?.filter(|s| !s.is_empty());
    match (scales, sizes) {
        (Some(scales), None) => scale_axes(cx, &mut axes, &named, &scales)?,
        (None, Some(sizes)) => size_axes(cx, &mut axes, &named, &sizes)?,
        _ => return cx.fail("exactly one of 'scales' and 'sizes' must be given"),
    }
    if transform == Transform::CropAndResize {
        crop_axes(cx, &mut axes, &named)?;
    }
    Ok(axes)
}

fn check_count(cx: &NodeContext<'_>, what: &str, given: usize, wanted: usize) -> Result<(), ImportError> {
    if given == wanted { Ok(()) } else { cx.fail(format!("{given} {what} are given for {wanted} axes")) }
}

fn scale_axes(cx: &NodeContext<'_>, axes: &mut [AxisSpec], named: &[usize], scales: &[f32]) -> Result<(), ImportError> {
    check_count(cx, "scales", scales.len(), named.len())?;
    for (&axis, &scale) in named.iter().zip(scales) {
        let spec = axes.get_mut(axis).ok_or_else(|| cx.error("more scales than axes"))?;
        // In `f32`, so that 10 x 0.7 is 7.
        let output = (spec.input as f32 * scale).floor();
        if scale <= 0.0 || !(0.0..4e9).contains(&output) {
            return cx.fail(format!("scale {scale} of axis {axis} is out of range"));
        }
        (spec.scale, spec.output) = (scale.into(), output as u32);
    }
    Ok(())
}

fn size_axes(cx: &NodeContext<'_>, axes: &mut [AxisSpec], named: &[usize], sizes: &[i64]) -> Result<(), ImportError> {
    check_count(cx, "sizes", sizes.len(), named.len())?;
    for (&axis, &size) in named.iter().zip(sizes) {
        let spec = &mut axes[axis];
        spec.output =
            u32::try_from(size).map_err(|_| cx.error(format!("size {size} of axis {axis} is out of range")))?;
        spec.scale = spec.growth();
    }
    let scales = named.iter().map(|&a| axes[a].scale);
    let common = match cx.text_or("keep_aspect_ratio_policy", "stretch")?.as_str() {
        "stretch" => return Ok(()),
        "not_larger" => scales.fold(f64::INFINITY, f64::min),
        "not_smaller" => scales.fold(0.0, f64::max),
        other => return cx.fail(format!("keep_aspect_ratio_policy '{other}' is not known")),
    };
    for &axis in named {
        let spec = &mut axes[axis];
        spec.scale = common;
        spec.output = (common * f64::from(spec.input) + 0.5) as u32;
    }
    Ok(())
}

fn crop_axes(cx: &NodeContext<'_>, axes: &mut [AxisSpec], named: &[usize]) -> Result<(), ImportError> {
    let roi = cx.floats(1)?.unwrap_or_default();
    check_count(cx, "numbers of 'roi'", roi.len(), 2 * named.len())?;
    let (starts, ends) = roi.split_at(named.len());
    for (&axis, (&start, &end)) in named.iter().zip(starts.iter().zip(ends)) {
        axes[axis].crop = [start.into(), end.into()];
    }
    Ok(())
}
