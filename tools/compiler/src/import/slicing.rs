//! Parts of tensors and tensors from parts: `Slice`, `Split`, `Concat`, `Pad`, `CenterCropPad`.
//!
//! `Split` becomes one `Slice` a part. `Pad` in the modes that repeat elements becomes a `Gather` an axis.

use super::gathering::gather_constant;
use super::shape::{Made, count, lengths, one, shape_of};
use super::{ImportError, NodeContext, Translate};
use crate::ir::ValueId;
use siskin::op::{Concat, Pad, Slice};
use siskin::op::{concat::ConcatAttrs, pad::PadAttrs, slice::SliceAttrs};
use siskin::MAX_RANK;

pub(super) const OPERATORS: &[(&str, Translate)] =
    &[("Slice", slice_node), ("Split", split), ("Concat", concat_node), ("Pad", pad_node), ("CenterCropPad", center)];

/// What is taken of one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub(super) start: u32,
    pub(super) step: i64,
    pub(super) len: u32,
}

impl Cut {
    /// All of an axis.
    pub(super) fn whole(len: u32) -> Cut {
        Cut { start: 0, step: 1, len }
    }

    /// `len` elements from `start` on.
    pub(super) fn part(start: u32, len: u32) -> Cut {
        Cut { start, step: 1, len }
    }

    /// ONNX's `start..end` by `step` over an axis: negative positions count from the end, all are clamped.
    fn resolve(len: u32, start: i64, end: i64, step: i64) -> Cut {
        let n = i64::from(len);
        let from_end = |i: i64| if i < 0 { i.saturating_add(n) } else { i };
        let (low, high) = if step > 0 { (0, n) } else { (-1, n - 1) };
        let start = from_end(start).clamp(low.max(0), high.max(0));
        let end = from_end(end).clamp(low, high);
        let distance = if step > 0 { end - start } else { start - end };
        let taken = if n == 0 || distance <= 0 { 0 } else { (distance - 1) / step.saturating_abs() + 1 };
        match taken {
            0 => Cut::part(0, 0),
            1 => Cut::part(start as u32, 1),
            _ => Cut { start: start as u32, step, len: taken as u32 },
        }
    }
}

/// What `cuts` take of each axis of `x`; itself if that is all of it.
pub(super) fn slice(cx: &mut NodeContext<'_>, x: ValueId, cuts: &[Cut]) -> Result<ValueId, ImportError> {
    let dims = cx.dims(x);
    if cuts.iter().zip(&dims).all(|(c, &d)| *c == Cut::whole(d)) {
        return Ok(x);
    }
    let taken: Vec<u32> = cuts.iter().map(|c| c.len).collect();
    let mut attrs = SliceAttrs { start: [0; MAX_RANK], step: [1; MAX_RANK], shape: shape_of(cx, &taken)? };
    for ((start, step), cut) in attrs.start.iter_mut().zip(&mut attrs.step).zip(cuts) {
        *start = cut.start;
        *step = i32::try_from(cut.step).map_err(|_| cx.error(format!("step {} exceeds 2^31", cut.step)))?;
    }
    cx.op::<Slice>(&attrs, &[x])
}

/// `x` with zeros, or `value`, around it; itself if nothing is added or cropped.
pub(super) fn pad(
    cx: &mut NodeContext<'_>,
    x: ValueId,
    widths: &[(i64, i64)],
    value: Option<ValueId>,
) -> Result<ValueId, ImportError> {
    if widths.iter().all(|&w| w == (0, 0)) {
        return Ok(x);
    }
    let mut attrs = PadAttrs { begin: [0; MAX_RANK], end: [0; MAX_RANK] };
    let narrow = |n: i64| i32::try_from(n).map_err(|_| cx.error(format!("{n} elements of padding exceed 2^31")));
    for ((begin, end), &(b, e)) in attrs.begin.iter_mut().zip(&mut attrs.end).zip(widths) {
        (*begin, *end) = (narrow(b)?, narrow(e)?);
    }
    // Zero is what an absent value means.
    let zero = |v: ValueId| cx.graph.constant(v).is_some_and(|t| t.bytes().iter().all(|&b| b == 0));
    let value = value.filter(|&v| !zero(v));
    let inputs = if value.is_some() { vec![Some(x), value] } else { vec![Some(x)] };
    cx.add::<Pad>(&attrs, &inputs)
}

/// `parts` one after another.
pub(super) fn concat(cx: &mut NodeContext<'_>, parts: &[ValueId], axis: u32) -> Result<ValueId, ImportError> {
    // A node of a file has at most 255 operands.
    const MOST: usize = 250;
    let mut level = parts.to_vec();
    while level.len() > 1 {
        let joined: Result<Vec<_>, _> = level
            .chunks(MOST)
            .map(|c| if let &[only] = c { Ok(only) } else { cx.op::<Concat>(&ConcatAttrs { axis }, c) })
            .collect();
        level = joined?;
    }
    level.first().copied().ok_or_else(|| cx.error("it has no operands"))
}

fn slice_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let missing = |what: &str| cx.error(format!("'{what}' is missing"));
    let (starts, ends, axes, steps) = if cx.opset() < 10 {
        (cx.int_list("starts")?, cx.int_list("ends")?, cx.int_list("axes")?, None)
    } else {
        (cx.ints(1)?, cx.ints(2)?, cx.ints(3)?, cx.ints(4)?)
    };
    let (starts, ends) = (starts.ok_or_else(|| missing("starts"))?, ends.ok_or_else(|| missing("ends"))?);
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] {
        return cx.fail("starts, ends, axes and steps differ in length");
    }
    let mut cuts: Vec<_> = dims.iter().map(|&d| Cut::whole(d)).collect();
    for (((&axis, &start), &end), &step) in axes.iter().zip(&starts).zip(&ends).zip(&steps) {
        let axis = cx.axis(axis, dims.len())?;
        if step == 0 {
            return cx.fail("a step of 0 never ends");
        }
        cuts[axis] = Cut::resolve(dims[axis], start, end, step);
    }
    one(slice(cx, x, &cuts)?)
}

fn split(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let axis = cx.axis(cx.int_or("axis", 0)?, dims.len())?;
    let given = if cx.opset() < 13 && cx.has("split") { cx.int_list("split")? } else { cx.ints(1)? };
    let parts = match given {
        Some(parts) => lengths(cx, &parts)?,
        None => equal_parts(cx, dims[axis])?,
    };
    if count(&[dims[axis]]) != parts.iter().map(|&p| u64::from(p)).sum::<u64>() {
        return cx.fail(format!("parts {parts:?} do not add up to the {} elements of axis {axis}", dims[axis]));
    }
    let mut start = 0;
    let mut made = Vec::new();
    for len in parts {
        let mut cuts: Vec<_> = dims.iter().map(|&d| Cut::whole(d)).collect();
        cuts[axis] = Cut::part(start, len);
        made.push(Some(slice(cx, x, &cuts)?));
        start += len;
    }
    Ok(made)
}

/// As many parts as outputs; from opset 18 on the last may be shorter.
fn equal_parts(cx: &NodeContext<'_>, len: u32) -> Result<Vec<u32>, ImportError> {
    let n = cx.int_or("num_outputs", cx.output_count() as i64)?;
    let n = u32::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| cx.error(format!("{n} parts are asked for")))?;
    let part = len.div_ceil(n);
    let last = part.checked_mul(n - 1).and_then(|before| len.checked_sub(before));
    let last = last.ok_or_else(|| cx.error(format!("{len} elements do not make {n} parts of {part}")))?;
    if last != part && cx.opset() < 18 {
        return cx.fail(format!("{len} elements do not make {n} equal parts"));
    }
    Ok((0..n).map(|i| if i + 1 == n { last } else { part }).collect())
}

fn concat_node(cx: &mut NodeContext<'_>) -> Made {
    let parts = cx.all_inputs()?;
    let first = *parts.first().ok_or_else(|| cx.error("it has no operands"))?;
    let axis = match cx.int("axis")? {
        Some(axis) => axis,
        None if cx.opset() < 4 => 1,
        None => return cx.fail("attribute 'axis' is missing"),
    };
    let axis = cx.axis(axis, cx.rank(first))?;
    one(concat(cx, &parts, axis as u32)?)
}

fn pad_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let old = cx.opset() < 11;
    let pads = if old { cx.int_list("pads")?.or(cx.int_list("paddings")?) } else { cx.ints(1)? };
    let pads = pads.ok_or_else(|| cx.error("'pads' is missing"))?;
    let axes = if old { None } else { cx.ints(3)? }.unwrap_or_else(|| (0..dims.len() as i64).collect());
    if pads.len() != 2 * axes.len() {
        return cx.fail(format!("{} numbers of padding are given for {} axes", pads.len(), axes.len()));
    }
    let mut widths = vec![(0, 0); dims.len()];
    for (i, &axis) in axes.iter().enumerate() {
        widths[cx.axis(axis, dims.len())?] = (pads[i], pads[axes.len() + i]);
    }
    let mode = cx.text_or("mode", "constant")?;
    if mode == "constant" {
        let value = if old { old_value(cx, x)? } else { cx.opt(2) };
        return one(pad(cx, x, &widths, value)?);
    }
    let mut y = x;
    for (axis, &(begin, end)) in widths.iter().enumerate().filter(|&(_, &w)| w != (0, 0)) {
        let positions = repeated(cx, &mode, dims[axis], begin, end)?;
        y = gather_constant(cx, y, axis as u32, &positions)?;
    }
    one(y)
}

/// Before opset 11 the value was an attribute.
fn old_value(cx: &mut NodeContext<'_>, x: ValueId) -> Result<Option<ValueId>, ImportError> {
    let value = f64::from(cx.float_or("value", 0.0)?);
    let scalar = super::generate::tensor_of(cx.dtype(x), &[], &[value]);
    scalar.map(|t| Some(cx.add_const(t))).ok_or_else(|| cx.error("elements of this type cannot be padded"))
}

/// Which element of the axis stands at each place of the padded axis.
fn repeated(cx: &NodeContext<'_>, mode: &str, len: u32, begin: i64, end: i64) -> Result<Vec<i32>, ImportError> {
    let n = i64::from(len);
    let total = begin.checked_add(end).and_then(|b| b.checked_add(n)).filter(|t| (0..1 << 31).contains(t));
    let total = total.ok_or_else(|| cx.error(format!("padding {n} elements by {begin} and {end}")))?;
    if n == 0 && total > 0 || n >= 1 << 31 {
        return cx.fail(format!("{n} elements cannot be padded in mode '{mode}'"));
    }
    let period = (2 * (n - 1)).max(1);
    let at = |i: i64| match mode {
        "edge" => Some(i.clamp(0, n - 1)),
        "reflect" => Some((i.rem_euclid(period)).min(period - i.rem_euclid(period)).min(n - 1)),
        "wrap" => Some(i.rem_euclid(n)),
        _ => None,
    };
    let all: Option<_> = (0..total).map(|i| Some(at(i - begin)? as i32)).collect();
    all.ok_or_else(|| cx.error(format!("mode '{mode}' is none of constant, edge, reflect and wrap")))
}

fn center(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let wanted = lengths(cx, &cx.need_ints(1)?)?;
    let axes = cx.int_list("axes")?.unwrap_or_else(|| (0..dims.len() as i64).collect());
    if axes.len() != wanted.len() {
        return cx.fail(format!("{} lengths are given for {} axes", wanted.len(), axes.len()));
    }
    let mut cuts: Vec<_> = dims.iter().map(|&d| Cut::whole(d)).collect();
    let mut widths = vec![(0, 0); dims.len()];
    for (&axis, &want) in axes.iter().zip(&wanted) {
        let axis = cx.axis(axis, dims.len())?;
        let have = dims[axis];
        let (more, less) = (want.saturating_sub(have), have.saturating_sub(want));
        cuts[axis] = Cut::part(less / 2, have - less);
        widths[axis] = (i64::from(more / 2), i64::from(more - more / 2));
    }
    let cropped = slice(cx, x, &cuts)?;
    one(pad(cx, cropped, &widths, None)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_follow_numpy() {
        let cut = |start, end, step| {
            let c = Cut::resolve(5, start, end, step);
            (0..i64::from(c.len)).map(|i| i64::from(c.start) + i * c.step).collect::<Vec<_>>()
        };
        assert_eq!(cut(0, i64::MAX, 2), [0, 2, 4]);
        assert_eq!(cut(-1, i64::MIN, -2), [4, 2, 0]);
        assert_eq!(cut(9, 0, -1), [4, 3, 2, 1]);
        assert_eq!(cut(-9, 2, 1), [0, 1]);
        assert!(cut(3, 3, 1).is_empty());
        assert!(cut(1, 4, i64::MIN).is_empty());
        assert_eq!(cut(4, 1, i64::MIN), [4]);
        assert_eq!(Cut::resolve(0, 0, 1, 1).len, 0);
        assert_eq!(Cut::resolve(0, -1, i64::MIN, -1).len, 0);
    }
}
