//! Empirical bias correction: what rounding the weights shifts in the mean, the bias takes back.
//!
//! ```text
//! b' = b + E[W x'] - E[W' x']      per output channel, x' the quantized input over the calibration data
//! ```
//!
//! Both expectations are taken in one run of the graph with its Q/DQ pairs, by a copy of the layer whose weights are
//! `W - W'`. The input is the same on both sides, so a layer answers only for its own rounding.
//! Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.2.

use super::QuantizeError;
use super::calibrate::Probe;
use super::insert::Weighted;
use super::observe::ChannelMean;
use crate::data::Dataset;
use crate::ir::{Graph, Tensor, ValueId};
use crate::progress::Progress;

/// Corrects the bias of every weighted layer.
pub(super) fn correct(
    graph: &mut Graph,
    layers: &[Weighted],
    calib: &Dataset,
    progress: &mut dyn Progress,
) -> Result<(), QuantizeError> {
    let mut twin = graph.clone();
    let mut watched = Vec::new();
    for layer in layers {
        watched.push(difference(&mut twin, layer)?);
    }
    let mut means: Vec<ChannelMean> = watched.iter().map(|&v| ChannelMean::new(channels(&twin, v))).collect();
    let mut probe = Probe::new(&twin, watched)?;
    let see = |_: usize, k: usize, x: &[f32]| {
        means[k].add(x);
        Ok(())
    };
    probe.run(calib, see, progress, "correct biases")?;
    for (layer, mean) in layers.iter().zip(&means) {
        shift(graph, layer, &mean.means());
    }
    Ok(())
}

/// The length of the last axis.
pub(super) fn channels(graph: &Graph, v: ValueId) -> usize {
    graph.dims(v).last().map_or(1, |&c| c as usize)
}

/// Adds the layer with weights `W - W'`, without bias or clamp, and returns its output.
fn difference(twin: &mut Graph, layer: &Weighted) -> Result<ValueId, QuantizeError> {
    let node = twin.node(layer.node).clone();
    let weights = twin.add_const("difference", layer.difference.clone());
    let attrs = layer.unclamped.clone();
    let outputs = twin.add_entry(&node.name, node.op, attrs, &[node.input(0), Some(weights)])?;
    Ok(outputs[0])
}

/// Adds the means to the integer bias.
fn shift(graph: &mut Graph, layer: &Weighted, means: &[f32]) {
    let Some(old) = graph.constant(layer.bias).and_then(|t| Some(t.get::<i32>()?.to_vec())) else { return };
    let steps = means.iter().zip(&layer.bias_scale).map(|(m, s)| (f64::from(*m) / f64::from(*s)).round());
    // The cast saturates.
    let new: Vec<i32> = old.iter().zip(steps).map(|(&b, s)| (f64::from(b) + s) as i32).collect();
    let fresh = graph.add_const("bias", Tensor::vector(&new));
    graph.replace(layer.bias, fresh);
}
