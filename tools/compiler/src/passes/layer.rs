//! What passes share on weighted layers: Conv, ConvTranspose and MatMul with constant weights.

use crate::ir::{Graph, NodeId, Tensor, ValueId};
use siskin::op::{Conv, ConvAttrs, ConvTranspose, ConvTransposeAttrs, MatMul, MatMulAttrs};

/// The weighted layer that computes `y`, if nothing else reads `y`.
pub(super) fn sole_layer(graph: &Graph, y: ValueId) -> Option<NodeId> {
    let id = graph.producer(y)?;
    let node = graph.node(id);
    let weighted = node.is::<Conv>() || node.is::<ConvTranspose>() || node.is::<MatMul>();
    (weighted && graph.use_count(y) == 1).then_some(id)
}

/// The fused clamp of a layer.
pub(super) fn clamp(graph: &Graph, id: NodeId) -> [f32; 2] {
    let node = graph.node(id);
    let conv = node.get::<Conv>().map(|a| [a.min, a.max]);
    let transposed = node.get::<ConvTranspose>().map(|a| [a.min, a.max]);
    let matmul = node.get::<MatMul>().map(|a| [a.min, a.max]);
    conv.or(transposed).or(matmul).unwrap_or([f32::NEG_INFINITY, f32::INFINITY])
}

/// Replaces the fused clamp of a layer.
pub(super) fn set_clamp(graph: &mut Graph, id: NodeId, [min, max]: [f32; 2]) {
    let node = graph.node_mut(id);
    if let Some(a) = node.get::<Conv>() {
        node.set(&ConvAttrs { min, max, ..a });
    } else if let Some(a) = node.get::<ConvTranspose>() {
        node.set(&ConvTransposeAttrs { min, max, ..a });
    } else if let Some(a) = node.get::<MatMul>() {
        node.set(&MatMulAttrs { min, max, ..a });
    }
}

/// Whether a layer clamps nothing yet.
pub(super) fn unclamped(graph: &Graph, id: NodeId) -> bool {
    clamp(graph, id) == [f32::NEG_INFINITY, f32::INFINITY]
}

/// The number of outputs (channels) of a layer.
pub(super) fn channels(graph: &Graph, id: NodeId) -> usize {
    graph.dims(graph.node(id).outputs[0]).last().map_or(1, |&c| c as usize)
}

/// A constant `f32` spread over the channels of a layer's output: a scalar, or one value along the last axis only.
pub(super) fn per_channel(graph: &Graph, value: ValueId, channels: usize) -> Option<Vec<f32>> {
    let tensor = graph.constant(value)?;
    let v = tensor.get::<f32>()?;
    let last = tensor.dims().last().copied().unwrap_or(1) as usize;
    match v.len() {
        1 => Some(vec![v[0]; channels]),
        n if n == channels && last == n => Some(v.to_vec()),
        _ => None,
    }
}

/// Multiplies the weights by one factor per output channel. Nothing if the weights are no `f32` constant.
pub(super) fn scale_weights(graph: &mut Graph, id: NodeId, factors: &[f32]) -> Option<()> {
    let node = graph.node(id);
    // [out, …] for convolutions, [in, out] for a matrix that is not transposed.
    let last = node.get::<MatMul>().is_some_and(|a| !a.transpose_b);
    let w = node.input(1)?;
    let mut tensor: Tensor = (**graph.constant(w)?).clone();
    let per_row = tensor.get::<f32>()?.len() / factors.len().max(1);
    let n = factors.len();
    for (i, v) in tensor.get_mut::<f32>()?.iter_mut().enumerate() {
        *v *= factors[if last { i % n } else { i / per_row }];
    }
    let name = graph.value(w).name.clone();
    let fresh = graph.add_const(&name, tensor);
    graph.node_mut(id).inputs[1] = Some(fresh);
    Some(())
}

/// The bias as a vector, zeros if there is none. Nothing if it is no `f32` constant.
pub(super) fn bias(graph: &Graph, id: NodeId) -> Option<Vec<f32>> {
    match graph.node(id).input(2) {
        Some(b) => Some(graph.constant(b)?.get::<f32>()?.to_vec()),
        None => Some(vec![0.0; channels(graph, id)]),
    }
}

/// Replaces the bias.
pub(super) fn set_bias(graph: &mut Graph, id: NodeId, bias: &[f32]) {
    let fresh = graph.add_const("bias", Tensor::vector(bias));
    let inputs = &mut graph.node_mut(id).inputs;
    inputs.resize(3, None);
    inputs[2] = Some(fresh);
}
