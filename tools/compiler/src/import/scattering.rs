//! Writes at computed positions, and what else moves single elements: `Scatter`, `ScatterElements`, `ScatterND`,
//! `OneHot`, `Trilu`, `ReverseSequence`.

use super::binary::convert;
use super::gathering::indices;
use super::shape::{Made, one};
use super::{ImportError, NodeContext, Translate};
use siskin::DType;
use siskin::op::one_hot::OneHotAttrs;
use siskin::op::reverse_sequence::ReverseSequenceAttrs;
use siskin::op::scatter::{Reduction, ScatterElementsAttrs, ScatterNdAttrs};
use siskin::op::trilu::TriluAttrs;
use siskin::op::{OneHot, ReverseSequence, ScatterElements, ScatterND, Trilu};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("Scatter", scatter_elements),
    ("ScatterElements", scatter_elements),
    ("ScatterND", scatter_nd),
    ("OneHot", one_hot),
    ("Trilu", trilu),
    ("ReverseSequence", reverse_sequence),
];

fn reduction(cx: &NodeContext<'_>) -> Result<Reduction, ImportError> {
    let name = cx.text_or("reduction", "none")?;
    Reduction::by_name(&name)
        .ok_or_else(|| cx.error(format!("reduction '{name}' is none of none, add, mul, min and max")))
}

fn scatter_elements(cx: &mut NodeContext<'_>) -> Made {
    let (x, at, updates) = (cx.input(0)?, indices(cx, 1)?, cx.input(2)?);
    let axis = cx.axis(cx.int_or("axis", 0)?, cx.rank(x))? as u32;
    let attrs = ScatterElementsAttrs { axis, reduction: reduction(cx)? };
    one(cx.op::<ScatterElements>(&attrs, &[x, at, updates])?)
}

fn scatter_nd(cx: &mut NodeContext<'_>) -> Made {
    let (x, at, updates) = (cx.input(0)?, indices(cx, 1)?, cx.input(2)?);
    let attrs = ScatterNdAttrs { reduction: reduction(cx)? };
    one(cx.op::<ScatterND>(&attrs, &[x, at, updates])?)
}

fn one_hot(cx: &mut NodeContext<'_>) -> Made {
    let (mut at, values) = (indices(cx, 0)?, cx.input(2)?);
    if !matches!(cx.dtype(at), DType::I32 | DType::I64 | DType::F32) {
        at = convert(cx, at, DType::I64)?;
    }
    let axis = cx.axis(cx.int_or("axis", -1)?, cx.rank(at) + 1)? as u32;
    // Whole numbers, but of any element type.
    let depth = match cx.ints(1) {
        Ok(depth) => depth.and_then(|d| d.first().copied()),
        Err(_) => cx.floats(1)?.and_then(|d| d.first().map(|&d| d as i64)),
    };
    let depth = depth.and_then(|d| u32::try_from(d).ok()).ok_or_else(|| cx.error("the depth must be positive"))?;
    one(cx.op::<OneHot>(&OneHotAttrs { axis, depth }, &[at, values])?)
}

fn trilu(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let k = cx.ints(1)?.and_then(|k| k.first().copied()).unwrap_or(0);
    // Beyond the matrix every diagonal is the same.
    let k = k.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
    one(cx.op::<Trilu>(&TriluAttrs { upper: cx.int_or("upper", 1)? != 0, k }, &[x])?)
}

fn reverse_sequence(cx: &mut NodeContext<'_>) -> Made {
    let (x, lengths) = (cx.input(0)?, indices(cx, 1)?);
    let time_first = match (cx.int_or("batch_axis", 1)?, cx.int_or("time_axis", 0)?) {
        (1, 0) => true,
        (0, 1) => false,
        (batch, time) => return cx.fail(format!("batch axis {batch} and time axis {time} must be 0 and 1")),
    };
    one(cx.op::<ReverseSequence>(&ReverseSequenceAttrs { time_first }, &[x, lengths])?)
}
