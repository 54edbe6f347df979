//! `ReduceSum`, `ReduceMean`: the gradient of a sum goes to every element that it counts.

use super::{Rule, dims};
use crate::program::Reverse;
use siskin::Shape;
use siskin::attrs::Attrs;
use siskin::op::{ReduceAttrs, ReduceMean, ReduceSum};
use siskin::strided::{broadcast, copy};
use siskin_compiler::ir::{Graph, Node};

struct Sum {
    shape: Shape,
    /// The result's axes with the reduced ones of length 1.
    kept: Vec<u32>,
    factor: f32,
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let mean = node.is::<ReduceMean>();
    if !mean && !node.is::<ReduceSum>() {
        return None;
    }
    let attrs = ReduceAttrs::read(&node.attrs).ok()?;
    let dims = dims(graph, node, 0);
    let kept: Vec<u32> = dims.iter().enumerate().map(|(i, &d)| if attrs.axes >> i & 1 == 1 { 1 } else { d }).collect();
    let count = dims.iter().product::<u32>() / kept.iter().product::<u32>().max(1);
    Some(Box::new(Sum { shape: Shape::new(dims)?, kept, factor: if mean { 1.0 / count as f32 } else { 1.0 } }))
}

impl Rule for Sum {
    fn backward(&self, at: &mut Reverse<'_>) {
        let dy = at.dy(0);
        let mut spread = at.take(self.shape.elements());
        copy(&mut spread, dy, self.shape.dims(), 0, &broadcast(&self.kept, self.shape.dims()));
        if let Some(dx) = at.dx(0) {
            super::add_scaled(dx, self.factor, &spread);
        }
        at.give(spread);
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(12))]
        #[test]
        fn gradients(a in 1u32..4, b in 1u32..5, c in 1u32..5, axes in 1u32..8, mean: bool) {
            let op = if mean { "ReduceMean" } else { "ReduceSum" };
            let kept: Vec<String> = [a, b, c].iter().enumerate()
                .map(|(i, d)| if axes >> i & 1 == 1 { "1".into() } else { d.to_string() }).collect();
            let kept = kept.join(",");
            check(&format!("in x: f32[{a},{b},{c}]\ny: f32[{kept}] = {op}(x) axes={axes} keepdims=true\nout y\n"));
        }
    }
}
