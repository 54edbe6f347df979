//! What `siskin diff` takes.

use super::{ImportArgs, InputArgs};
use clap::{Args as ClapArgs, ValueHint};
use siskin_compiler::eval::Metric;
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Diff {
    /// The model that is there: .siskin or .onnx.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) before: PathBuf,
    /// The model that shall take its place.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) after: PathBuf,
    /// Data that both are run on; with labels, accuracy is compared too.
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,
    /// top1, mse or auc; by the labels if not given.
    #[arg(long)]
    pub(crate) metric: Option<Metric>,
    #[command(flatten)]
    pub(crate) gates: Gates,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// What must hold, or the command ends with exit code 3.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Gates (exit code 3 if one says no)")]
pub(crate) struct Gates {
    /// Points of accuracy (top1, auc) that may be lost, or percent that mse may grow by.
    #[arg(long, value_name = "POINTS", value_parser = finite)]
    pub(crate) max_drop: Option<f64>,
    /// Points of accuracy that any one class may lose; needs top1.
    #[arg(long, value_name = "POINTS", value_parser = finite)]
    pub(crate) max_class_drop: Option<f64>,
    /// Percent of samples of which both must say the same class.
    #[arg(long, value_name = "PERCENT", value_parser = finite)]
    pub(crate) min_agreement: Option<f64>,
    /// Bytes that the file may have.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_bytes: Option<u64>,
    /// Bytes of arena that it may take.
    #[arg(long, value_name = "BYTES")]
    pub(crate) max_arena: Option<u64>,
    /// How many times the other's time it may take on this machine.
    #[arg(long, value_name = "RATIO", value_parser = finite)]
    pub(crate) max_time: Option<f64>,
}

fn finite(text: &str) -> Result<f64, String> {
    let value: f64 = text.parse().map_err(|_| "not a number".to_string())?;
    if value.is_finite() && value >= 0.0 { Ok(value) } else { Err("give a number from 0 on".into()) }
}
