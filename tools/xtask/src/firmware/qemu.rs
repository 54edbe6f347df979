//! QEMU: found, or unpacked into the cache; and one run of it, which ends in time.
//!
//! Where no QEMU is on the path, Debian's packages and the libraries that the system lacks are fetched by `apt-get
//! download` and unpacked beside the other downloads. That needs no root and changes nothing of the system, which may
//! hold packages that conflict with QEMU's.

use core::time::Duration;
use std::collections::HashSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::{self, sleep};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Emulator {
    Arm,
    RiscV,
}

impl Emulator {
    fn program(self) -> &'static str {
        match self {
            Emulator::Arm => "qemu-system-arm",
            Emulator::RiscV => "qemu-system-riscv32",
        }
    }

    /// Debian's package.
    fn package(self) -> &'static str {
        match self {
            Emulator::Arm => "qemu-system-arm",
            Emulator::RiscV => "qemu-system-misc",
        }
    }

    /// Where it is unpacked.
    fn root(self) -> Result<PathBuf> {
        Ok(shell::cache_dir()?.join(self.package()))
    }

    /// Unpacks it unless it is there.
    pub(super) fn install(self) -> Result<()> {
        if on_path(self.program()) || self.root()?.is_dir() {
            return Ok(());
        }
        let (program, package) = (self.program(), self.package());
        let lacking = format!("{program} is missing: install it (Debian's package is {package})");
        ensure!(on_path("apt-get") && on_path("dpkg-deb"), lacking);
        println!("unpacking {package} into the cache");
        self.unpack().context(lacking)
    }

    /// The emulator, ready for arguments, after [`Emulator::install`].
    pub(super) fn command(self) -> Result<Command> {
        if on_path(self.program()) {
            return Ok(Command::new(self.program()));
        }
        let root = self.root()?;
        let mut command = Command::new(root.join("usr/bin").join(self.program()));
        command.env("LD_LIBRARY_PATH", library_dirs(&root)?.join(":")).arg("-L").arg(root.join("usr/share/qemu"));
        Ok(command)
    }

    /// Fetches and unpacks into a directory of its own, which becomes the cache's when it is whole.
    fn unpack(self) -> Result<()> {
        // Without root the lists that are there must do.
        if !shell::succeeds(Command::new("apt-get").arg("update")) {
            println!("apt-get update failed: using the package lists that are there");
        }
        let cache = shell::cache_dir()?;
        fs::create_dir_all(&cache)?;
        let work = tempfile::tempdir_in(&cache)?;
        let (archives, root) = (work.path().join("archives"), work.path().join("root"));
        fs::create_dir_all(&archives)?;
        let packages = missing_packages(self.package())?;
        shell::output(Command::new("apt-get").arg("download").args(packages).current_dir(&archives))?;
        for archive in archives.read_dir()? {
            shell::run(Command::new("dpkg-deb").arg("--extract").arg(archive?.path()).arg(&root))?;
        }
        ensure!(root.join("usr/bin").join(self.program()).is_file(), "{} lacks the program", self.package());
        fs::rename(&root, self.root()?).context("cannot keep what was unpacked")
    }
}

fn on_path(program: &str) -> bool {
    shell::succeeds(Command::new(program).arg("--version"))
}

/// The package, and what it needs that is not installed.
fn missing_packages(package: &str) -> Result<Vec<String>> {
    let mut ask = Command::new("apt-cache");
    ask.args(["depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks"]);
    let needed = shell::output(ask.args(["--no-replaces", "--no-enhances", package]))?;
    let mut ask = Command::new("dpkg-query");
    let installed = shell::output(ask.args(["--show", "--showformat", "${db:Status-Abbrev}${Package}\n"]))?;
    let installed: HashSet<_> = installed.lines().filter_map(|line| Some(line.strip_prefix("ii")?.trim())).collect();
    // Names stand at the beginning of a line; virtual packages in angle brackets.
    let names = needed.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphanumeric()));
    let lacking = |name: &&str| *name == package || !installed.contains(name);
    Ok(names.filter(lacking).map(str::to_string).collect())
}

/// Every directory under `root` that holds shared libraries.
fn library_dirs(root: &Path) -> Result<Vec<String>> {
    let mut dirs = Vec::new();
    for parent in ["lib", "usr/lib"].map(|dir| root.join(dir)).into_iter().filter(|dir| dir.is_dir()) {
        dirs.extend(parent.read_dir()?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()));
    }
    Ok(dirs.iter().map(|dir| dir.display().to_string()).collect())
}

/// Runs to the end, or to the limit; what the program printed.
pub(super) fn run(mut command: Command, limit: Duration) -> Result<String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let (mut out, mut err) = (child.stdout.take().context("no stdout")?, child.stderr.take().context("no stderr")?);
    let read = thread::spawn(move || {
        let mut text = String::new();
        out.read_to_string(&mut text).map(|_| text)
    });
    let complain = thread::spawn(move || {
        let mut text = String::new();
        err.read_to_string(&mut text).map(|_| text)
    });
    let started = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            break None;
        }
        sleep(Duration::from_millis(10));
    };
    let text = |thread: thread::JoinHandle<std::io::Result<String>>| thread.join().ok()?.ok();
    let (out, err) = (text(read).unwrap_or_default(), text(complain).unwrap_or_default());
    let said = [out.trim(), err.trim()].join(" ");
    match status {
        Some(status) if status.success() => Ok(out),
        Some(status) => bail!("it ended with {status}{}: {said}", meaning(status.code())),
        None => bail!("it did not end within {} s: {said}", limit.as_secs()),
    }
}

/// The exit codes of the examples' firmware.
fn meaning(code: Option<i32>) -> &'static str {
    match code {
        Some(1) => " (a model refused or a self-test failed)",
        Some(2) => " (a panic)",
        Some(3) => " (a fault)",
        _ => "",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_run_that_does_not_end_is_ended() {
        let error = run(sh("echo begun; exec sleep 60"), Duration::from_millis(200)).unwrap_err().to_string();
        assert!(error.contains("did not end") && error.contains("begun"), "{error}");
    }

    #[test]
    fn a_fault_is_told_from_a_result() {
        assert_eq!(run(sh("echo out"), Duration::from_secs(9)).unwrap(), "out\n");
        let error = run(sh("echo lost >&2; exit 3"), Duration::from_secs(9)).unwrap_err().to_string();
        assert!(error.contains("(a fault)") && error.contains("lost"), "{error}");
    }
}
