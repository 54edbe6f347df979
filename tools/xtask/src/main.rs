//! `cargo xtask …`: the one door for automation.
//!
//! One file per task; a task calls other programs and checks what they leave behind.
//! What is absent: anything a user of siskin needs, and any crate of this workspace, so that
//! the checks compile in seconds and still run when the crates they check do not.

mod arrows;
mod bare;
mod bench;
mod capi;
mod chromium;
mod ci;
mod conformance;
mod cross;
mod debian;
mod demo;
mod drift;
mod elf;
mod export;
mod firmware;
mod fuzz;
mod npm;
mod shell;
mod sources;
mod train;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's automation")]
enum Task {
    /// Every check, in the order CI runs them.
    Ci(ci::Args),
    /// Which crate may depend on which, and which source may say what.
    Arrows,
    /// Links every operator for bare targets; proves that no panic and no allocator is left.
    Bare,
    /// Times siskin and its peers in one run; writes the table, a record and a plot.
    Bench(bench::Args),
    /// The C library: header, static libraries, programs on this machine and in QEMU.
    Capi(capi::Args),
    /// The ONNX backend's test vectors.
    #[command(subcommand)]
    Conformance(Conformance),
    /// Serves the demo page on this machine.
    Demo(demo::Args),
    /// Simulates the monitor's false alarms and delays, beside those of other libraries' detectors.
    Drift(drift::Args),
    /// Exports artifacts and asks onnxruntime for the same bytes.
    Export,
    /// Builds firmware for every board and runs it in QEMU: costs against budgets.toml, outputs against native.
    Firmware(firmware::Args),
    /// Runs the fuzz targets on the nightly toolchain.
    Fuzz(fuzz::Args),
    /// Measures what labels are worth when the label queue chooses them, beside chance, on digits and spoken digits.
    LabelQueue,
    /// Measures weights of few bits with training, distillation, and the time of one training step.
    Train(train::Args),
    /// Builds and tests the npm package.
    Npm(npm::Args),
}

#[derive(Subcommand)]
enum Conformance {
    /// Fetches the vectors into the cache if they are missing; prints their directory.
    Fetch,
}

fn main() -> ExitCode {
    let Err(error) = run(Task::parse()) else { return ExitCode::SUCCESS };
    eprintln!("error: {error:#}");
    ExitCode::FAILURE
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Ci(args) => ci::run(&args),
        Task::Arrows => arrows::run(),
        Task::Train(args) => train::run(&args),
        Task::Bare => bare::run(),
        Task::Bench(args) => bench::run(&args),
        Task::Capi(args) => capi::run(&args),
        Task::Conformance(Conformance::Fetch) => {
            println!("{}", conformance::fetch()?.display());
            Ok(())
        }
        Task::Demo(args) => demo::run(&args),
        Task::Drift(args) => drift::run(&args),
        Task::Export => export::run(),
        Task::Firmware(args) => firmware::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::LabelQueue => shell::run(&mut shell::experiment("label_queue")?),
        Task::Npm(args) => npm::run(&args),
    }
}
