//! A matrix by one vector, in bytes: a layer for one pixel.
//!
//! ```text
//! packed: the header of `conv_i8`, then for each panel of 32 channels:
//!         bias i32 [32], scale f32 [32], weights i8 [quads][32][4]
//! ```
//!
//! One pixel meets each weight once, so memory is the bound and weights stay bytes. `vpmaddubsw` is exact here: its
//! unsigned operand is `|x| ≤ 128`, its signed one `w · sign(x)`, of `|w| ≤ 127`, and `2 · 128 · 127` fits 16 bits. The zero
//! point of `x` is in the bias.

use super::bytes::{Writer, vectors};
use super::conv_i8::HEADER;
use super::store::{Place, Requantize, channel_of_lane, store};
use crate::Conv;
use crate::int8::ConvI8;
use core::arch::x86_64::*;

/// The form of packed weights that this file makes.
pub(super) const FORM: u32 = 2;

/// Channels of a panel, and vectors of their sums.
const LANES: usize = 32;
const VECTORS: usize = 4;

/// Whether a convolution is one pixel by a window of one, with weights that this form can hold.
pub(super) fn suits(g: &Conv, w: &[i8]) -> bool {
    let [_, rows, cols] = &g.axes;
    let one = g.batch == 1 && rows.is_pointwise() && cols.is_pointwise() && rows.output == 1 && cols.output == 1;
    one && g.groups == 1 && !w.contains(&-128)
}

/// The channel of a lane of a panel: two halves, each as [`store`] wants it.
fn channel(lane: usize) -> usize {
    let (half, lane) = (lane / 16, lane % 16);
    half * 16 + channel_of_lane(2, lane / 8, lane % 8)
}

/// See [`super::conv_i8::pack`].
pub(super) fn pack(conv: &ConvI8<'_>, depth: usize, out: &mut [u8]) -> usize {
    let outs = conv.geometry.out_channels;
    let quads = depth.div_ceil(4);
    let panel = panel_bytes(depth);
    let len = outs.div_ceil(LANES).saturating_mul(panel).saturating_add(HEADER);
    if out.len() < len {
        return len;
    }
    let mut writer = Writer::new(out);
    writer.put(FORM.to_le_bytes());
    writer.put([0; HEADER - 4]);
    for first in (0..outs).step_by(LANES) {
        let lanes = (0..LANES).map(|lane| first.wrapping_add(channel(lane)));
        let row = |c: usize| conv.w.get(c.wrapping_mul(depth)..).and_then(|w| w.get(..depth)).unwrap_or(&[]);
        for c in lanes.clone() {
            let sum = row(c).iter().fold(0i32, |n, &w| n.wrapping_add(w.into()));
            let bias = conv.bias.get(c).copied().unwrap_or(0);
            writer.i32(bias.wrapping_sub(sum.wrapping_mul(conv.x_zero.into())));
        }
        lanes.clone().for_each(|c| writer.f32(conv.scale.get(c).copied().unwrap_or(0.0)));
        for quad in 0..quads {
            for c in lanes.clone() {
                let at = |k: usize| row(c).get(quad.wrapping_mul(4).wrapping_add(k)).copied().unwrap_or(0);
                writer.put([at(0), at(1), at(2), at(3)].map(i8::cast_unsigned));
            }
        }
    }
    len
}

fn panel_bytes(depth: usize) -> usize {
    depth.div_ceil(4).saturating_add(2).saturating_mul(LANES * 4)
}

/// Multiplies.
#[target_feature(enable = "avx2")]
pub(super) fn run(conv: &ConvI8<'_>, panels: &[u8], y: &mut [i8]) {
    let r = Requantize::new(conv.output);
    let panels = panels.chunks_exact(panel_bytes(conv.geometry.in_channels));
    for (panel, y) in panels.zip(y.chunks_mut(LANES)) {
        let Some((bias, panel)) = vectors::<VECTORS>(panel) else { return };
        let Some((scale, w)) = vectors::<VECTORS>(panel) else { return };
        let [a, b, c, d] = sums(conv.x, w, bias);
        let [sa, sb, sc, sd] = scale.map(|s| _mm256_castsi256_ps(s));
        let half = y.len().min(16);
        store::<1, 2>(r, [[a, b]], [sa, sb], [0], Place { first: 0, len: half }, y);
        store::<1, 2>(r, [[c, d]], [sc, sd], [half], Place { first: 0, len: y.len().wrapping_sub(half) }, y);
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn sums(x: &[i8], w: &[u8], start: [__m256i; VECTORS]) -> [__m256i; VECTORS] {
    let ones = _mm256_set1_epi16(1);
    let mut sums = start;
    let (quads, rest) = x.as_chunks::<4>();
    let mut last = [0; 4];
    last.iter_mut().zip(rest).for_each(|(l, &x)| *l = x);
    let last = (!rest.is_empty()).then_some(&last);
    for (x, w) in quads.iter().chain(last).zip(w.as_chunks::<{ LANES * 4 }>().0) {
        let x = _mm256_set1_epi32(i32::from_le_bytes(x.map(i8::cast_unsigned)));
        let magnitude = _mm256_abs_epi8(x);
        for (sum, w) in sums.iter_mut().zip(w.as_chunks::<32>().0) {
            // SAFETY: there are 32 bytes.
            let w = unsafe { _mm256_loadu_si256(w.as_ptr().cast()) };
            let words = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(w, x));
            *sum = _mm256_add_epi32(*sum, _mm256_madd_epi16(words, ones));
        }
    }
    sums
}
