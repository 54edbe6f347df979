//! `MaxPool`: each output's gradient goes to the first of its greatest taps.

use super::window::{self, Window};
use super::{Rule, dims};
use crate::program::Reverse;
use siskin::kernels::Pool;
use siskin::kernels::generic::each_tap;
use siskin::op::MaxPool;
use siskin_compiler::ir::{Graph, Node};

struct Greatest(Pool);

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let a = node.get::<MaxPool>().filter(|a| !a.indices)?;
    let window = Window { kernel: a.kernel, stride: &a.stride, dilation: &a.dilation, pad_begin: &a.pad_begin };
    Some(Box::new(Greatest(window::pool(dims(graph, node, 0), graph.dims(node.outputs[0]), &window))))
}

impl Rule for Greatest {
    fn backward(&self, at: &mut Reverse<'_>) {
        let (x, y, dy, channels) = (at.x(0), at.y(0), at.dy(0), self.0.channels);
        let mut given = vec![false; y.len()];
        let Some(dx) = at.dx(0) else { return };
        each_tap(&self.0, &mut |tap| {
            for c in 0..channels {
                let (from, to) = (tap.output * channels + c, tap.input * channels + c);
                if !given[from] && x[to] == y[from] {
                    given[from] = true;
                    dx[to] += dy[from];
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(12))]
        #[test]
        fn gradients(h in 3u32..7, w in 3u32..7, c in 1u32..4, k in 1u32..4, s in 1u32..3, p in 0u32..2) {
            prop_assume!(p < k);
            let (oh, ow) = ((h + 2 * p - k) / s + 1, (w + 2 * p - k) / s + 1);
            check(&format!(
                "in x: f32[2,{h},{w},{c}]\ny: f32[2,{oh},{ow},{c}] = MaxPool(x) kernel=[1,{k},{k}] stride=[1,{s},{s}] \
                 dilation=[1,1,1] pad_begin=[0,{p},{p}] pad_end=[0,{p},{p}] indices=false column_major=false\nout y\n"
            ));
        }
    }
}
