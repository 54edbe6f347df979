//! What each width of each layer's weights costs, the layer alone at that width and all others at 8 bits.
//!
//! ```text
//! all layers at 8 bits, Q/DQ pairs -> one layer at b bits -> integer graph -> file -> bytes, arena
//!                                                                         `-> run -> outputs against the float model's -> loss
//! ```
//!
//! Bytes and arena are those of files that were lowered, the loss that of the integer kernels. Layers are rounded as
//! [`super::quantize`] rounds them, each on what those before it leave.
//!
//! | the model's first output | loss |
//! |---|---|
//! | a Softmax along the last axis | mean Kullback-Leibler divergence from the float model's probabilities, in nats |
//! | anything else | squared difference from the float model's output as a part of that output's variance |
//!
//! Scores before the Softmax are compared, so that its 8 bits do not hide what changed. Both measures add up over layers as long as
//! they are small: they are quadratic in errors that layers make independently. Source of the measure: Cai et al., "ZeroQ: A Novel Zero
//! Shot Quantization Framework", 2020, section 3.2.

mod diagnosis;
mod loss;

pub use diagnosis::Cause;
pub use loss::Loss;

use super::round::{Rounded, Seen};
use super::{Options, Paired, QuantizeError, Rounding, Widths, insert, integers};
use crate::data::Dataset;
use crate::ir::Graph;
use crate::lower::{Extras, lower};
use crate::progress::Progress;
use loss::Reference;

/// What one width of one layer costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Bits of the layer's weights.
    pub bits: u8,
    /// Signal to rounding noise of the layer's output, in decibels; nothing if it cannot be told from the layer's windows.
    pub sqnr: Option<f64>,
    /// Loss at the model's output beyond that of all layers at 8 bits; below zero if it is less.
    pub loss: f64,
    /// Bytes of the file beyond those with all layers at 8 bits: what the width saves, negated.
    pub bytes: i64,
    /// Bytes of arena with this layer at this width and all others at 8 bits.
    pub arena: u32,
}

/// A layer, and what its widths cost.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerCosts {
    /// The layer's name, as [`Widths::layers`] takes it.
    pub name: String,
    /// The number of its weights.
    pub weights: usize,
    /// For each width, in the order of [`Sensitivity::WIDTHS`].
    pub costs: Vec<Cost>,
    /// Why few bits, or 8, are too few for it.
    pub causes: Vec<Cause>,
}

/// What was found, layer by layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sensitivity {
    /// How the loss is measured.
    pub measure: Loss,
    /// The loss with all layers at 8 bits.
    pub loss: f64,
    /// In the order in which they run.
    pub layers: Vec<LayerCosts>,
}

impl Sensitivity {
    /// The widths that are tried.
    pub const WIDTHS: [u8; 4] = [8, 4, 3, 2];
}

/// Measures every width of every layer on the data that layers are rounded by.
///
/// Widths, equalization and what training chose are left out of the options: widths are what is asked.
///
/// # Errors
/// [`QuantizeError`].
pub fn sensitivity(
    graph: &Graph,
    calib: &Dataset,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Sensitivity, QuantizeError> {
    let options =
        Options { widths: Widths::default(), equalize: false, chosen: super::Chosen::default(), ..options.clone() };
    let mut paired = Paired::new(graph, calib, &options, progress)?;
    let rounded = round_all(&mut paired, calib, &options, progress)?;
    let mut reference = Reference::new(&paired.float, calib, progress)?;
    let base = measure(&paired.graph, &mut reference, calib)?;
    let causes = diagnosis::causes(&paired, &rounded.iter().map(|r| &r[1..]).collect::<Vec<_>>(), calib, progress)?;
    progress.begin("sensitivity", (rounded.len() * (Sensitivity::WIDTHS.len() - 1)) as u64);
    let mut layers = Vec::new();
    for ((layer, rounded), causes) in paired.layers.iter().zip(&rounded).zip(causes) {
        let mut costs = Vec::new();
        for (&bits, (rounded, sqnr)) in Sensitivity::WIDTHS.iter().zip(rounded) {
            let found = if bits == 8 {
                base
            } else {
                let mut alone = paired.graph.clone();
                insert::set_weights(&mut alone, layer, rounded)?;
                progress.step();
                measure(&alone, &mut reference, calib)?
            };
            let (loss, bytes) = (found.loss - base.loss, found.bytes - base.bytes);
            costs.push(Cost { bits, sqnr: *sqnr, loss, bytes, arena: found.arena });
        }
        layers.push(LayerCosts { name: layer.name.clone(), weights: layer.weights.len(), costs, causes });
    }
    progress.end();
    Ok(Sensitivity { measure: reference.measure(), loss: base.loss, layers })
}

/// A layer rounded to a width, and its signal to noise.
type Tried = (Rounded, Option<f64>);

/// Rounds every layer to every width, and leaves it at 8 bits for those after it.
fn round_all(
    paired: &mut Paired,
    calib: &Dataset,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Vec<Vec<Tried>>, QuantizeError> {
    let mut all = Vec::new();
    let Paired { float, graph, layers } = paired;
    // Weights to the nearest need nothing of what is before them, but their figures do.
    if options.rounding == Rounding::Nearest {
        for layer in layers.iter() {
            insert::set_weights(graph, layer, &super::round::alone(layer, 8, &options.chosen))?;
        }
    }
    for (i, layer) in layers.iter().enumerate() {
        let stage = format!("round {} of {}", i + 1, layers.len());
        let seen = Seen::new(graph, float, layer, calib, progress, &stage)?;
        let tried = Sensitivity::WIDTHS.map(|bits| seen.round(layer, bits, options)).map(|o| (o.rounded, o.sqnr));
        insert::set_weights(graph, layer, &tried[0].0)?;
        all.push(tried.to_vec());
    }
    Ok(all)
}

/// What a graph with Q/DQ pairs is as a file.
#[derive(Clone, Copy)]
struct Measured {
    bytes: i64,
    arena: u32,
    loss: f64,
}

fn measure(graph: &Graph, reference: &mut Reference, calib: &Dataset) -> Result<Measured, QuantizeError> {
    let whole = lower(&integers(graph.clone(), true)?, &Extras::default())?;
    let loss = reference.loss(graph, calib)?;
    Ok(Measured { bytes: whole.file.len() as i64, arena: whole.arena, loss })
}
