//! Depthwise float convolution: 8 or 16 channels side by side.
//!
//! ```text
//! packed: for each panel of 16 channels, the last one of 8 if that is enough: weights f32 [taps][lanes]
//! ```

use super::conv_f32::{pack_panels, panels, panels_len, weight};
use super::segments::{SEGMENTS, Segments, share};
use super::strip::{Part, Pixels, Stack, Strip, TAIL, block, laid};
use super::tile_f32::{Place, Sums, store, vectors};
use crate::{Axis, Conv, ConvF32, Weights};
use core::arch::x86_64::*;

/// Elements of a strip: 36 KB of stack.
const ROOM: usize = 9 * 1024;

/// Pixels whose sums are in registers together.
const PIXELS: usize = 5;

const LANES: usize = 16;

/// Taps; nothing if there are too many, or nothing to compute.
fn taps(g: &Conv) -> Option<usize> {
    let [depth, rows, cols] = &g.axes;
    let taps = rows.kernel.checked_mul(cols.kernel)?;
    let plain = *depth == Axis::UNIT && rows.stride > 0 && cols.stride > 0 && g.is_depthwise();
    let fits = (1..=SEGMENTS).contains(&taps) && block::<f32>(g, ROOM).is_some();
    (plain && fits).then_some(taps)
}

/// Packs what [`conv_f32`] reads, if `out` has room; returns the elements that it takes, 0 if there is no packed form.
pub(super) fn pack(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
    let g = &laid(*g);
    let Some(taps) = taps(g).filter(|taps| taps.checked_mul(g.in_channels) == Some(w.len())) else { return 0 };
    let len = panels_len(g.in_channels, taps);
    if out.len() >= len {
        pack_panels(out, g.in_channels, taps, |c, tap| weight(w, c.wrapping_mul(taps).wrapping_add(tap)));
    }
    len
}

/// Convolves with weights that [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn conv_f32(conv: &mut ConvF32<'_>, packed: &[f32]) -> bool {
    let g = &laid(conv.geometry);
    let Some(taps) = taps(g).filter(|_| !packed.is_empty()) else { return false };
    let [_, down, across] = &g.axes;
    let Some((deep, tall, wide)) = block::<f32>(g, ROOM) else { return false };
    let mut stack = Stack::<f32, ROOM>::new();
    let image = down.input.saturating_mul(across.input).saturating_mul(g.in_channels);
    let plane = down.output.saturating_mul(across.output).saturating_mul(g.out_channels);
    if plane == 0 || plane > conv.y.len() {
        return false;
    }
    for (x, y) in conv.x.chunks(image.max(1)).zip(conv.y.chunks_mut(plane)) {
        for channel in (0..g.in_channels).step_by(deep) {
            for top in (0..down.output).step_by(tall) {
                for left in (0..across.output).step_by(wide) {
                    let rows = top..top.saturating_add(tall).min(down.output);
                    let cols = left..left.saturating_add(wide).min(across.output);
                    let channels = channel..channel.saturating_add(deep).min(g.in_channels);
                    let part = Part { rows, cols, channels: channels.clone() };
                    let strip = Strip::new(g, part, x, 0, &mut stack);
                    let weights = packed.get(channel.wrapping_mul(taps)..).unwrap_or(&[]);
                    let bias = conv.bias.get(channel..).unwrap_or(&[]);
                    convolve(g, &strip, weights, bias, conv.clamp, (channels.start, channels.len()), y);
                }
            }
        }
    }
    true
}

/// Every panel over a strip of `count` channels from `first` on.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn convolve(
    g: &Conv,
    strip: &Strip<'_, f32>,
    weights: &[f32],
    bias: &[f32],
    clamp: (f32, f32),
    (first, count): (usize, usize),
    y: &mut [f32],
) {
    let [_, down, across] = &g.axes;
    let taps = (0..down.kernel).flat_map(|row| (0..across.kernel).map(move |col| (row, col)));
    let segments = Segments::new(taps.map(|(row, col)| strip.tap(row, col)));
    let over = Over { x: strip.elements(), segments: &segments, weights, bias, clamp, first, count };
    let mut pixels = strip.pixels();
    while pixels.left > 0 {
        match share(pixels.left, PIXELS) {
            5 => over.put::<5>(&mut pixels, y),
            4 => over.put::<4>(&mut pixels, y),
            3 => over.put::<3>(&mut pixels, y),
            2 => over.put::<2>(&mut pixels, y),
            _ => over.put::<1>(&mut pixels, y),
        }
    }
}

/// A strip on its way under the taps.
struct Over<'a> {
    x: &'a [f32],
    segments: &'a Segments,
    weights: &'a [f32],
    bias: &'a [f32],
    clamp: (f32, f32),
    /// The first channel, and how many.
    first: usize,
    count: usize,
}

impl Over<'_> {
    /// Every channel of the next `P` pixels: their lines stay in the first cache, and so do the weights.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn put<const P: usize>(&self, pixels: &mut Pixels, y: &mut [f32]) {
        let (windows, outputs) = pixels.take::<P>();
        let mut rest = self.weights;
        for (lanes, at) in panels(self.count) {
            let taps = self.segments.offsets().len();
            let Some((w, later)) = rest.split_at_checked(lanes.wrapping_mul(taps)) else { return };
            rest = later;
            let x = self.x.get(at..).unwrap_or(&[]);
            let len = self.count.wrapping_sub(at).min(lanes);
            let place = Place { first: self.first.wrapping_add(at), len, clamp: self.clamp };
            let bias = self.bias.get(at..).unwrap_or(&[]);
            if lanes == LANES {
                store(sums::<P, 2>(x, windows, self.segments, w, vectors(bias)), outputs, place, y);
            } else {
                store(sums::<P, 1>(x, windows, self.segments, w, vectors(bias)), outputs, place, y);
            }
        }
    }
}

/// The sums of the pixels whose windows begin at `windows` in `x`.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn sums<const P: usize, const V: usize>(
    x: &[f32],
    windows: [usize; P],
    segments: &Segments,
    w: &[f32],
    start: Sums<V>,
) -> [Sums<V>; P] {
    let mut sums = [start; P];
    let lanes = V.wrapping_mul(8);
    if segments.reach(&windows, lanes) > x.len() || segments.offsets().len().saturating_mul(lanes) > w.len() {
        return sums;
    }
    // SAFETY: `reach` says that each window has as many elements as lanes from each tap on.
    let windows = windows.map(|at| unsafe { x.as_ptr().add(at) });
    for (tap, &offset) in segments.offsets().iter().enumerate() {
        // SAFETY: there are as many weights as lanes for each tap.
        let w: Sums<V> = core::array::from_fn(|v| unsafe { _mm256_loadu_ps(w.as_ptr().add(tap * lanes + v * 8)) });
        for (sums, window) in sums.iter_mut().zip(windows) {
            for (v, (sum, w)) in sums.iter_mut().zip(w).enumerate() {
                // SAFETY: as for `windows`.
                *sum = _mm256_fmadd_ps(unsafe { _mm256_loadu_ps(window.add(offset + v * 8)) }, w, *sum);
            }
        }
    }
    sums
}

const _: () = assert!(TAIL >= LANES);
