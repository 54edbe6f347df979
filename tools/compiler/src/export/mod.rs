//! An artifact as an ONNX model that gives the same answers: those of integer operators byte for byte, those of operators over
//! real numbers but for the last bits.
//!
//! ```text
//! artifact -> one rule for each operator -> nodes and initializers -> protobuf
//! ```
//!
//! A chain of `DequantizeLinear`, `Conv` and `QuantizeLinear` would not do: runtimes fuse it, and round in their own way. So
//! a sum of products is a float `Conv` or `MatMul` over whole numbers whose sums stay below 2^24, which single precision holds
//! exactly in any order; and every rounding is written out: `Mul`, `Round`, `Add`, `Clip`, `Cast`. A runtime that transforms
//! convolutions (Winograd, Fourier) or computes them in less than single precision gives other bytes; onnxruntime on a
//! processor, which is what was measured, does not. Ports stay what they are in the source model: `QuantizeLinear` and
//! `DequantizeLinear` stand there, and only there.
//!
//! Images lie in artifacts with channels last, in ONNX with channels first: a value is turned where the next operator wants
//! it otherwise, and not before.
//!
//! One file per family of operators; each lists its operators with a rule. What is absent: models with a state and operators
//! without a rule, which are refused by name; the preparation of pictures and sound, and the monitor, which ONNX has no place
//! for.

mod elementwise;
mod error;
mod graph;
mod layer;
mod movement;
mod products;
mod reals;

pub use error::ExportError;
pub(crate) use graph::{Attribute, Graph, Initializer, Node, Port};

use crate::run::Loaded;
use layer::{Layer, Values};
use siskin_format::Card;

/// Writes one operator into the graph.
type Rule = fn(&mut Layer<'_, '_>) -> Result<(), ExportError>;

/// The rule of an operator of the runtime.
fn rule(op: &str) -> Option<Rule> {
    let families: &[&[(&str, Rule)]] =
        &[elementwise::OPERATORS, movement::OPERATORS, products::OPERATORS, reals::OPERATORS];
    families.iter().copied().flatten().find(|(name, _)| *name == op).map(|&(_, rule)| rule)
}

/// The ONNX model of an artifact, as the bytes of a file; `name` is what errors call the artifact.
///
/// # Errors
/// [`ExportError::Artifact`] if it is damaged; [`ExportError::State`] if it remembers; [`ExportError::Operator`] and
/// [`ExportError::Port`] name what cannot be written.
pub fn export(file: &[u8], name: &str) -> Result<Vec<u8>, ExportError> {
    let damaged = |source| ExportError::Artifact { file: name.into(), source };
    let loaded = Loaded::new(file).map_err(damaged)?;
    let model = loaded.model().map_err(damaged)?;
    if model.state_len() > 0 {
        return Err(ExportError::State { file: name.into() });
    }
    let mut graph = Graph::default();
    let mut values = Values::default();
    let artifact = model.artifact();
    let named =
        |port: &siskin::Port<'_>| Port { name: port.name.into(), dtype: port.outer, dims: port.shape.dims().to_vec() };
    // Before any other name is given.
    graph.inputs = model.inputs().map(|port| named(&port)).collect();
    graph.outputs = model.outputs().map(|port| named(&port)).collect();
    let refused =
        |port: &siskin::Port<'_>, reason| ExportError::Port { file: name.into(), port: port.name.into(), reason };
    for (port, record) in model.inputs().zip(artifact.inputs()) {
        values.input(&mut graph, &port, record.tensor).map_err(|reason| refused(&port, reason))?;
    }
    for (index, step) in model.steps().enumerate() {
        let fail = |reason| ExportError::Operator { file: name.into(), operator: step.entry.name, index, reason };
        let rule = rule(step.entry.name).ok_or_else(|| fail("it has no rule".into()))?;
        let mut layer = Layer { step, model, index, file: name, graph: &mut graph, values: &mut values };
        rule(&mut layer)?;
    }
    for (port, record) in model.outputs().zip(artifact.outputs()) {
        values.output(&mut graph, &port, record.tensor, &model).map_err(|reason| refused(&port, reason))?;
    }
    graph.metadata = metadata(file, Card::decode(artifact.card()).ok());
    Ok(crate::import::encode(&graph))
}

/// What a reader of the model may want to know: names of classes, and where it comes from.
fn metadata(file: &[u8], card: Option<Card>) -> Vec<(String, String)> {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let mut facts = vec![("siskin.artifact".into(), hex(&crate::run::content_digest(file)))];
    if let Some(card) = card {
        facts.push(("siskin.source".into(), hex(&card.source)));
        facts.push(("siskin.recipe".into(), card.recipe));
        if !card.labels.is_empty() {
            facts.push(("labels".into(), card.labels.join(",")));
        }
    }
    facts
}
