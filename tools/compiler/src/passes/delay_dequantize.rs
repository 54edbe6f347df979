//! Moves `DequantizeLinear` below an operator that only moves values.
//!
//! `move(DequantizeLinear(q)) = DequantizeLinear(move(q))`: so the integers reach the next integer operator, and a quarter
//! of the bytes are moved. Where a `QuantizeLinear` follows, [`super::fuse_qdq`] drops both.

use super::integer::dequantized;
use crate::ir::{Graph, IrError, NodeId};

pub(super) fn delay_dequantize(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.order() {
        changed |= delay(graph, id)?;
    }
    Ok(changed)
}

fn delay(graph: &mut Graph, id: NodeId) -> Result<bool, IrError> {
    let node = graph.node(id).clone();
    let [Some(x)] = node.inputs[..] else { return Ok(false) };
    let (Some(q), true) = (dequantized(graph, x), crate::quantize::moves(&node)) else { return Ok(false) };
    let Some(dequantize) = graph.producer(x).map(|n| graph.node(n).clone()) else { return Ok(false) };
    let moved = graph.add_entry(&node.name, node.op, node.attrs, &[Some(q.value)])?[0];
    let mut inputs = dequantize.inputs.clone();
    inputs[0] = Some(moved);
    let y = graph.add_entry(&node.name, dequantize.op, dequantize.attrs, &inputs)?[0];
    graph.replace(node.outputs[0], y);
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn integers_are_moved() {
        super::super::check(
            ("delay_dequantize", super::delay_dequantize),
            "graph g\nin q: i8[2,3]\nconst s: f32[] = 0.5\nconst z: i8[] = 1\n\
             x: f32[2,3] = DequantizeLinear(q, s, z) axis=0 block=0\ny: f32[6] = Reshape(x) shape=[6]\nout y\n",
            "graph g\nin q: i8[2,3]\nr: i8[6] = Reshape(q) shape=[6]\nconst s: f32[] = 0.5\nconst z: i8[] = 1\n\
             y: f32[6] = DequantizeLinear(r, s, z) axis=0 block=0\nout y\n",
        );
    }
}
