//! A folder in which the command runs as a user runs it, and the models and data that tests put there.
#![allow(dead_code, reason = "shared by several test programs")]

use super::onnx::{initializer, model, node, value};
use siskin_compiler::data::{Array, ArrayData};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

pub(crate) struct Desk {
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        name.into()
    }

    /// Runs the command in the folder.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_siskin")).args(args).current_dir(self.folder.path()).output().unwrap()
    }

    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let out = self.run(args);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    }

    /// Runs what must fail: exit code 1, nothing on stdout, one sentence that holds all of `words`, no file left behind.
    pub(crate) fn refuses(&self, args: &[&str], words: &[&str]) {
        let before = self.names();
        let out = self.run(args);
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{args:?}: {text}");
        assert!(out.stdout.is_empty() && text.starts_with("error: ") && text.lines().count() == 1, "{args:?}: {text}");
        for word in words {
            assert!(text.contains(word), "{args:?}: '{word}' is missing in: {text}");
        }
        assert_eq!(self.names(), before, "{args:?} left a file behind");
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(self.folder.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

pub(crate) fn digits(file: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/digits").join(file).display().to_string()
}

pub(crate) fn array(shape: &[usize], values: Vec<f32>) -> Array {
    Array { shape: shape.to_vec(), data: ArrayData::F32(values) }
}

/// `y = x · w` over four features.
pub(crate) fn linear() -> Vec<u8> {
    let w = initializer("w", &[4, 2], &[1.0, -1.0, 0.5, 2.0, 3.0, -2.0, 0.25, 1.0]);
    model(&[node("MatMul", "product", &["x", "w"], &["y"])], &[w], &[value("x", &[-1, 4])], &[value("y", &[-1, 2])])
}
