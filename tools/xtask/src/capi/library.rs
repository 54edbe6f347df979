//! The static library for one target: built, listed, and linked whole by the toolchain's own linker.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use object::read::archive::ArchiveFile;
use object::{File, Object, ObjectSymbol};

use crate::elf::Image;
use crate::shell;

/// The profiles in which the library is built, for speed and for size: see the root `Cargo.toml`.
pub(super) const FAST: &str = "capi";
pub(super) const SMALL: &str = "capi-small";

/// What an operator's symbol begins with.
const OPERATOR: &str = "siskin_op_";

/// A static library.
pub(super) struct Library {
    pub(super) target: String,
    pub(super) path: PathBuf,
}

impl Library {
    pub(super) fn build(target: &str, profile: &str) -> Result<Library> {
        let mut command = shell::cargo();
        command.args(["build", "--quiet", "--package", "siskin-capi", "--lib", "--profile", profile]);
        shell::run(command.args(["--target", target]))?;
        let path = shell::target_dir().join(target).join(profile).join("libsiskin_capi.a");
        ensure!(path.exists(), "cargo left no {}", path.display());
        Ok(Library { target: target.to_string(), path })
    }

    /// The symbols of its operators, sorted.
    pub(super) fn operators(&self) -> Result<Vec<String>> {
        let bytes = fs::read(&self.path)?;
        let archive = ArchiveFile::parse(&*bytes).context("cargo's static library is no archive")?;
        let mut found = Vec::new();
        for member in archive.members() {
            let Ok(object) = File::parse(member?.data(&*bytes)?) else { continue };
            let names = object.symbols().filter(|symbol| symbol.is_definition() && symbol.is_global());
            let names = names.filter_map(|symbol| symbol.name().ok().map(str::to_string));
            found.extend(names.filter(|name| name.starts_with(OPERATOR)));
        }
        found.sort();
        ensure!(!found.is_empty(), "{} exports no operator", self.path.display());
        Ok(found)
    }

    /// Links every operator and these functions without any other code, so that all references must resolve.
    pub(super) fn link(&self, functions: &[String]) -> Result<Image> {
        let out = self.path.with_extension("elf");
        let mut command = Command::new(linker()?);
        command.args(["-flavor", "gnu", "--gc-sections", "--entry", "siskin_run", "--undefined=siskin_all_ops"]);
        command.args(functions.iter().map(|name| format!("--undefined={name}")));
        shell::run(command.arg(&self.path).arg("-o").arg(&out))?;
        let bytes = fs::read(&out)?;
        let image = File::parse(&*bytes).context("the linked library is no ELF file")?;
        let defined = |name: &String| {
            image.symbols().any(|symbol| symbol.is_definition() && symbol.name().is_ok_and(|found| found == name))
        };
        ensure!(functions.iter().all(defined), "{}: the linker dropped a function", self.target);
        Image::parse(&bytes)
    }
}

/// The host's target triple.
pub(super) fn host() -> Result<String> {
    let version = shell::output(Command::new("rustc").arg("-vV").current_dir(shell::root()))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc names no host")?.to_string())
}

/// The linker that comes with the toolchain.
fn linker() -> Result<PathBuf> {
    let sysroot = shell::output(Command::new("rustc").args(["--print", "sysroot"]).current_dir(shell::root()))?;
    Ok([sysroot.trim(), "lib/rustlib", &host()?, "bin/rust-lld"].iter().collect())
}
