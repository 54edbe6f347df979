//! Reads labelled data for calibration and evaluation, and reads and writes numpy files.
//!
//! ```text
//! .npz .npy  --\
//! .csv       ---> Dataset -> Sample { x: (x - mean) / std in the model's layout, y, group }
//! folder     --/
//!
//! read_npy, read_npz -> Array -> write_npy, write_npz
//! ```
//!
//! Invariants: a [`Dataset`] holds one sample at a time, whatever the size of the file, and can be
//! iterated any number of times with the same result; every file appears whole or not at all
//! ([`atomic::write`]); equal arrays give equal bytes.
//!
//! What is absent: pickled, structured, complex and text arrays, random access, and augmentation.

pub mod atomic;
pub mod temporary;

mod array;
mod arrays;
mod csv;
mod dataset;
mod error;
mod images;
mod input;
mod npy;
mod npz;
mod rows;

pub use array::{Array, ArrayData, DType};
pub use dataset::{Dataset, Part, Sample, SampleData, Samples, Target};
pub use error::{DataError, Place};
pub use input::{InputSpec, Layout};
pub use npy::{read_npy, write_npy};
pub use npz::{read_npz, write_npz};

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests;
