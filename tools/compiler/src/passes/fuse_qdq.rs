//! Replaces `DequantizeLinear -> operator -> QuantizeLinear` by the integer operator.
//!
//! ```text
//! x --DQ--> Conv --Q--> y      becomes      x --QLinearConv--> y
//! ```
//!
//! The integers, scales and zero points are those of the pairs, unchanged; the requantization scale is
//! `f32(x_scale * w_scale) / y_scale`, as ONNX's QLinear operators define it. An operator that only moves values loses its
//! pairs. What matches no rule stays float between its pairs.

use super::activation::bounds;
use super::integer::{self, Quantized};
use crate::ir::{Graph, IrError, Node, NodeId, ValueId};
use siskin::op::{Add, AveragePool, Conv, ConvTranspose, DequantizeLinear, MatMul, Mul, QuantizeLinear, Softmax};
use siskin::{DType, Op};

/// What a rule works on: the float operator, its dequantized operands, and how its output is quantized.
pub(super) struct Match<'a> {
    pub(super) node: &'a Node,
    pub(super) y: Quantized,
    /// A clamp between the operator and its QuantizeLinear, as real values.
    pub(super) clamp: [f32; 2],
}

type Rule = fn(&mut Graph, &Match<'_>) -> Result<Option<ValueId>, IrError>;

/// The rule of an operator; the last resorts serve any.
fn rule(node: &Node) -> Rule {
    match node.op.code {
        c if c == Conv::CODE => integer::conv::conv,
        c if c == ConvTranspose::CODE => integer::conv::conv_transpose,
        c if c == MatMul::CODE => integer::matmul::matmul,
        c if c == Add::CODE => integer::binary::add,
        c if c == Mul::CODE => integer::binary::mul,
        c if c == AveragePool::CODE => integer::pool::average,
        c if c == Softmax::CODE => integer::softmax::softmax,
        c if c == DequantizeLinear::CODE => integer::table::requantize,
        _ if crate::quantize::moves(node) => integer::moved::moved,
        _ => integer::table::table,
    }
}

pub(super) fn fuse_qdq(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<QuantizeLinear>() {
        if let Some(new) = fuse_one(graph, id)? {
            let old = graph.node(id).outputs[0];
            graph.replace(old, new);
            changed = true;
        }
    }
    Ok(changed)
}

fn fuse_one(graph: &mut Graph, quantize: NodeId) -> Result<Option<ValueId>, IrError> {
    let q = graph.node(quantize).clone();
    let (Some(mut float), Some(y)) = (q.input(0), integer::quantized(graph, q.outputs[0])) else { return Ok(None) };
    if graph.dtype(q.outputs[0]) != DType::I8 {
        return Ok(None);
    }
    let mut clamp = [f32::NEG_INFINITY, f32::INFINITY];
    // A clamp of its own may stand before the QuantizeLinear, if only that reads what it clamps.
    if let Some(id) = graph.producer(float)
        && let Some(bounds) = bounds(graph.node(id))
        && let Some(inner) = graph.node(id).input(0)
        && graph.use_count(inner) == 1
        && graph.producer(inner).is_some_and(|p| takes_clamp(graph.node(p)))
    {
        clamp = bounds;
        float = inner;
    }
    let Some(producer) = graph.producer(float) else { return Ok(None) };
    let node = graph.node(producer).clone();
    if node.outputs.len() != 1 {
        return Ok(None);
    }
    rule(&node)(graph, &Match { node: &node, y, clamp })
}

/// Whether the integer form of a node clamps.
fn takes_clamp(node: &Node) -> bool {
    let code = node.op.code;
    [Conv::CODE, ConvTranspose::CODE, MatMul::CODE, Add::CODE, Mul::CODE].contains(&code)
}

#[cfg(test)]
mod tests {
    const HEAD: &str = "graph g\nin q: i8[2]\nconst s: f32[] = 0.5\nconst z: i8[] = 1\nconst t: f32[] = 0.25\nconst u: i8[] = -2\n\
                        x: f32[2] = DequantizeLinear(q, s, z) axis=0 block=0\n";

    #[test]
    fn what_no_rule_matches_stays_float_between_its_pairs() {
        for float in
            ["r: f32[2] = CumSum(x) axis=0 exclusive=false reverse=false\n", "in b: f32[2]\nr: f32[2] = Add(x, b)\n"]
        {
            let text = format!("{HEAD}{float}y: i8[2] = QuantizeLinear(r, t, u) axis=0 block=0 dtype=i8\nout y\n");
            super::super::check(("fuse_qdq", super::fuse_qdq), &text, &text);
        }
    }

    #[test]
    fn a_pair_of_equal_parameters_vanishes() {
        super::super::check(
            ("fuse_qdq", super::fuse_qdq),
            &format!("{HEAD}y: i8[2] = QuantizeLinear(x, s, z) axis=0 block=0 dtype=i8\nout y\n"),
            "graph g\nin q: i8[2]\nout q\n",
        );
    }

    #[test]
    fn a_clamp_that_others_read_is_not_taken() {
        let clamp = "a: f32[2] = Add(x, x)\nc: f32[2] = Clip(a) min=0 max=6\n\
                     y: i8[2] = QuantizeLinear(c, t, u) axis=0 block=0 dtype=i8\n";
        // The sum is read twice, so the clamp becomes a table on its own integers only if it has them: it has none.
        let text = format!("{HEAD}{clamp}out y\nout a\n");
        super::super::check(("fuse_qdq", super::fuse_qdq), &text, &text);
    }
}
