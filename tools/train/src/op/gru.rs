//! `GRU` whose reset gate acts after the recurrent product; see [`recurrent`](super::recurrent).

use super::Rule;
use super::recurrent::{self, Cell, Layer};
use crate::program::Reverse;
use siskin::Function;
use siskin::kernels::math::{sigmoid, tanh};
use siskin::op::Gru;
use siskin_compiler::ir::{Graph, Node};

struct GruCell;

impl Cell for GruCell {
    const GATES: usize = 3;
    const SAVED: usize = 4;

    fn forward(from_x: &[f32], from_h: &[f32], h: &mut [f32], _: &mut [f32], saved: &mut [f32]) {
        let n = h.len();
        for i in 0..n {
            let z = sigmoid(from_x[i] + from_h[i]);
            let r = sigmoid(from_x[n + i] + from_h[n + i]);
            let new = from_h[2 * n + i];
            let c = tanh(from_x[2 * n + i] + r * new);
            h[i] = (1.0 - z) * c + z * h[i];
            saved[4 * i..4 * i + 4].copy_from_slice(&[z, r, c, new]);
        }
    }

    fn backward(saved: &[f32], h: &[f32], dh: &mut [f32], _: &mut [f32], from_x: &mut [f32], from_h: &mut [f32]) {
        let n = h.len();
        for i in 0..n {
            let [z, r, c, new] = [0, 1, 2, 3].map(|k| saved[4 * i + k]);
            let dz = dh[i] * (h[i] - c) * z * (1.0 - z);
            let dc = dh[i] * (1.0 - z) * (1.0 - c * c);
            let dr = dc * new * r * (1.0 - r);
            for (k, [gx, gh]) in [[dz, dz], [dr, dr], [dc, dc * r]].into_iter().enumerate() {
                (from_x[k * n + i], from_h[k * n + i]) = (gx, gh);
            }
            dh[i] *= z;
        }
    }
}

struct Backward(Layer);

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let a = node.get::<Gru>().filter(|a| a.linear_before_reset && a.clip == f32::INFINITY)?;
    recurrent::usual(&a.activations, &[Function::Sigmoid, Function::Tanh]).then_some(())?;
    Some(Box::new(Backward(Layer::new(graph, node, a.direction, a.batch_first, a.outputs)?)))
}

impl Rule for Backward {
    fn trains(&self) -> &'static [usize] {
        &[1, 2, 3]
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        self.0.backward::<GruCell>(at);
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(6))]
        #[test]
        fn gradients(t in 1u32..5, b in 1u32..3, i in 1u32..4, h in 1u32..4, direction in 0u32..3, first: bool) {
            let d = if direction == 2 { 2 } else { 1 };
            let x = if first { format!("{b},{t},{i}") } else { format!("{t},{b},{i}") };
            let y = if first { format!("{b},{t},{d},{h}") } else { format!("{t},{d},{b},{h}") };
            let s = if first { format!("{b},{d},{h}") } else { format!("{d},{b},{h}") };
            check(&format!(
                "in x: f32[{x}]\nconst w: f32[{d},{g},{i}] = 0\nconst r: f32[{d},{g},{h}] = 0\nconst c: f32[{d},{gg}] = 0\n\
                 y: f32[{y}], z: f32[{s}] = GRU(x, w, r, c) direction={direction} batch_first={first} outputs=3 clip=inf \
                 activations=[Sigmoid:0:0,Tanh:0:0,Sigmoid:0:0,Tanh:0:0] linear_before_reset=true\n\
                 p: f32[1,{n}] = Reshape(y) shape=[1,{n}]\nq: f32[1,{m}] = Reshape(z) shape=[1,{m}]\n\
                 o: f32[1,{}] = Concat(p, q) axis=1\nout o\n", t * b * h * d + b * d * h,
                g = 3 * h, gg = 6 * h, n = t * b * h * d, m = b * d * h
            ));
        }
    }
}
