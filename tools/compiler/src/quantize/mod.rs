//! Post-training quantization to int8, by calibration.
//!
//! ```text
//! float graph -> [equalize] -> points -> ranges (calibration) -> Q/DQ pairs -> rounding, biases -> fuse_qdq -> integer graph
//! ```
//!
//! The pairs are ONNX's: a graph with Q/DQ pairs is a float graph that computes what the integer graph will, so
//! a model that came quantized joins the road at `fuse_qdq` with its own numbers. What no integer operator
//! computes stays float, with a pair at its border.
//!
//! Weights may have 4, 3 or 2 bits: the integers of a layer are then few, and [`passes::pack_weights`] stores them so.
//!
//! What is absent: training, and activations of other than 8 bits.

mod calibrate;
mod correct;
mod equalize;
mod insert;
pub mod observe;
mod points;
mod round;
mod sensitivity;
mod widths;

use crate::data::{Dataset, Place};
use crate::ir::{Graph, IrError, NodeId, Tensor, ValueId};
use crate::passes::{self, PassError};
use crate::progress::Progress;
use crate::walk::WalkError;
use observe::QuantParams;
use std::collections::BTreeMap;

pub(crate) use calibrate::Probe;
pub use observe::Method;
pub use points::{Point, find as points};
pub(crate) use points::{TABLED, moved_operands, moves, pointwise, reduction};
pub(crate) use round::Levels;
pub use round::Rounding;
pub use sensitivity::{Cause, Cost, LayerCosts, Loss, Sensitivity, sensitivity};
pub use widths::Widths;

/// How a float model becomes integers.
#[derive(Clone, Debug)]
pub struct Options {
    /// How ranges of activations are chosen.
    pub method: Method,
    /// Whether biases make up for what rounding the weights shifts.
    pub bias_correction: bool,
    /// How weights are rounded.
    pub rounding: Rounding,
    /// Bits of weights.
    pub widths: Widths,
    /// Whether channels between layers take scales that both sides quantize well.
    pub equalize: bool,
    /// Significant bits of the scales that accumulators are multiplied by, 24 at most.
    pub scale_bits: u8,
    /// What training chose already.
    pub chosen: Chosen,
}

/// Integers and ranges that are taken as they are.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Layers whose weights have their integers.
    pub weights: BTreeMap<NodeId, Integers>,
    /// What values are rounded with; all that share it with one of them follow.
    pub ranges: BTreeMap<ValueId, QuantParams>,
}

/// Weights as integers: `w = scale[channel] · q`.
#[derive(Clone, Debug, PartialEq)]
pub struct Integers {
    /// `i8`, of the shape of the weights.
    pub q: Tensor,
    /// One scale for each output channel.
    pub scales: Vec<f32>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            method: Method::MinMax,
            bias_correction: true,
            rounding: Rounding::Nearest,
            widths: Widths::default(),
            equalize: false,
            scale_bits: 24,
            chosen: Chosen::default(),
        }
    }
}

/// Why a model cannot be quantized.
#[derive(Debug, thiserror::Error)]
pub enum QuantizeError {
    /// The calibration data.
    #[error("calibration: {0}")]
    Walk(#[from] WalkError),
    /// The graph.
    #[error(transparent)]
    Graph(#[from] IrError),
    /// A pass.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// The float model could not be run on the calibration data.
    #[error("calibration: {0}")]
    Lower(#[from] crate::lower::LowerError),
    /// The runtime's refusal.
    #[error("calibration: {0}")]
    Runtime(#[from] siskin::Error),
    /// An activation is not finite.
    #[error(
        "calibration: {place}: sample {sample}: '{value}' is not finite in the float model: check the data's scale \
         (--mean, --std)"
    )]
    NotFinite {
        /// The file, and the array in it.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// The value in the model.
        value: String,
    },
    /// One sample has no range.
    #[error(
        "calibration: {0} has one sample, and ranges need at least two: give some hundred that look like what the model will see"
    )]
    OneSample(Place),
    /// The model's inputs never change.
    #[error(
        "calibration: {place}: every value of every sample is {value}, which tells nothing of what the model will see:          give data that look like it"
    )]
    Constant {
        /// The file, and the array in it.
        place: Place,
        /// What every value is.
        value: f32,
    },
    /// Bits are asked for a layer that is not there.
    #[error("no layer '{name}' has weights to quantize: its name is one of {}", layers.join(", "))]
    NoLayer {
        /// The name.
        name: String,
        /// The names that there are.
        layers: Vec<String>,
    },
    /// There is nothing to quantize.
    #[error("no operator of this model can be quantized: use --weights f32 or --weights f16")]
    Nothing,
}

/// Quantizes a float graph.
///
/// # Errors
/// [`QuantizeError`].
pub fn quantize(
    graph: &Graph,
    calib: &Dataset,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Graph, QuantizeError> {
    let Paired { float, mut graph, layers } = Paired::new(graph, calib, options, progress)?;
    match options.rounding {
        Rounding::Nearest => {
            let each = layers.iter().enumerate().map(|(i, layer)| {
                let bits = options.widths.of(&layer.name, i, layers.len());
                insert::set_weights(&mut graph, layer, &round::alone(layer, bits, &options.chosen))
            });
            let rounded = each.collect::<Result<Vec<_>, _>>()?;
            if options.bias_correction {
                correct::correct(&mut graph, &rounded, calib, progress)?;
            }
        }
        Rounding::Descent | Rounding::AdaRound => {
            round::in_order(&mut graph, &float, &layers, calib, options, progress)?
        }
    }
    let mut graph = integers(graph, options.widths.pack() || !options.chosen.weights.is_empty())?;
    passes::round_scales(&mut graph, options.scale_bits);
    Ok(graph)
}

/// A graph with Q/DQ pairs whose layers still have their weights, beside the float graph that it stands for.
struct Paired {
    float: Graph,
    graph: Graph,
    layers: Vec<crate::fit::Layer>,
}

impl Paired {
    fn new(
        graph: &Graph,
        calib: &Dataset,
        options: &Options,
        progress: &mut dyn Progress,
    ) -> Result<Paired, QuantizeError> {
        let mut float = graph.clone();
        passes::multiply_divisions(&mut float)?;
        let points = points::find(&float);
        if points.is_empty() {
            return Err(QuantizeError::Nothing);
        }
        if calib.len() < 2 {
            return Err(QuantizeError::OneSample(calib.place()));
        }
        // What training chose fits the weights as they were.
        if options.equalize && options.chosen.weights.is_empty() {
            equalize::equalize(&mut float, &options.widths, calib, progress)?;
        }
        let mut ranges = calibrate::ranges(&float, &points, calib, options.method, progress)?;
        for (point, range) in points.iter().zip(&mut ranges) {
            *range = point.values.iter().find_map(|v| options.chosen.ranges.get(v)).copied().unwrap_or(*range);
        }
        let mut graph = float.clone();
        let layers = insert::insert(&mut graph, &points, &ranges)?;
        let unknown = |name: &&String| !layers.iter().any(|layer| layer.name == **name);
        if let Some(name) = options.widths.layers.keys().find(unknown) {
            let layers = layers.iter().map(|layer| layer.name.clone()).collect();
            return Err(QuantizeError::NoLayer { name: name.clone(), layers });
        }
        Ok(Paired { float, graph, layers })
    }
}

/// The integer graph of one with Q/DQ pairs; weights of few values are stored in few bits if `pack` says so.
fn integers(mut graph: Graph, pack: bool) -> Result<Graph, QuantizeError> {
    graph.verify()?;
    passes::run(&mut graph, passes::INTEGER)?;
    if pack {
        passes::pack_weights(&mut graph, None)?;
        graph.verify()?;
    }
    Ok(graph)
}
