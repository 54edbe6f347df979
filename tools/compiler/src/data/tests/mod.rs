//! Data sets and numpy files, written to a folder and read back.

use std::path::{Path, PathBuf};

use super::*;

mod arrays;
mod images;
mod numpy;
mod tables;

/// A folder that vanishes at the end of a test.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes `bytes` to the file `name`, and its folder if needed.
    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes `arrays` to the `.npz` called `name`.
    fn npz(&self, name: &str, arrays: &[(&str, Array)]) -> PathBuf {
        let path = self.path(name);
        let named: Vec<_> = arrays.iter().map(|(name, array)| ((*name).to_owned(), array.clone())).collect();
        write_npz(&path, &named).unwrap();
        path
    }
}

fn array(shape: &[usize], data: ArrayData) -> Array {
    Array { shape: shape.to_vec(), data }
}

fn floats(shape: &[usize]) -> Array {
    array(shape, ArrayData::F32((0..shape.iter().product::<usize>()).map(|i| i as f32).collect()))
}

fn labels(values: &[i64]) -> Array {
    array(&[values.len()], ArrayData::I64(values.to_vec()))
}

fn open(path: &Path, spec: &InputSpec) -> Dataset {
    Dataset::open(path.to_str().unwrap(), core::slice::from_ref(spec)).unwrap()
}

/// Every sample of `set`, which must be the same on a second pass.
fn read(set: &Dataset) -> Vec<Sample> {
    let samples: Vec<_> = set.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(samples.len(), set.len());
    let again: Vec<_> = set.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(samples, again);
    samples
}

/// What opening `spec` or reading it to its end says is wrong.
fn refusal(spec: impl AsRef<Path>, input: &InputSpec) -> String {
    let opened = Dataset::open(spec.as_ref().to_str().unwrap(), core::slice::from_ref(input));
    let result = opened.and_then(|set| set.iter().collect::<Result<Vec<_>, _>>());
    let error = result.expect_err("the data are wrong");
    assert!(!error.to_string().contains('\n'), "{error}");
    error.to_string()
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}
