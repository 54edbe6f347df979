//! Turns ONNX models into `.siskin` artifacts.
//!
//! ```text
//! model.onnx -> import -> ir -> passes -> [prune] -> quantize -> lower -> artifact
//! ```
//!
//! `budget` goes that road many times, to find how many bits each layer needs.
//!
//! What is absent: printing and argument parsing (the CLI's), and training.
#![forbid(unsafe_code)]

pub mod bench;
pub mod budget;
pub mod compare;
pub mod compress;
pub mod data;
pub mod eval;
pub mod explain;
pub mod export;
mod fit;
pub mod import;
pub mod ir;
pub mod label_queue;
pub mod ledger;
pub mod lower;
pub mod monitor;
pub mod packing;
pub mod passes;
pub mod plan;
pub mod progress;
pub mod prune;
pub mod quantize;
pub mod recipe;
pub mod run;
pub mod walk;

pub use siskin_format as format;
