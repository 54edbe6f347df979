//! Depthwise convolution of real values.
//!
//! ```text
//! y[n, o, c] = clamp(Σ_k x[n, o · stride + k · dilation - pad, c] · w[c, k] + bias[c])
//! ```
//!
//! Products are added in the order of the taps, those in the padding left out; the bias comes last. Eight channels
//! are computed at a time, a lane each, over the whole image, two outputs at once.

use super::filters::{Filters, Sums};
use super::rows::{Row, each_row};
use crate::conv::LANES;
use crate::{Conv, ConvF32};
use core::ops::Range;

/// Depthwise convolution; see the module.
pub fn depthwise_f32(args: ConvF32<'_>) {
    let g = args.geometry;
    let [_, _, x_axis] = &g.axes;
    for first in (0..g.out_channels).step_by(LANES) {
        let count = g.out_channels.wrapping_sub(first).min(LANES);
        let filters = Filters::pack(args.w, first, count, g.filter_len(), args.scratch);
        let block = Block {
            g: &g,
            x: args.x,
            bias: filters.bias(args.bias),
            clamp: args.clamp,
            interior: x_axis.interior(),
            filters,
        };
        let row_len = x_axis.output.wrapping_mul(g.out_channels);
        each_row(&g.axes, g.batch, row_len, args.y, |row, y| block.row(row, y));
    }
}

/// Some channels on their way over the image.
struct Block<'a> {
    g: &'a Conv,
    x: &'a [f32],
    filters: Filters<'a>,
    bias: Sums,
    clamp: (f32, f32),
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
                self.sums::<2>(row, at, 0..x_axis.kernel).iter().for_each(&mut put);
                at = next;
            } else {
                self.sums::<1>(row, at, x_axis.taps(at)).iter().for_each(&mut put);
            }
            at = at.wrapping_add(1);
        }
    }

    /// The sums of `P` outputs from `at` on, which share these taps.
    #[inline(always)]
    fn sums<const P: usize>(&self, row: &Row, at: usize, taps: Range<usize>) -> [Sums; P] {
        let [_, _, x_axis] = &self.g.axes;
        let mut sums = [[0.0; LANES]; P];
        let first = x_axis.position(at, taps.start);
        row.each_input(&self.g.axes, |pixel, tap| {
            let mut pixel = pixel.wrapping_add(first);
            for w in self.filters.taps(tap.wrapping_add(taps.start), taps.len()) {
                let mut here = pixel;
                for sums in &mut sums {
                    self.add(sums, here, w);
                    here = here.wrapping_add(x_axis.stride);
                }
                pixel = pixel.wrapping_add(x_axis.dilation);
            }
        });
        sums
    }

    /// Lanes beyond the last channel see a neighbour's elements, and are never stored.
    #[inline(always)]
    fn add(&self, sums: &mut Sums, pixel: usize, w: &Sums) {
        let start = pixel.wrapping_mul(self.g.in_channels).wrapping_add(self.filters.first);
        let x = self.x.get(start..).unwrap_or(&[]);
        let lanes = sums.iter_mut().zip(w);
        match x.first_chunk::<LANES>() {
            Some(x) => lanes.zip(x).for_each(|((sum, w), x)| *sum += x * w),
            None => lanes.zip(x).for_each(|((sum, w), x)| *sum += x * w),
        }
    }
}
