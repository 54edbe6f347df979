//! Reads at computed positions: `Gather`, `GatherElements`, `GatherND`, `Compress`.
//!
//! `Compress` becomes a `Gather` where its condition is constant.

use super::shape::{Made, one, reshape};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::op::gather::{GatherAttrs, GatherNdAttrs};
use siskin::op::{Gather, GatherElements, GatherND};
use siskin::{DType, Op};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("Gather", gather::<Gather>),
    ("GatherElements", gather::<GatherElements>),
    ("GatherND", gather_nd),
    ("Compress", compress),
];

/// The elements of `x` at these positions of an axis.
pub(super) fn gather_constant(
    cx: &mut NodeContext<'_>,
    x: ValueId,
    axis: u32,
    positions: &[i32],
) -> Result<ValueId, ImportError> {
    let indices = cx.add_const(Tensor::vector(positions));
    cx.op::<Gather>(&GatherAttrs { axis }, &[x, indices])
}

/// An index operand; half as wide if it is a constant.
pub(super) fn indices(cx: &mut NodeContext<'_>, operand: usize) -> Result<ValueId, ImportError> {
    let v = cx.input(operand)?;
    let constant = cx.graph.constant(v).filter(|t| t.ty().dtype == DType::I64);
    let narrow = constant.and_then(|t| {
        let short: Option<Vec<i32>> = t.to_i64()?.iter().map(|&i| i32::try_from(i).ok()).collect();
        Tensor::new(t.dims(), &short?)
    });
    Ok(narrow.map_or(v, |t| cx.add_const(t)))
}

fn gather<O: Op<Attrs = GatherAttrs>>(cx: &mut NodeContext<'_>) -> Made {
    let (x, at) = (cx.input(0)?, indices(cx, 1)?);
    let axis = cx.axis(cx.int_or("axis", 0)?, cx.rank(x))? as u32;
    let len = cx.dims(x).get(axis as usize).map_or(0, |&n| i64::from(n));
    let constant = cx.graph.constant(at).and_then(|t| t.to_i64());
    if let Some(index) = constant.into_iter().flatten().find(|i| !(-len..len).contains(i)) {
        return cx.fail(format!("index {index} lies outside axis {axis} of length {len}"));
    }
    one(cx.op::<O>(&GatherAttrs { axis }, &[x, at])?)
}

fn gather_nd(cx: &mut NodeContext<'_>) -> Made {
    let (x, at) = (cx.input(0)?, indices(cx, 1)?);
    let batch_dims = cx.int_or("batch_dims", 0)?;
    let batch_dims = u32::try_from(batch_dims).map_err(|_| cx.error(format!("'batch_dims' is {batch_dims}")))?;
    one(cx.op::<GatherND>(&GatherNdAttrs { batch_dims }, &[x, at])?)
}

fn compress(cx: &mut NodeContext<'_>) -> Made {
    let mut x = cx.input(0)?;
    let axis = match cx.int("axis")? {
        Some(axis) => cx.axis(axis, cx.rank(x))?,
        None => {
            let elements = cx.ty(x).shape.elements() as u32;
            x = reshape(cx, x, &[elements])?;
            0
        }
    };
    let kept = cx.need_ints(1)?;
    let positions: Vec<i32> = kept.iter().zip(0..).filter(|&(&k, _)| k != 0).map(|(_, i)| i).collect();
    one(gather_constant(cx, x, axis as u32, &positions)?)
}
