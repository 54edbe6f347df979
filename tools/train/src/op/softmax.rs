//! `Softmax`, `dx = y · (dy - Σ dy · y)`, and `LogSoftmax`, `dx = dy - e^y · Σ dy`, along an axis.

use super::{Rule, dims};
use crate::program::Reverse;
use siskin::op::{LogSoftmax, Softmax};
use siskin_compiler::ir::{Graph, Node};

struct Along {
    len: usize,
    inner: usize,
    logarithm: bool,
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let axis = node.get::<Softmax>().or_else(|| node.get::<LogSoftmax>())?.axis as usize;
    let dims = dims(graph, node, 0);
    let inner = dims[axis + 1..].iter().map(|&d| d as usize).product();
    Some(Box::new(Along { len: dims[axis] as usize, inner, logarithm: node.is::<LogSoftmax>() }))
}

impl Rule for Along {
    fn backward(&self, at: &mut Reverse<'_>) {
        let (y, dy, block) = (at.y(0), at.dy(0), self.len * self.inner);
        let Some(dx) = at.dx(0) else { return };
        for start in (0..y.len()).step_by(block.max(1)).flat_map(|b| b..b + self.inner) {
            let row = (start..start + block).step_by(self.inner);
            if self.logarithm {
                let sum: f32 = row.clone().map(|i| dy[i]).sum();
                row.for_each(|i| dx[i] += dy[i] - siskin::kernels::math::exp(y[i]) * sum);
            } else {
                let sum: f32 = row.clone().map(|i| dy[i] * y[i]).sum();
                row.for_each(|i| dx[i] += y[i] * (dy[i] - sum));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(12))]
        #[test]
        fn gradients(a in 1u32..4, b in 1u32..5, c in 1u32..5, axis in 0u32..3, log: bool) {
            let op = if log { "LogSoftmax" } else { "Softmax" };
            check(&format!("in x: f32[{a},{b},{c}]\ny: f32[{a},{b},{c}] = {op}(x) axis={axis}\nout y\n"));
        }
    }
}
