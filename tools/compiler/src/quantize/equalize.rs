//! Cross-layer equalization: channels between two layers take scales that both sides quantize well.
//!
//! ```text
//! y = W₂ f(W₁ x + b₁) = (W₂ S⁻¹) f(S W₁ x + S b₁)      for f(s·v) = s·f(v), s > 0: no activation, Relu, LeakyRelu
//! ```
//!
//! An activation has one step for all channels, so a channel of small values loses digits. Before a depthwise convolution, whose
//! filters have steps of their own, every channel can have the range of the largest. Before a layer that sums over channels the
//! gain of small channels is paid for by its weights: there `s = sqrt(weights / activation)` gives both equal ranges.
//! Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1; that
//! activations are measured, not estimated, is SmoothQuant's (Xiao et al., 2023).
//!
//! Layers whose weights have fewer than 8 bits are left out: they have no digits to spare.

use super::calibrate::Probe;
use super::correct::channels;
use super::{QuantizeError, Widths};
use crate::data::Dataset;
use crate::ir::{Graph, Node, NodeId, Tensor, ValueId};
use crate::progress::Progress;
use siskin::op::{Conv, LeakyRelu, MatMul, Relu};

/// No channel is scaled by more than this.
const MOST: f32 = 64.0;

/// Two layers, and the channels between them.
struct Pair {
    first: NodeId,
    second: NodeId,
    /// What the second layer reads.
    between: ValueId,
}

/// Equalizes every pair of layers of which the second alone reads the first.
pub(super) fn equalize(
    graph: &mut Graph,
    widths: &Widths,
    calib: &Dataset,
    progress: &mut dyn Progress,
) -> Result<(), QuantizeError> {
    let layers: Vec<NodeId> = graph.order().into_iter().filter(|&n| layer(graph, graph.node(n))).collect();
    let fine = |n: &NodeId| {
        let i = layers.iter().position(|l| l == n);
        i.is_some_and(|i| widths.of(&graph.node(*n).name, i, layers.len()) >= 8)
    };
    let pairs = layers.iter().filter_map(|&second| pair(graph, second));
    let pairs: Vec<Pair> = pairs.filter(|p| fine(&p.first) && fine(&p.second)).collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let mut probe = Probe::new(graph, pairs.iter().map(|p| p.between).collect())?;
    let mut ranges: Vec<Vec<f32>> = pairs.iter().map(|p| vec![0.0; channels(graph, p.between)]).collect();
    let see = |_: usize, k: usize, x: &[f32]| {
        for row in x.chunks_exact(ranges[k].len()) {
            ranges[k].iter_mut().zip(row).for_each(|(r, v)| *r = r.max(v.abs()));
        }
        Ok(())
    };
    probe.run(calib, see, progress, "equalize")?;
    for (pair, range) in pairs.iter().zip(&ranges) {
        apply(graph, pair, range);
    }
    Ok(())
}

/// The pair that a layer is the second of.
fn pair(graph: &Graph, second: NodeId) -> Option<Pair> {
    let node = graph.node(second);
    if !layer(graph, node) {
        return None;
    }
    let between = node.input(0)?;
    let alone = |v: ValueId| graph.use_count(v) == 1;
    let mut value = between;
    let mut producer = graph.producer(value)?;
    if graph.node(producer).is::<Relu>() || graph.node(producer).is::<LeakyRelu>() {
        alone(value).then_some(())?;
        value = graph.node(producer).input(0)?;
        producer = graph.producer(value)?;
    }
    let first = graph.node(producer);
    (layer(graph, first) && homogeneous(first) && alone(value)).then_some(Pair { first: producer, second, between })
}

/// Whether a node is a layer of constant `f32` weights.
fn layer(graph: &Graph, node: &Node) -> bool {
    let constant = |i: usize| node.input(i).is_none_or(|v| graph.constant(v).is_some_and(|t| t.get::<f32>().is_some()));
    let rows = node.input(1).is_some_and(|w| graph.dims(w).len() == 2);
    (node.is::<Conv>() || node.is::<MatMul>() && rows) && node.input(1).is_some() && constant(1) && constant(2)
}

/// Whether the layer's clamp leaves `f(s·v) = s·f(v)`.
fn homogeneous(node: &Node) -> bool {
    let clamp = node.get::<Conv>().map(|a| (a.min, a.max)).or_else(|| node.get::<MatMul>().map(|a| (a.min, a.max)));
    clamp.is_some_and(|(min, max)| (min == 0.0 || min == f32::NEG_INFINITY) && max == f32::INFINITY)
}

/// Scales the first layer's outputs by `s`, the second's inputs by `1 / s`.
fn apply(graph: &mut Graph, pair: &Pair, range: &[f32]) {
    let count = range.len();
    let largest = range.iter().copied().fold(0.0, f32::max);
    let second = graph.node(pair.second);
    let depthwise = second.get::<Conv>().is_some_and(|a| a.group > 1);
    if depthwise && second.get::<Conv>().is_some_and(|a| a.group as usize != count) {
        return;
    }
    // The axis of the second layer's weights that counts its inputs: outputs where each has an input of its own.
    let axis =
        if depthwise || second.get::<MatMul>().is_some_and(|a| !a.transpose_b) { Axis::First } else { Axis::Last };
    let weights = channel_ranges(graph, second, axis, count);
    let scale = |(&r, &w): (&f32, &f32)| {
        let s = if depthwise { largest / r } else { (w / r).sqrt() };
        if s.is_finite() && s > 0.0 { s.clamp(1.0 / MOST, MOST) } else { 1.0 }
    };
    let scales: Vec<f32> = range.iter().zip(&weights).map(scale).collect();
    let inverse: Vec<f32> = scales.iter().map(|s| 1.0 / s).collect();
    let outputs =
        if graph.node(pair.first).get::<MatMul>().is_some_and(|a| !a.transpose_b) { Axis::Last } else { Axis::First };
    multiply(graph, pair.first, 1, outputs, &scales);
    multiply(graph, pair.first, 2, Axis::First, &scales);
    multiply(graph, pair.second, 1, axis, &inverse);
}

/// Which axis of a tensor counts channels.
#[derive(Clone, Copy, PartialEq)]
enum Axis {
    First,
    Last,
}

impl Axis {
    fn channel(self, i: usize, len: usize, count: usize) -> usize {
        if self == Axis::First { i / (len / count).max(1) } else { i % count }
    }
}

/// The largest magnitude of the weights of each channel.
fn channel_ranges(graph: &Graph, node: &Node, axis: Axis, count: usize) -> Vec<f32> {
    let weights = node.input(1).and_then(|w| graph.constant(w)).map(|t| t.to_f32()).unwrap_or_default();
    let mut ranges = vec![0.0f32; count];
    for (i, v) in weights.iter().enumerate() {
        let range = &mut ranges[axis.channel(i, weights.len(), count)];
        *range = range.max(v.abs());
    }
    ranges
}

fn multiply(graph: &mut Graph, id: NodeId, operand: usize, axis: Axis, by: &[f32]) {
    let Some(old) = graph.node(id).input(operand) else { return };
    let Some(mut tensor) = graph.constant(old).map(|t| Tensor::clone(t)) else { return };
    let Some(values) = tensor.get_mut::<f32>() else { return };
    let len = values.len();
    values.iter_mut().enumerate().for_each(|(i, v)| *v *= by[axis.channel(i, len, by.len())]);
    let name = graph.value(old).name.clone();
    let fresh = graph.add_const(&name, tensor);
    graph.node_mut(id).inputs[operand] = Some(fresh);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    /// Two products with a clamp between them, the pair that they make, and the pair equalized for these ranges.
    fn equalized(clamp: &str, range: &[f32]) -> Option<String> {
        let text = format!(
            "graph g\nin x: f32[1,1]\nconst w: f32[2,1] = 1 2\nconst b: f32[2] = 4 8\nconst v: f32[1,2] = 16 4\n\
             a: f32[1,2] = MatMul(x, w, b) transpose_b=true {clamp}\n\
             y: f32[1,1] = MatMul(a, v) transpose_b=true min=-inf max=inf\nout y\n"
        );
        let mut graph = crate::ir::parse(&text).unwrap();
        let pair = pair(&graph, graph.all::<MatMul>()[1])?;
        apply(&mut graph, &pair, range);
        Some(graph.to_string())
    }

    #[test]
    fn both_sides_get_the_same_range_and_the_product_stays() {
        // s = sqrt(16 / 1) and sqrt(4 / 4): channel 0 times 4, its weights after it by 4; channel 1 as it was.
        let text = equalized("min=0 max=inf", &[1.0, 4.0]).unwrap();
        for line in ["f32[2,1] = 4 2", "f32[2] = 16 8", "f32[1,2] = 4\n"] {
            assert!(text.contains(line), "{line} in {text}");
        }
    }

    #[test]
    fn a_clamp_that_does_not_scale_stands_between_no_pair() {
        assert_eq!(equalized("min=0 max=6", &[1.0, 4.0]), None);
        assert_eq!(equalized("min=-1 max=inf", &[1.0, 4.0]), None);
        assert!(equalized("min=-inf max=inf", &[1.0, 4.0]).is_some());
    }

    #[test]
    fn a_dead_channel_stays() {
        let text = equalized("min=0 max=inf", &[0.0, 4.0]).unwrap();
        assert!(text.contains("f32[2,1] = 1 2"), "{text}");
    }
}
