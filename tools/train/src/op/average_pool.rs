//! `AveragePool`: each output's gradient, divided by how many taps it counted, goes to each of its taps.

use super::window::{self, Window};
use super::{Rule, dims};
use crate::program::Reverse;
use siskin::kernels::generic::each_tap;
use siskin::kernels::{Axis, Pool};
use siskin::op::AveragePool;
use siskin_compiler::ir::{Graph, Node};

struct Mean {
    pool: Pool,
    /// The axes whose taps count.
    counted: [Axis; 3],
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let a = node.get::<AveragePool>()?;
    let window = Window { kernel: a.kernel, stride: &a.stride, dilation: &a.dilation, pad_begin: &a.pad_begin };
    let pool = window::pool(dims(graph, node, 0), graph.dims(node.outputs[0]), &window);
    let mut counted = pool.axes;
    for (i, axis) in counted.iter_mut().enumerate().filter(|_| a.count_include_pad) {
        let end = a.pad_end[i].saturating_sub(a.uncounted[i]) as usize;
        *axis = Axis { input: axis.input + axis.pad + end, pad: 0, ..*axis };
    }
    Some(Box::new(Mean { pool, counted }))
}

impl Mean {
    /// The taps that an output counts, by its number.
    fn count(&self, output: usize) -> usize {
        let [_, height, width] = self.counted.map(|a| a.output);
        let at = [output / (height * width) % self.counted[0].output, output / width % height, output % width];
        self.counted.iter().zip(at).map(|(axis, o)| axis.taps(o).len()).product()
    }
}

impl Rule for Mean {
    fn backward(&self, at: &mut Reverse<'_>) {
        let (dy, channels) = (at.dy(0), self.pool.channels);
        let Some(dx) = at.dx(0) else { return };
        each_tap(&self.pool, &mut |tap| {
            let share = 1.0 / self.count(tap.output) as f32;
            let (from, to) = (tap.output * channels, tap.input * channels);
            super::add_scaled(&mut dx[to..to + channels], share, &dy[from..from + channels]);
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
        fn gradients(h in 3u32..7, w in 3u32..7, c in 1u32..4, k in 1u32..4, s in 1u32..3, p in 0u32..2, padded: bool) {
            prop_assume!(p < k);
            let (oh, ow) = ((h + 2 * p - k) / s + 1, (w + 2 * p - k) / s + 1);
            check(&format!(
                "in x: f32[2,{h},{w},{c}]\ny: f32[2,{oh},{ow},{c}] = AveragePool(x) kernel=[1,{k},{k}] stride=[1,{s},{s}] \
                 dilation=[1,1,1] pad_begin=[0,{p},{p}] pad_end=[0,{p},{p}] count_include_pad={padded} uncounted=[0,0,0]\nout y\n"
            ));
        }
    }
}
