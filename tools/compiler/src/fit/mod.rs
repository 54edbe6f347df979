//! Least squares on what layers see: windows of their inputs over calibration data, and weights that make up for a change of them.
//!
//! ```text
//! calibration data -> windows x (float model), x' (the model as it is becoming) -> moments
//! refit       W  <- (W A + λW) (C + λ)⁻¹                 what serves x' best
//! ```
//!
//! Memory is the moments of one layer, whatever the size of the data.

mod layer;
mod linear;
mod moments;

pub(crate) use layer::{Layer, unclamped};
pub(crate) use linear::{Matrix, add_scaled, dot};
pub(crate) use moments::Moments;

use crate::data::Dataset;
use crate::ir::{Graph, IrError, Port, ValueId};
use crate::progress::Progress;
use crate::quantize::{Probe, QuantizeError};
use std::collections::HashMap;

/// The most memory for the moments of one layer.
pub(crate) const MOMENTS: usize = 1 << 30;
/// The most windows of one sample that a layer learns from.
const WINDOWS: usize = 128;

/// A layer in the float model, and the same in the model as it is becoming, which may have lost channels.
pub(crate) struct Seen<'a> {
    pub(crate) float: &'a Layer,
    pub(crate) now: &'a Layer,
    /// For each group that there is, the group that it was.
    pub(crate) groups: Vec<usize>,
    /// For each element of a window that there is, the element that it was.
    pub(crate) elements: Vec<usize>,
}

impl Seen<'_> {
    /// A layer that lost nothing.
    pub(crate) fn whole(layer: &Layer) -> Seen<'_> {
        let (groups, elements) = ((0..layer.groups()).collect(), (0..layer.depth()).collect());
        Seen { float: layer, now: layer, groups, elements }
    }

    /// Appends a window of the layer as it is, each element where it was; what was lost is 0.
    fn window(&self, x: &[f32], position: usize, group: usize, out: &mut Vec<f32>) {
        let start = out.len();
        self.now.window(x, position, group, out);
        if self.elements.len() == self.float.depth() {
            return;
        }
        let own = out.split_off(start);
        out.resize(start + self.float.depth(), 0.0);
        self.elements.iter().zip(own).for_each(|(&k, v)| out[start + k] = v);
    }
}

/// The moments of a layer's windows in `[the float model, the model as it is becoming]`, one for each group that there is.
pub(crate) fn watch(
    [float, graph]: [&Graph; 2],
    seen: &Seen<'_>,
    calib: &Dataset,
    progress: &mut dyn Progress,
    stage: &str,
) -> Result<Vec<Moments>, QuantizeError> {
    let missing = || IrError::Definition(seen.now.name.clone());
    let mut twin = graph.clone();
    let q = graph.node(seen.now.node).input(0).ok_or_else(missing)?;
    let x = float.node(seen.float.node).input(0).ok_or_else(missing)?;
    let x = copy(&mut twin, float, x)?;
    let mut moments: Vec<Moments> = seen.groups.iter().map(|_| Moments::new(seen.float.depth())).collect();
    let (mut held, mut windows) = (Vec::new(), [Vec::new(), Vec::new()]);
    let see = |i: usize, k: usize, values: &[f32]| {
        if k == 0 {
            held.clear();
            held.extend_from_slice(values);
            return Ok(());
        }
        let positions = choose(seen.now.positions(values), i);
        for ((group, &was), moments) in seen.groups.iter().enumerate().zip(&mut moments) {
            windows.iter_mut().for_each(Vec::clear);
            for &p in &positions {
                seen.float.window(&held, p, was, &mut windows[0]);
                seen.window(values, p, group, &mut windows[1]);
            }
            moments.add(&windows[0], &windows[1]);
        }
        Ok(())
    };
    Probe::new(&twin, vec![x, q])?.run(calib, see, progress, stage)?;
    Ok(moments)
}

/// Positions of a sample's windows: all, or as many as are learned from, at even distances from one that differs by sample.
fn choose(count: usize, sample: usize) -> Vec<usize> {
    if count <= WINDOWS {
        return (0..count).collect();
    }
    // The golden ratio's multiples spread evenly.
    let start = ((sample.wrapping_mul(0x9E37_79B9) & 0xFFFF_FFFF) * count) >> 32;
    (0..WINDOWS).map(|k| (start + k * count / WINDOWS) % count).collect()
}

/// Copies what computes `value` in the float graph into what became of it, beside what is there; returns the copy's value.
fn copy(twin: &mut Graph, float: &Graph, value: ValueId) -> Result<ValueId, IrError> {
    let mut part = float.clone();
    part.states.clear();
    part.outputs = vec![Port { name: String::new(), value, quant: None }];
    let mut known: HashMap<ValueId, ValueId> = HashMap::new();
    for id in part.order() {
        let node = part.node(id);
        let inputs: Vec<_> = node.inputs.iter().map(|i| i.map(|v| known.get(&v).copied().unwrap_or(v))).collect();
        let outputs = twin.add_entry(&node.name, node.op, node.attrs.clone(), &inputs)?;
        known.extend(node.outputs.iter().copied().zip(outputs));
    }
    Ok(known.get(&value).copied().unwrap_or(value))
}

/// `W <- (W A + λW) (C + λ)⁻¹`: the least squares fit of what the layer gave to what it now sees, drawn towards what it was.
pub(crate) struct Refit {
    cross: Matrix,
    factor: Matrix,
}

impl Refit {
    /// `pull` is the part of the mean variance that draws weights to what they were.
    pub(crate) fn new(moments: &Moments, pull: f64) -> Option<Refit> {
        let (mut cross, mut c) = (moments.cross(), moments.covariance());
        // The fewer windows there are for each weight, the less they are trusted.
        let pull = (pull + cross.len() as f64 / moments.count().max(1.0)) * c.mean_diagonal();
        cross.add_diagonal(pull);
        c.add_diagonal(pull);
        Some(Refit { factor: c.cholesky()?, cross })
    }

    /// The weights of one output.
    pub(crate) fn row(&self, w: &[f64]) -> Vec<f64> {
        let mut row = self.cross.left_product(w);
        self.factor.solve(&mut row);
        row
    }
}
