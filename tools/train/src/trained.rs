//! What training gives the compiler.

use crate::quantization::{Codes, Range};
use siskin_compiler::ir::{Graph, NodeId};
use siskin_compiler::quantize::{Chosen, Integers};
use std::collections::BTreeMap;

/// What training made of a graph.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The graph with its new constants; rounded weights are as they were rounded.
    pub graph: Graph,
    /// The integers of the layers whose weights were rounded.
    pub codes: BTreeMap<NodeId, Codes>,
    /// What activations were rounded with.
    pub ranges: Vec<Range>,
    /// The mean loss of each epoch.
    pub losses: Vec<f64>,
}

impl Trained {
    /// What the compiler should take as it is, so that the artifact computes what was trained.
    #[must_use]
    pub fn chosen(&self) -> Chosen {
        let integers = |c: &Codes| Integers { q: c.integers.clone(), scales: c.scales.clone() };
        Chosen {
            weights: self.codes.iter().map(|(&node, codes)| (node, integers(codes))).collect(),
            ranges: self.ranges.iter().flat_map(|r| r.values.iter().map(|&v| (v, r.params))).collect(),
        }
    }
}
