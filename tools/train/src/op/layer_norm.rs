//! `LayerNormalization` and `RMSNormalization`: with `x̂` the row after normalization and `d = dy · scale`,
//! `dx = (d - mean d - x̂ · mean(d · x̂)) / σ`; without the first mean for RMS.

use super::{Rule, dims};
use crate::program::Reverse;
use siskin::Shape;
use siskin::op::{LayerNormalization, RMSNormalization};
use siskin::strided::{broadcast, copy};
use siskin_compiler::ir::{Graph, Node};

struct Norm {
    shape: Shape,
    row: usize,
    epsilon: f32,
    centred: bool,
    /// The axes of scale and bias; empty where not given.
    operands: [Vec<u32>; 2],
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let layer = node.get::<LayerNormalization>().filter(|a| !a.statistics).map(|a| (a.axis, a.epsilon, true));
    let (axis, epsilon, centred) =
        layer.or_else(|| node.get::<RMSNormalization>().map(|a| (a.axis, a.epsilon, false)))?;
    let shape = Shape::new(dims(graph, node, 0))?;
    let row = shape.dims()[axis as usize..].iter().map(|&d| d as usize).product();
    let operands = [1, 2].map(|i| dims(graph, node, i).to_vec());
    Some(Box::new(Norm { shape, row, epsilon, centred, operands }))
}

impl Norm {
    /// The normalized rows, and each row's `1/σ`.
    fn normalized(&self, x: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (mut unit, mut inverses) = (x.to_vec(), Vec::new());
        for row in unit.chunks_exact_mut(self.row) {
            let n = row.len() as f32;
            let mean = if self.centred { row.iter().sum::<f32>() / n } else { 0.0 };
            row.iter_mut().for_each(|v| *v -= mean);
            let inverse = 1.0 / (row.iter().map(|v| v * v).sum::<f32>() / n + self.epsilon).sqrt();
            row.iter_mut().for_each(|v| *v *= inverse);
            inverses.push(inverse);
        }
        (unit, inverses)
    }

    /// Adds `v`, which has the shape of `x`, to the gradient of an operand that was broadcast to it.
    fn collect(&self, at: &mut Reverse<'_>, operand: usize, v: &[f32]) {
        let axes = &self.operands[operand - 1];
        let Some(sum) = at.dx(operand) else { return };
        let positions: Vec<u32> = (0..sum.len() as u32).collect();
        let mut places = vec![0u32; v.len()];
        copy(&mut places, &positions, self.shape.dims(), 0, &broadcast(axes, self.shape.dims()));
        places.iter().zip(v).for_each(|(&p, v)| sum[p as usize] += v);
    }
}

impl Rule for Norm {
    fn trains(&self) -> &'static [usize] {
        &[1, 2]
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let (scale, dy) = (at.x(1), at.dy(0));
        let (unit, inverses) = self.normalized(at.x(0));
        self.collect(at, 2, dy);
        let products: Vec<f32> = unit.iter().zip(dy).map(|(u, dy)| u * dy).collect();
        self.collect(at, 1, &products);
        let mut scaled = vec![1.0; dy.len()];
        if !scale.is_empty() {
            copy(&mut scaled, scale, self.shape.dims(), 0, &broadcast(&self.operands[0], self.shape.dims()));
        }
        scaled.iter_mut().zip(dy).for_each(|(s, dy)| *s *= dy);
        let Some(dx) = at.dx(0) else { return };
        let rows = dx.chunks_exact_mut(self.row).zip(scaled.chunks_exact(self.row)).zip(unit.chunks_exact(self.row));
        for (((dx, d), unit), inverse) in rows.zip(inverses) {
            let n = d.len() as f32;
            let mean = if self.centred { d.iter().sum::<f32>() / n } else { 0.0 };
            let along = d.iter().zip(unit).map(|(d, u)| d * u).sum::<f32>() / n;
            dx.iter_mut().zip(d).zip(unit).for_each(|((dx, d), u)| *dx += inverse * (d - mean - u * along));
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
        fn gradients(a in 1u32..4, b in 2u32..5, c in 3u32..6, axis in 1u32..3) {
            check(&format!(
                "in x: f32[{a},{b},{c}]\nconst s: f32[{c}] = 0\nconst t: f32[{c}] = 0\n\
                 y: f32[{a},{b},{c}] = LayerNormalization(x, s, t) axis={axis} epsilon=0.01 statistics=false\nout y\n"
            ));
            check(&format!(
                "in x: f32[{a},{b},{c}]\nconst s: f32[{b},1] = 0\n\
                 y: f32[{a},{b},{c}] = RMSNormalization(x, s) axis={axis} epsilon=0.01\nout y\n"
            ));
        }
    }
}
