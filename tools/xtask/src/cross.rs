//! The tests of the kernels, and of explanations, where those kernels run: on AArch64 under QEMU, on WebAssembly in node.

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

/// The kernels' own tests, and one of whole explanations, whose bytes are the same on every target: the way from the
/// crate, where cargo runs tests, to the root, and what is run.
const SUITES: [(&str, &[&str]); 2] = [
    ("../..", &["-p", "siskin-kernels", "--lib", "--test", "int8", "--test", "float"]),
    ("..", &["-p", "siskin", "--test", "heat"]),
];

const NODE: &str = "node --no-warnings RELAXED ROOT/tools/xtask/src/wasi.mjs";

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
    SUITES.iter().try_for_each(|suite| shell::run(&mut command(target, relaxed, *suite)))
}

fn command(target: &Target, relaxed: &str, (root, suite): (&str, &[&str])) -> Command {
    let mut command = shell::cargo();
    command.args(["test", "--quiet"]).args(suite).args(["--target", target.name]);
    let name = target.name.to_uppercase().replace('-', "_");
    let mut set = |what: &str, value: &str| _ = command.env(format!("CARGO_TARGET_{name}_{what}"), value);
    set("RUNNER", &target.runner.replace("RELAXED", relaxed).replace("ROOT", root));
    target.linker.into_iter().for_each(|linker| set("LINKER", linker));
    if !target.features.is_empty() {
        // A directory for each: in a shared one, each would undo the other.
        command.arg("--target-dir").arg(shell::target_dir().join("cross").join(target.features));
        command.env("RUSTFLAGS", format!("-Ctarget-feature={}", target.features));
    }
    command
}
