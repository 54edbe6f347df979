//! The runtime for JavaScript: one module instance, one memory, one model.
//!
//! ```text
//! new -> reserve -> (bytes written) -> open -> describe
//!                                       `--> { write inputs -> run -> read outputs, watch }*
//! an input from a picture or sound: reserve -> (bytes written) -> picture, sound
//! ```
//!
//! A shell without logic: it hands out addresses, and JavaScript copies between its arrays and this memory.
//! Nothing is freed that `open` made: to free a model is to drop the instance with its memory. Here also lies the only allocator of the project.
//!
//! What is absent: fetching, typed arrays, choosing a label. They are in the npm package.
#![cfg_attr(target_arch = "wasm32", no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod border;
mod describe;
mod error;
mod memory;
mod prepare;
mod runtime;
mod watch;

pub use runtime::Runtime;
