//! What training simulates of quantization, and the integers that come of it.

use crate::fake::{Fake, Grid};
use crate::optimizer::Parameter;
use siskin_compiler::ir::{Graph, Node, NodeId, Tensor, ValueId};
use siskin_compiler::quantize::Widths;
use siskin_compiler::quantize::observe::QuantParams;
use std::collections::BTreeMap;

/// How layers and activations are rounded during training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quantization {
    /// Bits of the weights of each layer, 2 to 8; a layer that is not named keeps its reals.
    pub weights: BTreeMap<NodeId, u8>,
    /// Whether activations are rounded to int8, as the compiler will.
    pub activations: bool,
}

impl Quantization {
    /// Weights of `bits`, those of the first and the last layer at 8; activations int8.
    #[must_use]
    pub fn uniform(graph: &Graph, bits: u8) -> Quantization {
        Quantization::of(graph, &Widths { bits, ..Widths::default() })
    }

    /// Weights of the bits that the compiler would give them; activations int8.
    #[must_use]
    pub fn of(graph: &Graph, widths: &Widths) -> Quantization {
        let layers = layers(graph);
        let bits = |(i, id): (usize, &NodeId)| (*id, widths.of(&graph.node(*id).name, i, layers.len()));
        Quantization { weights: layers.iter().enumerate().map(bits).collect(), activations: true }
    }
}

/// The layers of a graph whose weights are a constant of `f32`, in order.
#[must_use]
pub fn layers(graph: &Graph) -> Vec<NodeId> {
    let weighted = |node: &Node| {
        let constant = node.input(1).and_then(|w| graph.constant(w)).is_some_and(|w| w.get::<f32>().is_some());
        constant && crate::op::rule(graph, node).is_some_and(|rule| rule.channels().is_some())
    };
    graph.order().into_iter().filter(|&id| weighted(graph.node(id))).collect()
}

/// A layer's weights as integers: `w = scale[channel] · integer`.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Bits of a weight.
    pub bits: u8,
    /// `i8`, of the shape of the weights: within `bits`, but at 2 bits -3, -1, 1 and 3.
    pub integers: Tensor,
    /// The axis of the weights that counts output channels.
    pub axis: usize,
    /// One scale for each output channel.
    pub scales: Vec<f32>,
}

/// What a value was rounded with.
#[derive(Clone, Debug)]
pub struct Range {
    /// The values that share it.
    pub values: Vec<ValueId>,
    /// Scale and zero point.
    pub params: QuantParams,
}

/// The rounding of one layer's weights, a step for each output channel.
pub(crate) struct WeightFake {
    pub(crate) node: NodeId,
    pub(crate) slot: usize,
    pub(crate) bits: u8,
    pub(crate) grid: Grid,
    pub(crate) axis: usize,
    channels: usize,
    inner: usize,
    pub(crate) steps: Parameter,
}

impl WeightFake {
    pub(crate) fn new(node: NodeId, slot: usize, bits: u8, axis: usize, dims: &[u32], weights: &[f32]) -> WeightFake {
        let channels = dims.get(axis).map_or(1, |&c| c as usize);
        let inner = dims.iter().skip(axis + 1).map(|&d| d as usize).product();
        let grid = Grid::weights(bits);
        let mut fake =
            WeightFake { node, slot, bits, grid, axis, channels, inner, steps: Parameter::step(vec![1.0; channels]) };
        let fit = |c| Fake::fit(grid, &fake.channel(weights, c));
        let steps = (0..channels).map(fit).collect();
        fake.steps = Parameter::step(steps);
        fake
    }

    /// The elements of a channel.
    fn places(&self, len: usize, channel: usize) -> impl Iterator<Item = usize> + use<> {
        let (inner, block) = (self.inner, self.inner * self.channels);
        (0..len / block.max(1)).flat_map(move |b| {
            let start = b * block + channel * inner;
            start..start + inner
        })
    }

    fn channel(&self, weights: &[f32], channel: usize) -> Vec<f32> {
        self.places(weights.len(), channel).map(|i| weights[i]).collect()
    }

    /// The weights after rounding.
    pub(crate) fn round(&self, weights: &[f32]) -> Vec<f32> {
        let mut rounded = weights.to_vec();
        for (c, &step) in self.steps.values.iter().enumerate() {
            for i in self.places(weights.len(), c) {
                rounded[i] = self.grid.nearest(weights[i] / step) * step;
            }
        }
        rounded
    }

    /// Turns the gradient of rounded weights into that of the weights; returns that of the steps.
    pub(crate) fn backward(&self, weights: &[f32], gradient: &mut [f32]) -> Vec<f32> {
        let mut of_steps = Vec::with_capacity(self.channels);
        for (c, &step) in self.steps.values.iter().enumerate() {
            let mut own = self.channel(gradient, c);
            of_steps.push(Fake { grid: self.grid, step }.backward(&self.channel(weights, c), &mut own));
            self.places(weights.len(), c).zip(own).for_each(|(i, g)| gradient[i] = g);
        }
        of_steps
    }

    /// The integers that the weights stand for.
    pub(crate) fn codes(&self, dims: &[u32], weights: &[f32]) -> Option<Codes> {
        let unit = self.grid.unit();
        let mut integers = vec![0i8; weights.len()];
        for (c, &step) in self.steps.values.iter().enumerate() {
            for i in self.places(weights.len(), c) {
                integers[i] = (self.grid.nearest(weights[i] / step) / unit) as i8;
            }
        }
        let scales = self.steps.values.iter().map(|s| s * unit).collect();
        Some(Codes { bits: self.bits, integers: Tensor::new(dims, &integers)?, axis: self.axis, scales })
    }
}

/// The rounding of values that share scale and zero point.
pub(crate) struct ActivationFake {
    pub(crate) slots: Vec<usize>,
    pub(crate) zero_point: i32,
    pub(crate) step: Parameter,
}

impl ActivationFake {
    pub(crate) fn new(slots: Vec<usize>, params: QuantParams) -> ActivationFake {
        ActivationFake { slots, zero_point: params.zero_point, step: Parameter::step(vec![params.scale]) }
    }

    pub(crate) fn fake(&self) -> Fake {
        Fake { grid: Grid::activations(self.zero_point), step: self.step.values[0] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is trained is what is stored: scale times integer is the rounded weight, to the bit.
    #[test]
    fn codes_are_the_rounded_weights() {
        let graph = siskin_compiler::ir::parse(
            "graph g\nin x: f32[1,3]\nconst w: f32[3,2] = 1\ny: f32[1,2] = MatMul(x, w) transpose_b=false min=-inf max=inf\nout y\n",
        );
        let node = graph.as_ref().map_or_else(|e| panic!("{e}"), |g| layers(g)[0]);
        let weights = [0.9f32, -0.1, 0.4, 0.03, -1.0, 0.2];
        for bits in 2..=8 {
            let fake = WeightFake::new(node, 0, bits, 1, &[3, 2], &weights);
            let codes = fake.codes(&[3, 2], &weights).map(|c| (c.scales, c.integers.to_i64().unwrap_or_default()));
            let (scales, integers) = codes.unwrap_or_default();
            let stored: Vec<f32> = integers.iter().enumerate().map(|(i, &q)| q as f32 * scales[i % 2]).collect();
            assert_eq!(stored, fake.round(&weights), "{bits} bits");
            let worst = fake.round(&weights).iter().zip(weights).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= 1.3 / f32::from((1u16 << bits) - 1), "{bits} bits: {worst}");
        }
    }
}
