//! Translates one node whose operands are constants, so that the graph folds to its results.

use super::{ImportError, NodeContext, Translate};
use crate::ir::{Graph, Tensor};
use core::cell::Cell;
use std::path::Path;
use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType};

/// An integer attribute.
pub(super) fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: AttributeType::Int.into(), ..AttributeProto::default() }
}

/// A float attribute.
pub(super) fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f, r#type: AttributeType::Float.into(), ..AttributeProto::default() }
}

/// A text attribute.
pub(super) fn text(name: &str, text: &str) -> AttributeProto {
    let (r#type, s) = (AttributeType::String.into(), text.into());
    AttributeProto { name: name.into(), s, r#type, ..AttributeProto::default() }
}

/// The first result of a node of opset 21; all of its graph must fold.
pub(super) fn fold(
    translate: Translate,
    attribute: &[AttributeProto],
    inputs: &[Option<&Tensor>],
) -> Result<Tensor, ImportError> {
    let mut graph = Graph::default();
    let inputs: Vec<_> = inputs.iter().map(|t| t.map(|t| graph.add_const("c", t.clone()))).collect();
    let node = NodeProto {
        op_type: "Node".into(),
        input: inputs.iter().map(|i| if i.is_some() { "c".into() } else { String::new() }).collect(),
        output: vec!["y".into()],
        attribute: attribute.to_vec(),
        ..NodeProto::default()
    };
    let path = Path::new("test.onnx");
    let mut cx = NodeContext {
        graph: &mut graph,
        node: &node,
        name: "y".into(),
        opset: 21,
        inputs,
        asked: Cell::default(),
        path,
    };
    let made = translate(&mut cx)?;
    let value = made.first().copied().flatten().ok_or_else(|| cx.error("it has no first output"))?;
    cx.constant(value).ok_or_else(|| cx.error("it does not fold"))
}
