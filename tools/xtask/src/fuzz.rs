//! Runs the cargo-fuzz targets of `runtime/fuzz` on the nightly toolchain.
//!
//! Both tools are installed if they are missing. Inputs that were found earlier stay in the fuzz crate's
//! `corpus/TARGET`. The seeds are the artifacts of ONNX's node tests, so that a fuzzer meets every operator; they are
//! compiled once, into `seeds`.

use std::process::Command;

use anyhow::{Result, ensure};
use clap::{Parser, ValueEnum};

use crate::shell;

const CARGO_FUZZ: &str = "0.13.2";
const DIR: &str = "runtime/fuzz";

#[derive(Parser)]
pub(crate) struct Args {
    /// One target; without it, each in turn.
    target: Option<Target>,
    /// How long each target runs, in minutes.
    // libFuzzer takes 0 for no limit.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// Any bytes are parsed or refused.
    Parse,
    /// Whatever is parsed runs.
    Run,
    /// A monitor's section, saved state and report are served or refused.
    Monitor,
    /// A packed artifact is unpacked or refused.
    Unpack,
}

/// Fuzzes; the first crash is an error.
pub(crate) fn run(args: &Args) -> Result<()> {
    ensure!(shell::root().join(DIR).join("Cargo.toml").exists(), "{DIR} holds no fuzz crate");
    install()?;
    make_seeds()?;
    let all = Target::value_variants();
    for target in args.target.as_ref().map_or(all, core::slice::from_ref) {
        fuzz(*target, args.minutes)?;
    }
    Ok(())
}

fn install() -> Result<()> {
    if !shell::succeeds(&mut nightly(&["cargo", "--version"])) {
        println!("installing the nightly toolchain");
        let install = ["toolchain", "install", "nightly", "--profile", "minimal"];
        shell::run(Command::new("rustup").args(install))?;
    }
    if !shell::succeeds(&mut nightly(&["cargo", "fuzz", "--version"])) {
        println!("installing cargo-fuzz {CARGO_FUZZ}");
        shell::run(shell::cargo().args(["install", "--locked", "cargo-fuzz", "--version", CARGO_FUZZ]))?;
    }
    Ok(())
}

/// Compiles the node tests into `seeds`, unless they are there.
fn make_seeds() -> Result<()> {
    let seeds = shell::root().join(DIR).join("seeds");
    if seeds.is_dir() {
        return Ok(());
    }
    println!("compiling the seeds");
    let test = ["test", "--workspace", "--test", "conformance"];
    shell::run(shell::cargo().args(test).env("SISKIN_SEEDS", seeds))
}

fn fuzz(target: Target, minutes: u32) -> Result<()> {
    let name = match target {
        Target::Parse => "parse",
        Target::Run => "run",
        Target::Monitor => "monitor",
        Target::Unpack => "unpack",
    };
    let dir = shell::root().join(DIR);
    let (corpus, seeds) = (dir.join("corpus").join(name), dir.join("seeds"));
    std::fs::create_dir_all(&corpus)?;
    let mut command = nightly(&["cargo", "fuzz", "run", "--fuzz-dir", DIR]);
    command.arg("--target-dir").arg(shell::target_dir()).arg(name).arg(corpus).args(seeds.is_dir().then_some(seeds));
    shell::run(command.arg("--").arg(format!("-max_total_time={}", 60 * u64::from(minutes))))
}

/// A command of the nightly toolchain, whichever toolchain runs us.
fn nightly(words: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.current_dir(shell::root()).args(["run", "nightly"]).args(words);
    command
}
