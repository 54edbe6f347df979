//! The models: what is compressed for the device, and what its outputs are compared on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::shell;

/// A model with what `siskin compress` needs. Paths are relative to the shared directory, or to the checkout for
/// those that it holds.
pub(super) struct Model {
    pub(super) name: &'static str,
    onnx: &'static str,
    /// Arguments after the model. Data is named to fix ranges only: accuracy is judged elsewhere.
    calib: &'static str,
    more: &'static [&'static str],
    /// Whether it has a budget; the others only compare outputs.
    pub(super) budget: bool,
}

const fn ours(name: &'static str, onnx: &'static str, calib: &'static str, more: &'static [&'static str]) -> Model {
    Model { name, onnx, calib, more, budget: true }
}

const fn given(name: &'static str, onnx: &'static str) -> Model {
    Model { name, onnx, calib: "", more: &[], budget: false }
}

/// With a monitor, whose report is compared too.
const fn watched(name: &'static str, onnx: &'static str, calib: &'static str) -> Model {
    Model { name, onnx, calib, more: &["--monitor", "arl=10000"], budget: false }
}

/// What [`watched`] models add to a name.
pub(super) const WATCHED: &str = "_watched";

pub(super) const MODELS: &[Model] = &[
    ours("ad", "models/mlperf_tiny/ad_autoencoder_float.onnx", "data/ad_x_f32.npy", &[]),
    ours("digits", "models/digits/digits.onnx", "models/digits/calib.npz", &[]),
    ours("ic", "models/mlperf_tiny/ic_resnet8_float.onnx", "data/ic_val.npz", &[]),
    ours("kws", "models/mlperf_tiny/kws_dscnn_float.onnx", "data/kws_calib.npz", &[]),
    ours("sww", "models/mlperf_tiny/sww_dsconv1d_float.onnx", "data/sww_calib.npz", &[]),
    ours("vww", "models/mlperf_tiny/vww_mobilenetv1_025_96_float.onnx", "data/vww_calib.npz", &["--std", "255"]),
    given("ad_qdq", "models/mlperf_tiny/ad_autoencoder_int8_qdq.onnx"),
    given("ic_qdq", "models/mlperf_tiny/ic_resnet8_int8_qdq.onnx"),
    given("kws_qdq", "models/mlperf_tiny/kws_dscnn_int8_qdq.onnx"),
    given("sww_qdq", "models/mlperf_tiny/sww_dsconv1d_int8_qdq.onnx"),
    given("vww_qdq", "models/mlperf_tiny/vww_mobilenetv1_025_96_int8_qdq.onnx"),
    watched("digits_watched", "models/digits/digits.onnx", "models/digits/calib.npz"),
    watched("kws_watched", "models/mlperf_tiny/kws_dscnn_float.onnx", "data/kws_calib.npz"),
];

impl Model {
    /// Whether `name` asks for it: its own, or that of the model that it is another form of.
    pub(super) fn is(&self, name: &str) -> bool {
        let plain = self.name.strip_suffix("_qdq").or(self.name.strip_suffix(WATCHED)).unwrap_or(self.name);
        plain == name || self.name == name
    }

    pub(super) fn artifact(&self, dir: &Path) -> PathBuf {
        dir.join(self.name).with_extension("siskin")
    }

    /// Writes the artifact into `dir`.
    pub(super) fn compress(&self, dir: &Path) -> Result<()> {
        let mut command = Command::new(shell::siskin()?);
        command.current_dir(shell::root());
        command.args(["--quiet", "compress"]).arg(find(self.onnx)?).args(self.more);
        if !self.calib.is_empty() {
            command.arg("--calib").arg(find(self.calib)?);
        }
        shell::output(command.arg("--output").arg(self.artifact(dir))).map(drop)
    }

    /// Bytes of the artifact.
    pub(super) fn len(&self, dir: &Path) -> Result<u64> {
        let file = self.artifact(dir);
        Ok(fs::metadata(&file).with_context(|| format!("there is no {}", file.display()))?.len())
    }
}

fn find(path: &str) -> Result<PathBuf> {
    let here = shell::root().join(path);
    let file = if here.exists() { here } else { shell::shared_dir()?.join(path) };
    ensure!(file.exists(), "{} is missing; name the place of the real models in SISKIN_SHARED", file.display());
    Ok(file)
}
