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
