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

#[cfg(test)]
mod tests {
    /// 0.5, 0.25 and 0.25 are the three steps; a clamp to 6 is 22 in the output's integers.
    #[test]
    fn sums_and_products_take_steps_and_zeros() {
        for (op, integer) in [("Add", "QLinearAdd"), ("Mul", "QLinearMul")] {
            super::super::check(
                &format!(
                    "in a: i8[2,3]\nin b: i8[3]\nx: f32[2,3] = DQ(a, s, z) pair\nw: f32[3] = DQ(b, t, u) pair\n\
                     r: f32[2,3] = {op}(x, w)\nc: f32[2,3] = Clip(r) min=0 max=6\n\
                     y: i8[2,3] = QuantizeLinear(c, t, u) pair dtype=i8\nout y\n"
                ),
                &format!(
                    "in a: i8[2,3]\nin b: i8[3]\ny: i8[2,3] = {integer}(a, b) a_scale=0.5 b_scale=0.25 y_scale=0.25 \
                     zeros=[1,-2,-2,0] limits=[-2,22,0,0]\nout y\n"
                ),
            );
        }
    }
}
