//! How far a quantized model's first output is from the float model's.

use super::super::{QuantizeError, integers};
use crate::data::Dataset;
use crate::ir::{Graph, NodeId, Port};
use crate::lower::{Extras, lower};
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::{read, walk};
use siskin::op::Softmax;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Mean Kullback-Leibler divergence of a row of probabilities, in nats.
    Divergence,
    /// Squared difference as a part of the output's variance.
    Error,
}

impl Loss {
    /// The name in the CLI and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Loss::Divergence => "kl",
            Loss::Error => "nmse",
        }
    }
}

/// The float model's outputs over a data set.
///
/// Memory is one value for each output and sample.
pub(super) struct Reference {
    /// The Softmax that ends the model, if what it reads is compared.
    softmax: Option<NodeId>,
    row: usize,
    outputs: Vec<Vec<f32>>,
}

impl Reference {
    pub(super) fn new(float: &Graph, calib: &Dataset, progress: &mut dyn Progress) -> Result<Reference, QuantizeError> {
        let softmax = softmax(float);
        let value = softmax.and_then(|n| float.node(n).input(0)).or(float.outputs.first().map(|p| p.value));
        let row = value.and_then(|v| float.dims(v).last()).map_or(1, |&n| n as usize).max(1);
        let mut reference = Reference { softmax, row, outputs: Vec::new() };
        progress.begin("float outputs", calib.len() as u64);
        let mut outputs = Vec::new();
        run(&cut(float, softmax), calib, |y| {
            outputs.push(y.to_vec());
            progress.step();
        })?;
        progress.end();
        reference.outputs = outputs;
        Ok(reference)
    }

    pub(super) fn measure(&self) -> Loss {
        if self.softmax.is_some() { Loss::Divergence } else { Loss::Error }
    }

    /// The loss of a graph with Q/DQ pairs, as the integer kernels compute it.
    pub(super) fn loss(&mut self, graph: &Graph, calib: &Dataset) -> Result<f64, QuantizeError> {
        let integer = integers(cut(graph, self.softmax), true)?;
        let mut float = self.outputs.iter();
        let (mut sum, mut rows) = (0.0, 0usize);
        let row = self.row;
        let measure = self.measure();
        run(&integer, calib, |y| {
            let Some(x) = float.next() else { return };
            for (x, y) in x.chunks(row).zip(y.chunks(row)) {
                sum += if measure == Loss::Divergence { divergence(x, y) } else { squares(x, y) };
                rows += 1;
            }
        })?;
        Ok(match measure {
            Loss::Divergence => sum / rows.max(1) as f64,
            Loss::Error => sum / self.spread().max(f64::MIN_POSITIVE),
        })
    }

    /// The sum of squared distances of the float model's outputs from their means over the samples.
    fn spread(&self) -> f64 {
        let len = self.outputs.first().map_or(0, Vec::len);
        let each = |k: usize| {
            let values = || self.outputs.iter().map(|y| f64::from(y[k]));
            let mean = values().sum::<f64>() / self.outputs.len().max(1) as f64;
            values().map(|v| (v - mean).powi(2)).sum::<f64>()
        };
        (0..len).map(each).sum()
    }
}

/// The Softmax along the last axis that computes the first output.
fn softmax(graph: &Graph) -> Option<NodeId> {
    let node = graph.producer(graph.outputs.first()?.value)?;
    let attrs = graph.node(node).get::<Softmax>()?;
    let rank = graph.dims(graph.node(node).input(0)?).len();
    (attrs.axis as usize + 1 == rank).then_some(node)
}

/// The graph with what the Softmax reads for its only output.
fn cut(graph: &Graph, softmax: Option<NodeId>) -> Graph {
    let mut graph = graph.clone();
    if let Some(value) = softmax.and_then(|n| graph.node(n).input(0)) {
        graph.outputs = vec![Port { name: String::new(), value, quant: None }];
    }
    graph.outputs.truncate(1);
    graph
}

fn run(graph: &Graph, data: &Dataset, mut see: impl FnMut(&[f32])) -> Result<(), QuantizeError> {
    let mut loaded = Loaded::new(&lower(graph, &Extras::default())?.file)?;
    let mut session = loaded.session()?;
    walk(&mut session, data, |_, _, session| {
        see(&read(session, 0)?);
        Ok::<(), Error>(())
    })
    .map_err(|e| e.0)
}

/// So that both the data's and the runtime's refusals can be passed on.
struct Error(QuantizeError);

impl<E: Into<QuantizeError>> From<E> for Error {
    fn from(e: E) -> Error {
        Error(e.into())
    }
}

/// `Σ p ln(p / q)` of the probabilities that scores `x` and `y` stand for.
fn divergence(x: &[f32], y: &[f32]) -> f64 {
    let (p, q) = (log_softmax(x), log_softmax(y));
    p.iter().zip(&q).map(|(p, q)| libm::exp(*p) * (p - q)).sum()
}

fn log_softmax(x: &[f32]) -> Vec<f64> {
    let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = x.iter().map(|&v| libm::exp(f64::from(v - most))).sum();
    x.iter().map(|&v| f64::from(v - most) - libm::log(sum)).collect()
}

fn squares(x: &[f32], y: &[f32]) -> f64 {
    x.iter().zip(y).map(|(x, y)| f64::from(x - y).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn divergence_is_the_textbooks() {
        // Cover and Thomas, "Elements of Information Theory", 2006, example 2.3.1: D(p‖q) in bits for p = (1/2, 1/2), q = (3/4, 1/4).
        let scores = |p: [f64; 2]| p.map(|p| p.ln() as f32);
        let found = divergence(&scores([0.5, 0.5]), &scores([0.75, 0.25])) / core::f64::consts::LN_2;
        assert!((found - 0.2075).abs() < 1e-4, "{found}");
        assert_eq!(divergence(&[1.0, 2.0, 3.0], &[11.0, 12.0, 13.0]), 0.0);
    }
}
