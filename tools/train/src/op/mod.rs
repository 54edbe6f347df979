//! The reverse rules, one family of operators a file.
//!
//! A rule says how a result's gradient becomes its operands'. Forward is the runtime's own operator; a rule holds what it
//! needs of the node's attributes and types. A new operator is a file with `rule` and its tests, and a line in [`FAMILIES`].

mod average_pool;
mod batch_norm;
mod binary;
mod conv;
mod conv_transpose;
mod gru;
mod layer_norm;
mod lstm;
mod map;
mod matmul;
mod max_pool;
mod moved;
mod product;
mod recurrent;
mod reduce;
mod softmax;
mod window;

use crate::program::Reverse;
use siskin_compiler::ir::{Graph, Node};

/// The constants of a node, by operand.
pub(crate) type Constants<'a> = dyn Fn(usize) -> Option<&'a [f32]> + 'a;

/// How gradients pass one node.
pub(crate) trait Rule: Send + Sync {
    /// Adds to the operands' gradients what the results' say of them.
    fn backward(&self, at: &mut Reverse<'_>);

    /// What every sample's backward shares, made of the node's constants once a step.
    fn prepare(&self, constants: &Constants<'_>) -> Vec<f32> {
        let _ = constants;
        Vec::new()
    }

    /// The operands that are parameters where they are constant.
    fn trains(&self) -> &'static [usize] {
        &[]
    }

    /// Of a layer whose operand 1 are weights that may be rounded: their axis of output channels.
    fn channels(&self) -> Option<usize> {
        None
    }
}

/// The rule of a node of one family; nothing if the node is of another, or of a form that the family does not know.
type Family = fn(&Graph, &Node) -> Option<Box<dyn Rule>>;

const FAMILIES: &[Family] = &[
    average_pool::rule,
    batch_norm::rule,
    binary::rule,
    conv::rule,
    conv_transpose::rule,
    gru::rule,
    layer_norm::rule,
    lstm::rule,
    map::rule,
    matmul::rule,
    max_pool::rule,
    moved::rule,
    reduce::rule,
    softmax::rule,
];

/// The rule of a node, if gradients can pass it.
pub(crate) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    FAMILIES.iter().find_map(|family| family(graph, node))
}

/// The axes of operand `i`; none if it is absent.
fn dims<'g>(graph: &'g Graph, node: &Node, i: usize) -> &'g [u32] {
    node.input(i).map_or(&[], |v| graph.dims(v))
}

/// The gradient of a layer's sums, which are clamped to its result: 0 where a bound was reached. Operand 2, the bias, gets its own.
fn of_sums(at: &mut Reverse<'_>, [min, max]: [f32; 2]) -> Vec<f32> {
    let (y, dy) = (at.y(0), at.dy(0));
    let mut dz = at.take(dy.len());
    for ((dz, &dy), &y) in dz.iter_mut().zip(dy).zip(y) {
        *dz = if y > min && y < max { dy } else { 0.0 };
    }
    if let Some(bias) = at.dx(2) {
        add_rows(bias, &dz);
    }
    dz
}

/// Adds to `sums` each column's sum over the rows of `x`.
fn add_rows(sums: &mut [f32], x: &[f32]) {
    for row in x.chunks_exact(sums.len().max(1)) {
        add(sums, row);
    }
}

/// `sums += x`
fn add(sums: &mut [f32], x: &[f32]) {
    sums.iter_mut().zip(x).for_each(|(s, &x)| *s += x);
}

/// `sums += factor · x`
fn add_scaled(sums: &mut [f32], factor: f32, x: &[f32]) {
    sums.iter_mut().zip(x).for_each(|(s, &x)| *s += factor * x);
}

/// `to[c, r] = from[r, c]` for rows of `columns`.
fn transpose(to: &mut [f32], from: &[f32], columns: usize) {
    let rows = from.len() / columns.max(1);
    for (r, row) in from.chunks_exact(columns.max(1)).enumerate() {
        for (c, &v) in row.iter().enumerate() {
            to[c * rows + r] = v;
        }
    }
}
