//! Folds a constant factor per channel into the layer before it.
//!
//! `conv(x, w, b) · s = conv(x, s·w, s·b)`; a division multiplies by the reciprocal.

use super::layer;
use crate::ir::{Graph, IrError, NodeId};
use siskin::op::{Div, Mul};

pub(super) fn fold_scale(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.order() {
        if graph.node(id).is::<Mul>() {
            changed |= fold(graph, id, 0, 1, |v| v).or_else(|| fold(graph, id, 1, 0, |v| v)).is_some();
        } else if graph.node(id).is::<Div>() {
            changed |= fold(graph, id, 0, 1, f32::recip).is_some();
        }
    }
    Ok(changed)
}

fn fold(graph: &mut Graph, id: NodeId, data: usize, factor: usize, f: fn(f32) -> f32) -> Option<()> {
    let node = graph.node(id).clone();
    let (x, s) = (node.input(data)?, node.input(factor)?);
    let layer = layer::sole_layer(graph, x).filter(|&l| layer::unclamped(graph, l))?;
    if graph.ty(x) != graph.ty(node.outputs[0]) {
        return None;
    }
    let factors: Vec<f32> = layer::per_channel(graph, s, layer::channels(graph, layer))?.into_iter().map(f).collect();
    let mut bias = layer::bias(graph, layer)?;
    layer::scale_weights(graph, layer, &factors)?;
    bias.iter_mut().zip(&factors).for_each(|(b, f)| *b *= f);
    layer::set_bias(graph, layer, &bias);
    graph.replace(node.outputs[0], x);
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn multiplies_weights_and_bias() {
        super::super::check(
            ("fold_scale", super::fold_scale),
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\nconst b: f32[2] = 10 20\n\
             y: f32[1,2] = MatMul(x, w, b) transpose_b=true min=-inf max=inf\nconst s: f32[2] = 2 3\n\
             z: f32[1,2] = Mul(s, y)\nout z\n",
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 2 4 9 12\nconst b: f32[2] = 20 60\n\
             y: f32[1,2] = MatMul(x, w, b) transpose_b=true min=-inf max=inf\nout y\n",
        );
    }
}
