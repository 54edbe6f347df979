//! Compresses models, exports the artifacts, and asks onnxruntime for the same bytes.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{bench, shell};

/// Name, model, calibration data, data to compare on, what divides both, bits of weights.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

const CASES: [Case; 6] = [
    ("kws", "kws_dscnn_float", "kws_calib.npz", "kws_val.npz", "1", "8"),
    ("kws4", "kws_dscnn_float", "kws_calib.npz", "kws_val.npz", "1", "4"),
    ("ic", "ic_resnet8_float", "ic_val.npz", "cifar10_val.npz", "1", "8"),
    ("vww", "vww_mobilenetv1_025_96_float", "vww_calib.npz", "vww_val.npz", "255", "8"),
    ("sww", "sww_dsconv1d_float", "sww_calib.npz", "sww_calib.npz", "1", "8"),
    ("ad", "ad_autoencoder_float", "ad_x_f32.npy", "ad_x_f32.npy", "1", "8"),
];

/// Prints a line for each model; fails if a byte differs.
pub(crate) fn run() -> Result<()> {
    let (siskin, shared, python) = (shell::siskin()?, shell::shared_dir()?, bench::python()?);
    let scratch = tempfile::tempdir()?;
    let mut unequal = Vec::new();
    for (name, model, calib, data, std, bits) in CASES {
        let [artifact, exported] = ["siskin", "onnx"].map(|kind| scratch.path().join(format!("{name}.{kind}")));
        let mut compress = Command::new(&siskin);
        compress.args(["compress", "--quiet", "--json", "--calib"]).arg(shared.join("data").join(calib));
        compress.args(["--std", std, "--weight-bits", bits]);
        compress.arg("-o").arg(&artifact).arg(shared.join(format!("models/mlperf_tiny/{model}.onnx")));
        shell::output(&mut compress)?;
        shell::output(Command::new(&siskin).args(["export", "--json", "-o"]).arg(&exported).arg(&artifact))?;
        let mut check = Command::new(&python);
        check.arg(shell::root().join("tests/export/check.py")).arg(&siskin).args([&artifact, &exported]);
        check.arg(shared.join("data").join(data)).arg(std);
        if !check.status().context("Python cannot be started")?.success() {
            unequal.push(name);
        }
    }
    ensure!(unequal.is_empty(), "onnxruntime answers otherwise: {}", unequal.join(", "));
    Ok(())
}
