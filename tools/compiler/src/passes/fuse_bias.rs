//! Folds a constant addend per channel into the bias of the layer before it.
//!
//! `conv(x, w, b) + t = conv(x, w, b + t)`. A dequantized addend becomes the bias as it is, integers and all, if the layer
//! has none.

use super::layer;
use crate::ir::{Graph, IrError, NodeId, ValueId};
use siskin::op::{Add, DequantizeLinear, Sub};

pub(super) fn fuse_bias(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.order() {
        if graph.node(id).is::<Add>() {
            let fused = fuse(graph, id, 0, 1, 1.0).or_else(|| fuse(graph, id, 1, 0, 1.0));
            changed |= fused.or_else(|| adopt(graph, id, 0, 1)).or_else(|| adopt(graph, id, 1, 0)).is_some();
        } else if graph.node(id).is::<Sub>() {
            changed |= fuse(graph, id, 0, 1, -1.0).is_some();
        }
    }
    Ok(changed)
}

/// The layer behind operand `data` of an addition that keeps its type.
fn layer_of(graph: &Graph, id: NodeId, data: usize) -> Option<(NodeId, ValueId)> {
    let node = graph.node(id);
    let x = node.input(data)?;
    let layer = layer::sole_layer(graph, x).filter(|&l| layer::unclamped(graph, l))?;
    (graph.ty(x) == graph.ty(node.outputs[0])).then_some((layer, x))
}

fn fuse(graph: &mut Graph, id: NodeId, data: usize, addend: usize, sign: f32) -> Option<()> {
    let (layer, x) = layer_of(graph, id, data)?;
    let node = graph.node(id).clone();
    let addend = layer::per_channel(graph, node.input(addend)?, layer::channels(graph, layer))?;
    let mut bias = layer::bias(graph, layer)?;
    bias.iter_mut().zip(&addend).for_each(|(b, t)| *b += sign * t);
    layer::set_bias(graph, layer, &bias);
    graph.replace(node.outputs[0], x);
    Some(())
}

/// Takes a dequantized constant vector as the bias.
fn adopt(graph: &mut Graph, id: NodeId, data: usize, addend: usize) -> Option<()> {
    let (layer, x) = layer_of(graph, id, data)?;
    let node = graph.node(id).clone();
    let t = node.input(addend)?;
    let dequantize = graph.node(graph.producer(t)?);
    let vector = graph.dims(t) == [layer::channels(graph, layer) as u32];
    let constant = dequantize.is::<DequantizeLinear>() && graph.constant(dequantize.input(0)?).is_some();
    if !(vector && constant && graph.node(layer).input(2).is_none()) {
        return None;
    }
    let inputs = &mut graph.node_mut(layer).inputs;
    inputs.resize(3, None);
    inputs[2] = Some(t);
    graph.replace(node.outputs[0], x);
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn adds_to_the_bias() {
        super::super::check(
            ("fuse_bias", super::fuse_bias),
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\n\
             y: f32[1,2] = MatMul(x, w) transpose_b=true min=-inf max=inf\nconst t: f32[2] = 5 6\n\
             z: f32[1,2] = Add(t, y)\nout z\n",
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\nconst b: f32[2] = 5 6\n\
             y: f32[1,2] = MatMul(x, w, b) transpose_b=true min=-inf max=inf\nout y\n",
        );
    }
}
