//! What every task shares: the directories, and programs that are run or installed.
//!
//! An error names the command line, so that it can be repeated by hand.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The root of the checkout.
pub(crate) fn root() -> PathBuf {
    // `cargo run` sets it at run time; the value of compile time is the wrong one where two
    // checkouts share a target directory.
    let here =
        env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.ancestors().nth(2).map(Path::to_path_buf).unwrap_or(here)
}

/// Where downloads are kept: `$SISKIN_CACHE`, else `$XDG_CACHE_HOME/siskin`, else `~/.cache/siskin`.
pub(crate) fn cache_dir() -> Result<PathBuf> {
    cache_dir_from(|name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from))
}

fn cache_dir_from(var: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    var("SISKIN_CACHE")
        .or_else(|| Some(var("XDG_CACHE_HOME")?.join("siskin")))
        .or_else(|| Some(var("HOME")?.join(".cache/siskin")))
        .context("no place for a cache: set SISKIN_CACHE to a directory")
}

/// The real models and data: `$SISKIN_SHARED`, else `../shared` beside the checkout. Absolute, because tests
/// run in the directories of their crates.
pub(crate) fn shared_dir() -> Result<PathBuf> {
    let dir = env::var_os("SISKIN_SHARED").map_or_else(|| root().join("../shared"), PathBuf::from);
    Ok(std::path::absolute(dir)?)
}

/// The workspace's target directory: crates beside the workspace leave nothing in their own.
pub(crate) fn target_dir() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Whether nobody is watching, so that nothing may be left out.
pub(crate) fn in_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// The cargo that runs us, in the root of the checkout.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// The program `siskin`: `$SISKIN_BIN`, else built. With the features of the whole workspace, as the tests build it: third-party
/// crates are not built twice.
pub(crate) fn siskin() -> Result<PathBuf> {
    if let Some(path) = env::var_os("SISKIN_BIN") {
        return Ok(path.into());
    }
    run(cargo().args(["build", "--quiet", "--workspace", "--bin", "siskin"]))?;
    Ok(target_dir().join("debug/siskin"))
}

/// A program of `tests/src/bin`, built with the features of the whole workspace, as the tests are: third-party crates are not built
/// twice.
pub(crate) fn experiment(name: &str) -> Result<Command> {
    run(cargo().args(["build", "--quiet", "--workspace", "--bin", name]))?;
    let mut command = Command::new(target_dir().join("debug").join(name));
    command.current_dir(root());
    Ok(command)
}

/// Runs a command with its output on our terminal.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start `{}`", line(command)))?;
    ensure!(status.success(), "`{}` failed ({status})", line(command));
    Ok(())
}

/// Runs a command and returns its standard output; its errors go to our terminal.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let out = command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{}`", line(command)))?;
    ensure!(out.status.success(), "`{}` failed ({})", line(command), out.status);
    String::from_utf8(out.stdout).with_context(|| format!("`{}` printed no UTF-8", line(command)))
}

/// Installs a rustup component (`clippy`) into the active toolchain if its command is missing.
pub(crate) fn need_component(name: &str, command: &str) -> Result<()> {
    if succeeds(cargo().args([command, "--version"])) {
        return Ok(());
    }
    println!("installing the rustup component {name}");
    run(Command::new("rustup").args(["component", "add", name]))
}

/// Installs the standard library of each target that the active toolchain lacks.
pub(crate) fn need_targets(targets: &[&str]) -> Result<()> {
    let installed = output(Command::new("rustup").args(["target", "list", "--installed"]))
        .context("the bare targets need rustup")?;
    for target in targets {
        if !installed.lines().any(|line| line == *target) {
            println!("installing the target {target}");
            run(Command::new("rustup").args(["target", "add", target]))?;
        }
    }
    Ok(())
}

/// Whether a command starts and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Every file under the checkout with this extension or name, without build output and hidden directories.
pub(crate) fn files(wanted: fn(&Path) -> bool) -> Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![root()]);
    while let Some(dir) = open.pop() {
        for entry in dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))? {
            let (entry, path) = entry.map(|e| (e.file_type(), e.path()))?;
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if entry?.is_dir() {
                let skipped = name.starts_with('.') || matches!(&*name, "target" | "node_modules");
                open.extend((!skipped).then_some(path));
            } else if wanted(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A path as the repository writes it: from the root, with forward slashes.
pub(crate) fn in_repo(path: &Path) -> Result<String> {
    let root = root();
    let Ok(path) = path.strip_prefix(&root) else {
        bail!("{} is outside {}", path.display(), root.display());
    };
    Ok(path.to_string_lossy().replace('\\', "/"))
}

/// The command line as a person would type it, without the directory of the program.
fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = [program].into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_cache() {
        let all = [("SISKIN_CACHE", "/a"), ("XDG_CACHE_HOME", "/b"), ("HOME", "/c")];
        let from = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, v)| v.into());
            cache_dir_from(find)
        };
        assert_eq!(from(&all).unwrap(), Path::new("/a"));
        assert_eq!(from(&all[1..]).unwrap(), Path::new("/b/siskin"));
        assert_eq!(from(&all[2..]).unwrap(), Path::new("/c/.cache/siskin"));
        assert!(from(&[]).is_err());
    }

    #[test]
    fn a_failure_names_its_command_line() {
        let error = run(cargo().args(["no-such-command", "--now"]).stderr(Stdio::null()));
        let text = error.unwrap_err().to_string();
        assert!(text.starts_with("`cargo no-such-command --now` failed"), "{text}");
    }

    #[test]
    fn the_walk_finds_this_file_by_its_repository_path() {
        let found = files(|path| path.ends_with("xtask/src/shell.rs")).unwrap();
        let names: Vec<_> = found.iter().map(|path| in_repo(path).unwrap()).collect();
        assert_eq!(names, ["tools/xtask/src/shell.rs"]);
    }
}
