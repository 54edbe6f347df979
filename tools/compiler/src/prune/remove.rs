//! Takes channels out of a graph: smaller constants, other attributes, other types, the same nodes.

use super::channels::{Channels, Structure};
use super::units::Unit;
use crate::ir::{Graph, IrError, Node, NodeId, Tensor, ValueId};
use siskin::op::{Conv, ConvAttrs, Expand, Reshape, Slice};
use siskin::{Shape, Type};

/// Which sets of units are gone, by their first unit.
#[derive(Clone)]
pub(super) struct Removed(Vec<bool>);

impl Removed {
    pub(super) fn none(structure: &Structure) -> Removed {
        Removed(vec![false; structure.units.len()])
    }

    /// Takes or puts back the set of which this is the first unit.
    pub(super) fn set(&mut self, root: Unit, gone: bool) {
        self.0[root] = gone;
    }

    /// The places of those that stay.
    pub(super) fn kept(&self, structure: &Structure, units: &[Unit]) -> Vec<usize> {
        (0..units.len()).filter(|&i| !self.0[structure.units.root(units[i])]).collect()
    }
}

/// The graph without what is removed. Nodes and values keep their ids, but for constants that were cut.
pub(super) fn remove(graph: &Graph, structure: &Structure, removed: &Removed) -> Result<Graph, IrError> {
    let mut small = graph.clone();
    for cut in &structure.cuts {
        let kept = removed.kept(structure, &cut.units);
        if kept.len() < cut.units.len() {
            take(&mut small, cut.node, cut.operand, cut.axis, &kept)?;
        }
    }
    for id in graph.order() {
        let node = small.node(id).clone();
        let attrs = attributes(&node, structure, removed).unwrap_or_else(|| node.attrs.clone());
        let rule = small.infer(&node.name, node.op, &attrs, &node.inputs)?;
        let types: Vec<Type> = rule.types().collect();
        small.node_mut(id).attrs = attrs;
        node.outputs.iter().zip(types).for_each(|(&y, ty)| small.value_mut(y).ty = ty);
    }
    small.verify()?;
    Ok(small)
}

/// Multiply-accumulates of a graph.
pub(super) fn macs(graph: &Graph) -> u64 {
    graph.order().iter().map(|&n| graph.macs(graph.node(n))).sum()
}

/// Replaces a constant operand by these places of one of its axes.
fn take(graph: &mut Graph, id: NodeId, operand: usize, axis: usize, kept: &[usize]) -> Result<(), IrError> {
    let missing = || IrError::Definition(graph.node(id).name.clone());
    let value = graph.node(id).input(operand).ok_or_else(missing)?;
    let tensor = graph.constant(value).ok_or_else(missing)?;
    let mut dims = tensor.dims().to_vec();
    let after: usize = dims[axis + 1..].iter().map(|&d| d as usize).product();
    let len = dims[axis] as usize;
    let each = after * tensor.bytes().len() / tensor.ty().shape.elements().max(1);
    let mut bytes = Vec::new();
    for block in tensor.bytes().chunks_exact((len * each).max(1)) {
        kept.iter().for_each(|&k| bytes.extend_from_slice(&block[k * each..(k + 1) * each]));
    }
    dims[axis] = kept.len() as u32;
    let ty = Type::new(tensor.ty().dtype, Shape::new(&dims).ok_or_else(missing)?);
    let smaller = Tensor::from_bytes(ty, &bytes).ok_or_else(missing)?;
    let name = graph.value(value).name.clone();
    let fresh = graph.add_const(&name, smaller);
    graph.node_mut(id).inputs[operand] = Some(fresh);
    Ok(())
}

/// What attributes that count channels become.
fn attributes(node: &Node, structure: &Structure, removed: &Removed) -> Option<Vec<u32>> {
    let channels = |v: ValueId| structure.channels.get(&v);
    let kept = |c: &Channels| removed.kept(structure, &c.units).len() as u32;
    let (x, y) = (channels(node.input(0)?), channels(*node.outputs.first()?)?);
    let mut node = node.clone();
    if let Some(attrs) = node.get::<Conv>().filter(|a| a.group > 1) {
        // As many outputs belong to each input as before.
        let each = y.units.len() as u32 / attrs.group;
        node.set(&ConvAttrs { group: kept(y) / each, ..attrs });
    } else if let Some(mut attrs) = node.get::<Reshape>() {
        attrs.shape.dims_mut()[y.axis] = kept(y);
        node.set(&attrs);
    } else if let Some(mut attrs) = node.get::<Expand>() {
        attrs.shape.dims_mut()[y.axis] = kept(y);
        node.set(&attrs);
    } else if let (Some(mut attrs), Some(x)) = (node.get::<Slice>(), x) {
        let before = attrs.start[y.axis] as usize;
        attrs.start[y.axis] = removed.kept(structure, &x.units[..before.min(x.units.len())]).len() as u32;
        attrs.shape.dims_mut()[y.axis] = kept(y);
        node.set(&attrs);
    }
    Some(node.attrs)
}
