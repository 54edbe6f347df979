//! Stores the weights of layers as f16, in the file and in flash.

use crate::ir::{Graph, NodeId, Tensor};
use half::f16;
use siskin::op::{Conv, ConvTranspose, Gru, Lstm, MatMul, Rnn};

/// Rounds the `f32` weights of Conv, ConvTranspose, MatMul, GRU, LSTM and RNN to f16. Weights beyond f16's range stay `f32`.
pub fn half_weights(graph: &mut Graph) {
    for id in graph.order() {
        let node = graph.node(id);
        let recurrent = node.is::<Gru>() || node.is::<Lstm>() || node.is::<Rnn>();
        let layer = node.is::<Conv>() || node.is::<ConvTranspose>() || node.is::<MatMul>();
        // A recurrent cell has weights for its input and for its past.
        let operands: &[usize] = if recurrent { &[1, 2] } else { &[1] };
        for &i in operands.iter().filter(|_| layer || recurrent) {
            halve(graph, id, i);
        }
    }
}

/// Rounds one constant operand.
fn halve(graph: &mut Graph, id: NodeId, i: usize) -> Option<()> {
    let w = graph.node(id).input(i)?;
    let tensor = graph.constant(w)?.clone();
    let half = Tensor::new(tensor.dims(), &narrow(tensor.get::<f32>()?)?)?;
    let name = graph.value(w).name.clone();
    let fresh = graph.add_const(&name, half);
    graph.node_mut(id).inputs[i] = Some(fresh);
    Some(())
}

fn narrow(values: &[f32]) -> Option<Vec<f16>> {
    let halves: Vec<f16> = values.iter().map(|&v| f16::from_f32(v)).collect();
    halves.iter().zip(values).all(|(h, v)| h.is_finite() == v.is_finite()).then_some(halves)
}
