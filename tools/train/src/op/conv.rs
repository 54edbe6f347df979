//! `Conv`: the gradient of the input is a convolution of `dz` with filters turned around, that of the weights a product of `dz` with the
//! input under each tap, that of the bias `Σ dz`; `dz` is the result's gradient where no bound was reached.
//!
//! ```text
//! dw[f, k, c] = Σ_o dz[o, f] · x[o · stride + k · dilation - pad, c]     a product [taps · C, outputs] · [outputs, F]
//! ```
//!
//! Depthwise convolutions have loops of their own: their products have one column.

use super::product::{Convolve, Factor, multiply, multiply_packed, pack, pack_conv};
use super::window::{self, Window};
use super::{Constants, Rule, dims, of_sums, transpose};
use crate::program::Reverse;
use siskin::kernels::{Axis, Conv as Geometry, ConvF32};
use siskin::op::Conv;
use siskin_compiler::ir::{Graph, Node};

struct Convolution {
    geometry: Geometry,
    clamp: [f32; 2],
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let a = node.get::<Conv>()?;
    node.input(1).filter(|&w| graph.constant(w).is_some())?;
    let (x, w, y) = (dims(graph, node, 0), dims(graph, node, 1), graph.dims(node.outputs[0]));
    let window =
        Window { kernel: window::spatial(w), stride: &a.stride, dilation: &a.dilation, pad_begin: &a.pad_begin };
    let geometry = Geometry {
        batch: x[0] as usize,
        in_channels: *x.last()? as usize,
        out_channels: w[0] as usize,
        groups: a.group as usize,
        axes: window::axes(x, y, &window),
    };
    Some(Box::new(Convolution { geometry, clamp: [a.min, a.max] }))
}

impl Convolution {
    /// Input pixels, output pixels of one sample.
    fn pixels(&self) -> [usize; 2] {
        let axes = &self.geometry.axes;
        [axes.iter().map(|a| a.input).product(), axes.iter().map(|a| a.output).product()]
    }

    /// The convolution that takes `dz` back to `x`, with filters turned around; nothing if steps are longer than one element.
    fn back(&self) -> Option<Geometry> {
        let turned = |a: &Axis| {
            let pad = ((a.kernel - 1) * a.dilation).checked_sub(a.pad).filter(|_| a.stride == 1)?;
            Some(Axis { input: a.output, output: a.input, pad, ..*a })
        };
        let Geometry { in_channels, out_channels, axes: [z, y, x], .. } = &self.geometry;
        Some(Geometry {
            in_channels: *out_channels,
            out_channels: *in_channels,
            axes: [turned(z)?, turned(y)?, turned(x)?],
            ..self.geometry
        })
    }

    /// `[O, taps, C/g]` as [`Convolution::back`] has them: `[C, taps, O/g]`, the last tap first.
    fn turned(&self, w: &[f32]) -> Vec<f32> {
        let g = &self.geometry;
        let (taps, inputs, outputs) = (g.taps(), g.group_in(), g.group_out());
        let mut turned = vec![0.0; w.len()];
        for (o, filter) in w.chunks_exact(taps * inputs).enumerate() {
            let (group, f) = (o / outputs, o % outputs);
            for (tap, row) in filter.chunks_exact(inputs).enumerate() {
                for (c, &v) in row.iter().enumerate() {
                    turned[((group * inputs + c) * taps + taps - 1 - tap) * outputs + f] = v;
                }
            }
        }
        turned
    }

    /// A group's weights as the factor that takes `dz` back to what outputs saw.
    fn factor<'a>(&self, w: &'a [f32], group: usize) -> Factor<'a> {
        let (k, n) = (self.geometry.group_out(), self.geometry.filter_len());
        Factor { b: &w[group * k * n..(group + 1) * k * n], k, n, transpose: false }
    }

    fn input(&self, at: &mut Reverse<'_>, dz: &[f32]) {
        let Some(geometry) = self.back() else { return self.scatter(at, dz) };
        let len = geometry.batch * self.pixels()[0] * geometry.out_channels;
        let (mut y, mut scratch) = (at.take(len), at.take(ConvF32::scratch_len(&geometry)));
        let (w, packed) = at.prepared().split_at(at.x(1).len());
        Convolve { geometry, x: dz, w, packed, scratch: &mut scratch, y: &mut y }.run();
        if let Some(dx) = at.dx(0) {
            super::add(dx, &y);
        }
        at.give(y);
        at.give(scratch);
    }

    /// The input's gradient where windows step over elements: what each output saw, added where it saw it.
    fn scatter(&self, at: &mut Reverse<'_>, dz: &[f32]) {
        let g = &self.geometry;
        let (c_group, f_group, depth, [inputs, outputs]) = (g.group_in(), g.group_out(), g.filter_len(), self.pixels());
        let (w, packed) = (at.x(1), at.prepared());
        let mut of_group = at.take(outputs * f_group);
        let mut seen = at.take(outputs * depth);
        for (sample, dz) in dz.chunks_exact(outputs * g.out_channels).enumerate() {
            for group in 0..g.groups {
                columns(&mut of_group, dz, g.out_channels, group);
                let packed = &packed[group * (packed.len() / g.groups)..][..packed.len() / g.groups];
                multiply_packed(&of_group, self.factor(w, group), packed, &mut seen);
                let Some(dx) = at.dx(0) else { break };
                let dx = &mut dx[sample * inputs * g.in_channels..];
                self.each_tap(&mut |tap, output, input| {
                    let to = input * g.in_channels + group * c_group;
                    super::add(&mut dx[to..to + c_group], &seen[output * depth + tap * c_group..][..c_group]);
                });
            }
        }
        at.give(of_group);
        at.give(seen);
    }

    /// Adds `dw` of one sample: planes of `x`, then for each tap and channel the row that the outputs saw.
    fn weights(&self, at: &mut Reverse<'_>, x: &[f32], dz: &[f32]) {
        let g = &self.geometry;
        let ([inputs, outputs], channels, features) = (self.pixels(), g.in_channels, g.out_channels);
        let (c_group, f_group, taps) = (g.group_in(), g.group_out(), g.taps());
        let mut planes = at.take(inputs * channels);
        transpose(&mut planes, x, channels);
        let mut seen = at.take(taps * c_group * outputs);
        let mut of_group = at.take(outputs * f_group);
        let mut product = at.take(taps * c_group * f_group);
        for group in 0..g.groups {
            let planes = &planes[group * c_group * inputs..(group + 1) * c_group * inputs];
            for (row, seen) in seen.chunks_exact_mut(outputs).enumerate() {
                gather(&g.axes, row / c_group, &planes[row % c_group * inputs..][..inputs], seen);
            }
            columns(&mut of_group, dz, features, group);
            multiply(&seen, Factor { b: &of_group, k: outputs, n: f_group, transpose: false }, &mut product);
            let Some(dw) = at.dx(1) else { break };
            let dw = &mut dw[group * f_group * taps * c_group..];
            for (k, row) in product.chunks_exact(f_group).enumerate() {
                row.iter().enumerate().for_each(|(f, v)| dw[f * taps * c_group + k] += v);
            }
        }
        [planes, seen, of_group, product].into_iter().for_each(|m| at.give(m));
    }
}

/// The columns of one group of `x`, rows of `width`.
fn columns(to: &mut [f32], x: &[f32], width: usize, group: usize) {
    let each = to.len() / (x.len() / width).max(1);
    for (to, from) in to.chunks_exact_mut(each.max(1)).zip(x.chunks_exact(width)) {
        to.copy_from_slice(&from[group * each..(group + 1) * each]);
    }
}

/// What each output sees of a plane under one tap; 0 in the padding.
fn gather(axes: &[Axis; 3], tap: usize, plane: &[f32], seen: &mut [f32]) {
    let [z, y, x] = axes;
    let (kx, ky, kz) = (tap % x.kernel, tap / x.kernel % y.kernel, tap / (x.kernel * y.kernel));
    let mut rows = seen.chunks_exact_mut(x.output);
    for oz in 0..z.output {
        for (oy, row) in (0..y.output).zip(&mut rows) {
            let (Some(iz), Some(iy)) = (z.at(oz, kz), y.at(oy, ky)) else {
                row.fill(0.0);
                continue;
            };
            let line = &plane[(iz * y.input + iy) * x.input..][..x.input];
            for (ox, seen) in row.iter_mut().enumerate() {
                *seen = x.at(ox, kx).map_or(0.0, |i| line[i]);
            }
        }
    }
}

impl Rule for Convolution {
    fn trains(&self) -> &'static [usize] {
        &[1, 2]
    }

    fn channels(&self) -> Option<usize> {
        Some(0)
    }

    fn prepare(&self, constants: &Constants<'_>) -> Vec<f32> {
        let Some(w) = constants(1) else { return Vec::new() };
        if self.geometry.is_depthwise() {
            // Taps first: neighbouring channels stand together.
            let mut turned = vec![0.0; w.len()];
            transpose(&mut turned, w, self.geometry.taps());
            return turned;
        }
        match self.back() {
            Some(back) => pack_conv(&back, self.turned(w)),
            None => (0..self.geometry.groups).flat_map(|group| pack(self.factor(w, group))).collect(),
        }
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let x = at.x(0);
        let dz = of_sums(at, self.clamp);
        let [inputs, outputs] = self.pixels();
        let (from, to) = (inputs * self.geometry.in_channels, outputs * self.geometry.out_channels);
        if self.geometry.is_depthwise() {
            for (i, (x, dz)) in x.chunks_exact(from).zip(dz.chunks_exact(to)).enumerate() {
                self.depthwise(at, x, dz, i * from);
            }
        } else {
            if at.dx(0).is_some() {
                self.input(at, &dz);
            }
            if at.dx(1).is_some() {
                x.chunks_exact(from).zip(dz.chunks_exact(to)).for_each(|(x, dz)| self.weights(at, x, dz));
            }
        }
        at.give(dz);
    }
}

impl Convolution {
    /// Both gradients of one sample of a depthwise convolution.
    fn depthwise(&self, at: &mut Reverse<'_>, x: &[f32], dz: &[f32], start: usize) {
        let (channels, taps) = (self.geometry.in_channels, self.geometry.taps());
        let w = at.prepared();
        if let Some(dx) = at.dx(0) {
            self.each_tap(&mut |tap, output, input| {
                let dx = &mut dx[start + input * channels..][..channels];
                let (w, dz) = (&w[tap * channels..][..channels], &dz[output * channels..][..channels]);
                dx.iter_mut().zip(w).zip(dz).for_each(|((dx, w), dz)| *dx += w * dz);
            });
        }
        if at.dx(1).is_none() {
            return;
        }
        let mut sums = at.take(taps * channels);
        sums.fill(0.0);
        self.each_tap(&mut |tap, output, input| {
            let sums = &mut sums[tap * channels..][..channels];
            let (x, dz) = (&x[input * channels..][..channels], &dz[output * channels..][..channels]);
            sums.iter_mut().zip(x).zip(dz).for_each(|((s, x), dz)| *s += x * dz);
        });
        if let Some(dw) = at.dx(1) {
            for (tap, row) in sums.chunks_exact(channels).enumerate() {
                row.iter().enumerate().for_each(|(c, v)| dw[c * taps + tap] += v);
            }
        }
        at.give(sums);
    }

    /// Calls `f` with every tap, the output that has it and the input under it.
    fn each_tap(&self, f: &mut impl FnMut(usize, usize, usize)) {
        let [z, y, x] = &self.geometry.axes;
        for oz in 0..z.output {
            for oy in 0..y.output {
                for ox in 0..x.output {
                    let output = (oz * y.output + oy) * x.output + ox;
                    for (kz, ky) in z.taps(oz).flat_map(|kz| y.taps(oy).map(move |ky| (kz, ky))) {
                        let line = (z.position(oz, kz) * y.input + y.position(oy, ky)) * x.input;
                        let first = (kz * y.kernel + ky) * x.kernel;
                        for kx in x.taps(ox) {
                            f(first + kx, output, line + x.position(ox, kx));
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(16))]
        #[test]
        fn gradients(
            h in 2u32..7, w in 2u32..7, each in 1u32..4, group in 1u32..4, out in 1u32..4, k in 1u32..4, s in 1u32..3,
            d in 1u32..3, p in 0u32..3, bound in prop::sample::select(vec!["inf", "0.5"]),
        ) {
            let reach = (k - 1) * d + 1;
            prop_assume!(h + p >= reach && w + 2 * p >= reach);
            let (oh, ow) = ((h + p - reach) / s + 1, (w + 2 * p - reach) / s + 1);
            let (c, o) = (each * group, out * group);
            check(&format!(
                "in x: f32[2,{h},{w},{c}]\nconst w: f32[{o},{k},{k},{each}] = 0\nconst b: f32[{o}] = 0\n\
                 y: f32[2,{oh},{ow},{o}] = Conv(x, w, b) stride=[1,{s},{s}] dilation=[1,{d},{d}] pad_begin=[0,0,{p}] \
                 pad_end=[0,{p},{p}] group={group} min=-{bound} max={bound}\nout y\n"
            ));
            // One axis; and three.
            check(&format!(
                "in x: f32[2,{w},{c}]\nconst w: f32[{o},{k},{each}] = 0\n\
                 y: f32[2,{ow},{o}] = Conv(x, w) stride=[1,1,{s}] dilation=[1,1,{d}] pad_begin=[0,0,{p}] \
                 pad_end=[0,0,{p}] group={group} min=-inf max=inf\nout y\n"
            ));
            check(&format!(
                "in x: f32[1,2,{h},{w},{c}]\nconst w: f32[{o},2,{k},{k},{each}] = 0\n\
                 y: f32[1,1,{oh},{ow},{o}] = Conv(x, w) stride=[1,{s},{s}] dilation=[1,{d},{d}] pad_begin=[0,0,{p}] \
                 pad_end=[0,{p},{p}] group={group} min=-inf max=inf\nout y\n"
            ));
        }
    }
}
