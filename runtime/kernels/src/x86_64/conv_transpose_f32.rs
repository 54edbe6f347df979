//! Transposed float convolution whose windows stand side by side: each tap is a product of matrices.
//!
//! ```text
//! packed: for each tap, panels as those of `conv_f32`
//! y[i · stride + k, f] = clamp(Σ_c x[i, c] · w[f, k, c] + bias[f])
//! ```

use super::conv_f32::{Product, pack_panels, panels_len, weight};
use super::strip::Pixels;
use crate::{Axis, Conv, ConvF32, Weights};

/// Taps; nothing if an output has not exactly one.
fn taps(g: &Conv) -> Option<usize> {
    let side_by_side = |a: &Axis| {
        let whole = a.input.checked_mul(a.stride) == Some(a.output);
        whole && a.kernel == a.stride && a.pad == 0 && a.dilation == 1
    };
    let [depth, down, across] = &g.axes;
    let plain = *depth == Axis::UNIT && g.groups == 1 && side_by_side(down) && side_by_side(across);
    if plain { down.kernel.checked_mul(across.kernel).filter(|&n| n > 0) } else { None }
}

/// Packs what [`conv_transpose_f32`] reads, if `out` has room; returns the elements that it takes, 0 if there is no packed form.
pub(super) fn pack(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
    let Some(taps) = taps(g) else { return 0 };
    let (ins, outs) = (g.in_channels, g.out_channels);
    if w.is_empty() || Some(w.len()) != taps.checked_mul(ins).and_then(|n| n.checked_mul(outs)) {
        return 0;
    }
    let each = panels_len(outs, ins);
    let len = each.saturating_mul(taps);
    if out.len() >= len {
        for (tap, out) in out.chunks_exact_mut(each).take(taps).enumerate() {
            pack_panels(out, outs, ins, |o, c| {
                let row = o.wrapping_mul(taps).wrapping_add(tap);
                weight(w, row.wrapping_mul(ins).wrapping_add(c))
            });
        }
    }
    len
}

/// Convolves with weights that [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn conv_transpose_f32(conv: &mut ConvF32<'_>, packed: &[f32]) -> bool {
    let g = &conv.geometry;
    let Some(taps) = taps(g).filter(|_| !packed.is_empty()) else { return false };
    let [_, down, across] = &g.axes;
    let (ins, outs) = (g.in_channels, g.out_channels);
    let pixels = down.input.saturating_mul(across.input);
    let (image, plane) = (pixels.saturating_mul(ins), pixels.saturating_mul(taps).saturating_mul(outs));
    if plane == 0 || plane > conv.y.len() || image == 0 {
        return false;
    }
    let product = Product { k: ins, n: outs, bias: conv.bias, clamp: conv.clamp };
    let each = panels_len(outs, ins);
    for (x, y) in conv.x.chunks(image).zip(conv.y.chunks_mut(plane)) {
        // A row of the input while it is in the first cache.
        for (row, x) in x.chunks(across.input.wrapping_mul(ins).max(1)).enumerate() {
            for (tap, packed) in packed.chunks_exact(each.max(1)).take(taps).enumerate() {
                let (under, right) = (tap / across.kernel.max(1), tap % across.kernel.max(1));
                let line = row.wrapping_mul(down.stride).wrapping_add(under).wrapping_mul(across.output);
                let first = line.wrapping_add(right).wrapping_mul(outs);
                let steps = [ins, across.stride.wrapping_mul(outs)];
                product.run(x, packed, Pixels::line([0, first], steps, across.input), y);
            }
        }
    }
    true
}
