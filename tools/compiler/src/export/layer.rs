//! What a rule sees: the operator, its operands by name, in the order of axes that it asks for.

use super::ExportError;
use super::graph::{Attribute, Graph};
use crate::ir::{Scalar, Tensor};
use bytemuck::Pod;
use siskin::attrs::Attrs;
use siskin::{DType, Model, Op, Shape, Step, Type};
use siskin_format::ABSENT;
use std::collections::HashMap;

/// The order of a value's axes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As the artifact has them: an image's channels last.
    Rows,
    /// An image as ONNX has it, channels first: `[N, C, spatial…]`.
    Planes,
}

/// One value under the names that it has so far.
#[derive(Default)]
struct Names {
    rows: Option<String>,
    planes: Option<String>,
}

/// What tensors of the artifact are called.
#[derive(Default)]
pub(super) struct Values {
    names: HashMap<u16, Names>,
    /// Constants that came out of operators.
    folded: HashMap<u16, Tensor>,
}

impl Values {
    /// Defines an input of the model, which is as the source model had it.
    pub(super) fn input(&mut self, graph: &mut Graph, port: &siskin::Port<'_>, tensor: u16) -> Result<(), String> {
        let name = if port.outer == port.dtype {
            port.name.into()
        } else {
            let (scale, zero) = steps(graph, port)?;
            graph.node("QuantizeLinear", &[port.name, &scale, &zero], &[])
        };
        self.give(tensor, Order::Rows, name);
        Ok(())
    }

    /// Defines an output of the model.
    pub(super) fn output(
        &mut self,
        graph: &mut Graph,
        port: &siskin::Port<'_>,
        tensor: u16,
        model: &Model<'_>,
    ) -> Result<(), String> {
        let constant = self.constant(model, tensor);
        let value = self.name(graph, tensor, port.shape.rank(), Order::Rows, constant);
        let value = value.ok_or("nothing computes it")?;
        if graph.inputs.iter().any(|input| input.name == port.name) {
            return Err("an input has the same name".into());
        }
        if port.outer == port.dtype {
            graph.node_as("Identity", &[&value], &[], port.name);
        } else {
            let (scale, zero) = steps(graph, port)?;
            graph.node_as("DequantizeLinear", &[&value, &scale, &zero], &[], port.name);
        }
        Ok(())
    }

    /// What an operator folded, or the file holds, for a tensor.
    fn constant(&self, model: &Model<'_>, tensor: u16) -> Option<Tensor> {
        self.folded.get(&tensor).cloned().or_else(|| constant(model, tensor))
    }

    fn give(&mut self, tensor: u16, order: Order, name: String) {
        let names = match order {
            Order::Rows => Names { rows: Some(name), planes: None },
            Order::Planes => Names { rows: None, planes: Some(name) },
        };
        self.names.insert(tensor, names);
    }

    /// The name of a tensor in this order of axes; `constant` is what it holds if nothing computes it. Nothing if it is
    /// neither.
    fn name(
        &mut self,
        graph: &mut Graph,
        tensor: u16,
        rank: usize,
        order: Order,
        constant: Option<Tensor>,
    ) -> Option<String> {
        let names = self.names.entry(tensor).or_default();
        if let Some(constant) = constant.filter(|_| names.rows.is_none() && names.planes.is_none()) {
            names.rows = Some(graph.constant(constant));
        }
        let (wanted, other, perm) = match order {
            Order::Rows => (&mut names.rows, &names.planes, channels_last(rank)),
            Order::Planes => (&mut names.planes, &names.rows, channels_first(rank)),
        };
        match (&wanted, other) {
            (Some(name), _) => Some(name.clone()),
            (None, Some(other)) => Some(wanted.insert(graph.transpose(other, &perm)).clone()),
            (None, None) => None,
        }
    }
}

/// The axes of planes as rows have them.
pub(super) fn channels_last(rank: usize) -> Vec<i64> {
    (0..1).chain(2..rank as i64).chain(1..2).collect()
}

/// The axes of rows as planes have them.
pub(super) fn channels_first(rank: usize) -> Vec<i64> {
    let last = rank as i64 - 1;
    (0..1).chain(last..last + 1).chain(1..last).collect()
}

/// The scale and zero point of a port.
fn steps(graph: &mut Graph, port: &siskin::Port<'_>) -> Result<(String, String), String> {
    let zero = match port.dtype {
        DType::U8 => graph.scalar(port.zero_point as u8),
        DType::I8 => graph.scalar(port.zero_point as i8),
        other => {
            return Err(format!("it is {other} inside and {} outside, which opset 17 does not convert", port.outer));
        }
    };
    Ok((graph.scalar(port.scale), zero))
}

/// What the file holds for a tensor.
fn constant(model: &Model<'_>, tensor: u16) -> Option<Tensor> {
    let record = model.artifact().tensor(tensor)?;
    let (ty, bytes) = (model.artifact().ty(record)?, model.artifact().constant(record)?);
    Tensor::from_bytes(Type::new(ty.dtype, Shape::new(ty.shape)?), bytes)
}

/// One operator that is being written.
pub(super) struct Layer<'w, 'a> {
    pub(super) step: Step<'a>,
    pub(super) model: Model<'a>,
    /// Its place among the operators.
    pub(super) index: usize,
    /// What errors call the artifact.
    pub(super) file: &'w str,
    pub(super) graph: &'w mut Graph,
    pub(super) values: &'w mut Values,
}

impl Layer<'_, '_> {
    /// The attributes, of the operator that this is.
    pub(super) fn attrs<O: Op>(&self) -> O::Attrs {
        // Loading has checked them.
        O::Attrs::of(self.step.attrs())
    }

    /// The shape of input `i`.
    pub(super) fn shape(&self, i: usize) -> Vec<u32> {
        self.ty(self.tensor(i)).map_or(vec![], |ty| ty.shape.dims().to_vec())
    }

    /// The element type of input `i`.
    pub(super) fn dtype(&self, i: usize) -> Option<DType> {
        Some(self.ty(self.tensor(i))?.dtype)
    }

    /// The shape of output 0.
    pub(super) fn out_shape(&self) -> Vec<u32> {
        self.step.outputs().first().and_then(|&t| self.ty(t)).map_or(vec![], |ty| ty.shape.dims().to_vec())
    }

    fn ty(&self, tensor: u16) -> Option<Type> {
        let ty = self.step.ty(tensor)?;
        Some(Type::new(ty.dtype, Shape::new(ty.shape)?))
    }

    /// Whether there is an input `i`.
    pub(super) fn has(&self, i: usize) -> bool {
        self.tensor(i) != ABSENT
    }

    fn tensor(&self, i: usize) -> u16 {
        self.step.inputs().get(i).copied().unwrap_or(ABSENT)
    }

    /// The constant that input `i` is.
    pub(super) fn constant(&self, i: usize) -> Option<Tensor> {
        self.values.constant(&self.model, self.tensor(i))
    }

    /// The elements of the constant that input `i` is.
    pub(super) fn elements<T: Pod + Scalar>(&self, i: usize) -> Result<Vec<T>, ExportError> {
        let constant = self.constant(i).ok_or_else(|| self.refuse(format!("input {i} is not a constant")))?;
        Ok(bytemuck::pod_collect_to_vec(constant.bytes()))
    }

    /// The name of input `i` with its axes in this order.
    pub(super) fn input(&mut self, i: usize, order: Order) -> Result<String, ExportError> {
        let constant = self.constant(i);
        let (tensor, rank) = (self.tensor(i), self.shape(i).len());
        let name = self.values.name(self.graph, tensor, rank, order, constant);
        name.ok_or_else(|| self.refuse(format!("nothing computes input {i}")))
    }

    /// An order in which all inputs are images already, or the artifact's own.
    pub(super) fn common(&self, inputs: &[usize]) -> Order {
        let shape = self.out_shape();
        let is_plane = |&i: &usize| {
            let names = self.values.names.get(&self.tensor(i));
            names.is_some_and(|n| n.planes.is_some()) && self.shape(i) == shape
        };
        if (3..=5).contains(&shape.len()) && inputs.iter().all(is_plane) { Order::Planes } else { Order::Rows }
    }

    /// Names the output.
    pub(super) fn give(&mut self, order: Order, name: String) {
        if let Some(&tensor) = self.step.outputs().first() {
            self.values.give(tensor, order, name);
        }
    }

    /// The output is this constant.
    pub(super) fn fold(&mut self, tensor: Tensor) {
        if let Some(&index) = self.step.outputs().first() {
            self.values.folded.insert(index, tensor);
        }
    }

    /// Adds a node, see [`Graph::node`].
    pub(super) fn node(
        &mut self,
        op: &'static str,
        inputs: &[&str],
        attributes: &[(&'static str, Attribute)],
    ) -> String {
        self.graph.node(op, inputs, attributes)
    }

    /// Why this operator cannot be written.
    pub(super) fn refuse(&self, reason: impl Into<String>) -> ExportError {
        let (file, operator) = (self.file.into(), self.step.entry.name);
        ExportError::Operator { file, operator, index: self.index, reason: reason.into() }
    }
}
