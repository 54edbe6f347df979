//! What is timed, each in a process of its own that runs a model as often as it is told and says how long that took.
//!
//! ```text
//! child:  ready NAME VERSION [MACS]          us: N           child: nanoseconds of N runs
//! ```

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail};

use super::models::Case;
use crate::shell;

/// The Python packages, pinned.
const PACKAGES: [&str; 3] = ["onnxruntime==1.32.0", "ai-edge-litert==2.3.0", "numpy==2.4.6"];

/// The programs of all peers, built and installed.
pub(super) struct Programs {
    siskin: PathBuf,
    rust: PathBuf,
    python: PathBuf,
}

impl Programs {
    /// Builds ours and those from crates.io, installs those from PyPI under `cache`.
    pub(super) fn new(cache: &Path) -> Result<Programs> {
        shell::run(shell::cargo().args(["build", "--release", "--package", "siskin-benches"]))?;
        // A directory of its own: what CI builds must not wait for tract at full optimisation.
        let target = cache.join("peers-target");
        let manifest = shell::root().join("benches/peers/Cargo.toml");
        let mut build = shell::cargo();
        build
            .args(["build", "--release", "--locked", "--manifest-path"])
            .arg(manifest)
            .arg("--target-dir")
            .arg(&target);
        shell::run(&mut build)?;
        let python = python(cache)?;
        let name = |dir: PathBuf, name: &str| dir.join("release").join(name);
        Ok(Programs {
            siskin: name(shell::target_dir(), "siskin-peer"),
            rust: name(target, "siskin-bench-peers"),
            python,
        })
    }

    /// The command of peer `name` for a case on so many threads; nothing if it cannot run it.
    pub(super) fn command(
        &self,
        name: &str,
        case: &Case,
        artifact: &Path,
        threads: usize,
    ) -> Result<Option<Vec<PathBuf>>> {
        let script = shell::root().join("benches/peers/peers.py");
        let mut words: Vec<PathBuf> = match name {
            "tract" if threads > 1 => return Ok(None),
            "siskin" => vec![self.siskin.clone(), "native".into(), artifact.into()],
            "generic" => vec![self.siskin.clone(), "generic".into(), artifact.into()],
            "peak" => vec![self.rust.clone(), "peak".into(), case.format.into()],
            "tract" | "rten" => vec![self.rust.clone(), name.into(), Case::path(case.onnx)?],
            "onnxruntime" => vec![self.python.clone(), script, name.into(), Case::path(case.onnx)?],
            "litert" => match case.tflite {
                Some(file) => vec![self.python.clone(), script, name.into(), Case::path(file)?],
                None => return Ok(None),
            },
            other => bail!("there is no peer {other}"),
        };
        words.push(threads.to_string().into());
        Ok(Some(words))
    }
}

/// An interpreter that has the Python packages, installed under `cache` if they are not there.
pub(super) fn python(cache: &Path) -> Result<PathBuf> {
    let venv = cache.join("venv");
    let python = venv.join("bin/python");
    let have = "import ai_edge_litert, numpy, onnxruntime";
    if !shell::succeeds(Command::new(&python).args(["-c", have])) {
        shell::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        shell::run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))?;
    }
    Ok(python)
}

/// A peer that waits for numbers.
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) version: String,
    /// Multiply-accumulates of a run, if it says.
    pub(super) macs: Option<u64>,
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts a peer on these processors and waits until it has run once.
    pub(super) fn start(name: &str, words: &[PathBuf], cpus: &str) -> Result<Peer> {
        let mut command = Command::new("taskset");
        command.args(["--cpu-list", cpus]).args(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("cannot start `taskset`")?;
        let input = child.stdin.take().context("a child without an input")?;
        let output = BufReader::new(child.stdout.take().context("a child without an output")?);
        let mut peer = Peer { name: name.into(), version: String::new(), macs: None, child, input, output };
        let line = peer.line()?;
        let mut words = line.split_whitespace().skip(2);
        peer.version = words.next().unwrap_or_default().into();
        peer.macs = words.next().and_then(|w| w.parse().ok());
        Ok(peer)
    }

    /// Nanoseconds that each of `n` runs took.
    pub(super) fn time(&mut self, n: u32) -> Result<f64> {
        writeln!(self.input, "{n}")?;
        self.input.flush()?;
        let line = self.line()?;
        let ns: f64 = line.trim().parse().with_context(|| format!("{} says {line:?}", self.name))?;
        Ok(ns / f64::from(n))
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            bail!("{} ended ({})", self.name, self.child.wait()?);
        }
        Ok(line)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It is done when its input ends; this only saves waiting. A failure means that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
