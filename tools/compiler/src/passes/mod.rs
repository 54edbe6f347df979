//! Rewrites of a graph, one a file, checked after each.
//!
//! A pass is a function from a graph to a graph of the same answers, up to float rounding, and says whether it
//! changed anything. [`run`] repeats a list until nothing changes and verifies the graph after every pass that did.

mod absorb_ports;
mod activation;
mod add_and_multiply;
mod advance_quantize;
mod delay_dequantize;
mod fold_batch_norm;
mod fold_constants;
mod fold_pad;
mod fold_scale;
mod fuse_bias;
mod fuse_gelu;
mod fuse_qdq;
mod half_weights;
mod integer;
mod layer;
mod pack_weights;
mod pool_means;
mod remove_no_ops;
mod round_scales;
mod share;
mod sink_transposes;
mod transpose_weights;

pub(crate) use activation::bounds;
pub(crate) use add_and_multiply::multiply_divisions;
pub use half_weights::half_weights;
pub use pack_weights::pack_weights;
pub use round_scales::round_scales;

use crate::ir::{Graph, IrError};

/// A pass: its name, a verb, and what it does; `true` if it changed the graph.
pub type Pass = (&'static str, fn(&mut Graph) -> Result<bool, IrError>);

/// A pass that left a graph inconsistent: a bug of that pass.
#[derive(Debug, thiserror::Error)]
#[error("after pass {pass}: {error}")]
pub struct PassError {
    /// The pass.
    pub pass: &'static str,
    /// What is wrong.
    pub error: IrError,
}

/// Rounds after which a list is taken to be at odds with itself.
const MAX_ROUNDS: usize = 64;

/// Runs `passes` in order, over and over until none changes the graph.
///
/// # Errors
/// [`PassError`] with the pass that left the graph inconsistent.
pub fn run(graph: &mut Graph, passes: &[Pass]) -> Result<(), PassError> {
    for _ in 0..MAX_ROUNDS {
        let mut changed = false;
        for &(pass, apply) in passes {
            let fail = |error| PassError { pass, error };
            if apply(graph).map_err(fail)? {
                graph.verify().map_err(fail)?;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    Ok(())
}

/// What every model goes through after import.
pub const SIMPLIFY: &[Pass] = &[
    ("fold_constants", fold_constants::fold_constants),
    ("remove_no_ops", remove_no_ops::remove_no_ops),
    ("share_repeated", share::share_repeated),
    ("fuse_gelu", fuse_gelu::fuse_gelu),
    ("sink_transposes", sink_transposes::sink_transposes),
    ("transpose_weights", transpose_weights::transpose_weights),
    ("pool_means", pool_means::pool_means),
    ("fold_batch_norm", fold_batch_norm::fold_batch_norm),
    ("add_and_multiply", add_and_multiply::add_and_multiply),
    ("fold_scale", fold_scale::fold_scale),
    ("fuse_bias", fuse_bias::fuse_bias),
    ("fold_pad", fold_pad::fold_pad),
    ("fuse_activation", activation::fuse_activation),
];

/// What a model goes through whose weights alone are integers, to be as any other.
pub const WEIGHTS: &[Pass] = &[
    ("fold_dequantized", fold_constants::fold_dequantized),
    ("transpose_weights", transpose_weights::transpose_weights),
    ("fold_batch_norm", fold_batch_norm::fold_batch_norm),
    ("fold_scale", fold_scale::fold_scale),
    ("fuse_bias", fuse_bias::fuse_bias),
    ("fuse_activation", activation::fuse_activation),
];

/// What a model with Q/DQ pairs goes through to become integers.
pub const INTEGER: &[Pass] = &[
    ("delay_dequantize", delay_dequantize::delay_dequantize),
    ("advance_quantize", advance_quantize::advance_quantize),
    ("fuse_qdq", fuse_qdq::fuse_qdq),
    ("absorb_ports", absorb_ports::absorb_ports),
    ("fold_dequantized", fold_constants::fold_dequantized),
    ("remove_no_ops", remove_no_ops::remove_no_ops),
    ("share_repeated", share::share_repeated),
];

/// Reads a graph, runs one pass and compares the text forms: the shape of every pass's test.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
fn check(pass: Pass, before: &str, after: &str) {
    let mut graph = crate::ir::parse(before).unwrap();
    let changed = (pass.1)(&mut graph).unwrap();
    graph.verify().unwrap();
    // Reading the expected text numbers its values afresh, so both are compared after renumbering.
    let expected = crate::ir::parse(after).unwrap();
    assert_eq!(renumbered(&graph.to_string()), renumbered(&expected.to_string()));
    assert_eq!(changed, renumbered(&crate::ir::parse(before).unwrap().to_string()) != renumbered(&graph.to_string()));
}

/// Values numbered in the order in which they appear.
#[cfg(test)]
fn renumbered(text: &str) -> String {
    let mut names = std::collections::HashMap::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let digits = rest[at + 1..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |n| at + 1 + n);
        let next = names.len();
        let number = *names.entry(&rest[at..digits]).or_insert(next);
        out.push_str(&rest[..at]);
        out.push_str(&format!("%{number}"));
        rest = &rest[digits..];
    }
    out + rest
}
