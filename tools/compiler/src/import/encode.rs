//! A graph that export has written, as protobuf.

use super::proto::element_code;
use crate::export::{Attribute, Graph, Initializer, Node, Port};
use prost::Message;
use siskin::DType;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_shape_proto::{Dimension, dimension};
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// The version of the file format, and of the operators that export writes.
const IR_VERSION: i64 = 8;
const OPSET: i64 = 17;

/// The bytes of an ONNX file.
pub(crate) fn encode(graph: &Graph) -> Vec<u8> {
    let proto = GraphProto {
        name: "siskin".into(),
        node: graph.nodes.iter().map(node).collect(),
        initializer: graph.initializers.iter().map(initializer).collect(),
        input: graph.inputs.iter().map(port).collect(),
        output: graph.outputs.iter().map(port).collect(),
        ..GraphProto::default()
    };
    let entry = |(key, value): &(String, String)| StringStringEntryProto { key: key.clone(), value: value.clone() };
    let model = ModelProto {
        ir_version: IR_VERSION,
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        producer_name: "siskin".into(),
        producer_version: env!("CARGO_PKG_VERSION").into(),
        graph: Some(proto),
        metadata_props: graph.metadata.iter().map(entry).collect(),
        ..ModelProto::default()
    };
    model.encode_to_vec()
}

fn node(node: &Node) -> NodeProto {
    NodeProto {
        name: node.output.clone(),
        op_type: node.op.into(),
        input: node.inputs.clone(),
        output: vec![node.output.clone()],
        attribute: node.attributes.iter().map(attribute).collect(),
        ..NodeProto::default()
    }
}

fn attribute((name, value): &(&'static str, Attribute)) -> AttributeProto {
    let proto = AttributeProto { name: (*name).into(), ..AttributeProto::default() };
    match value {
        Attribute::Float(f) => AttributeProto { r#type: AttributeType::Float as i32, f: *f, ..proto },
        Attribute::Int(i) => AttributeProto { r#type: AttributeType::Int as i32, i: *i, ..proto },
        Attribute::Ints(ints) => AttributeProto { r#type: AttributeType::Ints as i32, ints: ints.clone(), ..proto },
    }
}

fn initializer(constant: &Initializer) -> TensorProto {
    TensorProto {
        name: constant.name.clone(),
        dims: constant.tensor.dims().iter().map(|&d| d.into()).collect(),
        data_type: element_code(constant.tensor.ty().dtype),
        raw_data: constant.tensor.bytes().to_vec(),
        ..TensorProto::default()
    }
}

fn port(port: &Port) -> ValueInfoProto {
    ValueInfoProto { name: port.name.clone(), r#type: Some(of(port.dtype, &port.dims)), ..ValueInfoProto::default() }
}

fn of(dtype: DType, dims: &[u32]) -> TypeProto {
    let dim = |&d: &u32| Dimension { value: Some(dimension::Value::DimValue(d.into())), ..Dimension::default() };
    let shape = TensorShapeProto { dim: dims.iter().map(dim).collect() };
    let tensor = type_proto::Tensor { elem_type: element_code(dtype), shape: Some(shape) };
    TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() }
}
