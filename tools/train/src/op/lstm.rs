//! `LSTM` without peepholes; see [`recurrent`](super::recurrent).

use super::Rule;
use super::recurrent::{self, Cell, Layer};
use crate::program::Reverse;
use siskin::Function;
use siskin::kernels::math::{sigmoid, tanh};
use siskin::op::Lstm;
use siskin_compiler::ir::{Graph, Node};

struct LstmCell;

impl Cell for LstmCell {
    const GATES: usize = 4;
    const SAVED: usize = 6;

    fn forward(from_x: &[f32], from_h: &[f32], h: &mut [f32], c: &mut [f32], saved: &mut [f32]) {
        let n = h.len();
        for i in 0..n {
            let gate = |k: usize| from_x[k * n + i] + from_h[k * n + i];
            let [input, output, forget] = [0, 1, 2].map(|k| sigmoid(gate(k)));
            let (new, before) = (tanh(gate(3)), c[i]);
            c[i] = forget * before + input * new;
            let squashed = tanh(c[i]);
            h[i] = output * squashed;
            saved[6 * i..6 * i + 6].copy_from_slice(&[input, output, forget, new, before, squashed]);
        }
    }

    fn backward(saved: &[f32], h: &[f32], dh: &mut [f32], dc: &mut [f32], from_x: &mut [f32], from_h: &mut [f32]) {
        let n = h.len();
        for i in 0..n {
            let [input, output, forget, new, before, squashed] = [0, 1, 2, 3, 4, 5].map(|k| saved[6 * i + k]);
            let d = dc[i] + dh[i] * output * (1.0 - squashed * squashed);
            let gates = [
                d * new * input * (1.0 - input),
                dh[i] * squashed * output * (1.0 - output),
                d * before * forget * (1.0 - forget),
                d * input * (1.0 - new * new),
            ];
            for (k, g) in gates.into_iter().enumerate() {
                (from_x[k * n + i], from_h[k * n + i]) = (g, g);
            }
            (dh[i], dc[i]) = (0.0, d * forget);
        }
    }
}

struct Backward(Layer);

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let a = node.get::<Lstm>().filter(|a| !a.input_forget && a.clip == f32::INFINITY)?;
    recurrent::usual(&a.activations, &[Function::Sigmoid, Function::Tanh, Function::Tanh]).then_some(())?;
    Some(Box::new(Backward(Layer::new(graph, node, a.direction, a.batch_first, a.outputs)?)))
}

impl Rule for Backward {
    fn trains(&self) -> &'static [usize] {
        &[1, 2, 3]
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        self.0.backward::<LstmCell>(at);
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
            let a = "Sigmoid:0:0,Tanh:0:0,Tanh:0:0";
            check(&format!(
                "in x: f32[{x}]\nconst w: f32[{d},{g},{i}] = 0\nconst r: f32[{d},{g},{h}] = 0\nconst c: f32[{d},{gg}] = 0\n\
                 y: f32[{y}], u: f32[{s}], v: f32[{s}] = LSTM(x, w, r, c) direction={direction} batch_first={first} outputs=7 \
                 clip=inf activations=[{a},{a}] input_forget=false\n\
                 p: f32[1,{n}] = Reshape(y) shape=[1,{n}]\nq: f32[1,{m}] = Reshape(u) shape=[1,{m}]\n\
                 k: f32[1,{m}] = Reshape(v) shape=[1,{m}]\n\
                 o: f32[1,{}] = Concat(p, q, k) axis=1\nout o\n", t * b * h * d + 2 * b * d * h,
                g = 4 * h, gg = 8 * h, n = t * b * h * d, m = b * d * h
            ));
        }
    }
}
