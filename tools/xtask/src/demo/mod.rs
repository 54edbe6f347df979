//! The demo page `wasm/demo`: builds what it lacks and serves it on this machine alone.
//!
//! ```text
//! /                wasm/demo, as it is
//! /siskin/         the npm package's dist
//! /digits.siskin   models/digits, compressed by the command line as wasm/demo/digits.toml says, with a monitor
//! /digits.npz      digits that neither the model nor the monitor has seen, to play
//! ```
//!
//! What is absent: publishing. The page is static and asks for these paths relative to its own.

mod server;

use std::env;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result};
use clap::Parser;

use crate::{npm, shell};
use server::Site;

#[derive(Parser)]
pub(crate) struct Args {
    /// Where the page is served; 0 takes any free port.
    #[arg(long, default_value_t = 8017)]
    port: u16,
}

const PAGE: &str = "wasm/demo";
const RECIPE: &str = "wasm/demo/digits.toml";
const DIGITS: &str = "models/digits";
const MONITOR: &str = "arl=10000,coverage=0.99,abstain=0.8";

/// Builds and serves until it is interrupted.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = shell::root();
    let played = root.join(DIGITS).join("test.npz");
    let own = [("/digits.siskin", model()?), ("/digits.npz", played), ("/siskin/", package()?)];
    let site = Site::new(&[&own[..], &[("/", root.join(PAGE))]].concat())?;
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .with_context(|| format!("port {} is taken: choose another with --port", args.port))?;
    println!("http://{}/ (Ctrl-C ends it)", listener.local_addr()?);
    site.serve(&listener)
}

/// The package's dist, built if there is none or a source is newer.
fn package() -> Result<PathBuf> {
    let root = shell::root();
    let dist = root.join("wasm/npm/dist");
    let sources = ["wasm/src", "wasm/npm/src", "runtime/src", "runtime/format/src", "runtime/kernels/src"];
    // What a build writes last.
    if older(&dist.join("worker-thread.js"), &sources.map(|dir| root.join(dir)))? {
        npm::build()?;
    }
    Ok(dist)
}

/// The model, compressed if there is none or what it is made of is newer, these options among it.
fn model() -> Result<PathBuf> {
    let (root, to) = (shell::root(), shell::target_dir().join("demo/digits.siskin"));
    if older(&to, &[root.join(DIGITS), root.join(RECIPE), env::current_exe()?])? {
        fs::create_dir_all(to.parent().unwrap_or(&to))?;
        println!("compressing {DIGITS}; the compiler takes minutes to build, once");
        let digits = root.join(DIGITS);
        let mut compress = Command::new(shell::siskin()?);
        // What a model was trained on it knows too well to be the reference.
        compress.arg("compress").arg(digits.join("digits.onnx")).arg("--calib").arg(digits.join("val.npz"));
        compress.args(["--monitor", MONITOR]);
        compress.arg("--labels").arg(digits.join("labels.txt")).arg("--recipe").arg(root.join(RECIPE));
        // The example's data are inputs already.
        compress.args(["--mean", "0", "--std", "1"]);
        shell::run(compress.arg("--quiet").arg("-o").arg(&to))?;
    }
    Ok(to)
}

/// Whether a file is not there or older than something in these places.
fn older(file: &Path, than: &[PathBuf]) -> Result<bool> {
    let Ok(made) = file.metadata().and_then(|meta| meta.modified()) else { return Ok(true) };
    let newest = than.iter().map(|place| newest(place)).collect::<Result<Vec<_>>>()?;
    Ok(newest.iter().any(|time| *time > made))
}

/// When the newest file under a directory, or the file, was written; of what builds generate, nothing counts.
fn newest(place: &Path) -> Result<SystemTime> {
    let meta = place.metadata().with_context(|| format!("cannot read {}", place.display()))?;
    let mut time = if meta.is_dir() { SystemTime::UNIX_EPOCH } else { meta.modified()? };
    if meta.is_dir() && !place.ends_with("generated") {
        for entry in place.read_dir()? {
            time = time.max(newest(&entry?.path())?);
        }
    }
    Ok(time)
}
