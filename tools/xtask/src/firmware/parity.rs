//! Every output byte of every model, equal to the native program's.

use core::time::Duration;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::boards::Board;
use super::models::Model;
use super::{Place, qemu};
use crate::shell;

const EXAMPLE: &str = "runtime/examples/native";

/// Inputs of each model.
pub(super) const RUNS: u32 = 20;

/// For the slowest: twenty runs of a large model on a core without an FPU, on a busy machine.
const LIMIT: Duration = Duration::from_secs(300);

/// What the native program computes: `model`, `inputs` and `expected` in a directory per model.
pub(super) struct Native {
    dir: PathBuf,
}

impl Native {
    pub(super) fn compute(place: &Place, models: &[&Model]) -> Result<Native> {
        let mut command = shell::cargo();
        command.args(["build", "--quiet", "--profile", super::PROFILE, "--target-dir"]).arg(shell::target_dir());
        shell::run(command.arg("--manifest-path").arg(Path::new(EXAMPLE).join("Cargo.toml")))?;
        let program = shell::target_dir().join(super::PROFILE).join("siskin-native");
        let native = Native { dir: place.dir("native")? };
        for model in models {
            let dir = native.dir.join(model.name);
            fs::create_dir_all(&dir)?;
            fs::copy(model.artifact(&place.models), dir.join("model"))?;
            shell::run(Command::new(&program).arg(dir.join("model")).arg(RUNS.to_string()).arg(&dir))?;
        }
        Ok(native)
    }

    /// Runs `program` on `board` in `dir`; the number of output bytes, all equal.
    pub(super) fn compare(&self, board: &Board, program: &Path, model: &Model, dir: &Path) -> Result<usize> {
        let native = self.dir.join(model.name);
        fs::create_dir_all(dir)?;
        for file in ["model", "inputs"] {
            fs::copy(native.join(file), dir.join(file))?;
        }
        let mut command = board.emulate(program)?;
        command.current_dir(dir);
        let name = format!("{} of {}", model.name, board.name);
        qemu::run(command, LIMIT).with_context(|| format!("comparing {name}"))?;
        let (is, should) = (fs::read(dir.join("outputs"))?, fs::read(native.join("expected"))?);
        let wrong = is.iter().zip(&should).filter(|(is, should)| is != should).count();
        ensure!(
            wrong == 0 && is.len() == should.len() && !is.is_empty(),
            "{name}: {wrong} of {} output bytes differ from native, {} came",
            should.len(),
            is.len()
        );
        // Inputs that all give the same answer compare little.
        let run = should.chunks(should.len() / RUNS as usize);
        let answers: HashSet<_> = run.collect();
        ensure!(answers.len() > 2, "{name}: {RUNS} inputs gave {} different outputs", answers.len());
        Ok(is.len())
    }
}
