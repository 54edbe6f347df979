//! Operators that only move elements: each output's gradient goes back to where the element came from.
//!
//! Where that is, the operator itself says: it is run once on the elements' positions.

use super::Rule;
use crate::program::Reverse;
use siskin::op::{Concat, Expand, Gather, Identity, Pad, Reshape, Slice, Transpose};
use siskin::{Code, DType, Op};
use siskin_compiler::ir::{Graph, Node, Tensor};
use siskin_compiler::run::eval;

/// For each operator, how many of its operands are moved, from the first; all of them if nothing is said.
const MOVERS: &[(Code, Option<usize>)] = &[
    (Concat::CODE, None),
    (Expand::CODE, Some(1)),
    (Gather::CODE, Some(1)),
    (Identity::CODE, Some(1)),
    (Pad::CODE, Some(1)),
    (Reshape::CODE, Some(1)),
    (Slice::CODE, Some(1)),
    (Transpose::CODE, Some(1)),
];

struct Moved {
    /// For each output, the moved operand and the element that it is; nothing for padding.
    from: Vec<Option<(u8, u32)>>,
    trains: &'static [usize],
    /// Whether output `i` is element `i` of operand 0.
    in_order: bool,
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let &(_, moved) = MOVERS.iter().find(|(code, _)| *code == node.op.code)?;
    let moved = moved.unwrap_or(node.inputs.len());
    let mut ends = Vec::new();
    let mut operands: Vec<Option<Tensor>> = Vec::new();
    for (i, value) in node.inputs.iter().enumerate() {
        let value = (*value)?;
        let start = ends.last().copied().unwrap_or(0);
        operands.push(if i < moved {
            let len = graph.ty(value).shape.elements();
            let positions: Vec<i32> = (start..start + len).map(|p| p as i32).collect();
            ends.push(start + len);
            Some(Tensor::new(graph.dims(value), &positions)?)
        } else if graph.dtype(value) == DType::F32 {
            // What Pad fills with.
            Some(Tensor::new(graph.dims(value), &[-1i32])?)
        } else {
            // Positions that a Gather reads; computed ones are another family's.
            Some((**graph.constant(value)?).clone())
        });
    }
    if node.is::<Pad>() && operands.len() == 1 {
        operands.push(Some(Tensor::scalar(-1i32)));
    }
    let operands: Vec<Option<&Tensor>> = operands.iter().map(Option::as_ref).collect();
    let y = eval(node.op, &node.attrs, &operands).ok()?;
    let place = |&p: &i32| {
        let p = usize::try_from(p).ok()?;
        let operand = ends.iter().position(|&end| p < end)?;
        let start = operand.checked_sub(1).map_or(0, |before| ends[before]);
        Some((operand as u8, (p - start) as u32))
    };
    let from: Vec<_> = y.first()?.get::<i32>()?.iter().map(place).collect();
    let in_order = from.iter().enumerate().all(|(i, f)| *f == Some((0, i as u32)));
    let trains: &[usize] = if node.is::<Gather>() { &[0] } else { &[] };
    Some(Box::new(Moved { from, trains, in_order }))
}

impl Rule for Moved {
    fn trains(&self) -> &'static [usize] {
        self.trains
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let dy = at.dy(0);
        if self.in_order {
            if let Some(dx) = at.dx(0) {
                super::add(dx, dy);
            }
            return;
        }
        let operands = self.from.iter().flatten().map(|f| f.0).max().map_or(0, |last| last + 1);
        for operand in 0..operands {
            let Some(dx) = at.dx(operand.into()) else { continue };
            for (from, dy) in self.from.iter().zip(dy) {
                if let Some((_, i)) = from.filter(|f| f.0 == operand) {
                    dx[i as usize] += dy;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(8))]
        #[test]
        fn gradients(a in 1u32..4, b in 2u32..5, c in 1u32..4) {
            let (bc, b1, c3) = (b * c, b - 1, c + 3);
            check(&format!("in x: f32[{a},{b},{c}]\ny: f32[{a},{bc}] = Reshape(x) shape=[{a},{bc}]\nout y\n"));
            check(&format!(
                "in x: f32[{a},{b},{c}]\ny: f32[{c},{a},{b}] = Transpose(x) perm=[2,0,1,3,4,5,6,7]\nout y\n"
            ));
            check(&format!(
                "in x: f32[{a},{b},{c}]\ny: f32[{a},{b1},{c}] = Slice(x) start=[0,1,0,0,0,0,0,0] step=[1,1,1,1,1,1,1,1] \
                 shape=[{a},{b1},{c}]\nout y\n"
            ));
            check(&format!(
                "in x: f32[{a},{b},{c}]\ny: f32[{a},{b},{c3}] = Pad(x) begin=[0,0,2,0,0,0,0,0] end=[0,0,1,0,0,0,0,0]\nout y\n"
            ));
            check(&format!("in x: f32[1,{c}]\ny: f32[{b},{c}] = Expand(x) shape=[{b},{c}]\nout y\n"));
            check(&format!(
                "in x: f32[{a},{b},{c}]\nt: f32[{a},{b},{c}] = Tanh(x)\n\
                 y: f32[{a},{},{c}] = Concat(x, t, x) axis=1\nout y\n", 3 * b
            ));
            check(&format!(
                "in x: f32[{a},{b},{c}]\nconst i: i64[3] = 1 0 1\ny: f32[{a},3,{c}] = Gather(x, i) axis=1\nout y\n"
            ));
        }
    }
}
