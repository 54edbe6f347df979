//! The walk over directions, samples and steps.

use super::{Common, Form, REVERSE, Sizes, Y, Y_C, Y_H};
use crate::Io;
use crate::op::matmul::weights;
use crate::op::pack::{floats, read};
use siskin_kernels::{Kernels, Weights};

/// One direction's constants.
pub(in crate::op) struct Layer<'a> {
    pub(in crate::op) w: Weights<'a>,
    pub(in crate::op) r: Weights<'a>,
    pub(in crate::op) bias: &'a [f32],
    /// `w` and `r` packed, or empty.
    pub(in crate::op) packed: [&'a [f32]; 2],
    /// 0 or 1.
    pub(in crate::op) direction: usize,
}

/// One step of one sample.
pub(in crate::op) struct Step<'s> {
    pub(in crate::op) x: &'s [f32],
    pub(in crate::op) h: &'s mut [f32],
    pub(in crate::op) c: &'s mut [f32],
    pub(in crate::op) scratch: &'s mut [f32],
}

/// Part `i` of `v` in parts of `n`.
pub(in crate::op) fn part<T>(v: &[T], i: usize, n: usize) -> &[T] {
    let start = i.saturating_mul(n);
    v.get(start..start.saturating_add(n)).unwrap_or(&[])
}

fn put(y: &mut [f32], i: usize, from: &[f32]) {
    let start = i.saturating_mul(from.len());
    let part = y.get_mut(start..).unwrap_or(&mut []);
    part.iter_mut().zip(from).for_each(|(y, &v)| *y = v);
}

/// The matrices `w` and `r` of a direction.
fn matrices<'a>(io: &Io<'a>, sizes: &Sizes, form: Form, direction: usize) -> [(Weights<'a>, usize, usize); 2] {
    let hidden = sizes.hidden as usize;
    let rows = hidden.saturating_mul(form.gates as usize);
    [(1, sizes.inputs as usize), (2, hidden)].map(|(operand, columns)| {
        let len = rows.saturating_mul(columns);
        let start = direction.saturating_mul(len);
        (weights(io, operand).get(start..start.saturating_add(len)), columns, rows)
    })
}

/// Packs both matrices of each direction, one after the other.
pub(in crate::op) fn pack<K: Kernels>(common: &Common, form: Form, io: &Io<'_>, out: &mut [u8]) -> usize {
    let Some(sizes) = Sizes::new(io.shape(0), io.shape(2), common) else { return 0 };
    floats(out, &mut |out| {
        let mut taken = 0usize;
        for direction in 0..sizes.directions as usize {
            for (matrix, columns, rows) in matrices(io, &sizes, form, direction) {
                let room = out.get_mut(taken..).unwrap_or(&mut []);
                match K::pack_matmul_f32(matrix, columns, rows, true, room) {
                    0 => return 0,
                    len => taken = taken.saturating_add(len),
                }
            }
        }
        taken
    })
}

/// Walks every direction, sample and step.
pub(in crate::op) fn run(common: &Common, form: Form, io: &mut Io<'_>, step: &mut dyn FnMut(&Layer<'_>, Step<'_>)) {
    let Some(sizes) = Sizes::new(io.shape(0), io.shape(2), common) else { return };
    let mut walk = Walk::new(common, &sizes, io);
    for direction in 0..sizes.directions as usize {
        let layer = walk.layer(form, direction);
        let backward = direction == 1 || common.direction == REVERSE;
        for sample in 0..sizes.batch as usize {
            let state = walk.state_at(direction, sample);
            walk.begin(state);
            let steps = walk.steps(sample);
            for i in 0..steps {
                let t = if backward { steps.wrapping_sub(i).wrapping_sub(1) } else { i };
                let x = part(walk.x, walk.input_at(t, sample), sizes.inputs as usize);
                step(&layer, Step { x, h: walk.h, c: walk.c, scratch: walk.scratch });
                put(walk.y, walk.output_at(t, direction, sample), walk.h);
            }
            put(walk.y_h, state, walk.h);
            put(walk.y_c, state, walk.c);
        }
    }
}

/// The operands of a walk.
struct Walk<'a> {
    sizes: Sizes,
    batch_first: bool,
    x: &'a [f32],
    w: Weights<'a>,
    r: Weights<'a>,
    bias: &'a [f32],
    lengths: &'a [i32],
    h0: &'a [f32],
    c0: &'a [f32],
    y: &'a mut [f32],
    y_h: &'a mut [f32],
    y_c: &'a mut [f32],
    h: &'a mut [f32],
    c: &'a mut [f32],
    scratch: &'a mut [f32],
    packed: &'a [f32],
}

impl<'a> Walk<'a> {
    fn new(common: &Common, sizes: &Sizes, io: &mut Io<'a>) -> Walk<'a> {
        let mut at = 0usize;
        let [y, y_h, y_c] = [Y, Y_H, Y_C].map(|bit| {
            if common.outputs & bit == 0 {
                return &mut [][..];
            }
            at = at.saturating_add(1);
            io.output::<f32>(at.wrapping_sub(1))
        });
        y.fill(0.0);
        let hidden = sizes.hidden as usize;
        let (h, rest) = io.scratch().split_at_mut_checked(hidden).unwrap_or_default();
        let (c, scratch) = rest.split_at_mut_checked(hidden).unwrap_or_default();
        Walk {
            sizes: *sizes,
            batch_first: common.batch_first,
            x: io.input(0),
            w: weights(io, 1),
            r: weights(io, 2),
            bias: io.input(3),
            lengths: io.input(4),
            h0: io.input(5),
            c0: io.input(6),
            y,
            y_h,
            y_c,
            h,
            c,
            scratch,
            packed: read(io),
        }
    }

    fn layer(&self, form: Form, direction: usize) -> Layer<'a> {
        let (inputs, hidden) = (self.sizes.inputs as usize, self.sizes.hidden as usize);
        let rows = hidden.saturating_mul(form.gates as usize);
        let of = |v: Weights<'a>, n: usize| {
            let start = direction.saturating_mul(n);
            v.get(start..start.saturating_add(n))
        };
        let bias = part(self.bias, direction, rows.saturating_mul(2));
        let each = self.packed.len().checked_div(self.sizes.directions as usize).unwrap_or(0);
        // Padded alike, the two share by their columns.
        let share = each.checked_div(inputs.saturating_add(hidden)).unwrap_or(0).saturating_mul(inputs);
        let packed = part(self.packed, direction, each).split_at_checked(share).unwrap_or_default();
        Layer {
            w: of(self.w, rows.saturating_mul(inputs)),
            r: of(self.r, rows.saturating_mul(hidden)),
            bias,
            packed: packed.into(),
            direction,
        }
    }

    /// The steps of a sample; a length beyond the input's is cut.
    fn steps(&self, sample: usize) -> usize {
        let all = self.sizes.steps as usize;
        self.lengths.get(sample).map_or(all, |&n| usize::try_from(n).unwrap_or(0).min(all))
    }

    fn input_at(&self, t: usize, sample: usize) -> usize {
        let (steps, batch) = (self.sizes.steps as usize, self.sizes.batch as usize);
        let (outer, n, inner) = if self.batch_first { (sample, steps, t) } else { (t, batch, sample) };
        outer.saturating_mul(n).saturating_add(inner)
    }

    fn state_at(&self, direction: usize, sample: usize) -> usize {
        let (directions, batch) = (self.sizes.directions as usize, self.sizes.batch as usize);
        let (outer, n, inner) =
            if self.batch_first { (sample, directions, direction) } else { (direction, batch, sample) };
        outer.saturating_mul(n).saturating_add(inner)
    }

    fn output_at(&self, t: usize, direction: usize, sample: usize) -> usize {
        let (directions, batch) = (self.sizes.directions as usize, self.sizes.batch as usize);
        if self.batch_first {
            return self.input_at(t, sample).saturating_mul(directions).saturating_add(direction);
        }
        t.saturating_mul(directions).saturating_add(direction).saturating_mul(batch).saturating_add(sample)
    }

    /// Sets the states to their first values.
    fn begin(&mut self, state: usize) {
        let hidden = self.sizes.hidden as usize;
        for (v, first) in [(&mut *self.h, self.h0), (&mut *self.c, self.c0)] {
            v.fill(0.0);
            v.iter_mut().zip(part(first, state, hidden)).for_each(|(v, &f)| *v = f);
        }
    }
}
