//! The C library: a session in a block of the caller's memory, no allocator, no global state, no panic.
//!
//! ```text
//! siskin_config --siskin_init--> siskin_session --write, siskin_run, read--> outputs
//! ```
//!
//! `include/siskin.h` is made from these sources by `cargo xtask capi`; their comments are its documentation.
//! Every pointer that C hands over is checked for what can be checked (`memory.rs`): null, alignment, length, overlap.
//! Between calls a block keeps the parsed model and raw pointers, never a borrow, so what C writes through the
//! pointers of `siskin_input` is never aliased.
//!
//! Each operator is a symbol of its own. A program names a table of them and its linker drops the others.
//!
//! What is absent: files, threads, an allocator; the card's labels, which `siskin inspect --c-header` prints.
#![no_std]
#![allow(non_camel_case_types, non_upper_case_globals, reason = "these are C's names")]

// Where a panic may unwind, as in tests, the standard library brings the handler.
#[cfg(not(any(target_os = "none", panic = "abort")))]
extern crate std;

mod memory;
mod ops;
#[cfg(any(target_os = "none", panic = "abort"))]
mod panic;
mod port;
mod session;
mod status;
#[cfg(test)]
mod tests;

pub use ops::*;
pub use port::*;
pub use session::*;
pub use status::*;
