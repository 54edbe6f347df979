//! Makes inputs from what a camera or a microphone gives, as the artifact says, so that a device, a browser and the
//! tools that measured the model compute the same numbers.
//!
//! ```text
//! Picture --write_picture--> input            samples --Features::clip / frame--> features --write_f32--> input
//! ```
//!
//! Every step is an `f32` operation in a fixed order. Memory is the caller's: a picture needs none, sound what
//! [`Features::memory_len`] says.
//!
//! What is absent: decoding of files, cameras, microphones, and rotation.

mod features;
mod mel;
mod picture;
mod resample;

pub use features::Features;
pub use picture::{Picture, picture};
pub use resample::{resample, resampled_len};
pub use siskin_format::{AudioRecord, ImageRecord, Preparation};
