//! Convolution of real values, as [`crate::generic::conv_f32`] and [`crate::generic::depthwise_f32`].
//!
//! Eight filters lie side by side and go over the image, four outputs at once; depthwise, eight channels do. Products are
//! added in the same order as there, but where the instruction set has it, a product and its sum are rounded once.

use super::{Four, load_8};
use crate::generic::filters::Filters;
use crate::generic::rows::{Row, each_row};
use crate::{Conv, ConvF32};
use core::ops::Range;

/// Filters side by side.
const LANES: usize = 8;

/// Outputs at once.
const TILE: usize = 4;

/// See [`crate::generic::conv_f32`].
pub(crate) fn conv_f32<F: Four>(args: ConvF32<'_>) {
    if args.geometry.is_depthwise() {
        convolve::<F, true>(args);
    } else {
        convolve::<F, false>(args);
    }
}

fn convolve<F: Four, const DEPTHWISE: bool>(args: ConvF32<'_>) {
    let g = args.geometry.as_row();
    let [_, _, x_axis] = &g.axes;
    // Depthwise, all channels are one group of filters of one channel each.
    let (groups, outs) = if DEPTHWISE { (1, g.out_channels) } else { (g.groups, g.group_out()) };
    for group in 0..groups {
        for at in (0..outs).step_by(LANES) {
            let first = group.wrapping_mul(outs).wrapping_add(at);
            let count = outs.wrapping_sub(at).min(LANES);
            let filters = Filters::pack(args.w, first, count, g.filter_len(), args.scratch);
            let block = Block::<F, DEPTHWISE> {
                bias: load_8(&filters.bias(args.bias)),
                min: F::splat(args.clamp.0),
                max: F::splat(args.clamp.1),
                interior: x_axis.interior(),
                whole: g.groups == 1 && x_axis.dilation == 1,
                channel: if DEPTHWISE { first } else { group.wrapping_mul(g.group_in()) },
                x: args.x,
                g: &g,
                filters,
            };
            let row_len = x_axis.output.wrapping_mul(g.out_channels);
            each_row(&g.axes, g.batch, row_len, args.y, |row, y| block.row(row, y));
        }
    }
}

/// Eight sums of each of four outputs.
type Tile<F> = [[F; 2]; TILE];

/// Some filters on their way over the image.
struct Block<'a, F, const DEPTHWISE: bool> {
    g: &'a Conv,
    x: &'a [f32],
    filters: Filters<'a>,
    bias: [F; 2],
    min: F,
    max: F,
    /// The first input channel.
    channel: usize,
    /// Whether the elements under a row of taps lie in a row.
    whole: bool,
    /// The outputs of a row whose taps all lie within the input.
    interior: Range<usize>,
}

impl<F: Four, const DEPTHWISE: bool> Block<'_, F, DEPTHWISE> {
    fn row(&self, row: &Row, y: &mut [f32]) {
        let [_, _, x_axis] = &self.g.axes;
        let mut at = 0usize;
        while at < x_axis.output {
            let last = at.wrapping_add(TILE - 1);
            let count = if self.interior.contains(&at) && self.interior.contains(&last) { TILE } else { 1 };
            let taps = if count == 1 { x_axis.taps(at) } else { 0..x_axis.kernel };
            let [a, b, c, d] = self.tile(row, at, taps, count);
            let mut put = |i: usize, sums: [F; 2]| {
                if i < count {
                    self.store(y, at.wrapping_add(i), sums);
                }
            };
            put(0, a);
            put(1, b);
            put(2, c);
            put(3, d);
            at = at.wrapping_add(count);
        }
    }

    /// Writes one output: sums plus bias, clamped.
    #[inline(always)]
    fn store(&self, y: &mut [f32], at: usize, [low, high]: [F; 2]) {
        let start = at.wrapping_mul(self.g.out_channels).wrapping_add(self.filters.first);
        let y = y.get_mut(start..).unwrap_or(&mut []);
        let [low, high] = [low.add(self.bias[0]), high.add(self.bias[1])].map(|v| v.clamp(self.min, self.max).values());
        match y.as_chunks_mut().0.first_chunk_mut::<2>().filter(|_| self.filters.count == LANES) {
            Some(y) => *y = [low, high],
            None => store_some(y, [low, high], self.filters.count),
        }
    }

    /// The sums of `count` outputs, one or four, from `at` on, which share these taps.
    #[inline(always)]
    fn tile(&self, row: &Row, at: usize, taps: Range<usize>, count: usize) -> Tile<F> {
        let [_, _, x_axis] = &self.g.axes;
        let channels = self.g.group_in();
        let mut sums = [[F::splat(0.0); 2]; TILE];
        let step = x_axis.stride.wrapping_mul(self.g.in_channels);
        let (runs, len) = if self.whole { (1, taps.len().wrapping_mul(channels)) } else { (taps.len(), channels) };
        // Loops, not closures: sums must stay in registers.
        for kz in row.z_taps.clone() {
            for ky in row.y_taps.clone() {
                let (pixel, first) = row.input(&self.g.axes, kz, ky);
                for kx in taps.clone().take(runs) {
                    let pixel = pixel.wrapping_add(x_axis.position(at, kx));
                    let start = pixel.wrapping_mul(self.g.in_channels).wrapping_add(self.channel);
                    let w = self.filters.taps(first.wrapping_add(kx).wrapping_mul(channels), len);
                    let x = |i: usize| self.x.get(start.wrapping_add(step.wrapping_mul(i))..).unwrap_or(&[]);
                    if count == 1 {
                        let [one, ..] = &mut sums;
                        *one = if DEPTHWISE { tap(*one, w, x(0)) } else { single_run(*one, w, x(0)) };
                        continue;
                    }
                    let x = [x(0), x(1), x(2), x(3)];
                    sums = if DEPTHWISE { taps_of_four(sums, w, x) } else { run(sums, w, x) };
                }
            }
        }
        sums
    }
}

/// Adds the products of a run of weights with four runs of elements.
#[inline(always)]
fn run<F: Four>(sums: Tile<F>, w: &[[f32; LANES]], [a, b, c, d]: [&[f32]; TILE]) -> Tile<F> {
    let [[mut a0, mut a1], [mut b0, mut b1], [mut c0, mut c1], [mut d0, mut d1]] = sums;
    for (w, ((&a, &b), (&c, &d))) in w.iter().zip(a.iter().zip(b).zip(c.iter().zip(d))) {
        let [w0, w1] = load_8(w);
        let [a, b, c, d] = [F::splat(a), F::splat(b), F::splat(c), F::splat(d)];
        (a0, a1) = (a0.mul_add(a, w0), a1.mul_add(a, w1));
        (b0, b1) = (b0.mul_add(b, w0), b1.mul_add(b, w1));
        (c0, c1) = (c0.mul_add(c, w0), c1.mul_add(c, w1));
        (d0, d1) = (d0.mul_add(d, w0), d1.mul_add(d, w1));
    }
    [[a0, a1], [b0, b1], [c0, c1], [d0, d1]]
}

/// The same of one run.
#[inline(always)]
fn single_run<F: Four>([mut s0, mut s1]: [F; 2], w: &[[f32; LANES]], x: &[f32]) -> [F; 2] {
    for (w, &x) in w.iter().zip(x) {
        let ([w0, w1], x) = (load_8(w), F::splat(x));
        (s0, s1) = (s0.mul_add(x, w0), s1.mul_add(x, w1));
    }
    [s0, s1]
}

/// Adds the products of one tap's weights with the channels under it, of four outputs.
#[inline(always)]
fn taps_of_four<F: Four>([a, b, c, d]: Tile<F>, w: &[[f32; LANES]], x: [&[f32]; TILE]) -> Tile<F> {
    [tap(a, w, x[0]), tap(b, w, x[1]), tap(c, w, x[2]), tap(d, w, x[3])]
}

/// The same of one output.
#[inline(always)]
fn tap<F: Four>([s0, s1]: [F; 2], w: &[[f32; LANES]], x: &[f32]) -> [F; 2] {
    let Some(w) = w.first() else { return [s0, s1] };
    let ([w0, w1], [x0, x1]) = (load_8(w), x.first_chunk().map_or_else(|| load_8(&first_8(x)), load_8));
    [s0.mul_add(x0, w0), s1.mul_add(x1, w1)]
}

/// Up to eight elements, then 0.
#[cold]
#[inline(never)]
fn first_8(x: &[f32]) -> [f32; LANES] {
    let mut first = [0.0; LANES];
    first.iter_mut().zip(x).for_each(|(f, x)| *f = *x);
    first
}

#[cold]
#[inline(never)]
fn store_some(y: &mut [f32], values: [[f32; 4]; 2], n: usize) {
    y.iter_mut().zip(values.as_flattened()).take(n).for_each(|(y, v)| *y = *v);
}
