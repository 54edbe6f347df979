//! Transposed convolution of real values.
//!
//! ```text
//! y[n, o, f] = clamp(Σ_k Σ_c x[n, (o + pad - k · dilation) / stride, group(f) · C/g + c] · w[f, k, c] + bias[f])
//! ```
//!
//! Only taps count whose quotient is whole and lies within the input. Products are added in the order of `k`, then
//! `c`; the bias comes last. Each output gathers what inputs scatter, eight filters at a time.

use super::filters::{Filters, Sums};
use crate::conv::LANES;
use crate::{Conv, ConvF32};

/// Transposed convolution; see the module.
pub fn conv_transpose_f32(args: ConvF32<'_>) {
    let g = args.geometry;
    for group in 0..g.groups {
        for at in (0..g.group_out()).step_by(LANES) {
            let first = group.wrapping_mul(g.group_out()).wrapping_add(at);
            let count = g.group_out().wrapping_sub(at).min(LANES);
            let filters = Filters::pack(args.w, first, count, g.filter_len(), args.scratch);
            let (bias, channel) = (filters.bias(args.bias), group.wrapping_mul(g.group_in()));
            let block = Block { g: &g, x: args.x, filters, channel };
            let mut pixels = args.y.chunks_exact_mut(g.out_channels.max(1));
            block.each_output(|sums| {
                block.filters.store(pixels.next().unwrap_or(&mut []), sums, &bias, args.clamp);
            });
        }
    }
}

/// Some filters on their way over the outputs.
struct Block<'a> {
    g: &'a Conv,
    x: &'a [f32],
    filters: Filters<'a>,
    /// The first input channel of the group.
    channel: usize,
}

impl Block<'_> {
    fn each_output(&self, mut put: impl FnMut(&Sums)) {
        let [z_axis, y_axis, x_axis] = &self.g.axes;
        for n in 0..self.g.batch {
            for z in 0..z_axis.output {
                for y in 0..y_axis.output {
                    for x in 0..x_axis.output {
                        put(&self.sums(n, [z, y, x]));
                    }
                }
            }
        }
    }

    /// The sums of the output at this place of sample `n`.
    fn sums(&self, n: usize, at: [usize; 3]) -> Sums {
        let ([z_axis, y_axis, x_axis], each) = (&self.g.axes, self.g.group_in());
        let mut sums = [0.0; LANES];
        for (kz, z) in z_axis.sources(at[0]) {
            let plane = n.wrapping_mul(z_axis.input).wrapping_add(z);
            for (ky, y) in y_axis.sources(at[1]) {
                let row = plane.wrapping_mul(y_axis.input).wrapping_add(y);
                let tap_row = kz.wrapping_mul(y_axis.kernel).wrapping_add(ky);
                for (kx, x) in x_axis.sources(at[2]) {
                    let pixel = row.wrapping_mul(x_axis.input).wrapping_add(x);
                    let tap = tap_row.wrapping_mul(x_axis.kernel).wrapping_add(kx);
                    let start = pixel.wrapping_mul(self.g.in_channels).wrapping_add(self.channel);
                    let x = self.x.get(start..start.wrapping_add(each)).unwrap_or(&[]);
                    for (&x, w) in x.iter().zip(self.filters.taps(tap.wrapping_mul(each), each)) {
                        sums.iter_mut().zip(w).for_each(|(sum, w)| *sum += x * w);
                    }
                }
            }
        }
        sums
    }
}
