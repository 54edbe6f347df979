//! What `siskin sensitivity` and `siskin recipe` take.

use super::{ImportArgs, InputArgs};
use clap::{Args as ClapArgs, Subcommand, ValueHint};
use siskin_compiler::quantize::{Method, Rounding};
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub(crate) struct Sensitivity {
    /// The ONNX model, in float.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// Data that look like what the model will see: layers are rounded by them, and measured on them.
    #[arg(long, value_name = "DATA")]
    pub(crate) calib: String,
    /// How weights are rounded: descent or nearest.
    #[arg(long, default_value = "descent")]
    pub(crate) rounding: Rounding,
    /// How ranges of activations are chosen: minmax, percentile:99.99, mse or entropy.
    #[arg(long, default_value = "minmax")]
    pub(crate) method: Method,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Recipe {
    /// Write a recipe with every key, its default and what it does, for `compress --recipe`.
    Init(RecipeInit),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct RecipeInit {
    /// Where the recipe goes, a new file; printed if not given.
    #[arg(short, long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
}
