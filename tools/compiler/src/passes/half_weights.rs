//! Stores the weights of layers as f16, in the file and in flash.
//!
//! A weight goes to one of its two neighbours in f16. The nearest is best for one weight, but not for a sum: inputs of a layer
//! have a common mean, as after a Relu or in a picture, so what the errors of an output's weights add up to is felt most.
//! Each weight therefore takes the neighbour that brings the sum of the errors so far nearer to zero; large weights, whose
//! neighbours lie far apart, go first, and small ones make up for them. The taps of one input channel stand together, because
//! what they see is most alike.
//!
//! Measured over the tests' models, the error is 0.16 to 0.65 of that of rounding to the nearest where inputs have a common
//! mean, and up to 2.2 of it on small models where they have none.

use crate::ir::{Graph, IrError, Node, NodeId, Tensor};
use half::f16;
use siskin::DType;
use siskin::op::{Cast, CastAttrs, Conv, ConvTranspose, Gather, Gru, Lstm, MatMul, Rnn};

/// Rounds the `f32` weights of Conv, ConvTranspose, MatMul, GRU, LSTM and RNN, and the tables of Gather, to f16. Weights beyond f16's range stay
/// `f32`, and so do those that all lie where f16 loses digits, below 2^-14.
///
/// # Errors
/// If the graph is not consistent.
pub fn half_weights(graph: &mut Graph) -> Result<(), IrError> {
    for id in graph.order() {
        let node = graph.node(id);
        let recurrent = node.is::<Gru>() || node.is::<Lstm>() || node.is::<Rnn>();
        let layer = node.is::<Conv>() || node.is::<ConvTranspose>() || node.is::<MatMul>();
        // A recurrent cell has weights for its input and for its past.
        let operands: &[usize] = if recurrent { &[1, 2] } else { &[1] };
        for &i in operands.iter().filter(|_| layer || recurrent) {
            halve(graph, id, i);
        }
        if graph.node(id).is::<Gather>() {
            halve_table(graph, id)?;
        }
    }
    Ok(())
}

/// Rounds a table to the nearest, each entry for itself, and widens what is read of it.
fn halve_table(graph: &mut Graph, id: NodeId) -> Result<(), IrError> {
    let node = graph.node(id).clone();
    let Some(table) = node.input(0).and_then(|v| graph.constant(v)).cloned() else { return Ok(()) };
    let halves: Option<Vec<f16>> =
        table.get::<f32>().and_then(|t| t.iter().map(|&v| Some(f16::from_f32(v)).filter(|h| h.is_finite())).collect());
    let Some(halves) = halves.filter(|_| !flushed(&table.to_f32())) else { return Ok(()) };
    let Some(table) = Tensor::new(table.dims(), &halves) else { return Ok(()) };
    let table = graph.add_const(&node.name, table);
    let read = graph.add_entry(&node.name, node.op, node.attrs.clone(), &[Some(table), node.input(1)])?[0];
    let wide = graph.add::<Cast>(&node.name, &CastAttrs { dtype: DType::F32 }, &[Some(read)])?[0];
    graph.replace(node.outputs[0], wide);
    Ok(())
}

/// Whether all weights lie where f16 loses digits.
fn flushed(weights: &[f32]) -> bool {
    let largest = weights.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    largest > 0.0 && largest < f16::MIN_POSITIVE.to_f32()
}

/// Rounds one constant operand.
fn halve(graph: &mut Graph, id: NodeId, i: usize) -> Option<()> {
    let node = graph.node(id);
    let w = node.input(i)?;
    let tensor = graph.constant(w)?.clone();
    let half = Tensor::new(tensor.dims(), &narrow(tensor.get::<f32>()?, &Filters::of(node, tensor.dims()))?)?;
    let name = graph.value(w).name.clone();
    let fresh = graph.add_const(&name, half);
    graph.node_mut(id).inputs[i] = Some(fresh);
    Some(())
}

/// Where the weights of one output lie.
struct Filters {
    /// Outputs.
    count: usize,
    /// Taps of each input channel.
    taps: usize,
    /// Input channels.
    channels: usize,
    /// Whether the output is the last axis of the tensor, not the first.
    last: bool,
}

impl Filters {
    fn of(node: &Node, dims: &[u32]) -> Filters {
        let last = node.get::<MatMul>().is_some_and(|a| !a.transpose_b);
        let dims: Vec<usize> = dims.iter().map(|&d| d as usize).collect();
        let windows = node.is::<Conv>() || node.is::<ConvTranspose>();
        match dims.as_slice() {
            [count, taps @ .., channels] if windows => {
                Filters { count: *count, taps: taps.iter().product(), channels: *channels, last }
            }
            [outer @ .., columns] if last => {
                Filters { count: *columns, taps: 1, channels: outer.iter().product(), last }
            }
            [outer @ .., channels] => Filters { count: outer.iter().product(), taps: 1, channels: *channels, last },
            [] => Filters { count: 1, taps: 1, channels: 1, last },
        }
    }

    /// The weights of output `o` in the order of rounding, as indices in the tensor.
    fn order(&self, o: usize, weights: &[f32]) -> Vec<usize> {
        let at = |tap: usize, channel: usize| {
            if self.last { channel * self.count + o } else { (o * self.taps + tap) * self.channels + channel }
        };
        let falling = |group: &mut Vec<usize>| group.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()));
        let mut groups: Vec<Vec<usize>> = if self.taps == 1 {
            vec![(0..self.channels).map(|c| at(0, c)).collect()]
        } else {
            (0..self.channels).map(|c| (0..self.taps).map(|t| at(t, c)).collect()).collect()
        };
        groups.iter_mut().for_each(falling);
        groups.concat()
    }
}

/// The weights in f16; nothing if one lies beyond its range.
fn narrow(weights: &[f32], filters: &Filters) -> Option<Vec<f16>> {
    if flushed(weights) {
        return None;
    }
    let mut halves = vec![f16::ZERO; weights.len()];
    for o in 0..filters.count {
        let mut error = 0.0;
        for i in filters.order(o, weights) {
            halves[i] = toward_zero_error(weights[i], error)?;
            error += f64::from(halves[i]) - f64::from(weights[i]);
        }
    }
    Some(halves)
}

/// The neighbour of `v` in f16 that leaves the lesser error when added to `error`; nothing beyond f16's range.
fn toward_zero_error(v: f32, error: f64) -> Option<f16> {
    let near = f16::from_f32(v);
    if !near.is_finite() {
        return None;
    }
    // Bits without the sign count f16's values upwards from zero.
    let step = if near.to_f32().abs() < v.abs() { 1 } else { -1 };
    let other = f16::from_bits(near.to_bits().wrapping_add_signed(step));
    let off = |half: f16| f64::from(half) - f64::from(v);
    let takes = other.is_finite() && off(near) != 0.0;
    Some(if takes && (error + off(other)).abs() < (error + off(near)).abs() { other } else { near })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    fn pass(graph: &mut crate::ir::Graph) -> Result<bool, crate::ir::IrError> {
        super::half_weights(graph).map(|()| true)
    }

    #[test]
    fn errors_of_an_output_make_up_for_each_other() {
        // Neighbours in f16 lie 2 apart beyond 2048, 4 apart beyond 4096.
        super::super::check(
            ("half_weights", pass),
            "graph g\nin x: f32[1,2]\nconst w: f32[3,2] = 2049 2049 1 2049 4098 2049\n\
             y: f32[1,3] = MatMul(x, w) transpose_b=true min=-inf max=inf\nout y\n",
            "graph g\nin x: f32[1,2]\nconst w: f16[3,2] = 2048 2050 1 2048 4096 2050\n\
             y: f32[1,3] = MatMul(x, w) transpose_b=true min=-inf max=inf\nout y\n",
        );
        super::super::check(
            ("half_weights", pass),
            "graph g\nin x: f32[1,2]\nconst w: f32[2,1] = 2049 2049\n\
             y: f32[1,1] = MatMul(x, w) transpose_b=false min=-inf max=inf\nout y\n",
            "graph g\nin x: f32[1,2]\nconst w: f16[2,1] = 2048 2050\n\
             y: f32[1,1] = MatMul(x, w) transpose_b=false min=-inf max=inf\nout y\n",
        );
    }

    #[test]
    fn weights_that_f16_would_flush_stay_as_they_are() {
        let text = "graph g\nin x: f32[1,2]\nconst w: f32[1,2] = 0.00000001 -0.00002\n\
                    y: f32[1,1] = MatMul(x, w) transpose_b=true min=-inf max=inf\nout y\n";
        let mut graph = crate::ir::parse(text).unwrap();
        super::half_weights(&mut graph).unwrap();
        assert_eq!(graph.to_string(), crate::ir::parse(text).unwrap().to_string());
    }

    #[test]
    fn signs_zeros_and_the_ends_of_the_range() {
        let round = |v, error| super::toward_zero_error(v, error).map(|h| h.to_f32());
        assert_eq!(round(-2049.0, 0.0), Some(-2048.0));
        assert_eq!(round(-2049.0, 1.0), Some(-2050.0));
        assert_eq!([round(0.0, 1.0), round(1.5, 9.0)], [Some(0.0), Some(1.5)]);
        assert_eq!(round(65500.0, -100.0), Some(65504.0));
        assert_eq!(round(1e5, 0.0), None);
    }
}
