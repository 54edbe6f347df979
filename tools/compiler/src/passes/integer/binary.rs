//! `Add` and `Mul` on integers.

use super::{Match, Quantized, dequantized};
use crate::ir::{Graph, IrError, ValueId};
use siskin::attrs::SignedQuad;
use siskin::op::{QLinearAdd, QLinearBinaryAttrs, QLinearMul};

/// The integer form of a sum.
pub(in super::super) fn add(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let Some((attrs, a, b)) = parts(graph, m) else { return Ok(None) };
    Ok(Some(graph.add::<QLinearAdd>(&m.node.name, &attrs, &[Some(a), Some(b)])?[0]))
}

/// The integer form of a product.
pub(in super::super) fn mul(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let Some((attrs, a, b)) = parts(graph, m) else { return Ok(None) };
    Ok(Some(graph.add::<QLinearMul>(&m.node.name, &attrs, &[Some(a), Some(b)])?[0]))
}

fn parts(graph: &Graph, m: &Match<'_>) -> Option<(QLinearBinaryAttrs, ValueId, ValueId)> {
    let a: Quantized = dequantized(graph, m.node.input(0)?)?;
    let b = dequantized(graph, m.node.input(1)?)?;
    let [min, max] = m.limits([f32::NEG_INFINITY, f32::INFINITY]);
    let attrs = QLinearBinaryAttrs {
        a_scale: a.scale,
        b_scale: b.scale,
        y_scale: m.y.scale,
        zeros: SignedQuad([a.zero_i8(), b.zero_i8(), m.y.zero_i8(), 0]),
        limits: SignedQuad([min, max, 0, 0]),
    };
    Some((attrs, a.value, b.value))
}
