//! The whole road: an ONNX file and calibration data in, an artifact out.

use crate::data::{DataError, Dataset, InputSpec};
use crate::import::{self, ImportError};
use crate::ir::{Graph, Node, Port};
use crate::lower::{Extras, LowerError, Lowered, lower};
use crate::passes::{self, PassError};
use crate::progress::Progress;
use crate::quantize::{self, QuantizeError, Sensitivity};
use crate::recipe;
use sha2::{Digest, Sha256};
use siskin::DType;
use siskin_format::{Card, InputRecipe, Preparation};
use std::path::Path;

/// How weights are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// Integers, activations too.
    I8,
    /// Half precision, computed in `f32`.
    F16,
    /// As they are.
    F32,
}

impl core::str::FromStr for Weights {
    type Err = String;

    fn from_str(s: &str) -> Result<Weights, String> {
        match s {
            "i8" => Ok(Weights::I8),
            "f16" => Ok(Weights::F16),
            "f32" => Ok(Weights::F32),
            _ => Err(format!("no weights '{s}': i8, f16 or f32")),
        }
    }
}

/// What a user decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// How weights are stored.
    pub weights: Weights,
    /// How integers are chosen.
    pub quantize: quantize::Options,
    /// Fixed shapes and inputs.
    pub import: import::Options,
    /// Inputs that become states: input name, and the output that it becomes.
    pub states: Vec<(String, String)>,
    /// Class names.
    pub labels: Vec<String>,
    /// How inputs are made, for the card.
    pub input: InputRecipe,
    /// The command, for the card; one of a model that came quantized says that it was taken as given.
    pub recipe: String,
    /// How the first input is made from what was measured, as the recipe says it.
    pub prepare: Option<recipe::Input>,
    /// The number of golden vectors.
    pub goldens: u32,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            weights: Weights::I8,
            quantize: quantize::Options::default(),
            import: import::Options::default(),
            states: Vec::new(),
            labels: Vec::new(),
            input: InputRecipe::default(),
            recipe: String::new(),
            prepare: None,
            goldens: 1,
        }
    }
}

/// Why a model cannot be compressed.
#[derive(Debug, thiserror::Error)]
pub enum CompressError {
    /// The source model.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A pass.
    #[error(transparent)]
    Pass(#[from] PassError),
    /// Quantization.
    #[error("{file}: {error}")]
    Quantize {
        /// The source model.
        file: String,
        /// What is wrong and the way out.
        error: QuantizeError,
    },
    /// The calibration data.
    #[error("calibration: {0}")]
    Data(#[from] DataError),
    /// Emission.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// int8 needs data.
    #[error("{0}: int8 needs calibration data: give --calib DATA, or choose --weights f32 or --weights f16")]
    NoCalibration(String),
    /// A state names no input or output, or their types differ.
    #[error("--state {0}={1}: {2}")]
    State(String, String, String),
    /// The recipe does not make the model's input.
    #[error("--recipe: {0}")]
    Recipe(String),
    /// Labels do not fit the output.
    #[error("{file}: {labels} class names for {outputs} outputs: give --labels a file with as many lines")]
    Labels {
        /// The source model.
        file: String,
        /// The number of names.
        labels: usize,
        /// The number of values of the first output.
        outputs: usize,
    },
}

/// A source model after import and simplification, ready for any number of artifacts.
#[derive(Clone, Debug)]
pub struct Source {
    graph: Graph,
    file: String,
    digest: [u8; 16],
}

impl Source {
    /// Imports a model and simplifies it.
    ///
    /// # Errors
    /// [`CompressError::Import`] or [`CompressError::Pass`].
    pub fn open(path: &Path, options: &Options) -> Result<Source, CompressError> {
        let mut graph = import::import(path, &options.import)?;
        for (read, write) in &options.states {
            add_state(&mut graph, read, write)?;
        }
        passes::run(&mut graph, passes::SIMPLIFY)?;
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| ImportError::Read { file: file.clone(), reason: e.to_string() })?;
        let mut source = Source { graph, file, digest: digest(&bytes) };
        if !source.is_quantized() {
            // Integers of weights alone are a way to store them: what they stand for is what the model computes with.
            passes::run(&mut source.graph, passes::WEIGHTS)?;
        }
        Ok(source)
    }

    /// The graph.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// The same source with other constants: what training made of [`Source::graph`].
    #[must_use]
    pub fn with_graph(self, graph: Graph) -> Source {
        Source { graph, ..self }
    }

    /// Whether the model came with its own integers: Q/DQ pairs on its activations.
    #[must_use]
    pub fn is_quantized(&self) -> bool {
        let mut nodes = self.graph.order().into_iter().map(|n| self.graph.node(n));
        let pair = |n: &Node| n.is::<siskin::op::QuantizeLinear>() || n.is::<siskin::op::DequantizeLinear>();
        let computed = |n: &Node| n.input(0).is_some_and(|x| self.graph.constant(x).is_none());
        nodes.any(|n| pair(n) && computed(n))
    }

    /// How data must look for each of the model's inputs.
    #[must_use]
    pub fn input_specs(&self) -> Vec<InputSpec> {
        self.graph.inputs.iter().map(|port| input_spec(&self.graph, port)).collect()
    }

    /// How the model's first input is made, if the recipe says so.
    ///
    /// # Errors
    /// [`CompressError::Recipe`] if it does not make such an input.
    pub fn preparation(&self, options: &Options) -> Result<Option<Preparation>, CompressError> {
        let input = self.graph.inputs.first().map_or(siskin::Shape::SCALAR, |p| self.graph.ty(p.value).shape);
        let prepare = options.prepare.as_ref();
        prepare.map(|p| p.preparation(&input)).transpose().map_err(CompressError::Recipe)
    }

    /// The artifact with float weights: the reference that a compressed one is compared with.
    ///
    /// # Errors
    /// [`CompressError`].
    pub fn float(&self) -> Result<Lowered, CompressError> {
        let mut graph = self.graph.clone();
        if self.is_quantized() {
            passes::run(&mut graph, passes::INTEGER)?;
        }
        Ok(lower(&graph, &Extras::default())?)
    }

    /// The first 16 bytes of the source file's SHA-256.
    pub(crate) fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// What each width of each layer's weights costs, measured on the data that layers are rounded by.
    ///
    /// # Errors
    /// [`CompressError::Quantize`].
    pub fn sensitivity(
        &self,
        options: &quantize::Options,
        calib: &Dataset,
        progress: &mut dyn Progress,
    ) -> Result<Sensitivity, CompressError> {
        quantize::sensitivity(&self.graph, calib, options, progress)
            .map_err(|error| CompressError::Quantize { file: self.file.clone(), error })
    }

    /// The artifact that the options ask for.
    ///
    /// # Errors
    /// [`CompressError`]; [`CompressError::NoCalibration`] if int8 is asked for without data.
    pub fn compress(
        &self,
        options: &Options,
        calib: Option<&Dataset>,
        progress: &mut dyn Progress,
    ) -> Result<Lowered, CompressError> {
        let mut graph = self.graph.clone();
        let mut calibration = None;
        if self.is_quantized() {
            passes::run(&mut graph, passes::INTEGER)?;
        } else {
            match options.weights {
                Weights::F32 => {}
                Weights::F16 => passes::half_weights(&mut graph).map_err(LowerError::Graph)?,
                Weights::I8 => {
                    let calib = calib.ok_or_else(|| CompressError::NoCalibration(self.file.clone()))?;
                    graph = quantize::quantize(&graph, calib, &options.quantize, progress)
                        .map_err(|error| CompressError::Quantize { file: self.file.clone(), error })?;
                    calibration = Some(inputs_digest(calib)?);
                }
            }
        }
        let outputs = graph.outputs.first().map_or(0, |p| graph.ty(p.value).shape.elements());
        if !options.labels.is_empty() && options.labels.len() != outputs {
            return Err(CompressError::Labels { file: self.file.clone(), labels: options.labels.len(), outputs });
        }
        let mut card = self.card(&graph, options);
        card.calibration = calibration.unwrap_or_default();
        let preparation = self.preparation(options)?;
        let extras = Extras { card: Some(card), preparation, ranges: Vec::new(), goldens: options.goldens };
        Ok(lower(&graph, &extras)?)
    }

    fn card(&self, graph: &Graph, options: &Options) -> Card {
        Card {
            name: self.graph.name.clone(),
            producer: concat!("siskin ", env!("CARGO_PKG_VERSION")).into(),
            source: self.digest,
            recipe: if self.is_quantized() { "as given".into() } else { options.recipe.clone() },
            labels: options.labels.clone(),
            input: options.input.clone(),
            macs: graph.order().iter().map(|&n| graph.macs(graph.node(n))).sum(),
            ..Card::default()
        }
    }
}

/// How data must look for an input.
fn input_spec(graph: &Graph, port: &Port) -> InputSpec {
    let ty = graph.ty(port.value);
    let mut spec = InputSpec::new(ty.shape.dims().iter().map(|&d| d as usize).collect::<Vec<_>>()).named(&port.name);
    spec.integers = port.quant.is_none() && !matches!(ty.dtype, DType::F32 | DType::F16 | DType::F64);
    spec
}

fn add_state(graph: &mut Graph, read: &str, write: &str) -> Result<(), CompressError> {
    let fail = |reason: String| CompressError::State(read.into(), write.into(), reason);
    let input = graph.inputs.iter().find(|p| p.name == read).map(|p| p.value);
    let input = input.ok_or_else(|| fail(format!("the model has no input '{read}'")))?;
    let at = graph.outputs.iter().position(|p| p.name == write);
    let at = at.ok_or_else(|| fail(format!("the model has no output '{write}'")))?;
    let output = graph.outputs[at].value;
    if graph.ty(input) != graph.ty(output) {
        return Err(fail(format!("{} becomes {}: the types must be the same", graph.ty(input), graph.ty(output))));
    }
    graph.outputs.remove(at);
    graph.add_state(input, output);
    Ok(())
}

/// The first 16 bytes of SHA-256 over every input of a set.
fn inputs_digest(data: &Dataset) -> Result<[u8; 16], DataError> {
    let mut hash = Sha256::new();
    for sample in data.iter() {
        for x in sample?.x {
            x.to_f32().iter().for_each(|v| hash.update(v.to_le_bytes()));
        }
    }
    let hash: [u8; 32] = hash.finalize().into();
    Ok(hash.first_chunk().copied().unwrap_or_default())
}

/// The first 16 bytes of SHA-256.
fn digest(bytes: &[u8]) -> [u8; 16] {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    hash.first_chunk().copied().unwrap_or_default()
}
