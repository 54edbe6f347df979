//! How a graph is trained.

use crate::augment::Augment;
use crate::loss::Loss;
use crate::optimizer::Optimizer;
use crate::quantization::Quantization;
use siskin_compiler::ir::NodeId;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;

/// How a graph is trained.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is minimized.
    pub loss: Loss,
    /// How gradients become changes.
    pub optimizer: Optimizer,
    /// How often each sample is seen.
    pub epochs: usize,
    /// Samples of a step.
    pub batch: usize,
    /// The greatest learning rate.
    pub rate: f32,
    /// The part of all steps over which the rate rises, 0 to 1.
    pub warmup: f32,
    /// How far weights are drawn to 0 with every step, times the rate.
    pub decay: f32,
    /// Decides the order of samples and their variations.
    pub seed: u64,
    /// Threads; the result does not depend on them. 0 for as many as there are processors.
    pub threads: usize,
    /// Variations of samples, in order.
    pub augment: Vec<Arc<dyn Augment>>,
    /// The most that another sample is mixed into one, 0 to 1: `x = (1-λ) x + λ x'`, and so the labels (mixup, Zhang et al., 2018).
    pub mixup: f32,
    /// What is rounded during training.
    pub quantization: Quantization,
    /// Layers that stay as they are.
    pub frozen: HashSet<NodeId>,
    /// The file that an interrupted training goes on from; written after every epoch.
    pub checkpoint: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            loss: Loss::CrossEntropy,
            optimizer: Optimizer::AdamW,
            epochs: 20,
            batch: 32,
            rate: 1e-3,
            warmup: 0.05,
            decay: 0.0,
            seed: 0,
            threads: 0,
            augment: Vec::new(),
            mixup: 0.0,
            quantization: Quantization::default(),
            frozen: HashSet::new(),
            checkpoint: None,
        }
    }
}
