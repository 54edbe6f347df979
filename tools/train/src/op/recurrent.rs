//! What recurrent layers share: backpropagation through time over directions, samples and steps.
//!
//! ```text
//! from_x = w·x + bias    from_h = r·h + bias    h, c = cell(from_x, from_h, h, c)
//! backwards: cell gives the gradients of from_x and from_h; products over all steps at once give dw, dr, dx
//! ```
//!
//! Gates are computed again from the layer's operands, so that forward keeps nothing. What is absent: bounds, peepholes, lengths
//! and gates of other functions than the usual ones; such layers have no rule.

use super::product::{Factor, multiply};
use super::{add, add_rows, dims, transpose};
use crate::program::Reverse;
use siskin::Function;
use siskin::kernels::Activation;
use siskin::op::recurrent::{BIDIRECTIONAL, REVERSE, Y, Y_C, Y_H};
use siskin_compiler::ir::{Graph, Node};

/// One cell's arithmetic.
pub(super) trait Cell: Send + Sync {
    /// Gates.
    const GATES: usize;
    /// Floats of memory per element of the state and step.
    const SAVED: usize;

    /// One step; `saved` is what [`Cell::backward`] needs to know of it.
    fn forward(from_x: &[f32], from_h: &[f32], h: &mut [f32], c: &mut [f32], saved: &mut [f32]);

    /// One step back: from the gradients of the step's `h` and `c` to those before it, without what passes through `r`, and the
    /// gradients of `from_x` and `from_h`.
    fn backward(saved: &[f32], h: &[f32], dh: &mut [f32], dc: &mut [f32], from_x: &mut [f32], from_h: &mut [f32]);
}

/// A layer's axes and which of its results there are.
pub(super) struct Layer {
    steps: usize,
    batch: usize,
    inputs: usize,
    hidden: usize,
    directions: usize,
    direction: u32,
    batch_first: bool,
    outputs: u32,
}

impl Layer {
    /// The layer of a node of usual form: without lengths or peepholes, and initial states are constants.
    pub(super) fn new(graph: &Graph, node: &Node, direction: u32, batch_first: bool, outputs: u32) -> Option<Layer> {
        let constant = |i: usize| node.input(i).is_none_or(|v| graph.constant(v).is_some());
        let (&[a, b, inputs], &[directions, _, hidden]) = (dims(graph, node, 0), dims(graph, node, 2)) else {
            return None;
        };
        let usual = node.input(4).is_none() && (5..7).all(constant) && node.input(7).is_none();
        let (steps, batch) = if batch_first { (b, a) } else { (a, b) };
        let [steps, batch, inputs, hidden, directions] = [steps, batch, inputs, hidden, directions].map(|d| d as usize);
        usual.then_some(Layer { steps, batch, inputs, hidden, directions, direction, batch_first, outputs })
    }

    fn place(&self, t: usize, sample: usize) -> usize {
        if self.batch_first { sample * self.steps + t } else { t * self.batch + sample }
    }

    fn y_at(&self, t: usize, direction: usize, sample: usize) -> usize {
        let row = if self.batch_first {
            (sample * self.steps + t) * self.directions + direction
        } else {
            (t * self.directions + direction) * self.batch + sample
        };
        row * self.hidden
    }

    fn state_at(&self, direction: usize, sample: usize) -> usize {
        let row = if self.batch_first { sample * self.directions + direction } else { direction * self.batch + sample };
        row * self.hidden
    }

    /// The gradient of one of the results, by its bit; empty if there is none.
    fn dy<'a>(&self, at: &Reverse<'a>, bit: u32) -> &'a [f32] {
        let before = [Y, Y_H, Y_C].iter().filter(|&&b| b < bit && self.outputs & b != 0).count();
        if self.outputs & bit == 0 { &[] } else { at.dy(before) }
    }

    /// The gradients of a layer of cells `C`.
    pub(super) fn backward<C: Cell>(&self, at: &mut Reverse<'_>) {
        for direction in 0..self.directions {
            for sample in 0..self.batch {
                self.one::<C>(at, direction, sample);
            }
        }
    }

    /// One direction of one sample.
    fn one<C: Cell>(&self, at: &mut Reverse<'_>, direction: usize, sample: usize) {
        let backwards = direction == 1 && self.direction == BIDIRECTIONAL || self.direction == REVERSE;
        let mut times: Vec<usize> = (0..self.steps).collect();
        if backwards {
            times.reverse();
        }
        let (n, width) = (self.hidden, C::GATES * self.hidden);
        let w = part(at.x(1), direction * width * self.inputs, width * self.inputs);
        let r = part(at.x(2), direction * width * n, width * n);
        let bias = part(at.x(3), direction * 2 * width, 2 * width);
        let row = |&t: &usize| part(at.x(0), self.place(t, sample) * self.inputs, self.inputs);
        let x: Vec<f32> = times.iter().flat_map(row).collect();
        let state = self.state_at(direction, sample);
        let (h0, c0) = (part(at.x(5), state, n), part(at.x(6), state, n));

        let run = self.forward::<C>(&x, [&w, &r, &bias], h0, c0);
        let (from_x, from_h) = self.through_time::<C>(at, &run, &r, &times, [direction, sample]);

        self.spread(at, [&x, &run.h], [&from_x, &from_h], direction, width);
        if let Some(dx) = at.dx(0) {
            let mut rows = vec![0.0; x.len()];
            multiply(&from_x, Factor { b: &w, k: width, n: self.inputs, transpose: false }, &mut rows);
            for (row, &t) in rows.chunks_exact(self.inputs).zip(&times) {
                let start = self.place(t, sample) * self.inputs;
                add(&mut dx[start..start + self.inputs], row);
            }
        }
    }

    fn forward<C: Cell>(&self, x: &[f32], [w, r, bias]: [&[f32]; 3], mut h: Vec<f32>, mut c: Vec<f32>) -> Run {
        let (n, width) = (self.hidden, C::GATES * self.hidden);
        let (w_bias, r_bias) = bias.split_at(width);
        let mut from_x = vec![0.0; self.steps * width];
        multiply(x, Factor { b: w, k: self.inputs, n: width, transpose: true }, &mut from_x);
        from_x.chunks_exact_mut(width).for_each(|row| add(row, w_bias));
        let mut run = Run { h: Vec::new(), saved: vec![0.0; self.steps * C::SAVED * n] };
        let mut from_h = vec![0.0; width];
        for (from_x, saved) in from_x.chunks_exact(width).zip(run.saved.chunks_exact_mut(C::SAVED * n)) {
            run.h.extend_from_slice(&h);
            multiply(&h, Factor { b: r, k: n, n: width, transpose: true }, &mut from_h);
            add(&mut from_h, r_bias);
            C::forward(from_x, &from_h, &mut h, &mut c, saved);
        }
        run
    }

    /// The gradients of `from_x` and `from_h` of all steps, from the last to the first.
    fn through_time<C: Cell>(
        &self,
        at: &Reverse<'_>,
        run: &Run,
        r: &[f32],
        times: &[usize],
        [direction, sample]: [usize; 2],
    ) -> (Vec<f32>, Vec<f32>) {
        let (n, width) = (self.hidden, C::GATES * self.hidden);
        let state = self.state_at(direction, sample);
        let (mut dh, mut dc) = (part(self.dy(at, Y_H), state, n), part(self.dy(at, Y_C), state, n));
        let dy = self.dy(at, Y);
        let (mut from_x, mut from_h) = (vec![0.0; self.steps * width], vec![0.0; self.steps * width]);
        let mut before = vec![0.0; n];
        for (i, &t) in times.iter().enumerate().rev() {
            let start = self.y_at(t, direction, sample);
            add(&mut dh, dy.get(start..start + n).unwrap_or(&[]));
            let rows = i * width..(i + 1) * width;
            let (gx, gh) = (&mut from_x[rows.clone()], &mut from_h[rows]);
            let saved = &run.saved[i * C::SAVED * n..(i + 1) * C::SAVED * n];
            C::backward(saved, &run.h[i * n..(i + 1) * n], &mut dh, &mut dc, gx, gh);
            multiply(gh, Factor { b: r, k: width, n, transpose: false }, &mut before);
            add(&mut dh, &before);
        }
        (from_x, from_h)
    }

    /// The gradients of weights and biases.
    fn spread(&self, at: &mut Reverse<'_>, of: [&[f32]; 2], from: [&[f32]; 2], direction: usize, width: usize) {
        for (i, (of, from)) in of.into_iter().zip(from).enumerate() {
            let columns = if i == 0 { self.inputs } else { self.hidden };
            let mut turned = vec![0.0; from.len()];
            transpose(&mut turned, from, width);
            let mut product = vec![0.0; width * columns];
            multiply(&turned, Factor { b: of, k: self.steps, n: columns, transpose: false }, &mut product);
            if let Some(dw) = at.dx(1 + i) {
                add(&mut dw[direction * width * columns..], &product);
            }
            if let Some(bias) = at.dx(3) {
                let start = (2 * direction + i) * width;
                add_rows(&mut bias[start..start + width], from);
            }
        }
    }
}

/// A forward run: the state before each step, and what cells saved.
struct Run {
    h: Vec<f32>,
    saved: Vec<f32>,
}

/// A part of `v`; zeros where `v` is not given.
fn part(v: &[f32], start: usize, len: usize) -> Vec<f32> {
    v.get(start..start + len).map_or(vec![0.0; len], <[f32]>::to_vec)
}

/// Whether these are the functions that a cell has unless a model says otherwise.
pub(super) fn usual(activations: &[Activation], functions: &[Function]) -> bool {
    activations.iter().zip(functions.iter().cycle()).all(|(a, f)| a.function == *f)
}
