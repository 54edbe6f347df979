//! The integer operators: answers of other engines, refusals, hostile attributes.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod hostile;
mod operators;
mod refusals;
mod vectors;
