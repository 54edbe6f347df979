//! Folds `BatchNormalization` into the layer that feeds only it.
//!
//! `bn(conv(x, w, b)) = conv(x, s·w, s·b + t)`

use super::layer;
use crate::ir::{Graph, IrError, NodeId};
use siskin::op::BatchNormalization;

pub(super) fn fold_batch_norm(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<BatchNormalization>() {
        changed |= fold(graph, id).is_some();
    }
    Ok(changed)
}

fn fold(graph: &mut Graph, id: NodeId) -> Option<()> {
    let node = graph.node(id).clone();
    let layer = layer::sole_layer(graph, node.input(0)?).filter(|&l| layer::unclamped(graph, l))?;
    let scale = graph.constant(node.input(1)?)?.get::<f32>()?.to_vec();
    let shift = graph.constant(node.input(2)?)?.get::<f32>()?.to_vec();
    let mut bias = layer::bias(graph, layer)?;
    layer::scale_weights(graph, layer, &scale)?;
    for ((b, s), t) in bias.iter_mut().zip(&scale).zip(&shift) {
        *b = *b * s + t;
    }
    layer::set_bias(graph, layer, &bias);
    graph.replace(node.outputs[0], node.input(0)?);
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn scales_rows_and_shifts_bias() {
        super::super::check(
            ("fold_batch_norm", super::fold_batch_norm),
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\nconst b: f32[2] = 10 20\n\
             y: f32[1,2] = MatMul(x, w, b) transpose_b=false min=-inf max=inf\n\
             const s: f32[2] = 2 3\nconst t: f32[2] = 1 -1\n\
             z: f32[1,2] = BatchNormalization(y, s, t)\nout z\n",
            "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 2 6 6 12\nconst b: f32[2] = 21 59\n\
             y: f32[1,2] = MatMul(x, w, b) transpose_b=false min=-inf max=inf\nout y\n",
        );
    }

    #[test]
    fn leaves_a_layer_that_others_read() {
        let text = "graph g\nin x: f32[1,2]\nconst w: f32[2,2] = 1 2 3 4\n\
             y: f32[1,2] = MatMul(x, w) transpose_b=false min=-inf max=inf\nconst s: f32[2] = 2 3\n\
             z: f32[1,2] = BatchNormalization(y, s, s)\nout z\nout y\n";
        super::super::check(("fold_batch_norm", super::fold_batch_norm), text, text);
    }
}
