//! Programs that a Debian package brings.

use std::env;
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// Programs are missing and cannot be installed from here.
#[derive(Debug)]
pub(crate) struct Missing(String);

impl core::fmt::Display for Missing {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "programs are missing: `apt-get install {}` as root brings them", self.0)
    }
}

impl core::error::Error for Missing {}

/// Installs the packages of the programs that are not there, if we are root.
pub(crate) fn need(programs: &[(&str, &str)]) -> Result<()> {
    let absent = |(program, _): &&(&str, &str)| !on_path(program);
    let packages: Vec<_> = programs.iter().filter(absent).map(|(_, package)| *package).collect();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    let root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !on_path("apt-get") {
        return Err(Missing(list).into());
    }
    println!("installing the packages {list}");
    // Somebody else may hold the lock.
    let apt = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(["-qq", "-o", "DPkg::Lock::Timeout=300"]).args(words).env("DEBIAN_FRONTEND", "noninteractive");
        shell::run(&mut command)
    };
    apt(&["update"])?;
    apt(&[&["install", "--yes", "--no-install-recommends"], &*list.split(' ').collect::<Vec<_>>()].concat())
}

fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|dir| dir.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_told_by_its_package() {
        assert!(on_path("cargo") && !on_path("no-such-program"));
        assert!(Missing("gcc cmake".into()).to_string().contains("apt-get install gcc cmake"));
    }
}
