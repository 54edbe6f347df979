//! What the firmware examples share, whatever the core: output and files over semihosting, an instruction counter,
//! the stack's high-water mark, and the four runs, [`measure`], [`watch`], [`parity`] and [`kernels`].
//!
//! A program of the host has of these only the parity run.
//!
//! What is absent: anything that a product needs. A product has its own output, clock and memory; what it copies from
//! these examples is the `measure.rs` beside them.
#![no_std]

#[cfg(target_os = "none")]
mod clock;
#[cfg(target_os = "none")]
pub mod kernels;
#[cfg(target_os = "none")]
mod measure;
mod once;
pub mod parity;
#[cfg(target_os = "none")]
mod report;
#[cfg(target_os = "none")]
pub mod semihosting;
#[cfg(target_os = "none")]
mod stack;
#[cfg(target_os = "none")]
mod watch;

#[cfg(target_os = "none")]
pub use measure::measure;
pub use once::Once;
#[cfg(target_os = "none")]
pub use report::{FAULT, PANIC, fail};
#[cfg(target_os = "none")]
pub use watch::watch;
