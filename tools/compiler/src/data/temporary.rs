//! Files and folders that do not outlive their owner.
//!
//! A path is removed when its [`Temporary`] is dropped, or by [`abandon`] when the process is told to end. What a process
//! that was killed outright left behind, `sweep` removes later: a living owner holds a lock on its file, and the system
//! takes the lock from a dead one.
//!
//! What is absent: sweeping folders, which cannot be locked.

use core::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is there to be removed. Locked while something is made, so that nothing is made unseen.
static LIVE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

const PREFIX: &str = ".siskin-";
const SUFFIX: &str = ".tmp";

fn live() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A path that is removed, with what is in it, when this is dropped.
#[derive(Debug)]
pub struct Temporary {
    path: PathBuf,
}

impl Temporary {
    /// Makes a new, empty file of a name of its own in `folder`, open for writing, after a `sweep`.
    ///
    /// # Errors
    /// If the folder does not exist or cannot be written.
    pub fn file(folder: &Path) -> io::Result<(Temporary, File)> {
        sweep(folder);
        loop {
            let path = folder.join(unused_name() + SUFFIX);
            let mut live = live();
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => {
                    // A sweeper may have seen the file before the lock; then this one is lost, and the next will do.
                    if !matches!(file.try_lock(), Err(TryLockError::WouldBlock)) && path.exists() {
                        live.insert(path.clone());
                        return Ok((Temporary { path }, file));
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Makes a new, empty folder of a name of its own in `folder`.
    ///
    /// # Errors
    /// If `folder` does not exist or cannot be written.
    pub fn folder(folder: &Path) -> io::Result<Temporary> {
        loop {
            let path = folder.join(unused_name());
            let mut live = live();
            match fs::create_dir(&path) {
                Ok(()) => {
                    live.insert(path.clone());
                    return Ok(Temporary { path });
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e),
            }
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves it to `target`, where it stays.
    ///
    /// # Errors
    /// If it cannot be moved; it is removed then.
    pub fn keep(self, target: &Path) -> io::Result<()> {
        let mut live = live();
        fs::rename(&self.path, target)?;
        live.remove(&self.path);
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if live().remove(&self.path) {
            remove(&self.path);
        }
    }
}

/// Nothing temporary is there, and nothing can be made, while this lives.
#[derive(Debug)]
#[must_use = "what is made after this is dropped stays behind"]
pub struct Abandoned {
    _live: MutexGuard<'static, BTreeSet<PathBuf>>,
}

/// Removes all that is temporary, for a process that ends without unwinding: end it while the answer lives.
pub fn abandon() -> Abandoned {
    let mut live = live();
    core::mem::take(&mut *live).iter().for_each(|path| remove(path));
    Abandoned { _live: live }
}

/// Removes the temporary files in `folder` whose owner no longer lives.
fn sweep(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let ours = name.to_str().is_some_and(|n| n.starts_with(PREFIX) && n.ends_with(SUFFIX));
        if !ours || !entry.file_type().is_ok_and(|t| t.is_file()) {
            continue;
        }
        // Held until the file is gone: its owner may be about to lock it.
        if let Ok(file) = File::open(entry.path())
            && file.try_lock().is_ok()
        {
            remove(&entry.path());
        }
    }
}

fn remove(path: &Path) {
    // Nobody is left to tell if this fails.
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

fn unused_name() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_a_dead_process_left_is_swept_and_what_a_living_one_writes_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (dead, other) = (folder.path().join(".siskin-1-0.tmp"), folder.path().join("notes.tmp"));
        fs::write(&dead, "half").unwrap();
        fs::write(&other, "a user's own").unwrap();
        let (first, _open) = Temporary::file(folder.path()).unwrap();
        let (second, _too) = Temporary::file(folder.path()).unwrap();
        assert!(!dead.exists() && other.exists() && first.path().exists() && second.path().exists());
        drop((first, second));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_goes_with_what_is_in_it() {
        let folder = tempfile::tempdir().unwrap();
        let own = Temporary::folder(folder.path()).unwrap();
        fs::write(own.path().join("file"), "data").unwrap();
        drop(own);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
