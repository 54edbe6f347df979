//! Starting weights, for a model whose own are of no use.

use crate::augment::normal;
use crate::quantization::layers;
use siskin::op::MatMul;
use siskin_compiler::ir::{Def, Graph, Tensor};

/// Draws the weights of every layer anew: normal with variance `2 / inputs`, biases 0. Source: He et al., "Delving Deep into
/// Rectifiers", 2015.
pub fn he(graph: &mut Graph, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    for id in layers(graph) {
        let node = graph.node(id);
        let last = node.get::<MatMul>().is_some_and(|a| !a.transpose_b);
        let (Some(w), bias) = (node.input(1), node.input(2)) else { continue };
        let dims = graph.dims(w).to_vec();
        let outputs = if last { dims.last() } else { dims.first() }.map_or(1, |&d| d as usize);
        let len: usize = dims.iter().map(|&d| d as usize).product();
        let deviation = (2.0 * outputs as f32 / len.max(1) as f32).sqrt();
        let drawn: Vec<f32> = (0..len).map(|_| deviation * normal(&mut random)).collect();
        let zeros = |b| Tensor::zeros(graph.ty(b));
        let fresh = [(Some(w), Tensor::new(&dims, &drawn)), (bias, bias.map(zeros))];
        for (value, tensor) in fresh {
            if let (Some(value), Some(tensor)) = (value.filter(|&v| graph.constant(v).is_some()), tensor) {
                graph.value_mut(value).def = Def::Const(tensor.into());
            }
        }
    }
}
