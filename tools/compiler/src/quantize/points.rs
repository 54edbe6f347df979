//! Which values become integers, and which of them must share scale and zero point.
//!
//! | operators | inputs and output |
//! |---|---|
//! | Conv, ConvTranspose, MatMul by a constant | own parameters |
//! | MatMul of two activations, Add, Mul, AveragePool, Softmax, functions of one value | own parameters |
//! | Reshape, Transpose, MaxPool, Slice, Gather, … | one set of parameters for all: they only move values |
//! | Concat | as those, except that an operand which others read, too, keeps its own: a table aligns it |

use crate::ir::{Graph, Node, NodeId, ValueId};
use crate::passes::bounds;
use siskin::DType;
use siskin::Op;
use siskin::attrs::Attrs;
use siskin::op::{
    Add, AveragePool, Concat, Conv, ConvTranspose, Expand, Gather, MatMul, MaxPool, Mul, ReduceAttrs, Reshape, Sigmoid,
    Slice, Softmax, SoftmaxAttrs, Tanh, Transpose,
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Values that share one scale and zero point.
#[derive(Clone, Debug)]
pub struct Point {
    /// The values.
    pub values: Vec<ValueId>,
    /// The range by definition, where the operator's formula bounds it.
    pub fixed: Option<[f32; 2]>,
    /// Of the values, those that a Softmax reads, if nothing but Softmax ever sees them: their range is a matter of rows.
    pub(super) rows: Vec<ValueId>,
}

/// What becomes of an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An integer operator computes it.
    Computes,
    /// It moves values and works on integers as it is.
    Moves,
    /// It stays float.
    Stays,
}

/// Operators of one value that a table of 256 entries replaces.
pub(crate) const TABLED: &[&str] = &[
    "Relu",
    "Sigmoid",
    "Tanh",
    "Gelu",
    "HardSwish",
    "HardSigmoid",
    "LeakyRelu",
    "Elu",
    "Selu",
    "Celu",
    "Clip",
    "Softplus",
    "Softsign",
    "Mish",
    "Erf",
    "Abs",
    "Neg",
    "Sqrt",
    "Exp",
    "ThresholdedRelu",
    "Sin",
    "Cos",
];

/// Operators of one value beyond [`TABLED`] that do not care where an element lies.
const POINTWISE: &[&str] = &[
    "Cast",
    "Not",
    "BitwiseNot",
    "IsNaN",
    "IsInf",
    "Floor",
    "Ceil",
    "Round",
    "Sign",
    "Log",
    "Reciprocal",
    "Tan",
    "Asin",
    "Acos",
    "Atan",
    "Sinh",
    "Cosh",
    "Asinh",
    "Acosh",
    "Atanh",
    "Shrink",
    "Identity",
];

/// Whether a node treats every element alike, wherever it lies.
pub(crate) fn pointwise(node: &Node) -> bool {
    node.inputs.len() == 1 && (TABLED.contains(&node.op.name) || POINTWISE.contains(&node.op.name))
}

/// The attributes of a reduction along axes.
pub(crate) fn reduction(node: &Node) -> Option<ReduceAttrs> {
    if node.op.name.starts_with("Reduce") { ReduceAttrs::read(&node.attrs).ok() } else { None }
}

/// Whether a node only moves values, and so works on integers as it is.
pub(crate) fn moves(node: &Node) -> bool {
    let code = node.op.code;
    let movers = [Reshape::CODE, Transpose::CODE, Slice::CODE, Concat::CODE, Expand::CODE, MaxPool::CODE, Gather::CODE];
    movers.contains(&code) && node.outputs.len() == 1
}

/// How many operands of a node that moves values are moved, from the first: the positions of a Gather are not.
pub(crate) fn moved_operands(node: &Node) -> usize {
    if node.is::<Gather>() { 1 } else { node.inputs.len() }
}

/// What becomes of a node.
pub(crate) fn kind(graph: &Graph, node: &Node) -> Kind {
    let float = node.outputs.first().is_some_and(|&y| graph.dtype(y) == DType::F32);
    if !float {
        return Kind::Stays;
    }
    let constant = |i: usize| node.input(i).is_some_and(|v| graph.constant(v).is_some());
    let computed = |i: usize| node.input(i).is_some_and(|v| graph.constant(v).is_none());
    let rank = |i: usize| node.input(i).map_or(0, |v| graph.dims(v).len());
    let computes = if node.is::<Conv>() || node.is::<ConvTranspose>() {
        constant(1) && (3..=4).contains(&rank(0)) && node.input(2).is_none_or(|v| graph.constant(v).is_some())
    } else if node.is::<MatMul>() {
        computed(0) && (computed(1) && node.input(2).is_none() || constant(1) && rank(1) == 2)
    } else if node.is::<Add>() || node.is::<Mul>() {
        (computed(0) || computed(1)) && (0..2).all(|i| !is_mask(graph, node.input(i)))
    } else if let Some(SoftmaxAttrs { axis }) = node.get::<Softmax>() {
        axis as usize + 1 == rank(0)
    } else {
        node.is::<AveragePool>() && rank(0) <= 4 || TABLED.contains(&node.op.name)
    };
    if computes && computed(0) {
        Kind::Computes
    } else if moves(node) && (node.is::<Gather>() || (0..node.inputs.len()).all(computed)) {
        Kind::Moves
    } else {
        Kind::Stays
    }
}

/// Whether a value is a sum or a product that only a clamp reads: the integer operator clamps as it stores, so nothing in between is
/// rounded.
fn is_clamped_as_stored(graph: &Graph, v: ValueId) -> bool {
    let Some(producer) = graph.producer(v).map(|id| graph.node(id)) else { return false };
    let clamps = (producer.is::<Add>() || producer.is::<Mul>()) && kind(graph, producer) == Kind::Computes;
    let mut users = graph.users(v).into_iter();
    let (Some((user, _)), None) = (users.next(), users.next()) else { return false };
    clamps && !graph.is_output(v) && bounds(graph.node(user)).is_some()
}

/// Scores this low are meant to be none.
pub(super) const SHUT_OUT: f32 = -1000.0;

/// Whether a value is a constant that shuts elements out, as attention's masks do: integers that reach so far have no
/// steps left for the rest.
fn is_mask(graph: &Graph, v: Option<ValueId>) -> bool {
    let values = v.and_then(|v| graph.constant(v)).and_then(|t| t.get::<f32>());
    values.is_some_and(|t| t.iter().any(|v| !v.is_finite() || *v <= SHUT_OUT))
}

/// The operands of a node that are activations, or constants quantized like one.
pub(super) fn operands(graph: &Graph, node: &Node) -> Vec<ValueId> {
    let weighted = node.is::<Conv>() || node.is::<ConvTranspose>();
    let by_constant = node.is::<MatMul>() && node.input(1).is_some_and(|v| graph.constant(v).is_some());
    let count = if weighted || by_constant { 1 } else { moved_operands(node) };
    node.inputs.iter().take(count).copied().flatten().collect()
}

/// The range that an operator's formula bounds its output to.
fn fixed(node: &Node) -> Option<[f32; 2]> {
    if node.is::<Softmax>() || node.is::<Sigmoid>() {
        // 256 steps of 1/256: the customary scale of probabilities.
        Some([0.0, 255.0 / 256.0])
    } else if node.is::<Tanh>() {
        Some([-1.0, 127.0 / 128.0])
    } else {
        None
    }
}

/// The values to be quantized, in groups.
#[must_use]
pub fn find(graph: &Graph) -> Vec<Point> {
    let order: Vec<NodeId> = graph.order();
    let kinds: Vec<Kind> = order.iter().map(|&n| kind(graph, graph.node(n))).collect();
    let mut groups = Groups::default();
    let (mut wanted, mut apart, mut moved) = (Vec::new(), Vec::new(), BTreeSet::new());
    let mut fixed_ranges = HashMap::new();
    for (&id, &kind) in order.iter().zip(&kinds) {
        let node = graph.node(id);
        let values = operands(graph, node).into_iter().chain(node.outputs.first().copied());
        let values = values.filter(|&v| !is_clamped_as_stored(graph, v));
        match kind {
            Kind::Computes => wanted.extend(values),
            Kind::Moves => {
                let Some(&y) = node.outputs.first() else { continue };
                moved.insert(y);
                for x in operands(graph, node) {
                    if node.is::<Concat>() && graph.use_count(x) > 1 {
                        apart.push((x, y));
                    } else {
                        groups.join(x, y);
                    }
                }
            }
            Kind::Stays => {}
        }
        if let (Some(range), Some(&y)) = (fixed(node), node.outputs.first()) {
            fixed_ranges.insert(y, range);
        }
    }
    // What is moved into a value that becomes integers becomes integers, too.
    loop {
        let roots: BTreeSet<ValueId> = wanted.iter().map(|&v| groups.root(v)).collect();
        let found = apart.iter().find(|(x, y)| roots.contains(&groups.root(*y)) && !roots.contains(&groups.root(*x)));
        match found {
            Some(&(x, _)) => wanted.push(x),
            None => break,
        }
    }
    let roots: BTreeSet<ValueId> = wanted.iter().map(|&v| groups.root(v)).collect();
    let mut members: BTreeMap<ValueId, Vec<ValueId>> = BTreeMap::new();
    for v in groups.known().into_iter().chain(wanted) {
        let root = groups.root(v);
        let list = members.entry(root).or_default();
        if roots.contains(&root) && !list.contains(&v) {
            list.push(v);
        }
    }
    let points = members.into_values().filter(|m| !m.is_empty());
    let point = |values: Vec<ValueId>| {
        let beside = apart.iter().filter(|(_, y)| values.contains(y)).map(|&(x, _)| x);
        let sources: Vec<ValueId> = values.iter().copied().filter(|v| !moved.contains(v)).chain(beside).collect();
        Point { fixed: common(&sources, &fixed_ranges), rows: rows(graph, &values), values }
    };
    points.map(point).collect()
}

/// The bounds of everything that is moved together, if they are the same.
fn common(sources: &[ValueId], bounds: &HashMap<ValueId, [f32; 2]>) -> Option<[f32; 2]> {
    let mut sources = sources.iter().map(|v| bounds.get(v).copied());
    let first = sources.next()??;
    sources.all(|s| s == Some(first)).then_some(first)
}

/// Those of `values` that a Softmax reads along their last axis, if all that is read is read so, or moved within `values`.
fn rows(graph: &Graph, values: &[ValueId]) -> Vec<ValueId> {
    let mut rows = Vec::new();
    for &v in values {
        for (id, _) in graph.users(v) {
            let node = graph.node(id);
            let along = node.get::<Softmax>().is_some_and(|a| a.axis as usize + 1 == graph.dims(v).len());
            if along {
                rows.push(v);
            } else if !moves(node) || !node.outputs.iter().all(|y| values.contains(y)) {
                return Vec::new();
            }
        }
        if graph.is_output(v) {
            return Vec::new();
        }
    }
    rows
}

/// Disjoint sets of values.
#[derive(Default)]
struct Groups(HashMap<ValueId, ValueId>);

impl Groups {
    fn root(&self, v: ValueId) -> ValueId {
        let mut at = v;
        while let Some(&up) = self.0.get(&at).filter(|&&up| up != at) {
            at = up;
        }
        at
    }

    fn join(&mut self, a: ValueId, b: ValueId) {
        let (a_root, b_root) = (self.root(a), self.root(b));
        self.0.entry(a).or_insert(a);
        self.0.entry(b).or_insert(b);
        let (low, high) = (a_root.min(b_root), a_root.max(b_root));
        self.0.insert(high, low);
        self.0.insert(low, low);
    }

    fn known(&self) -> Vec<ValueId> {
        let mut known: Vec<_> = self.0.keys().copied().collect();
        known.sort_unstable();
        known
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    /// How many points a sum and its Relu make.
    fn points(outputs: &str) -> usize {
        let text =
            format!("graph g\nin a: f32[2]\nin b: f32[2]\ns: f32[2] = Add(a, b)\nr: f32[2] = Relu(s)\n{outputs}");
        super::find(&crate::ir::parse(&text).unwrap()).len()
    }

    #[test]
    fn a_sum_that_only_a_clamp_reads_is_not_rounded() {
        assert_eq!(points("out r\n"), 3, "a, b and what is left of the sum");
        assert_eq!(points("out r\nout s\n"), 4, "the sum is an output");
        assert_eq!(points("t: f32[2] = Tanh(s)\nout r\nout t\n"), 5, "the sum and the tanh");
    }
}
