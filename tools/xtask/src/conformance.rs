//! Fetches the ONNX backend's node tests: a model, inputs and expected outputs for every operator.
//!
//! They ship inside the `onnx` wheel. Only `onnx/backend/test/data/node` is unpacked, to
//! `CACHE/conformance/onnx-1.16.2/`, beside its final place and then renamed: a directory that is there is
//! whole. pip is asked for the wheel, with whatever index it is configured for; the digest decides.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::shell;

const PACKAGE: &str = "onnx";
const VERSION: &str = "1.16.2";
/// Of the wheel for CPython 3.11 on manylinux2014_x86_64. The vectors do not depend on the platform,
/// so every host fetches this one.
const SHA256: &str = "7b98aa9733bd4b781eb931d33b4078ff2837e7d68062460726d6dd011f332bd4";
const NODE_TESTS: &str = "onnx/backend/test/data/node";

/// The context of an error that says that pip could not download, rather than that it served a wrong file.
#[derive(Debug)]
pub(crate) struct NotDownloaded;

impl core::fmt::Display for NotDownloaded {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "cannot download {PACKAGE} {VERSION}: it takes Python 3 with pip, and pip's index")
    }
}

/// Fetches what is missing; returns the directory with one sub-directory per test.
pub(crate) fn fetch() -> Result<PathBuf> {
    let parent = shell::cache_dir()?.join("conformance");
    let done = parent.join(format!("{PACKAGE}-{VERSION}"));
    if done.is_dir() {
        return Ok(done);
    }
    fs::create_dir_all(&parent).with_context(|| format!("cannot create {}", parent.display()))?;
    let beside = tempfile::tempdir_in(&parent)?;
    let wheel = download(beside.path())?;
    check_digest(&wheel, SHA256)?;
    let unpacked = beside.path().join("node");
    let count = unpack(&wheel, NODE_TESTS, &unpacked)?;
    ensure!(count > 0, "{} holds nothing under {NODE_TESTS}", wheel.display());
    publish(&unpacked, &done)?;
    eprintln!("unpacked {count} files of {PACKAGE} {VERSION}");
    Ok(done)
}

fn download(to: &Path) -> Result<PathBuf> {
    eprintln!("downloading {PACKAGE} {VERSION} with pip");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary=:all:", "--python-version=3.11", "--platform=manylinux2014_x86_64"]);
    pip.arg("--dest").arg(to).arg(format!("{PACKAGE}=={VERSION}"));
    // Standard output is for the directory: what pip says goes to standard error.
    eprint!("{}", shell::output(&mut pip).context(NotDownloaded)?);
    let entries = to.read_dir()?.collect::<std::io::Result<Vec<_>>>()?;
    let wheel = entries.iter().map(|e| e.path()).find(|p| p.extension().is_some_and(|e| e == "whl"));
    wheel.with_context(|| format!("pip left no wheel in {}", to.display()))
}

fn check_digest(file: &Path, expected: &str) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(
        digest == expected,
        "{} has the SHA-256 {digest}, not {expected}: pip's index served another file",
        file.display()
    );
    Ok(())
}

/// Unpacks the files under `folder` of an archive to `to`; returns how many.
fn unpack(archive: &Path, folder: &str, to: &Path) -> Result<usize> {
    let mut zip =
        ZipArchive::new(File::open(archive)?).with_context(|| format!("{} is no zip archive", archive.display()))?;
    let mut count = 0;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        // None is a name that would leave `to`.
        let Some(name) = entry.enclosed_name() else { continue };
        let Ok(inner) = name.strip_prefix(folder) else { continue };
        if entry.is_dir() {
            continue;
        }
        let path = to.join(inner);
        fs::create_dir_all(path.parent().unwrap_or(to))?;
        std::io::copy(&mut entry, &mut File::create(&path)?)
            .with_context(|| format!("cannot unpack to {}", path.display()))?;
        count += 1;
    }
    Ok(count)
}

/// Gives a whole directory its final name; another process that was first has published the same.
fn publish(unpacked: &Path, done: &Path) -> Result<()> {
    match fs::rename(unpacked, done) {
        Err(_) if done.is_dir() => Ok(()),
        renamed => renamed.with_context(|| format!("cannot create {}", done.display())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_the_folder_is_unpacked() {
        let dir = tempfile::tempdir().unwrap();
        let archive = dir.path().join("a.whl");
        let mut zip = zip::ZipWriter::new(File::create(&archive).unwrap());
        for name in ["a/node/test_abs/model.onnx", "a/node/x", "a/other/y", "../a/node/z"] {
            zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            zip.write_all(name.as_bytes()).unwrap();
        }
        zip.finish().unwrap();

        let to = dir.path().join("to");
        assert_eq!(unpack(&archive, "a/node", &to).unwrap(), 2);
        let model = fs::read(to.join("test_abs/model.onnx")).unwrap();
        assert_eq!(model, b"a/node/test_abs/model.onnx");
        assert!(!to.join("z").exists() && !dir.path().join("a").exists());
    }

    #[test]
    fn another_file_is_refused_by_its_digest() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("abc");
        fs::write(&file, "abc").unwrap();
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        check_digest(&file, abc).unwrap();
        assert!(check_digest(&file, SHA256).unwrap_err().to_string().contains(abc));
    }

    #[test]
    fn whoever_publishes_first_wins() {
        let dir = tempfile::tempdir().unwrap();
        let [first, second, done] = ["first", "second", "done"].map(|name| dir.path().join(name));
        for (from, text) in [(&first, "1"), (&second, "2")] {
            fs::create_dir(from).unwrap();
            fs::write(from.join("file"), text).unwrap();
            publish(from, &done).unwrap();
        }
        assert_eq!(fs::read_to_string(done.join("file")).unwrap(), "1");
        assert!(publish(&dir.path().join("missing"), &dir.path().join("nowhere")).is_err());
    }
}
