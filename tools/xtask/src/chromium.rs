//! A Chromium for tests in a real browser.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell;

/// Programs that will do, the first one found.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The browser: `$CHROMIUM`, one on the path, or Debian's, which is installed where we may.
pub(crate) fn need() -> Result<PathBuf> {
    if let Some(path) = env::var_os("CHROMIUM").map(PathBuf::from).or_else(find) {
        return Ok(path);
    }
    let root = shell::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if root && shell::succeeds(Command::new("apt-get").arg("--version")) {
        println!("installing Debian's chromium");
        shell::run(Command::new("apt-get").args(["-qq", "update"]))?;
        let mut install = Command::new("apt-get");
        install.args(["-qq", "install", "--yes", "--no-install-recommends", "chromium"]);
        shell::run(install.env("DEBIAN_FRONTEND", "noninteractive"))?;
    }
    let Some(path) = find() else {
        bail!("no Chromium: install it (Debian: apt-get install chromium) or name its program in CHROMIUM");
    };
    Ok(path)
}

fn find() -> Option<PathBuf> {
    let dirs: Vec<_> = env::split_paths(&env::var_os("PATH")?).collect();
    NAMES.iter().find_map(|name| dirs.iter().map(|dir| dir.join(name)).find(|path| path.is_file()))
}
