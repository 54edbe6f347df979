//! Convolution of real values.
//!
//! ```text
//! y[n, o, f] = clamp(Σ_k Σ_c x[n, o · stride + k · dilation - pad, group(f) · C/g + c] · w[f, k, c] + bias[f])
//! ```
//!
//! Products are added in the order of `k`, then `c`, taps in the padding left out; the bias comes last.
//!
//! Eight filters are computed at a time, over the whole image, two outputs at once. The elements of `x` under one
//! row of a window lie in a row, unless the window is dilated or grouped, and are one run. A pointwise
//! convolution is one long row. A depthwise one is in `depthwise_f32`.

use super::filters::{Filters, Sums};
use super::rows::{Row, each_row};
use crate::conv::LANES;
use crate::{Conv, ConvF32};
use core::ops::Range;

/// Convolution; see the module.
pub fn conv_f32(args: ConvF32<'_>) {
    if args.geometry.is_depthwise() {
        return super::depthwise_f32(args);
    }
    let g = args.geometry.as_row();
    let [_, _, x_axis] = &g.axes;
    for group in 0..g.groups {
        for at in (0..g.group_out()).step_by(LANES) {
            let first = group.wrapping_mul(g.group_out()).wrapping_add(at);
            let count = g.group_out().wrapping_sub(at).min(LANES);
            let filters = Filters::pack(args.w, first, count, g.filter_len(), args.scratch);
            let block = Block {
                bias: filters.bias(args.bias),
                clamp: args.clamp,
                interior: x_axis.interior(),
                run: if g.groups == 1 && x_axis.dilation == 1 { Run::Row } else { Run::Tap },
                channel: group.wrapping_mul(g.group_in()),
                x: args.x,
                g: &g,
                filters,
            };
            let row_len = x_axis.output.wrapping_mul(g.out_channels);
            each_row(&g.axes, g.batch, row_len, args.y, |row, y| block.row(row, y));
        }
    }
}

/// What lies in a row, in `x` and in a filter alike.
enum Run {
    /// The channels under one tap.
    Tap,
    /// The channels under one row of taps.
    Row,
}

/// Some filters on their way over the image.
struct Block<'a> {
    g: &'a Conv,
    x: &'a [f32],
    filters: Filters<'a>,
    bias: Sums,
    clamp: (f32, f32),
    /// The first input channel of the group.
    channel: usize,
    run: Run,
    /// The outputs of a row whose taps all lie within the input.
    interior: Range<usize>,
}

impl Block<'_> {
    fn row(&self, row: &Row, y: &mut [f32]) {
        let [_, _, x_axis] = &self.g.axes;
        let mut pixels = y.chunks_exact_mut(self.g.out_channels.max(1));
        let mut put = |sums: &Sums| self.filters.store(pixels.next().unwrap_or(&mut []), sums, &self.bias, self.clamp);
        let mut at = 0;
        while at < x_axis.output {
            let next = at.wrapping_add(1);
            if self.interior.contains(&at) && self.interior.contains(&next) {
                self.two(row, at).iter().for_each(&mut put);
                at = next;
            } else {
                put(&self.one(row, at));
            }
            at = at.wrapping_add(1);
        }
    }

    /// The sums of output `at`.
    fn one(&self, row: &Row, at: usize) -> Sums {
        let [_, _, x_axis] = &self.g.axes;
        let mut sums = [0.0; LANES];
        self.each_run(row, x_axis.taps(at), |pixel, kx, w| {
            let x = self.x_run(pixel, at, kx, w.len());
            for (&x, w) in x.iter().zip(w) {
                sums.iter_mut().zip(w).for_each(|(sum, w)| *sum += x * w);
            }
        });
        sums
    }

    /// The sums of outputs `at` and `at + 1`, whose taps all lie within the input.
    #[inline(always)]
    fn two(&self, row: &Row, at: usize) -> [Sums; 2] {
        let [_, _, x_axis] = &self.g.axes;
        let (mut sums_a, mut sums_b) = ([0.0; LANES], [0.0; LANES]);
        self.each_run(row, 0..x_axis.kernel, |pixel, kx, w| {
            let a = self.x_run(pixel, at, kx, w.len());
            let b = self.x_run(pixel, at.wrapping_add(1), kx, w.len());
            for ((&a, &b), w) in a.iter().zip(b).zip(w) {
                sums_a.iter_mut().zip(w).for_each(|(sum, w)| *sum += a * w);
                sums_b.iter_mut().zip(w).for_each(|(sum, w)| *sum += b * w);
            }
        });
        [sums_a, sums_b]
    }

    /// Calls `f` for every run under the taps of a row: the first pixel of the row of `x`, the tap, the weights.
    #[inline(always)]
    fn each_run(&self, row: &Row, x_taps: Range<usize>, mut f: impl FnMut(usize, usize, &[Sums])) {
        let channels = self.g.group_in();
        let (taps, len) = match self.run {
            Run::Row => (1, x_taps.len().wrapping_mul(channels)),
            Run::Tap => (x_taps.len(), channels),
        };
        row.each_input(&self.g.axes, |pixel, tap| {
            for kx in x_taps.clone().take(taps) {
                f(pixel, kx, self.filters.taps(tap.wrapping_add(kx).wrapping_mul(channels), len));
            }
        });
    }

    /// The elements of `x` under tap `kx` of output `at`, in the row that begins with `pixel`.
    #[inline(always)]
    fn x_run(&self, pixel: usize, at: usize, kx: usize, len: usize) -> &[f32] {
        let [_, _, x_axis] = &self.g.axes;
        let pixel = pixel.wrapping_add(x_axis.position(at, kx));
        let start = pixel.wrapping_mul(self.g.in_channels).wrapping_add(self.channel);
        self.x.get(start..start.wrapping_add(len)).unwrap_or(&[])
    }
}
