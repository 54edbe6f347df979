//! The tests of the kernels where those kernels run: on AArch64 under QEMU, on WebAssembly in node.

use std::process::Command;

use anyhow::Result;

use crate::{debian, shell};

/// A target whose programs something here can run.
struct Target {
    name: &'static str,
    /// What is on top of the target, for the compiler.
    features: &'static str,
    linker: Option<&'static str>,
    runner: &'static str,
}

const TARGETS: [Target; 3] = [
    Target {
        name: "aarch64-unknown-linux-gnu",
        features: "",
        linker: Some("aarch64-linux-gnu-gcc"),
        runner: "qemu-aarch64 -L /usr/aarch64-linux-gnu",
    },
    Target { name: "wasm32-wasip1", features: "+simd128", linker: None, runner: NODE },
    Target { name: "wasm32-wasip1", features: "+simd128,+relaxed-simd", linker: None, runner: NODE },
];

/// From the directory of the crate, where cargo runs tests.
const NODE: &str = "node --no-warnings RELAXED ../../tools/xtask/src/wasi.mjs";

/// What node before 22 wants for relaxed SIMD.
const RELAXED: &str = "--experimental-wasm-relaxed-simd";

/// Runs them on each target.
pub(crate) fn run() -> Result<()> {
    debian::need(&[
        ("qemu-aarch64", "qemu-user"),
        ("aarch64-linux-gnu-gcc", "gcc-aarch64-linux-gnu"),
        ("node", "nodejs"),
    ])?;
    let options = shell::output(Command::new("node").arg("--v8-options"))?;
    let relaxed = if options.contains(RELAXED) { RELAXED } else { "" };
    TARGETS.iter().try_for_each(|target| test(target, relaxed))
}

fn test(target: &Target, relaxed: &str) -> Result<()> {
    println!("{} {}", target.name, target.features);
    shell::need_targets(&[target.name])?;
    let mut command = shell::cargo();
    command.args([
        "test",
        "--quiet",
        "-p",
        "siskin-kernels",
        "--lib",
        "--test",
        "int8",
        "--test",
        "float",
        "--target",
        target.name,
    ]);
    let name = target.name.to_uppercase().replace('-', "_");
    let mut set = |what: &str, value: &str| _ = command.env(format!("CARGO_TARGET_{name}_{what}"), value);
    set("RUNNER", &target.runner.replace("RELAXED", relaxed));
    target.linker.into_iter().for_each(|linker| set("LINKER", linker));
    if !target.features.is_empty() {
        // A directory for each: in a shared one, each would undo the other.
        command.arg("--target-dir").arg(shell::target_dir().join("cross").join(target.features));
        command.env("RUSTFLAGS", format!("-Ctarget-feature={}", target.features));
    }
    shell::run(&mut command)
}
