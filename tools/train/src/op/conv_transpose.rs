//! `ConvTranspose`: what [`conv`](super::conv) does, the other way round. The gradient of the input is a convolution of `dz`.

use super::product::Convolve;
use super::window::{self, Window};
use super::{Constants, Rule, dims, of_sums};
use crate::program::Reverse;
use siskin::kernels::{Axis, Conv as Geometry, ConvF32};
use siskin::op::ConvTranspose;
use siskin_compiler::ir::{Graph, Node};

struct Transposed {
    geometry: Geometry,
    clamp: [f32; 2],
}

pub(super) fn rule(graph: &Graph, node: &Node) -> Option<Box<dyn Rule>> {
    let a = node.get::<ConvTranspose>().filter(|a| a.group == 1)?;
    node.input(1).filter(|&w| graph.constant(w).is_some())?;
    let (x, w, y) = (dims(graph, node, 0), dims(graph, node, 1), graph.dims(node.outputs[0]));
    let window =
        Window { kernel: window::spatial(w), stride: &a.stride, dilation: &a.dilation, pad_begin: &a.pad_begin };
    let geometry = Geometry {
        batch: x[0] as usize,
        in_channels: *x.last()? as usize,
        out_channels: w[0] as usize,
        groups: 1,
        axes: window::axes(x, y, &window),
    };
    Some(Box::new(Transposed { geometry, clamp: [a.min, a.max] }))
}

impl Transposed {
    /// The convolution that takes `dz` back to `x`.
    fn back(&self) -> Geometry {
        let g = &self.geometry;
        let turned = |a: &Axis| Axis { input: a.output, output: a.input, ..*a };
        let axes = core::array::from_fn(|i| turned(&g.axes[i]));
        Geometry { in_channels: g.out_channels, out_channels: g.in_channels, axes, ..*g }
    }

    /// Calls `f` with every tap, the input that has it and the output that it adds to.
    fn each_tap(&self, f: &mut impl FnMut(usize, usize, usize)) {
        let [z, y, x] = self.back().axes;
        let at = |axes: [usize; 3], of: [usize; 3]| (axes[0] * of[1] + axes[1]) * of[2] + axes[2];
        for (iz, iy, ix) in
            (0..z.output).flat_map(|z| (0..y.output).flat_map(move |y| (0..x.output).map(move |x| (z, y, x))))
        {
            for (kz, ky, kx) in
                z.taps(iz).flat_map(|z| y.taps(iy).flat_map(move |ky| x.taps(ix).map(move |kx| (z, ky, kx))))
            {
                let output = [z.position(iz, kz), y.position(iy, ky), x.position(ix, kx)];
                f(
                    at([kz, ky, kx], [z, y, x].map(|a| a.kernel)),
                    at([iz, iy, ix], [z, y, x].map(|a| a.output)),
                    at(output, [z, y, x].map(|a| a.input)),
                );
            }
        }
    }
}

impl Rule for Transposed {
    fn trains(&self) -> &'static [usize] {
        &[1, 2]
    }

    fn channels(&self) -> Option<usize> {
        Some(0)
    }

    /// `[O, taps, C]` as the convolution has them: `[C, taps, O]`.
    fn prepare(&self, constants: &Constants<'_>) -> Vec<f32> {
        let Some(w) = constants(1) else { return Vec::new() };
        let (taps, c, o) = (self.geometry.taps(), self.geometry.in_channels, self.geometry.out_channels);
        let of = |i: usize| w[(i % o * taps + i / o % taps) * c + i / (o * taps)];
        (0..w.len()).map(of).collect()
    }

    fn backward(&self, at: &mut Reverse<'_>) {
        let x = at.x(0);
        let dz = of_sums(at, self.clamp);
        if at.dx(0).is_some() {
            let geometry = self.back();
            let (mut back, mut scratch) = (at.take(x.len()), at.take(ConvF32::scratch_len(&geometry)));
            let w = at.prepared();
            Convolve { geometry, x: &dz, w, packed: &[], scratch: &mut scratch, y: &mut back }.run();
            if let Some(dx) = at.dx(0) {
                super::add(dx, &back);
            }
            at.give(back);
            at.give(scratch);
        }
        let (taps, c, o) = (self.geometry.taps(), self.geometry.in_channels, self.geometry.out_channels);
        let samples = self.geometry.batch.max(1);
        if let Some(dw) = at.dx(1) {
            for (x, dz) in x.chunks_exact(x.len() / samples).zip(dz.chunks_exact(dz.len() / samples)) {
                self.each_tap(&mut |tap, input, output| {
                    let (x, dz) = (&x[input * c..][..c], &dz[output * o..][..o]);
                    dz.iter()
                        .enumerate()
                        .for_each(|(f, &dz)| super::add_scaled(&mut dw[(f * taps + tap) * c..][..c], dz, x));
                });
            }
        }
        at.give(dz);
    }
}

#[cfg(test)]
mod tests {
    use crate::check::{check, sizes};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(sizes(12))]
        #[test]
        fn gradients(h in 1u32..5, w in 1u32..5, c in 1u32..4, o in 1u32..4, k in 1u32..4, s in 1u32..4, p in 0u32..2, extra in 0u32..2) {
            prop_assume!(p < k && extra < s);
            let (oh, ow) = (s * (h - 1) + k + extra, s * (w - 1) + k + extra);
            prop_assume!(ow > 2 * p);
            let ow = ow - 2 * p;
            check(&format!(
                "in x: f32[2,{h},{w},{c}]\nconst w: f32[{o},{k},{k},{c}] = 0\nconst b: f32[{o}] = 0\n\
                 y: f32[2,{oh},{ow},{o}] = ConvTranspose(x, w, b) stride=[1,{s},{s}] dilation=[1,1,1] pad_begin=[0,0,{p}] \
                 pad_end=[0,0,{p}] output_padding=[0,{extra},{extra}] group=1 min=-inf max=inf\nout y\n"
            ));
        }
    }
}
