//! `DeformConv`: a convolution whose taps lie where `offset` says, between elements if need be, channels last.
//!
//! ```text
//! y[n, o, f] = Σ_k Σ_c mask[n, o, k] · x(n, o · stride + k · dilation - pad_begin + offset[n, o, k], c) · w[f, k, c] + bias[f]
//! ```
//!
//! `x(…)` interpolates linearly between the four elements around; elements outside are 0. Two spatial axes.
//!
//! ```text
//! x: [N, H, W, C]   w: [O, kernel…, C/group]   bias: [O]   mask: [N, oH, oW, offset_groups · taps]
//! offset: [N, oH, oW, offset_groups · taps · 2], rows before columns
//! ```
//!
//! The channels fall into `offset_groups` runs of equal length, each with its own offsets and mask.

use super::conv::{channels, check_bias, kernel};
use super::window::{self, Window};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type};
use siskin_kernels::Conv as Geometry;

crate::attrs! {
    /// Attributes of [`DeformConv`]. The first entry of each three is 1, or 0 for padding.
    pub struct DeformConvAttrs {
        /// Steps of `x` per step of `y`.
        pub stride: [u32; 3],
        /// Steps of `x` per tap.
        pub dilation: [u32; 3],
        /// Zeros before the first element.
        pub pad_begin: [u32; 3],
        /// Zeros after the last element.
        pub pad_end: [u32; 3],
        /// Groups of channels that do not see each other.
        pub group: u32,
        /// Runs of channels with their own offsets.
        pub offset_group: u32,
    }
}

/// `x, w, bias?, offset, mask? -> y`; see the module.
pub struct DeformConv;

const BIAS: usize = 2;
const OFFSET: usize = 3;
const MASK: usize = 4;

impl Op for DeformConv {
    const CODE: Code = Code(27);
    const NAME: &'static str = "DeformConv";
    type Attrs = DeformConvAttrs;

    fn infer(attrs: &DeformConvAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(5)?;
        let (x, w) = (sig.shape(0, DType::F32)?, sig.shape(1, DType::F32)?);
        let g = geometry(attrs, x, w)?;
        check_bias(sig, w)?;
        let y = window::output(x, &g.axes, w.dim(0))?;
        let taps = u32::try_from(g.taps()).ok().and_then(|t| t.checked_mul(attrs.offset_group)).ok_or(Refusal::Shape)?;
        let [n, h, width, _] = *y.dims() else { return Err(Refusal::Shape) };
        if sig.shape(OFFSET, DType::F32)? != [n, h, width, taps.checked_mul(2).ok_or(Refusal::Shape)?] {
            return Err(Refusal::Shape);
        }
        if sig.opt(MASK).is_some() && sig.shape(MASK, DType::F32)? != [n, h, width, taps] {
            return Err(Refusal::Shape);
        }
        let patch = u32::try_from(g.taps()).ok().and_then(|t| t.checked_mul(window::channels(x)));
        let scratch = patch.and_then(|n| n.checked_mul(4)).ok_or(Refusal::Shape)?;
        out.scratch = scratch;
        out.one(Type::new(DType::F32, y))
    }

    fn macs(attrs: &DeformConvAttrs, sig: &Sig<'_>) -> u64 {
        let (Some(x), Some(w)) = (sig.opt(0), sig.opt(1)) else { return 0 };
        geometry(attrs, x.shape, w.shape).map_or(0, |g| g.macs())
    }

    fn run<K: Kernels>(attrs: &DeformConvAttrs, io: &mut Io<'_>) {
        let Ok(g) = geometry(attrs, io.shape(0), io.shape(1)) else { return };
        let (w, bias, patch) = (io.input::<f32>(1), io.input::<f32>(BIAS), io.scratch::<f32>());
        let sampler = Sampler { g: &g, x: io.input(0), run: run_of_channels(&g, attrs) };
        let per_pixel = g.taps().wrapping_mul(attrs.offset_group as usize).max(1);
        let (offsets, masks) = (io.input::<f32>(OFFSET), io.input::<f32>(MASK));
        let mut pixel = 0usize;
        let mut pixels = io.output::<f32>(0).chunks_exact_mut(g.out_channels.max(1));
        let [_, y_axis, x_axis] = &g.axes;
        for n in 0..g.batch {
            for oy in 0..y_axis.output {
                for ox in 0..x_axis.output {
                    let taps = Taps {
                        offsets: stretch(offsets, pixel, per_pixel.wrapping_mul(2)).unwrap_or(&[]),
                        masks: stretch(masks, pixel, per_pixel),
                    };
                    pixel = pixel.wrapping_add(1);
                    sampler.patch(n, oy, ox, &taps, patch);
                    filter(&g, patch, w, bias, pixels.next().unwrap_or(&mut []));
                }
            }
        }
    }
}

/// Stretch `at` of those of `len` elements that follow each other.
fn stretch(all: &[f32], at: usize, len: usize) -> Option<&[f32]> {
    let start = at.wrapping_mul(len);
    all.get(start..start.wrapping_add(len))
}

fn geometry(attrs: &DeformConvAttrs, x: &[u32], w: &[u32]) -> Result<Geometry, Refusal> {
    let DeformConvAttrs { stride, dilation, pad_begin, pad_end, group, offset_group } = attrs;
    if x.rank() != 4 || window::channels(x).checked_rem(*offset_group) != Some(0) {
        return Err(Refusal::Shape);
    }
    let window = Window { kernel: &kernel(x, w)?, stride, dilation, pad_begin, pad_end };
    channels(x, w, *group, window.axes(x)?)
}

/// Channels that share their offsets.
fn run_of_channels(g: &Geometry, attrs: &DeformConvAttrs) -> usize {
    g.in_channels.checked_div(attrs.offset_group as usize).unwrap_or(0).max(1)
}

/// What one output says of its taps.
struct Taps<'a> {
    offsets: &'a [f32],
    masks: Option<&'a [f32]>,
}

struct Sampler<'a> {
    g: &'a Geometry,
    x: &'a [f32],
    run: usize,
}

impl Sampler<'_> {
    /// Fills `patch`, `[taps, C]`, with what lies under the window of one output.
    fn patch(&self, n: usize, oy: usize, ox: usize, taps: &Taps<'_>, patch: &mut [f32]) {
        let ([_, y_axis, x_axis], count) = (&self.g.axes, self.g.taps());
        let place = |o: usize, k: usize, axis: &siskin_kernels::Axis| {
            let padded = o.wrapping_mul(axis.stride).wrapping_add(k.wrapping_mul(axis.dilation));
            padded as f32 - axis.pad as f32
        };
        for (k, row) in patch.chunks_exact_mut(self.g.in_channels.max(1)).enumerate().take(count) {
            let ky = k.checked_div(x_axis.kernel).unwrap_or(0);
            let kx = k.wrapping_sub(ky.wrapping_mul(x_axis.kernel));
            for (group, run) in row.chunks_mut(self.run.max(1)).enumerate() {
                let tap = group.wrapping_mul(count).wrapping_add(k);
                let [dy, dx] = taps.offsets.get(tap.wrapping_mul(2)..).and_then(|o| o.first_chunk()).unwrap_or(&[0.0; 2]);
                let mask = taps.masks.map_or(1.0, |m| m.get(tap).copied().unwrap_or(0.0));
                let at = [place(oy, ky, y_axis) + dy, place(ox, kx, x_axis) + dx];
                self.sample(n, at, group.wrapping_mul(self.run), mask, run);
            }
        }
    }

    /// Interpolates the channels from `first` on at a place, times `mask`.
    fn sample(&self, n: usize, [y, x]: [f32; 2], first: usize, mask: f32, run: &mut [f32]) {
        let [_, y_axis, x_axis] = &self.g.axes;
        run.fill(0.0);
        let (top, left) = (libm::floorf(y), libm::floorf(x));
        for (row, row_weight) in [(top, 1.0 - (y - top)), (top + 1.0, y - top)] {
            for (column, column_weight) in [(left, 1.0 - (x - left)), (left + 1.0, x - left)] {
                let inside = row >= 0.0 && row < y_axis.input as f32 && column >= 0.0 && column < x_axis.input as f32;
                if !inside {
                    continue;
                }
                let pixel = n.wrapping_mul(y_axis.input).wrapping_add(row as usize).wrapping_mul(x_axis.input);
                let start = pixel.wrapping_add(column as usize).wrapping_mul(self.g.in_channels).wrapping_add(first);
                let weight = row_weight * column_weight * mask;
                let from = self.x.get(start..).unwrap_or(&[]);
                run.iter_mut().zip(from).for_each(|(v, x)| *v += weight * x);
            }
        }
    }
}

/// One output of every filter from its patch.
fn filter(g: &Geometry, patch: &[f32], w: &[f32], bias: &[f32], y: &mut [f32]) {
    let (each, per_group) = (g.group_in(), g.group_out());
    for (f, y) in y.iter_mut().enumerate() {
        let first = f.checked_div(per_group).unwrap_or(0).wrapping_mul(each);
        let w = stretch(w, f, g.filter_len()).unwrap_or(&[]);
        let mut sum = 0.0;
        for tap in 0..g.taps() {
            let x = stretch(patch, tap, g.in_channels).and_then(|x| x.get(first..)).unwrap_or(&[]);
            let w = stretch(w, tap, each).unwrap_or(&[]);
            sum += x.iter().zip(w).map(|(x, w)| x * w).sum::<f32>();
        }
        *y = sum + bias.get(f).copied().unwrap_or(0.0);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run_all};

    const ATTRS: DeformConvAttrs = DeformConvAttrs {
        stride: [1; 3],
        dilation: [1; 3],
        pad_begin: [0; 3],
        pad_end: [0; 3],
        group: 1,
        offset_group: 1,
    };

    #[test]
    fn taps_move_by_their_offsets() {
        let x = Tensor::of(&[1, 2, 2, 1], &[1f32, 2., 3., 4.]);
        let w = Tensor::of(&[1, 1, 2, 1], &[1f32, 10.]);
        // Half a row up and a column to the left; half a column to the right and a row down, beyond the last.
        let offset = Tensor::of(&[1, 2, 1, 4], &[-0.5f32, 0., 0., -1., 0., 0.5, 1., 0.]);
        let (bias, mask) = (Tensor::of(&[1], &[100f32]), Tensor::of(&[1, 2, 1, 2], &[1f32, 2., 1., 1.]));
        let inputs = [Some(&x), Some(&w), Some(&bias), Some(&offset), Some(&mask)];
        let want = Tensor::of(&[1, 2, 1, 1], &[100.5 + 20.0, 103.5f32]);
        assert_eq!(run_all::<DeformConv>(&ATTRS, &inputs, None).unwrap(), [want]);
        let refused = run_all::<DeformConv>(&DeformConvAttrs { offset_group: 2, ..ATTRS }, &inputs, None);
        assert_eq!(refused, Err(Refusal::Shape));
        assert_eq!(run_all::<DeformConv>(&ATTRS, &[Some(&x), Some(&w), None, Some(&mask)], None), Err(Refusal::Shape));
    }
}
