//! Writes a file that appears whole or not at all.
//!
//! ```text
//! DIR/.siskin-PID-N.tmp  -- fill, sync -->  rename  -->  DIR/NAME
//! ```
//!
//! The temporary file is removed when filling fails, panics or is dropped, and when the process is told to end
//! ([`super::temporary`]); the target then keeps its former contents. A file that may not be written is not replaced, though
//! its folder would allow it. A symbolic link is followed, so that the file it names is replaced and the link stays; a device
//! or a pipe is written directly, since it cannot be replaced.
//!
//! What is absent: creating folders.

use std::borrow::Cow;
use std::fs::{self, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::DataError;
use super::temporary::Temporary;

/// Writes what `fill` writes to `path`, replacing a file that is there.
///
/// # Errors
/// [`DataError::Write`] with the path, if its folder does not exist or cannot be written, if `path` is
/// a folder or may not be written, or if `fill` fails; `path` then is as it was.
pub fn write(path: impl AsRef<Path>, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), DataError> {
    let path = path.as_ref();
    replace(path, fill).map_err(|reason| DataError::Write { path: path.to_owned(), reason })
}

/// Whether [`write()`] could begin now: what takes minutes to compute should not be refused only then.
///
/// # Errors
/// As [`write()`].
pub fn check(path: impl AsRef<Path>) -> Result<(), DataError> {
    let path = path.as_ref();
    // Opening a pipe and closing it would end its reader.
    if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Ok(());
    }
    begin(path).map(drop).map_err(|reason| DataError::Write { path: path.to_owned(), reason })
}

fn replace(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let (target, temporary, file) = match begin(path)? {
        Begun::Beside { target, temporary, file } => (target, temporary, file),
        Begun::Direct(file) => {
            let mut out = BufWriter::new(file);
            fill(&mut out)?;
            return out.flush();
        }
    };
    let mut out = BufWriter::new(file);
    fill(&mut out)?;
    out.flush()?;
    out.get_ref().sync_all()?;
    if let Ok(there) = fs::metadata(&target) {
        fs::set_permissions(temporary.path(), there.permissions())?;
    }
    temporary.keep(&target)
}

/// A write that found its place.
enum Begun<'a> {
    /// To a file that will be renamed to the target.
    Beside { target: Cow<'a, Path>, temporary: Temporary, file: fs::File },
    /// To a device or a pipe.
    Direct(fs::File),
}

fn begin(path: &Path) -> io::Result<Begun<'_>> {
    let is_link = fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    let target = if is_link { Cow::Owned(fs::canonicalize(path)?) } else { Cow::Borrowed(path) };
    if let Ok(there) = fs::metadata(&target) {
        if there.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        // Whom permissions do not bind, such as root, still set this one to be heeded.
        if there.permissions().readonly() {
            let reason = "it is read-only: name another file, or allow it to be written";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let file = OpenOptions::new().write(true).open(&target)?;
        if !there.is_file() {
            return Ok(Begun::Direct(file));
        }
    }
    let folder = match target.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let (temporary, file) = Temporary::file(folder).map_err(|e| folder_error(folder, &e))?;
    Ok(Begun::Beside { target, temporary, file })
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

    #[test]
    fn a_read_only_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        fs::write(&path, "old").unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        for error in [check(&path).unwrap_err(), write(&path, |w| w.write_all(b"new")).unwrap_err()] {
            assert!(error.to_string().contains("it is read-only"), "{error}");
        }
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["out"]);
    }

    #[test]
    fn a_check_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path().join("out")).unwrap();
        assert!(names(folder.path()).is_empty());
        assert!(check(folder.path().join("missing/out")).is_err());
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
