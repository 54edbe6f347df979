//! Rounds the weights of layers, one layer after the other, so that each makes up for what those before it lost.
//!
//! ```text
//! calibration data -> windows x (float model), x' (quantized so far) -> moments
//! refit       W  <- (W A + λW) (C + λ)⁻¹                 what serves the quantized input best
//! round       W' <- levels, by the chosen method          least eᵀ C e per output
//! correct     b  <- b + W E[x] - W' E[x']
//! ```
//!
//! Memory is the moments of one layer, whatever the size of the data. Layers whose moments would not fit are rounded to the nearest.

mod adaround;
mod descent;
mod levels;

pub(crate) use levels::Levels;

use super::observe::weight_scales;
use super::{Chosen, Integers, Options, QuantizeError, insert};
use crate::data::Dataset;
use crate::fit::{self, Layer, MOMENTS, Moments, Refit, dot};
use crate::ir::Graph;
use crate::progress::Progress;

/// What is added to the diagonal of a covariance, as a part of its mean: inputs that the data never moved count a little.
const DAMPING: f64 = 0.01;
/// As [`DAMPING`], of the pull of a refit towards the weights as they were.
const PULL: f64 = 0.3;

/// How weights become integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Each to the nearest level.
    Nearest,
    /// Together, by coordinate descent on the covariance of the layer's input.
    Descent,
    /// Each up or down, by choices that are relaxed and learned: to compare with.
    AdaRound,
}

impl Rounding {
    /// The word for it, as options and recipes have it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Rounding::Nearest => "nearest",
            Rounding::Descent => "descent",
            Rounding::AdaRound => "adaround",
        }
    }
}

impl core::str::FromStr for Rounding {
    type Err = String;

    fn from_str(s: &str) -> Result<Rounding, String> {
        let all = [Rounding::Nearest, Rounding::Descent, Rounding::AdaRound];
        let named = all.into_iter().find(|rounding| rounding.word() == s);
        named.ok_or_else(|| format!("no rounding '{s}': nearest, descent or adaround"))
    }
}

/// A layer's weights as integers: `scale of the output · q`.
#[derive(Clone, Debug)]
pub(super) struct Rounded {
    /// As the weights lie in their tensor.
    pub(super) q: Vec<i8>,
    /// One for each output.
    pub(super) scales: Vec<f32>,
    /// As real values, one for each output.
    pub(super) bias: Vec<f64>,
}

/// A layer without regard to its input: the integers that were chosen for it, or else the nearest.
pub(super) fn alone(layer: &Layer, bits: u8, chosen: &Chosen) -> Rounded {
    given(layer, chosen).unwrap_or_else(|| nearest(layer, bits))
}

/// The integers that were chosen for a layer, if they fit it.
fn given(layer: &Layer, chosen: &Chosen) -> Option<Rounded> {
    let Integers { q, scales } = chosen.weights.get(&layer.node)?;
    let large = |(&s, &b): (&f32, &f32)| s >= least_scale(layer, b);
    let fits = q.dims() == layer.dims && scales.len() == layer.outputs() && scales.iter().zip(&layer.bias).all(large);
    let q = q.get::<i8>().filter(|_| fits)?.to_vec();
    Some(Rounded { q, scales: scales.clone(), bias: layer.bias.iter().map(|&b| b.into()).collect() })
}

/// Each weight to the nearest level; the scale of an output is the one of least squared error.
fn nearest(layer: &Layer, bits: u8) -> Rounded {
    let most = f32::from(Levels::most(bits));
    let mut scales = weight_scales(&layer.weights, layer.outputs(), most, |i| layer.output_of(i));
    scales.iter_mut().zip(&layer.bias).for_each(|(s, &b)| *s = s.max(least_scale(layer, b)));
    let q = layer
        .weights
        .iter()
        .enumerate()
        .map(|(i, v)| siskin::quant::round_half_even(v / scales[layer.output_of(i)]).clamp(-most, most) as i8);
    Rounded { q: q.collect(), scales, bias: layer.bias.iter().map(|&b| b.into()).collect() }
}

/// A bias must fit 32 bits with room for the sum: a channel of tiny weights takes larger steps.
fn least_scale(layer: &Layer, bias: f32) -> f32 {
    bias.abs() / (layer.input.scale * 1_073_741_824.0)
}

/// Rounds every layer in order, each on what those before it leave.
pub(super) fn in_order(
    graph: &mut Graph,
    float: &Graph,
    layers: &[Layer],
    calib: &Dataset,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<(), QuantizeError> {
    for (i, layer) in layers.iter().enumerate() {
        let bits = options.widths.of(&layer.name, i, layers.len());
        let rounded = if options.chosen.weights.contains_key(&layer.node) {
            alone(layer, bits, &options.chosen)
        } else {
            let stage = format!("round {} of {}", i + 1, layers.len());
            Seen::new(graph, float, layer, calib, progress, &stage)?.round(layer, bits, options).rounded
        };
        insert::set_weights(graph, layer, &rounded)?;
    }
    Ok(())
}

/// A layer after rounding, and what that costs its output.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) rounded: Rounded,
    /// The signal's power over that of the rounding error, in decibels; nothing if the layer's windows were not seen.
    pub(super) sqnr: Option<f64>,
}

/// What is known of a layer's input: moments of its windows, unless it has none or they would not fit the memory.
pub(super) struct Seen(Option<Vec<Moments>>);

impl Seen {
    /// Runs the calibration data through the model as it is quantized so far.
    pub(super) fn new(
        graph: &Graph,
        float: &Graph,
        layer: &Layer,
        calib: &Dataset,
        progress: &mut dyn Progress,
        stage: &str,
    ) -> Result<Seen, QuantizeError> {
        let learns = layer.has_windows() && Moments::bytes(layer.depth(), layer.groups()) <= MOMENTS;
        let watch = || fit::watch([float, graph], &fit::Seen::whole(layer), calib, progress, stage);
        Ok(Seen(learns.then(watch).transpose()?))
    }

    /// Rounds the layer to so many bits.
    pub(super) fn round(&self, layer: &Layer, bits: u8, options: &Options) -> Outcome {
        match &self.0 {
            Some(moments) => solve(layer, moments, bits, options),
            None => Outcome { rounded: nearest(layer, bits), sqnr: None },
        }
    }
}

/// Refits, rounds and corrects a layer.
fn solve(layer: &Layer, moments: &[Moments], bits: u8, options: &Options) -> Outcome {
    let (outputs, depth) = (layer.outputs(), layer.depth());
    let tables = Levels::tables(bits);
    let nearest = (options.rounding == Rounding::Nearest).then(|| nearest(layer, bits));
    let mut rounded = Rounded { q: vec![0; layer.weights.len()], scales: Vec::new(), bias: Vec::new() };
    let (mut signal, mut noise) = (0.0, 0.0);
    let each = outputs / moments.len().max(1);
    for (group, moments) in moments.iter().enumerate() {
        let mut c = moments.covariance();
        let mean = c.mean_diagonal();
        let refit = Refit::new(moments, PULL).filter(|_| nearest.is_none());
        c.add_diagonal(DAMPING * mean + f64::from(f32::MIN_POSITIVE));
        let (mean_x, mean_q) = (moments.mean_x(), moments.mean_q());
        for o in group * each..(group + 1) * each {
            let own: Vec<f64> = (0..depth).map(|k| f64::from(layer.weights[layer.at(o, k)])).collect();
            let w = refit.as_ref().map_or_else(|| own.clone(), |r| r.row(&own));
            let least = f64::from(least_scale(layer, layer.bias[o]));
            let row = nearest.as_ref().map_or_else(
                || match options.rounding {
                    Rounding::AdaRound => adaround::round(&w, &c, &tables, least),
                    _ => descent::round(&w, &c, &tables, least),
                },
                |n| descent::Row::given(&w, &c, (0..depth).map(|k| n.q[layer.at(o, k)]), n.scales[o].into()),
            );
            signal += dot(&w, &c.left_product(&w));
            noise += row.cost;
            // What is stored is f32.
            let scale = row.scale as f32;
            let real: Vec<f64> = row.q.iter().map(|&q| f64::from(q) * f64::from(scale)).collect();
            row.q.iter().enumerate().for_each(|(k, &v)| rounded.q[layer.at(o, k)] = v);
            let shift = if options.bias_correction { dot(&own, &mean_x) - dot(&real, &mean_q) } else { 0.0 };
            rounded.scales.push(scale);
            rounded.bias.push(f64::from(layer.bias[o]) + shift);
        }
    }
    Outcome { rounded, sqnr: Some(10.0 * (signal / noise.max(f64::MIN_POSITIVE)).log10()) }
}
