//! Fuses `0.5 · x · (1 + erf(x / √2))` into `Gelu`: what exporters write where the model said GELU.
//!
//! ```text
//! Mul(Mul(x, Add(Erf(Div(x, √2)), 1)), 0.5)        or Mul by 1/√2, or the half at x; operands in any order
//! ```
//!
//! One walk over the tensor instead of five, and one table instead of five where it is quantized.

use crate::ir::{Graph, IrError, Node, NodeId, ValueId};
use core::f32::consts::{FRAC_1_SQRT_2, SQRT_2};
use siskin::op::{Add, Div, Erf, Gelu, GeluAttrs, Mul};

/// How far a constant may lie from what it stands for, relatively: exporters round it.
const TOLERANCE: f32 = 1e-5;

pub(super) fn fuse_gelu(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for erf in graph.all::<Erf>() {
        if let Some((x, y)) = found(graph, erf) {
            let name = graph.value(y).name.clone();
            let gelu = graph.add::<Gelu>(&name, &GeluAttrs { tanh: false }, &[Some(x)])?[0];
            graph.replace(y, gelu);
            changed = true;
        }
    }
    Ok(changed)
}

/// `x` and the value that is its GELU.
fn found(graph: &Graph, erf: NodeId) -> Option<(ValueId, ValueId)> {
    let x = graph.node(erf).input(0).and_then(|v| quotient(graph, v))?;
    let one_more = only_reader(graph, *graph.node(erf).outputs.first()?)?;
    by_constant(graph, one_more, one_more.is::<Add>(), 1.0)?;
    let sum = *one_more.outputs.first()?;
    let product = only_reader(graph, sum).filter(|n| n.is::<Mul>())?;
    let other = other_operand(product, sum)?;
    let y = *product.outputs.first()?;
    let y = if other == x {
        let half = only_reader(graph, y)?;
        by_constant(graph, half, half.is::<Mul>(), 0.5)?;
        *half.outputs.first()?
    } else {
        let half = graph.node(graph.producer(other)?);
        (by_constant(graph, half, half.is::<Mul>(), 0.5)? == x).then_some(y)?
    };
    (graph.ty(y) == graph.ty(x)).then_some((x, y))
}

/// `x`, if a value is `x / √2`.
fn quotient(graph: &Graph, value: ValueId) -> Option<ValueId> {
    let node = graph.node(graph.producer(value)?);
    if node.is::<Div>() {
        return is_near(graph, node.input(1)?, SQRT_2).then(|| node.input(0)).flatten();
    }
    by_constant(graph, node, node.is::<Mul>(), FRAC_1_SQRT_2)
}

/// The operand beside the constant `near`, on either side.
fn by_constant(graph: &Graph, node: &Node, fits: bool, near: f32) -> Option<ValueId> {
    let [a, b] = [node.input(0)?, node.input(1)?];
    let beside = if is_near(graph, b, near) { Some(a) } else { is_near(graph, a, near).then_some(b) };
    beside.filter(|_| fits)
}

fn is_near(graph: &Graph, value: ValueId, near: f32) -> bool {
    let constant = graph.constant(value).map(|t| t.to_f32());
    matches!(constant.as_deref(), Some(&[c]) if (c - near).abs() <= TOLERANCE * near)
}

fn other_operand(node: &Node, one: ValueId) -> Option<ValueId> {
    let [a, b] = [node.input(0)?, node.input(1)?];
    if a == one { Some(b) } else { (b == one).then_some(a) }
}

/// The node that alone reads a value.
fn only_reader(graph: &Graph, value: ValueId) -> Option<&Node> {
    let reads = |n: &NodeId| graph.node(*n).inputs.contains(&Some(value));
    let reader = graph.order().into_iter().find(reads)?;
    (graph.use_count(value) == 1).then(|| graph.node(reader))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "graph g\nin x: f32[1,4]\nconst r: f32[] = 1.4142135\nconst m: f32[] = 0.70710677\n\
                        const o: f32[] = 1\nconst h: f32[] = 0.5\n";

    fn check(body: &str, fused: bool) {
        let text = format!("{HEAD}{body}");
        let mut graph = crate::ir::parse(&text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(fuse_gelu(&mut graph), Ok(fused), "{text}");
        graph.verify().unwrap_or_else(|e| panic!("{e}"));
        let ops: Vec<&str> = graph.order().into_iter().map(|n| graph.node(n).op.name).collect();
        assert_eq!(ops == ["Gelu"], fused, "{ops:?}");
    }

    #[test]
    fn every_way_to_write_it() {
        let tail = "d: f32[1,4] = Add(c, o)\ne: f32[1,4] = Mul(x, d)\ny: f32[1,4] = Mul(e, h)\nout y\n";
        check(&format!("b: f32[1,4] = Div(x, r)\nc: f32[1,4] = Erf(b)\n{tail}"), true);
        check(&format!("b: f32[1,4] = Mul(m, x)\nc: f32[1,4] = Erf(b)\n{tail}"), true);
        let half_first = "b: f32[1,4] = Div(x, r)\nc: f32[1,4] = Erf(b)\nd: f32[1,4] = Add(o, c)\n\
                          e: f32[1,4] = Mul(h, x)\ny: f32[1,4] = Mul(d, e)\nout y\n";
        check(half_first, true);
    }

    #[test]
    fn nothing_that_is_almost_it() {
        let body = |root: &str, one: &str, factor: &str, more: &str| {
            format!(
                "b: f32[1,4] = Div(x, {root})\nc: f32[1,4] = Erf(b)\nd: f32[1,4] = Add(c, {one})\n\
                 e: f32[1,4] = Mul(x, d)\ny: f32[1,4] = Mul(e, {factor})\nout y\n{more}"
            )
        };
        check(&body("r", "o", "h", ""), true);
        check(&body("m", "o", "h", ""), false);
        check(&body("r", "h", "h", ""), false);
        check(&body("r", "o", "o", ""), false);
        check(&body("r", "o", "h", "out d\n"), false);
    }
}
