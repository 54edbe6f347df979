//! Which channels depend on which: one walk through the graph that labels the channels of every value with units.
//!
//! ```text
//! Conv, MatMul with constant weights   read the units of their input, make one for each output
//! depthwise Conv, pooling, functions of one element   hand units on
//! Add, Mul, …                          join the units of their operands
//! Reshape, Concat, Slice, …            carry each element's unit to where the element goes
//! anything else, outputs, states       pins: what they read must stay
//! ```
//!
//! Where elements go, an operator that moves them says itself: it is run once on their units.

use super::units::{Unit, Units};
use crate::ir::{Graph, Node, NodeId, Tensor, ValueId};
use crate::quantize::{moved_operands, moves, pointwise, reduction};
use crate::run::eval;
use siskin::op::{
    AveragePool, BatchNormalization, Concat, Conv, Expand, Gather, MatMul, MaxPool, Pad, ResizeAxis, Slice,
};
use siskin::{DType, MAX_RANK};
use std::collections::BTreeMap;

/// Operators that treat elements in the same place alike, operands broadcast; so do those of one operand.
const ELEMENTWISE: &[&str] = &["Add", "Sub", "Mul", "Div", "Min", "Max", "PRelu", "Pow", "Clip"];

/// The channels of a value.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channels {
    /// The axis that counts them.
    pub(super) axis: usize,
    pub(super) units: Vec<Unit>,
}

/// An axis of a constant that goes with channels.
pub(super) struct Cut {
    pub(super) node: NodeId,
    pub(super) operand: usize,
    pub(super) axis: usize,
    pub(super) units: Vec<Unit>,
}

/// How the channels of a graph depend on each other.
#[derive(Default)]
pub(super) struct Structure {
    pub(super) units: Units,
    pub(super) channels: BTreeMap<ValueId, Channels>,
    pub(super) cuts: Vec<Cut>,
    /// Layers that mix the channels of their input, with those.
    pub(super) readers: Vec<(NodeId, Vec<Unit>)>,
    /// Layers that make channels, with those.
    pub(super) makers: Vec<(NodeId, Vec<Unit>)>,
}

impl Structure {
    pub(super) fn of(graph: &Graph) -> Structure {
        let mut structure = Structure::default();
        for id in graph.order() {
            if let Some(channels) = structure.visit(graph, id)
                && let Some(&y) = graph.node(id).outputs.first()
            {
                structure.channels.insert(y, channels);
            }
        }
        for port in &graph.outputs {
            structure.pin_value(port.value, &format!("output '{}' has a channel for each", port.name));
        }
        for state in &graph.states {
            structure.pin_value(state.write, "a state has a channel for each");
        }
        structure
    }

    fn pin_value(&mut self, value: ValueId, reason: &str) {
        if let Some(channels) = self.channels.get(&value) {
            self.units.pin(&channels.units, reason);
        }
    }

    /// The channels of a node's output, if it has some that could go.
    fn visit(&mut self, graph: &Graph, id: NodeId) -> Option<Channels> {
        let node = graph.node(id);
        let known = node.outputs.len() == 1 && node.outputs.iter().all(|&y| graph.dtype(y) == DType::F32);
        let found = if !known {
            Err(())
        } else if node.is::<Conv>() {
            self.conv(graph, id)
        } else if node.is::<MatMul>() {
            self.matmul(graph, id)
        } else if node.is::<BatchNormalization>() {
            self.batch_norm(graph, id)
        } else if ELEMENTWISE.contains(&node.op.name) {
            self.elementwise(graph, id)
        } else if node.is::<MaxPool>() || node.is::<AveragePool>() || pointwise(node) {
            Ok(self.input(node).cloned())
        } else if let Some(axis) = node.get::<ResizeAxis>().map(|a| a.axis) {
            self.input(node).cloned().map_or(Ok(None), |c| if c.axis == axis as usize { Err(()) } else { Ok(Some(c)) })
        } else if reduction(node).is_some() {
            self.reduced(graph, node)
        } else if moves(node) || node.is::<Pad>() {
            self.moved(graph, id)
        } else {
            Err(())
        };
        found.unwrap_or_else(|()| {
            let reason = format!("node '{}' ({}) needs every channel in its place", node.name, node.op.name);
            node.inputs.iter().flatten().for_each(|&v| self.pin_value(v, &reason));
            None
        })
    }

    fn input(&self, node: &Node) -> Option<&Channels> {
        self.channels.get(&node.input(0)?)
    }

    /// Channels in the last axis of operand 0; an error if they lie elsewhere.
    fn last_axis(&self, graph: &Graph, node: &Node) -> Result<Option<Vec<Unit>>, ()> {
        let Some(value) = node.input(0) else { return Err(()) };
        match self.channels.get(&value) {
            Some(c) if c.axis + 1 != graph.dims(value).len() => Err(()),
            found => Ok(found.map(|c| c.units.clone())),
        }
    }

    fn cut(&mut self, node: NodeId, operand: usize, axis: usize, units: &[Unit]) {
        self.cuts.push(Cut { node, operand, axis, units: units.to_vec() });
    }

    /// The units of a layer's outputs, which go with an axis of its weights and with its bias.
    fn make(&mut self, graph: &Graph, id: NodeId, axis: usize, units: Vec<Unit>) -> Channels {
        self.cut(id, 1, axis, &units);
        if graph.node(id).input(2).is_some() {
            self.cut(id, 2, 0, &units);
        }
        let rank = graph.node(id).outputs.first().map_or(0, |&y| graph.dims(y).len());
        Channels { axis: rank.saturating_sub(1), units }
    }

    fn conv(&mut self, graph: &Graph, id: NodeId) -> Result<Option<Channels>, ()> {
        let node = graph.node(id);
        let weights = constant_weights(graph, node)?;
        let (rank, outputs, each) = (weights.len(), weights[0] as usize, weights[weights.len() - 1]);
        let inputs = self.last_axis(graph, node)?;
        let group = node.get::<Conv>().ok_or(())?.group as usize;
        if group > 1 {
            // Each input has outputs of its own, or else channels are bound to their group.
            let Some(inputs) = inputs.filter(|_| each == 1) else { return if each == 1 { Ok(None) } else { Err(()) } };
            let units = inputs.iter().flat_map(|&u| core::iter::repeat_n(u, outputs / group)).collect();
            return Ok(Some(self.make(graph, id, 0, units)));
        }
        Ok(Some(self.layer(graph, id, inputs, rank - 1, 0, outputs)))
    }

    fn matmul(&mut self, graph: &Graph, id: NodeId) -> Result<Option<Channels>, ()> {
        let node = graph.node(id);
        let weights = constant_weights(graph, node)?;
        if weights.len() != 2 {
            return Err(());
        }
        let inputs = self.last_axis(graph, node)?;
        let outputs = usize::from(!node.get::<MatMul>().ok_or(())?.transpose_b);
        Ok(Some(self.layer(graph, id, inputs, 1 - outputs, outputs, weights[outputs] as usize)))
    }

    /// A layer whose every output reads every input.
    fn layer(
        &mut self,
        graph: &Graph,
        id: NodeId,
        inputs: Option<Vec<Unit>>,
        in_axis: usize,
        out_axis: usize,
        outputs: usize,
    ) -> Channels {
        if let Some(units) = inputs {
            self.cut(id, 1, in_axis, &units);
            self.readers.push((id, units));
        }
        let units = self.units.fresh(outputs);
        self.makers.push((id, units.clone()));
        self.make(graph, id, out_axis, units)
    }

    fn batch_norm(&mut self, graph: &Graph, id: NodeId) -> Result<Option<Channels>, ()> {
        let node = graph.node(id);
        let Some(units) = self.last_axis(graph, node)? else { return Ok(None) };
        for operand in 1..node.inputs.len() {
            node.input(operand).and_then(|v| graph.constant(v)).ok_or(())?;
            self.cut(id, operand, 0, &units);
        }
        Ok(self.input(node).cloned())
    }

    fn elementwise(&mut self, graph: &Graph, id: NodeId) -> Result<Option<Channels>, ()> {
        let node = graph.node(id);
        let rank = node.outputs.first().map_or(0, |&y| graph.dims(y).len());
        let mut channels: Option<Channels> = None;
        for value in node.inputs.iter().flatten() {
            let Some(own) = self.channels.get(value).cloned() else { continue };
            let axis = own.axis + rank - graph.dims(*value).len();
            match &channels {
                None => channels = Some(Channels { axis, ..own }),
                Some(c) if c.axis == axis && c.units.len() == own.units.len() => {
                    c.units.iter().zip(&own.units).for_each(|(&a, &b)| self.units.join(a, b));
                }
                Some(_) => return Err(()),
            }
        }
        let Some(channels) = channels else { return Ok(None) };
        for (operand, value) in node.inputs.iter().enumerate().filter_map(|(i, v)| Some((i, (*v)?))) {
            let dims = graph.dims(value);
            let own = (channels.axis + dims.len()).checked_sub(rank).filter(|&a| dims[a] > 1);
            let Some(own) = own.filter(|_| !self.channels.contains_key(&value)) else { continue };
            if graph.constant(value).is_none() || dims[own] as usize != channels.units.len() {
                return Err(());
            }
            self.cut(id, operand, own, &channels.units);
        }
        Ok(Some(channels))
    }

    fn reduced(&self, graph: &Graph, node: &Node) -> Result<Option<Channels>, ()> {
        let (Some(channels), Some(attrs)) = (self.input(node).cloned(), reduction(node)) else { return Ok(None) };
        let rank = node.input(0).map_or(0, |v| graph.dims(v).len());
        let reduces = |axis: usize| attrs.axes >> axis & 1 == 1;
        if channels.axis >= rank || reduces(channels.axis) {
            return Err(());
        }
        let gone = if attrs.keepdims { 0 } else { (0..channels.axis).filter(|&a| reduces(a)).count() };
        Ok(Some(Channels { axis: channels.axis - gone, ..channels }))
    }

    /// Runs an operator that moves elements on their units.
    fn moved(&mut self, graph: &Graph, id: NodeId) -> Result<Option<Channels>, ()> {
        let node = graph.node(id);
        let first = node.inputs.iter().take(moved_operands(node)).flatten().find_map(|v| self.channels.get(v)).cloned();
        let Some(first) = first else { return Ok(None) };
        if node.get::<Concat>().is_some_and(|a| a.axis as usize != first.axis) {
            // One after another along another axis, operands have the same channels.
            return self.elementwise(graph, id);
        }
        let mut operands = Vec::new();
        for (i, value) in node.inputs.iter().enumerate() {
            let value = value.ok_or(())?;
            operands.push(if node.is::<Pad>() && i > 0 {
                Tensor::scalar(-1i32)
            } else if i < moved_operands(node) {
                let channels = self.channels.get(&value).cloned();
                let channels = channels.unwrap_or_else(|| self.staying(graph.dims(value), first.axis));
                spread(graph.dims(value), &channels).ok_or(())?
            } else {
                (**graph.constant(value).ok_or(())?).clone()
            });
        }
        if node.is::<Pad>() && operands.len() == 1 {
            operands.push(Tensor::scalar(-1i32));
        }
        let operands: Vec<Option<&Tensor>> = operands.iter().map(Some).collect();
        let y = eval(node.op, &node.attrs, &operands).map_err(|_| ())?.into_iter().next().ok_or(())?;
        let channels = self.gathered(&y).ok_or(())?;
        if follows(node, &first, &channels) { Ok(Some(channels)) } else { Err(()) }
    }

    /// The channels of a value of which none may go.
    fn staying(&mut self, dims: &[u32], axis: usize) -> Channels {
        let units = self.units.fresh(dims.get(axis).map_or(0, |&d| d as usize));
        self.units.pin(&units, "they are not made by a layer");
        Channels { axis, units }
    }

    /// The axis along which alone units differ, with them. Elements of padding are of any unit.
    fn gathered(&mut self, y: &Tensor) -> Option<Channels> {
        let units = y.get::<i32>()?;
        let (axis, mut found) = (0..y.dims().len()).rev().find_map(|axis| {
            let after: usize = y.dims()[axis + 1..].iter().map(|&d| d as usize).product();
            let len = y.dims()[axis] as usize;
            let mut found = vec![-1; len];
            for (i, &unit) in units.iter().enumerate().filter(|(_, u)| **u >= 0) {
                let place = &mut found[i / after % len];
                if *place >= 0 && *place != unit {
                    return None;
                }
                *place = unit;
            }
            Some((axis, found))
        })?;
        for unit in found.iter_mut().filter(|u| **u < 0) {
            *unit = self.staying(&[1], 0).units[0] as i32;
        }
        Some(Channels { axis, units: found.into_iter().map(|u| u as usize).collect() })
    }
}

/// The axes of a layer's weights, if they and its bias are constants of `f32`.
fn constant_weights<'g>(graph: &'g Graph, node: &Node) -> Result<&'g [u32], ()> {
    let constant = |v: ValueId| graph.constant(v).filter(|t| t.get::<f32>().is_some());
    if node.input(2).is_some_and(|b| constant(b).is_none()) {
        return Err(());
    }
    let weights = node.input(1).and_then(constant).ok_or(())?;
    if weights.dims().len() < 2 { Err(()) } else { Ok(weights.dims()) }
}

/// The unit of every element.
fn spread(dims: &[u32], channels: &Channels) -> Option<Tensor> {
    let after: usize = dims.get(channels.axis + 1..)?.iter().map(|&d| d as usize).product();
    let elements: usize = dims.iter().map(|&d| d as usize).product();
    let units = &channels.units;
    let all: Vec<i32> = (0..elements).map(|i| units[i / after % units.len()] as i32).collect();
    Tensor::new(dims, &all)
}

/// Whether the node's attributes can follow channels that go.
fn follows(node: &Node, x: &Channels, y: &Channels) -> bool {
    if node.is::<Gather>() {
        return node.get::<Gather>().is_some_and(|a| a.axis as usize != x.axis);
    }
    let same = x.axis == y.axis;
    if let Some(attrs) = node.get::<Slice>() {
        return same && y.axis < MAX_RANK && attrs.step[y.axis] == 1;
    }
    !node.is::<Expand>() || same && x.units.len() == y.units.len()
}
