//! What is wrong with a data set or an array file.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A file, and the array in it if the file holds several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// The array's name in an `.npz`.
    pub array: Option<String>,
}

impl Place {
    /// The whole file `path`.
    pub(crate) fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), array: None }
    }

    /// The array `name` of the `.npz` at `path`.
    pub(crate) fn member(path: &Path, name: &str) -> Self {
        Self { path: path.to_owned(), array: Some(name.to_owned()) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.array {
            Some(array) => write!(f, "array '{array}' of {}", self.path.display()),
            None => write!(f, "{}", self.path.display()),
        }
    }
}

/// What is wrong with a data set or an array file. Samples count from 0, lines and columns from 1.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Nothing is there.
    #[error("there is no file or folder {0}")]
    NotFound(PathBuf),
    /// The operating system refuses to read.
    #[error("cannot read {place}: {reason}")]
    Read {
        /// What was being read.
        place: Place,
        /// The operating system's answer.
        reason: io::Error,
    },
    /// A file cannot be created or written.
    #[error("cannot write {path}: {reason}")]
    Write {
        /// The file that was to appear.
        path: PathBuf,
        /// Why it could not.
        reason: io::Error,
    },
    /// The name does not say how to read the file.
    #[error("{0} is not data of a known kind: give an .npz, .npy or .csv file, or a folder of images by class")]
    Kind(PathBuf),
    /// A part of a set was to be kept apart, and there are too few samples for that.
    #[error("{0} has {1} samples, too few to keep a fifth of them apart: give at least ten, or --eval DATA")]
    Few(Place, usize),
    /// A file ends before its contents do, or its contents contradict themselves.
    #[error("{place} is truncated or damaged: {reason}")]
    Damaged {
        /// The file or array.
        place: Place,
        /// What does not fit.
        reason: String,
    },
    /// An `.npz` that is no zip archive.
    #[error("{0} is not an npz file: it does not begin as a zip archive does")]
    NotNpz(PathBuf),
    /// An array without numpy's signature.
    #[error("{0} is not a npy array: it does not begin with numpy's signature")]
    NotNpy(Place),
    /// An `.npz` without an array of that name.
    #[error("{path} has no array '{wanted}'; {present}")]
    MissingArray {
        /// The file.
        path: PathBuf,
        /// The name looked for.
        wanted: String,
        /// The names found and, where one is evident, the way out.
        present: String,
    },
    /// Elements that are not numbers, or numbers that do not fit their purpose.
    #[error("{place} holds {dtype}, but {expected} are needed")]
    DType {
        /// The array.
        place: Place,
        /// What it holds.
        dtype: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// A data set whose samples are not contiguous.
    #[error("{0} is in Fortran order and cannot be read one sample at a time: save numpy.ascontiguousarray(..) of it")]
    FortranOrder(Place),
    /// Data that do not fit the model.
    #[error("{place} has shape {found:?}, but the model takes samples of shape {expected}")]
    Shape {
        /// The array or image.
        place: Place,
        /// Its shape.
        found: Vec<usize>,
        /// The shape of one sample, and the way out where one is evident.
        expected: String,
    },
    /// Arrays that should describe the same samples, but do not.
    #[error("{place} has {found} entries, but there are {samples} samples")]
    Length {
        /// The array of labels or groups.
        place: Place,
        /// Its length.
        found: usize,
        /// The number of samples.
        samples: usize,
    },
    /// No sample at all.
    #[error("{0} has no samples")]
    Empty(Place),
    /// A value that is NaN or infinite, as stored or after `(x - mean) / std`.
    #[error("{place} has a value that is NaN or infinite in sample {sample}, counting from 0")]
    NotFinite {
        /// The data.
        place: Place,
        /// The sample, counting from 0.
        sample: usize,
    },
    /// A cell of a table that is no finite number.
    #[error("{path}, line {line}, column {column}: {text:?} is not a finite number")]
    Cell {
        /// The table.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// Its column, from 1.
        column: usize,
        /// The cell.
        text: String,
    },
    /// A line of a table that cannot be read.
    #[error("{path}, line {line}: {reason}")]
    Line {
        /// The table.
        path: PathBuf,
        /// Its line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A table whose columns do not fit the model.
    #[error("{path}: {reason}")]
    Columns {
        /// The table.
        path: PathBuf,
        /// What does not fit, and the way out.
        reason: String,
    },
    /// A folder that does not hold images by class.
    #[error("{path} is not a folder of images by class: {reason}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// An image that cannot be decoded.
    #[error("cannot read the image {path}: {reason}")]
    Image {
        /// The image.
        path: PathBuf,
        /// The decoder's answer.
        reason: String,
    },
    /// A file that holds one input, for a model that takes another number of them.
    #[error(
        "{path} holds one input, but the model takes {}: give an .npz with an array for each, named as the input",
        listed(names)
    )]
    Inputs {
        /// The file.
        path: PathBuf,
        /// What the model takes.
        names: Vec<String>,
    },
    /// A description of the input that contradicts itself.
    #[error("the model's input{} of shape {shape:?}: {reason}", quoted(name))]
    Input {
        /// The model's input's name; empty if it is not known.
        name: String,
        /// The model's input shape.
        shape: Vec<usize>,
        /// What does not fit.
        reason: String,
    },
}

/// `2: 'a', 'b'`, or `none`.
fn listed(names: &[String]) -> String {
    let all: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    if all.is_empty() { "none".into() } else { format!("{}: {}", all.len(), all.join(", ")) }
}

/// ` 'name'`, or nothing.
fn quoted(name: &str) -> String {
    if name.is_empty() { String::new() } else { format!(" '{name}'") }
}

impl DataError {
    /// `reason` for failing to read `place`; a missing file is told apart.
    pub(crate) fn read(place: &Place, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::NotFound => Self::NotFound(place.path.clone()),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => Self::damaged(place, reason.to_string()),
            _ => Self::Read { place: place.clone(), reason },
        }
    }

    /// `place` contradicts itself.
    pub(crate) fn damaged(place: &Place, reason: impl Into<String>) -> Self {
        Self::Damaged { place: place.clone(), reason: reason.into() }
    }
}
