//! Fuses `Relu` and `Clip` into the layer that feeds only them.
//!
//! Layers clamp to `[min, max]` as they store, which costs nothing.

use super::layer;
use crate::ir::{Graph, IrError, Node, NodeId};
use siskin::op::{Clip, Relu};

pub(super) fn fuse_activation(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.order() {
        changed |= fuse(graph, id).is_some();
    }
    Ok(changed)
}

/// The bounds of a node that clamps.
pub(crate) fn bounds(node: &Node) -> Option<[f32; 2]> {
    let relu = node.is::<Relu>().then_some([0.0, f32::INFINITY]);
    relu.or_else(|| node.get::<Clip>().map(|a| [a.min, a.max]))
}

fn fuse(graph: &mut Graph, id: NodeId) -> Option<()> {
    let node = graph.node(id).clone();
    let [low, high] = bounds(&node)?;
    let x = node.input(0)?;
    let layer = layer::sole_layer(graph, x)?;
    let [min, max] = layer::clamp(graph, layer);
    let clip = |v: f32| v.max(low).min(high);
    layer::set_clamp(graph, layer, [clip(min), clip(max)]);
    graph.replace(node.outputs[0], x);
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_layer_takes_the_clamp() {
        super::super::check(
            ("fuse_activation", super::fuse_activation),
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\n\
             y: f32[1,2] = MatMul(x, w) transpose_b=true min=-inf max=inf\nz: f32[1,2] = Relu(y)\nout z\n",
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\n\
             y: f32[1,2] = MatMul(x, w) transpose_b=true min=0 max=inf\nout y\n",
        );
    }

    #[test]
    fn not_where_the_sum_itself_is_read() {
        let text = "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\n\
             y: f32[1,2] = MatMul(x, w) transpose_b=true min=-inf max=inf\nz: f32[1,2] = Relu(y)\nout z\nout y\n";
        super::super::check(("fuse_activation", super::fuse_activation), text, text);
    }
}
