//! The card: what people and tools want to know of a model and a device does not need.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// How raw data becomes the model's input: `(x - mean) / std`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct InputRecipe {
    /// `nchw`, `nhwc`, or empty where the data is no image.
    pub layout: String,
    /// One value, or one per channel; empty means 0.
    pub mean: Vec<f32>,
    /// One value, or one per channel; empty means 1.
    pub std: Vec<f32>,
}

/// Metadata, stored as `postcard` in an ignorable section.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The model's name: the graph's name or the file's stem.
    pub name: String,
    /// The program and version that wrote the file.
    pub producer: String,
    /// SHA-256 of the source model, first 16 bytes.
    pub source: [u8; 16],
    /// SHA-256 of the calibration inputs as the model read them, first 16 bytes; zero if there were none.
    pub calibration: [u8; 16],
    /// The options that produced the file, as on the command line.
    pub recipe: String,
    /// Class names, in the order of the output.
    pub labels: Vec<String>,
    /// How inputs are made.
    pub input: InputRecipe,
    /// Multiply-accumulates of one inference.
    pub macs: u64,
}

impl Card {
    /// The bytes of a card section.
    ///
    /// # Errors
    /// If `postcard` fails, which it does not for these types.
    pub fn encode(&self) -> Result<Vec<u8>, postcard::Error> {
        postcard::to_allocvec(self)
    }

    /// Reads a card section.
    ///
    /// # Errors
    /// If the bytes are no card of this version.
    pub fn decode(bytes: &[u8]) -> Result<Card, postcard::Error> {
        postcard::from_bytes(bytes)
    }
}
