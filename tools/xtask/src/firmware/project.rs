//! The crate that `siskin firmware` writes: made, built as its reader would, proved, and run.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::boards::Board;
use super::models::Model;
use super::{LIMIT, Place, qemu};
use crate::elf::Image;
use crate::{bare, shell};

/// The first line that the program prints.
#[derive(Deserialize)]
struct Line {
    self_test: String,
    vectors: u64,
    model_bytes: u64,
    arena_bytes: u64,
}

/// Makes, builds and runs the crate of one model for one board.
pub(super) fn check(place: &Place, board: &Board, model: &Model) -> Result<()> {
    let folder = place.root.join("project");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let mut command = Command::new(shell::siskin()?);
    command.current_dir(shell::root());
    command.args(["--quiet", "firmware"]).arg(model.artifact(&place.models)).args(["--target", board.name]);
    command.arg("--siskin").arg(shell::root().join("runtime")).arg("--output").arg(&folder);
    shell::output(&mut command)?;
    // Cargo drops from it what the crate does not need, and takes the same versions as the examples.
    fs::copy(shell::root().join("runtime/examples/Cargo.lock"), folder.join("Cargo.lock"))?;
    let target_dir = place.root.join("project-target");
    let mut command = shell::cargo();
    command.current_dir(&folder).args(["build", "--quiet", "--release", "--target-dir"]).arg(&target_dir);
    shell::run(&mut command)?;

    let program = target_dir.join(board.target).join("release").join(format!("{}-firmware", model.name));
    let image = Image::parse(&fs::read(&program).with_context(|| format!("cargo left no {}", program.display()))?)?;
    if let Some(text) = bare::complaint(&image) {
        bail!("the crate of siskin firmware can panic or allocate:\n{text}");
    }
    let printed = qemu::run(board.emulate(&program)?, LIMIT).context("running the crate of siskin firmware")?;
    let mut lines = printed.lines();
    let line: Line = serde_json::from_str(lines.next().unwrap_or_default())
        .with_context(|| format!("the crate of siskin firmware printed {printed}"))?;
    ensure!(
        line.self_test == "passed"
            && line.vectors > 0
            && line.model_bytes == model.len(&place.models)?
            && image.memory >= line.arena_bytes
            && lines.count() == 3,
        "the crate of siskin firmware printed {printed}"
    );
    println!(
        "{:12} siskin firmware {}: a crate of {} bytes of code and {} of memory; its self-test passed",
        board.name, model.name, image.code, image.memory
    );
    Ok(())
}
