//! The ONNX graph that is being written: plain data, and names for what nodes give.

use crate::ir::{Scalar, Tensor};
use siskin::DType;

/// A graph of ONNX operators.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    pub(crate) nodes: Vec<Node>,
    pub(crate) initializers: Vec<Initializer>,
    pub(crate) inputs: Vec<Port>,
    pub(crate) outputs: Vec<Port>,
    /// Keys and values.
    pub(crate) metadata: Vec<(String, String)>,
}

/// One operator with one output.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) op: &'static str,
    pub(crate) inputs: Vec<String>,
    pub(crate) output: String,
    pub(crate) attributes: Vec<(&'static str, Attribute)>,
}

/// The value of an attribute.
#[derive(Clone, Debug)]
pub(crate) enum Attribute {
    Float(f32),
    Int(i64),
    Ints(Vec<i64>),
}

/// A constant.
#[derive(Debug)]
pub(crate) struct Initializer {
    pub(crate) name: String,
    pub(crate) tensor: Tensor,
}

/// An input or output of the graph.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) name: String,
    pub(crate) dtype: DType,
    pub(crate) dims: Vec<u32>,
}

impl Graph {
    /// Adds a node and returns the name of what it gives.
    pub(crate) fn node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute)],
    ) -> String {
        let output = self.free(format!("{}_{}", op.to_lowercase(), self.nodes.len()));
        self.node_as(op, inputs, attributes, &output);
        output
    }

    /// A name like this that no port has.
    fn free(&self, mut name: String) -> String {
        while self.inputs.iter().chain(&self.outputs).any(|port| port.name == name) {
            name.push('_');
        }
        name
    }

    /// Adds a node that gives the value of this name.
    pub(crate) fn node_as(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute)],
        output: &str,
    ) {
        let inputs = inputs.iter().map(|&name| name.into()).collect();
        self.nodes.push(Node { op, inputs, output: output.into(), attributes: attributes.to_vec() });
    }

    /// The name of this constant; equal ones are stored once.
    pub(crate) fn constant(&mut self, tensor: Tensor) -> String {
        let same = |i: &&Initializer| i.tensor.ty() == tensor.ty() && i.tensor.bytes() == tensor.bytes();
        if let Some(known) = self.initializers.iter().find(same) {
            return known.name.clone();
        }
        let name = self.free(format!("constant_{}", self.initializers.len()));
        self.initializers.push(Initializer { name: name.clone(), tensor });
        name
    }

    /// The name of this number.
    pub(crate) fn scalar<T: Scalar>(&mut self, value: T) -> String {
        self.constant(Tensor::scalar(value))
    }

    /// The name of this list.
    pub(crate) fn list<T: Scalar>(&mut self, values: &[T]) -> String {
        self.constant(Tensor::vector(values))
    }

    /// `value` as elements of this type.
    pub(crate) fn cast(&mut self, value: &str, to: DType) -> String {
        let code = i64::from(crate::import::element_code(to));
        self.node("Cast", &[value], &[("to", Attribute::Int(code))])
    }

    /// `value` with its axes in this order.
    pub(crate) fn transpose(&mut self, value: &str, perm: &[i64]) -> String {
        self.node("Transpose", &[value], &[("perm", Attribute::Ints(perm.to_vec()))])
    }

    /// `value - zero` as whole numbers in floats, of an `i8`.
    pub(crate) fn centred(&mut self, value: &str, zero: i8) -> String {
        let real = self.cast(value, DType::F32);
        if zero == 0 {
            return real;
        }
        let zero = self.scalar(f32::from(zero));
        self.node("Sub", &[&real, &zero], &[])
    }

    /// `clamp(round_half_even(value) + zero, min, max)` as `i8`, of real steps; `limits` is `[zero, min, max]`.
    pub(crate) fn rounded(&mut self, value: &str, limits: [i8; 3]) -> String {
        let mut steps = self.node("Round", &[value], &[]);
        let [zero, min, max] = limits.map(f32::from);
        if zero != 0.0 {
            let zero = self.scalar(zero);
            steps = self.node("Add", &[&steps, &zero], &[]);
        }
        let (min, max) = (self.scalar(min), self.scalar(max));
        let cut = self.node("Clip", &[&steps, &min, &max], &[]);
        self.cast(&cut, DType::I8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_that_of_a_port() {
        let port = |name: &str| Port { name: name.into(), dtype: DType::F32, dims: vec![] };
        let inputs = vec![port("add_0"), port("constant_0")];
        let mut graph = Graph { inputs, outputs: vec![port("add_0_")], ..Graph::default() };
        assert_eq!(graph.scalar(1.0f32), "constant_0_");
        assert_eq!(graph.scalar(1.0f32), "constant_0_", "the same constant");
        assert_eq!(graph.scalar(2.0f32), "constant_1");
        assert_eq!(graph.node("Add", &["add_0", "constant_0"], &[]), "add_0__");
    }
}
