//! What a monitor adds to the time of an inference.

use std::process::Command;

use anyhow::{Result, bail, ensure};

use super::models::Case;
use crate::shell;

/// What watching keyword spotting may add.
const MOST: f64 = 0.03;

/// Compiles the keyword spotter with a monitor and times it on one processor; fails if the monitor adds more than it may.
pub(super) fn run(cpu: usize) -> Result<()> {
    shell::run(shell::cargo().args(["build", "--release", "--package", "siskin-benches"]))?;
    let scratch = tempfile::tempdir()?;
    let artifact = scratch.path().join("kws.siskin");
    let mut compress = Command::new(shell::siskin()?);
    compress.args(["compress", "--quiet", "--json", "--monitor", "arl=100000", "--calib"]);
    compress.arg(shell::shared_dir()?.join("data/kws_calib.npz")).arg("-o").arg(&artifact);
    shell::output(compress.arg(Case::path("mlperf_tiny/kws_dscnn_float.onnx")?))?;
    let mut timed = Command::new("taskset");
    timed.args(["--cpu-list", &cpu.to_string()]).arg(shell::target_dir().join("release/siskin-peer"));
    let line = shell::output(timed.arg("watched").arg(&artifact))?;
    let parts: Vec<f64> = line.split_whitespace().map_while(|word| word.parse().ok()).collect();
    let &[median, low, high] = parts.as_slice() else { bail!("siskin-peer printed {line:?}") };
    let [of, from, to] = [median, low, high].map(|part| 100.0 * part);
    println!("kws-i8: watching adds {of:.2}% of the time of an inference (half of all pairs: {from:.2} to {to:.2}%)");
    ensure!(median <= MOST, "watching may add {:.0}%", 100.0 * MOST);
    Ok(())
}
