//! Sliding windows as ONNX writes them: attributes, `auto_pad`, `ceil_mode`, and the way to channels last.

use super::binary::convert;
use super::shape::transpose;
use super::{ImportError, NodeContext};
use crate::ir::ValueId;
use siskin::DType;

/// A window over up to three spatial axes, aligned at the end as the runtime's attributes are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) kernel: [u32; 3],
    pub(super) stride: [u32; 3],
    pub(super) dilation: [u32; 3],
    pub(super) pad_begin: [u32; 3],
    pub(super) pad_end: [u32; 3],
    /// The last so many elements of `pad_end` come from `ceil_mode`, not from the model's padding.
    pub(super) ceil_pad: [u32; 3],
}

/// How `auto_pad` distributes the padding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum AutoPad {
    NotSet,
    Valid,
    SameUpper,
    SameLower,
}

/// Puts one entry per spatial axis at the end of three.
pub(super) fn aligned(entries: &[u32], fill: u32) -> [u32; 3] {
    let mut out = [fill; 3];
    out.iter_mut().rev().zip(entries.iter().rev()).for_each(|(o, &e)| *o = e);
    out
}

/// The lengths of the spatial axes of `[N, C, spatial…]`, of which there are one to three.
pub(super) fn spatial(cx: &NodeContext<'_>, x: ValueId) -> Result<Vec<u32>, ImportError> {
    let dims = cx.dims(x);
    if dims.contains(&0) {
        return cx.fail(format!("its input {dims:?} has no elements"));
    }
    match dims.len() {
        3..=5 => Ok(dims[2..].to_vec()),
        n => {
            cx.fail(format!("its input has {n} axes, but batch, channels and one to three spatial axes are supported"))
        }
    }
}

/// An attribute with one entry per spatial axis, `[1, …]` if absent.
pub(super) fn per_axis(cx: &NodeContext<'_>, name: &str, axes: usize) -> Result<Vec<u32>, ImportError> {
    let Some(list) = cx.int_list(name)?.filter(|l| !l.is_empty()) else { return Ok(vec![1; axes]) };
    let positive: Option<Vec<u32>> = list.iter().map(|&v| u32::try_from(v).ok().filter(|&v| v > 0)).collect();
    match positive {
        Some(v) if v.len() == axes => Ok(v),
        _ => cx.fail(format!("{name} {list:?} must be {axes} positive numbers, one for each spatial axis")),
    }
}

/// `pads`: before each axis, and after each axis.
pub(super) fn pads(cx: &NodeContext<'_>, axes: usize) -> Result<(Vec<u32>, Vec<u32>), ImportError> {
    let Some(list) = cx.int_list("pads")?.filter(|l| !l.is_empty()) else { return Ok((vec![0; axes], vec![0; axes])) };
    let pads: Option<Vec<u32>> = list.iter().map(|&v| u32::try_from(v).ok()).collect();
    match pads {
        Some(v) if v.len() == 2 * axes => Ok((v[..axes].to_vec(), v[axes..].to_vec())),
        _ => cx
            .fail(format!("pads {list:?} must be {} numbers, none negative: replace negative ones by Slice", 2 * axes)),
    }
}

/// The attribute `auto_pad`.
pub(super) fn auto_pad(cx: &NodeContext<'_>) -> Result<AutoPad, ImportError> {
    match cx.text_or("auto_pad", "NOTSET")?.as_str() {
        "NOTSET" | "" => Ok(AutoPad::NotSet),
        "VALID" => Ok(AutoPad::Valid),
        "SAME_UPPER" => Ok(AutoPad::SameUpper),
        "SAME_LOWER" => Ok(AutoPad::SameLower),
        other => cx.fail(format!("auto_pad '{other}' is none of NOTSET, VALID, SAME_UPPER and SAME_LOWER")),
    }
}

/// The window of the node over these spatial axes.
pub(super) fn window(cx: &NodeContext<'_>, input: &[u32], kernel: &[u32]) -> Result<Window, ImportError> {
    let axes = input.len();
    let (stride, dilation) = (per_axis(cx, "strides", axes)?, per_axis(cx, "dilations", axes)?);
    let (mut begin, mut end) = pads(cx, axes)?;
    let (auto, ceil) = (auto_pad(cx)?, cx.int_or("ceil_mode", 0)? != 0);
    let mut ceil_pad = vec![0; axes];
    for i in 0..axes {
        let reach = reach(kernel[i], dilation[i]);
        (begin[i], end[i]) = padding(auto, input[i], reach, stride[i], (begin[i], end[i]));
        if ceil {
            let more = ceil_padding(input[i], reach, stride[i], (begin[i], end[i]));
            (end[i], ceil_pad[i]) = (end[i] + more, more);
        }
        if u64::from(input[i]) + u64::from(begin[i]) + u64::from(end[i]) < reach {
            return cx.fail(format!("its window of {reach} elements is longer than the padded spatial axis {i}"));
        }
    }
    Ok(Window {
        kernel: aligned(kernel, 1),
        stride: aligned(&stride, 1),
        dilation: aligned(&dilation, 1),
        pad_begin: aligned(&begin, 0),
        pad_end: aligned(&end, 0),
        ceil_pad: aligned(&ceil_pad, 0),
    })
}

/// The elements from a window's first tap to its last.
pub(super) fn reach(kernel: u32, dilation: u32) -> u64 {
    u64::from(kernel).saturating_sub(1) * u64::from(dilation) + 1
}

/// The padding that `auto_pad` asks for; `given` if it asks for none.
fn padding(auto: AutoPad, input: u32, reach: u64, stride: u32, given: (u32, u32)) -> (u32, u32) {
    let (input, stride) = (u64::from(input), u64::from(stride));
    let total = ((input.div_ceil(stride).saturating_sub(1)) * stride + reach).saturating_sub(input);
    split(auto, u32::try_from(total).unwrap_or(u32::MAX), given)
}

/// Distributes padding to both ends.
pub(super) fn split(auto: AutoPad, total: u32, given: (u32, u32)) -> (u32, u32) {
    match auto {
        AutoPad::NotSet => given,
        AutoPad::Valid => (0, 0),
        AutoPad::SameUpper => (total / 2, total - total / 2),
        AutoPad::SameLower => (total - total / 2, total / 2),
    }
}

/// What must be added after the last element for one more output, if the elements left over start one.
fn ceil_padding(input: u32, reach: u64, stride: u32, (begin, end): (u32, u32)) -> u32 {
    let (before, stride) = (u64::from(input) + u64::from(begin), u64::from(stride));
    let padded = before + u64::from(end);
    let left = padded.saturating_sub(reach) % stride;
    let next = padded.saturating_sub(reach) - left + stride;
    // A window that would start in the padding after the last element is left out.
    if padded < reach || left == 0 || next >= before { 0 } else { u32::try_from(stride - left).unwrap_or(0) }
}

/// `[N, C, spatial…]` as `[N, spatial…, C]`.
pub(super) fn channels_last(cx: &mut NodeContext<'_>, v: ValueId) -> Result<ValueId, ImportError> {
    let rank = cx.rank(v) as u32;
    let order: Vec<u32> = [0].into_iter().chain(2..rank).chain([1]).collect();
    transpose(cx, v, &order)
}

/// `[N, spatial…, C]` as `[N, C, spatial…]`.
pub(super) fn channels_first(cx: &mut NodeContext<'_>, v: ValueId) -> Result<ValueId, ImportError> {
    let rank = cx.rank(v) as u32;
    let order: Vec<u32> = [0, rank - 1].into_iter().chain(1..rank - 1).collect();
    transpose(cx, v, &order)
}

/// An operand in `f32`, which all real kernels work in.
#[derive(Clone, Copy)]
pub(super) struct Single {
    pub(super) value: ValueId,
    /// The element type that it had.
    pub(super) dtype: DType,
}

impl Single {
    /// Operand `i`, widened if it is in half precision.
    pub(super) fn new(cx: &mut NodeContext<'_>, i: usize) -> Result<Single, ImportError> {
        let value = cx.input(i)?;
        let dtype = cx.dtype(value);
        if !matches!(dtype, DType::F32 | DType::F16) {
            return cx.fail(format!("input {i} holds {dtype}, but f32 and f16 are supported: export the model in f32"));
        }
        Ok(Single { value: convert(cx, value, DType::F32)?, dtype })
    }

    /// A result in the element type that the operand had.
    pub(super) fn restore(&self, cx: &mut NodeContext<'_>, result: ValueId) -> Result<ValueId, ImportError> {
        convert(cx, result, self.dtype)
    }
}

/// Operand `i`, if given, in `f32`.
pub(super) fn optional(cx: &mut NodeContext<'_>, i: usize) -> Result<Option<ValueId>, ImportError> {
    if cx.opt(i).is_none() { Ok(None) } else { Ok(Some(Single::new(cx, i)?.value)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_pad_keeps_the_length() {
        assert_eq!(padding(AutoPad::SameUpper, 5, 2, 1, (7, 7)), (0, 1));
        assert_eq!(padding(AutoPad::SameLower, 5, 2, 1, (7, 7)), (1, 0));
        assert_eq!(padding(AutoPad::SameUpper, 6, 3, 2, (7, 7)), (0, 1));
        assert_eq!(padding(AutoPad::SameUpper, 6, 1, 4, (7, 7)), (0, 0));
        assert_eq!(padding(AutoPad::Valid, 6, 3, 2, (7, 7)), (0, 0));
        assert_eq!(padding(AutoPad::NotSet, 6, 3, 2, (7, 8)), (7, 8));
    }

    #[test]
    fn ceil_mode_adds_an_output_that_starts_within_the_input() {
        assert_eq!(ceil_padding(4, 3, 2, (0, 0)), 1);
        assert_eq!(ceil_padding(5, 3, 2, (0, 0)), 0);
        assert_eq!(ceil_padding(2, 1, 3, (0, 0)), 0);
        assert_eq!(ceil_padding(2, 2, 3, (1, 1)), 0);
    }

    #[test]
    fn entries_align_at_the_end() {
        assert_eq!(aligned(&[2, 3], 1), [1, 2, 3]);
        assert_eq!(aligned(&[4], 0), [0, 0, 4]);
    }
}
