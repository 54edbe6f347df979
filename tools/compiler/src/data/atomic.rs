//! Writes a file that appears whole or not at all.
//!
//! ```text
//! DIR/.siskin-PID-N.tmp  -- fill, sync -->  rename  -->  DIR/NAME
//! ```
//!
//! The temporary file is removed when filling fails, panics or is dropped, and the target keeps its
//! former contents. A symbolic link is followed, so that the file it names is replaced and the link
//! stays; a device or a pipe is written directly, since it cannot be replaced.
//!
//! What is absent: creating folders, and cleaning up after a killed process.

use core::sync::atomic::{AtomicU64, Ordering};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::DataError;

/// Writes what `fill` writes to `path`, replacing a file that is there.
///
/// # Errors
/// [`DataError::Write`] with the path, if its folder does not exist or cannot be written, if `path` is
/// a folder, or if `fill` fails; `path` then is as it was.
pub fn write(path: impl AsRef<Path>, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), DataError> {
    let path = path.as_ref();
    replace(path, fill).map_err(|reason| DataError::Write { path: path.to_owned(), reason })
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    let target = if is_link { fs::canonicalize(path)? } else { path.to_owned() };
    match fs::metadata(&target) {
        Ok(there) if there.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        Ok(there) if !there.is_file() => {
            let mut out = BufWriter::new(OpenOptions::new().write(true).open(&target)?);
            fill(&mut out)?;
            out.flush()
        }
        _ => {
            let mut temporary = Temporary::beside(&target)?;
            fill(&mut temporary.file)?;
            temporary.rename(&target)
        }
    }
}

/// A file that is removed unless it was renamed.
struct Temporary {
    path: PathBuf,
    file: BufWriter<File>,
    renamed: bool,
}

impl Temporary {
    fn beside(target: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let folder = match target.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!(".siskin-{}-{n}.tmp", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file: BufWriter::new(file), renamed: false }),
                // A killed process of the same id left it behind.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(folder_error(folder, &e)),
            }
        }
    }

    fn rename(mut self, target: &Path) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        if let Ok(there) = fs::metadata(target) {
            fs::set_permissions(&self.path, there.permissions())?;
        }
        fs::rename(&self.path, target)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.renamed {
            // Nobody is left to tell if this fails.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn folder_error(folder: &Path, e: &io::Error) -> io::Error {
    let what = match e.kind() {
        io::ErrorKind::NotFound if !folder.exists() => format!("the folder {} does not exist", folder.display()),
        io::ErrorKind::NotADirectory => format!("{} is not a folder", folder.display()),
        _ => format!("no file can be created in the folder {}: {e}", folder.display()),
    };
    io::Error::new(e.kind(), what)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn replaces_a_file_and_leaves_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old and longer").unwrap();
        write(&path, |w| w.write_all(b"new")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_failure_keeps_the_old_file_and_removes_the_temporary_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let error = write(&path, |w| {
            w.write_all(b"half")?;
            Err(io::Error::other("no more numbers"))
        })
        .unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}: no more numbers", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_panic_removes_the_temporary_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        let filling = std::panic::catch_unwind(|| write(&path, |_| panic!("while filling")));
        assert!(filling.is_err());
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_folder_that_is_missing_or_no_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        let error = write(missing.join("out"), |_| Ok(())).unwrap_err().to_string();
        assert!(error.ends_with(&format!("the folder {} does not exist", missing.display())), "{error}");

        fs::write(&missing, "a file now").unwrap();
        let error = write(missing.join("out"), |_| Ok(())).unwrap_err().to_string();
        assert!(error.ends_with(&format!("{} is not a folder", missing.display())), "{error}");

        let error = write(folder.path(), |_| Ok(())).unwrap_err().to_string();
        assert!(error.ends_with("it is a folder"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn links_stay_and_devices_are_written_directly() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs::write(&file, "old").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        write(&link, |w| w.write_all(b"new")).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"new");

        write("/dev/null", |w| w.write_all(b"gone")).unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
