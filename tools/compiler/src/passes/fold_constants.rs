//! Computes nodes whose operands are all constant, with the shipped kernels.
//!
//! `DequantizeLinear` of a constant is left alone by [`fold_constants`], since its integers are the weights, and folded
//! by [`fold_dequantized`] once nothing waits for them any more.

use crate::ir::{Graph, IrError, NodeId};
use crate::run::eval;
use siskin::op::DequantizeLinear;

pub(super) fn fold_constants(graph: &mut Graph) -> Result<bool, IrError> {
    Ok(fold(graph, false))
}

pub(super) fn fold_dequantized(graph: &mut Graph) -> Result<bool, IrError> {
    Ok(fold(graph, true))
}

fn fold(graph: &mut Graph, dequantized: bool) -> bool {
    let mut changed = false;
    for id in graph.order() {
        if dequantized || !graph.node(id).is::<DequantizeLinear>() {
            changed |= fold_node(graph, id).is_some();
        }
    }
    changed
}

fn fold_node(graph: &mut Graph, id: NodeId) -> Option<()> {
    let node = graph.node(id).clone();
    let mut tensors = Vec::new();
    for input in &node.inputs {
        tensors.push(match input {
            Some(v) => Some(graph.constant(*v)?.clone()),
            None => None,
        });
    }
    let refs: Vec<_> = tensors.iter().map(|t| t.as_deref()).collect();
    let results = eval(node.op, &node.attrs, &refs).ok()?;
    for (&old, tensor) in node.outputs.iter().zip(results) {
        let new = graph.add_const(&node.name, tensor);
        graph.replace(old, new);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::check;

    const BODY: &str = "in x: f32[2]\nconst q: i8[2] = 1 3\nconst s: f32[] = 0.5\nw: f32[2] = DequantizeLinear(q, s, _) axis=0 block=0\n";

    #[test]
    fn what_is_constant_is_computed_once() {
        check(
            ("fold_constants", super::fold_constants),
            "graph g\nin x: f32[2]\nconst a: f32[2] = 1 2\nb: f32[2] = Add(a, a)\nc: f32[2] = Mul(b, a)\n\
             y: f32[2] = Add(x, c)\nout y\n",
            "graph g\nin x: f32[2]\nconst c: f32[2] = 2 8\ny: f32[2] = Add(x, c)\nout y\n",
        );
    }

    #[test]
    fn integers_of_weights_stay_until_nothing_waits_for_them() {
        let before = format!("graph g\n{BODY}y: f32[2] = Add(x, w)\nout y\n");
        check(("fold_constants", super::fold_constants), &before, &before);
        let after = "graph g\nin x: f32[2]\nconst w: f32[2] = 0.5 1.5\ny: f32[2] = Add(x, w)\nout y\n";
        check(("fold_dequantized", super::fold_dequantized), &before, after);
    }
}
