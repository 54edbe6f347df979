//! Measures the monitor's promise, its delays and its confidence, by simulation and on real data, and the delays of river's and
//! alibi-detect's detectors on both.
//!
//! The peers run in a Python environment of pinned versions in the cache.

use std::process::Command;

use anyhow::{Context, Result};
use clap::Parser;

use crate::shell;

/// The peers, as pip names them. alibi-detect's univariate detector needs numba.
const PEERS: [&str; 4] = ["river==0.22.0", "alibi-detect==0.12.0", "numba==0.59.1", "numpy==1.26.4"];

#[derive(Parser)]
pub(crate) struct Args {
    /// Simulated streams a figure.
    #[arg(long, default_value_t = 100)]
    runs: u32,
    /// Leaves the peers out, which take minutes.
    #[arg(long)]
    no_peers: bool,
}

/// Prints both tables; fails if a figure of ours misses what it must reach.
pub(crate) fn run(args: &Args) -> Result<()> {
    let runs = args.runs.to_string();
    let folder = shell::target_dir().join("drift");
    shell::run(shell::experiment("drift")?.arg(&runs).arg(&folder))?;
    if args.no_peers {
        return Ok(());
    }
    let python = environment()?;
    println!("\npeers, tuned to the same measured ARL");
    let mut peers = Command::new(python);
    peers.arg(shell::root().join("tests/drift/peers.py")).arg("24").arg(folder);
    shell::run(peers.current_dir(shell::root()))
}

/// The interpreter of an environment that has the peers.
fn environment() -> Result<std::path::PathBuf> {
    let folder = shell::cache_dir()?.join("drift-peers");
    let python = folder.join("bin/python");
    if !python.is_file() {
        let made = shell::run(Command::new("python3").args(["-m", "venv"]).arg(&folder));
        made.context("the peers are Python libraries: install Python 3 with venv, or give --no-peers")?;
    }
    shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PEERS))?;
    Ok(python)
}
