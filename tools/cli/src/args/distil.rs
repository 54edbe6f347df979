//! What `siskin distil` takes.

use super::{ImportArgs, InputArgs, pair};
use clap::{Args as ClapArgs, ValueHint};
use siskin_compiler::compress::Weights;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Distil {
    /// The large ONNX model, in float.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) teacher: PathBuf,
    /// The small ONNX model, in float, of the same input and outputs; its weights are the start unless --init is given.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) student: PathBuf,
    /// Data to train on; its labels, if it has any, count for --label-weight.
    #[arg(long, value_name = "DATA")]
    pub(crate) train: String,
    /// Where the artifact goes.
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Data to choose ranges from; those of --train unless given.
    #[arg(long, value_name = "DATA")]
    pub(crate) calib: Option<String>,
    /// Labelled data to measure the artifact on.
    #[arg(long, value_name = "DATA")]
    pub(crate) eval: Option<String>,
    /// Draw the student's weights anew (He) from this seed.
    #[arg(long, value_name = "SEED")]
    pub(crate) init: Option<u64>,
    /// How often each sample is seen.
    #[arg(long, default_value_t = 60)]
    pub(crate) epochs: usize,
    /// Samples of a step.
    #[arg(long, default_value_t = 32)]
    pub(crate) batch: usize,
    /// The greatest learning rate of AdamW.
    #[arg(long, default_value_t = 2e-3, value_parser = positive)]
    pub(crate) rate: f32,
    /// Decides the order of samples and their variations.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// What logits are divided by before they are compared.
    #[arg(long, default_value_t = 4.0, value_parser = positive)]
    pub(crate) temperature: f32,
    /// How much labels count beside the teacher, 0 to 1.
    #[arg(long, default_value_t = 0.1, value_parser = part)]
    pub(crate) label_weight: f32,
    /// Move samples along an axis of the input by up to so many elements: `--shift 1=2`; the batch is axis 0.
    #[arg(long, value_name = "AXIS=MOST", value_parser = shift)]
    pub(crate) shift: Vec<(usize, u32)>,
    /// Mirror half of the samples along an axis of the input.
    #[arg(long, value_name = "AXIS")]
    pub(crate) flip: Vec<usize>,
    /// Add normal noise of up to this standard deviation.
    #[arg(long, value_name = "SIGMA", value_parser = positive)]
    pub(crate) noise: Option<f32>,
    /// Scale each sample by up to this part more or less.
    #[arg(long, value_name = "PART", value_parser = part)]
    pub(crate) gain: Option<f32>,
    /// Mix up to this part of another sample into each.
    #[arg(long, value_name = "PART", default_value_t = 0.0, value_parser = part)]
    pub(crate) mixup: f32,
    /// Train with weights of so many bits, 8, 4, 3 or 2, which the artifact then has; the first and the last layer keep 8
    /// unless the recipe says otherwise.
    #[arg(long, value_parser = super::weight_bits)]
    pub(crate) weight_bits: Option<u8>,
    /// Significant bits of the scales of integer layers, 4 to 24; see `siskin compress --scale-bits`.
    #[arg(long, value_parser = super::scale_bits)]
    pub(crate) scale_bits: Option<u8>,
    /// Decisions in a file, as `siskin recipe init` writes it: the bits of layers, which training then knows of.
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) recipe: Option<PathBuf>,
    /// How weights are stored: i8, f16 or f32.
    #[arg(long, default_value = "i8")]
    pub(crate) weights: Weights,
    #[command(flatten)]
    pub(crate) input: InputArgs,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
}

pub(super) fn shift(s: &str) -> Result<(usize, u32), String> {
    let (axis, most) = pair(s)?;
    let number = |_| "AXIS=MOST expected, both whole numbers".to_string();
    Ok((axis.parse().map_err(number)?, most.parse().map_err(number)?))
}

/// A number from 0 to 1.
fn part(s: &str) -> Result<f32, String> {
    s.parse().ok().filter(|v| (0.0..=1.0).contains(v)).ok_or_else(|| "a number from 0 to 1 expected".into())
}

/// A number above 0.
pub(super) fn positive(s: &str) -> Result<f32, String> {
    s.parse().ok().filter(|v: &f32| *v > 0.0 && v.is_finite()).ok_or_else(|| "a number above 0 expected".into())
}
