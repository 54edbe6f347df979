//! Serves `.siskin` models: parse once, run for ever, no allocator, no panics.
//!
//! ```text
//! bytes --Model::parse--> Model --Session::new(arena, state)--> Session --run--> outputs
//! ```
//!
//! [`Model::parse`] is the only place that refuses a file. It proves every index, length, shape and attribute
//! once; after that a run only computes. Memory is the caller's: an arena and, for models with memory, a state,
//! of the exact lengths that the compiler printed.
//!
//! On hosts the feature `pack` adds `op::native()`, every operator with the fastest kernels of the processor, and `Model::pack`, which
//! orders constants for them in memory of the caller. Integer answers stay the same, bit for bit. With `threads` large operators use a
//! pool of the caller; `std` has one, `kernels::threads::Workers`.
//!
//! What is absent: files, threads, clocks, an allocator. They belong to the caller.
#![no_std]
#![forbid(unsafe_code)]

pub mod attrs;
mod bytes;
mod draw;
pub mod embed;
mod error;
pub mod explain;
mod io;
mod memory;
mod model;
pub mod monitor;
pub mod op;
#[cfg(feature = "pack")]
mod pack;
mod pairs;
pub mod prepare;
pub mod quant;
pub mod queue;
mod scores;
mod session;
pub mod strided;
#[cfg(feature = "threads")]
mod threads;

pub use embed::Embedded;
pub use error::{Error, Refusal};
pub use io::{Io, MAX_OUTPUTS, Operands, Outputs, Sig, Values};
pub use memory::Memory;
pub use model::{Model, Port, Step};
pub use monitor::{Alarm, Monitor, Prediction};
pub use op::{Code, Entry, Op, OpSet};
pub use queue::Queue;
pub use scores::Scores;
pub use session::{Paused, SelfTest, Session};
pub use siskin_format::{self as format, Axes, DType, MAX_RANK, Preparation, Shape, Type, TypeRef};
pub use siskin_kernels::{self as kernels, Activation, Function, Generic, Kernels, Native};
