//! Arithmetic of two operands, broadcast numpy's way: what an operand repeats, its gradient sums up.

use super::{Rule, dims};
use crate::program::Reverse;
use siskin::Shape;
use siskin::op::{Add, Div, Max, Min, Mul, PRelu, Sub};
use siskin::strided::{Strides, broadcast, inner, rows};
use siskin_compiler::ir::{Graph, Node};

/// The slopes along both operands.
type Slopes = fn(f32, f32) -> [f32; 2];

struct Binary {
    slopes: Slopes,
    shape: Shape,
    strides: [Strides; 2],
    trains: &'static [usize],
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let (slopes, trains): (Slopes, &[usize]) = if node.is::<Add>() {
        (|_, _| [1.0, 1.0], &[0, 1])
    } else if node.is::<Sub>() {
        (|_, _| [1.0, -1.0], &[])
    } else if node.is::<Mul>() {
        (|a, b| [b, a], &[])
    } else if node.is::<Div>() {
        (|a, b| [1.0 / b, -a / (b * b)], &[])
    } else if node.is::<Min>() {
        (|a, b| if a < b { [1.0, 0.0] } else { [0.0, 1.0] }, &[])
    } else if node.is::<Max>() {
        (|a, b| if a > b { [1.0, 0.0] } else { [0.0, 1.0] }, &[])
    } else if node.is::<PRelu>() {
        (|x, slope| if x < 0.0 { [slope, x] } else { [1.0, 0.0] }, &[1])
    } else {
        return None;
    };
    let shape = Shape::new(graph.dims(node.outputs[0]))?;
    let strides = [0, 1].map(|i| broadcast(dims(graph, node, i), shape.dims()));
    Some(Box::new(Binary { slopes, shape, strides, trains }))
}

impl Rule for Binary {
    fn trains(&self) -> &'static [usize] {
        self.trains
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let (a, b, dy) = (at.x(0), at.x(1), at.dy(0));
        let len = self.shape.dims().last().map_or(1, |&d| d as usize);
        let steps = self.strides.map(|s| inner(self.shape.dims(), &s) as usize);
        for operand in 0..2 {
            let Some(dx) = at.dx(operand) else { continue };
            if a.len() == dy.len() && b.len() == dy.len() {
                for (((dx, &dy), &a), &b) in dx.iter_mut().zip(dy).zip(a).zip(b) {
                    *dx += dy * (self.slopes)(a, b)[operand];
                }
                continue;
            }
            let mut next = 0;
            rows(self.shape.dims(), [0, 0], &self.strides, |starts| {
                let starts = starts.map(|s| s as usize);
                for (i, dy) in dy[next..next + len].iter().enumerate() {
                    let [p, q] = [0, 1].map(|k| starts[k] + i * steps[k]);
                    dx[[p, q][operand]] += dy * (self.slopes)(a[p], b[q])[operand];
                }
                next += len;
            });
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
        fn gradients(a in 1u32..4, b in 1u32..5, c in 1u32..5, wide in 0usize..3) {
            let other = [format!("{c}"), format!("{b},1"), format!("{a},{b},{c}")][wide].clone();
            for op in ["Add", "Sub", "Mul", "Min", "Max"] {
                check(&format!(
                    "in x: f32[{a},{b},{c}]\nconst w: f32[{other}] = 0\ny: f32[{a},{b},{c}] = {op}(x, w)\nout y\n"
                ));
            }
            check(&format!(
                "in x: f32[{a},{b},{c}]\ns: f32[{a},{b},{c}] = Sigmoid(x)\nt: f32[{a},{b},{c}] = Tanh(x)\n\
                 y: f32[{a},{b},{c}] = Div(t, s)\nout y\n"
            ));
        }
    }
}
