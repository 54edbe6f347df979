//! Dense and grouped integer convolution over packed weights.
//!
//! ```text
//! packed: form u32, 0 × 28, then for each group, for each panel of 16 channels, the last one of 8 if that is enough:
//!         bias i32 [lanes], scale f32 [lanes], weights i16 [segments][pairs][lanes][2]
//! ```
//!
//! A segment is a stretch of the receptive field that lies in a row of the strip: a row of the window, or one tap if taps stand
//! apart or groups do. A pointwise convolution is one long row.

use super::bytes::{Writer, vectors};
use super::matvec_i8::{self, FORM as QUADS};
use super::segments::{Field, Segments, share};
use super::store::{Place, Requantize, channel_of_lane, store};
use super::strip::{Pixels, Stack, Strip, image_sizes, laid, part_size, parts};
use super::tile_i8::{tile, weight_bytes};
use crate::int8::ConvI8;
use crate::{Axis, Conv};
use core::arch::x86_64::*;

/// Elements of a strip: 24 KB of stack.
const ROOM: usize = 12 * 1024;

/// Pixels of a tile: with 16 channels their sums leave four of the 16 registers.
const ROWS: usize = 6;

/// The form of packed weights that this file makes.
const PANELS: u32 = 1;

/// Bytes before the first panel.
pub(super) const HEADER: usize = 32;

/// A convolution as this file computes it.
struct Plan {
    g: Conv,
    field: Field,
    /// Pairs that hold the elements of a segment.
    pairs: usize,
}

impl Plan {
    /// Nothing if there is nothing to compute, or too many segments.
    fn new(g: &Conv) -> Option<Plan> {
        let g = laid(g.as_row());
        let field = Field::new(&g)?;
        let pairs = field.run.div_ceil(2);
        let [depth, ..] = g.axes;
        (depth == Axis::UNIT && part_size(&g, g.in_channels, ROOM).is_some()).then_some(Plan { g, field, pairs })
    }

    /// The panels of a group: vectors of each, and its first channel within the group.
    fn panels(&self) -> impl Iterator<Item = (usize, usize)> {
        let outs = self.field.outs;
        (0..outs).step_by(16).map(move |at| (if outs.wrapping_sub(at) > 8 { 2 } else { 1 }, at))
    }

    fn panel_bytes(&self, v: usize) -> usize {
        weight_bytes(v, self.field.segments(), self.pairs).saturating_add(v.wrapping_mul(64))
    }
}

/// Packs what [`conv_i8`] reads, if `out` has room; returns the bytes that it takes, 0 if there is no packed form.
pub(super) fn pack(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
    let Some(plan) = Plan::new(&conv.geometry) else { return 0 };
    let depth = plan.field.depth();
    if conv.w.is_empty() || Some(conv.w.len()) != plan.g.out_channels.checked_mul(depth) {
        return 0;
    }
    if matvec_i8::suits(&plan.g, conv.w) {
        return matvec_i8::pack(conv, depth, out);
    }
    let group = plan.panels().fold(0usize, |n, (v, _)| n.saturating_add(plan.panel_bytes(v)));
    let len = group.saturating_mul(plan.g.groups).saturating_add(HEADER);
    if out.len() >= len {
        let mut writer = Writer::new(out);
        writer.put(PANELS.to_le_bytes());
        writer.put([0; HEADER - 4]);
        for g in 0..plan.g.groups {
            for (v, at) in plan.panels() {
                pack_panel(conv, &plan, v, g.wrapping_mul(plan.field.outs), at, &mut writer);
            }
        }
    }
    len
}

fn pack_panel(conv: &ConvI8<'_>, plan: &Plan, v: usize, group: usize, at: usize, writer: &mut Writer<'_>) {
    let left = plan.field.outs.wrapping_sub(at);
    let lanes = (0..v).flat_map(|vector| (0..8).map(move |lane| channel_of_lane(v, vector, lane)));
    // Channels that are not there are nothing.
    let channel = |lane: usize| (lane < left).then_some(group.wrapping_add(at).wrapping_add(lane));
    let lanes = lanes.map(channel);
    let of = |c: Option<usize>, values: &[i32]| c.and_then(|c| values.get(c)).copied().unwrap_or(0);
    lanes.clone().for_each(|c| writer.i32(of(c, conv.bias)));
    lanes.clone().for_each(|c| writer.f32(c.and_then(|c| conv.scale.get(c)).copied().unwrap_or(0.0)));
    let depth = plan.field.depth();
    for segment in 0..plan.field.segments() {
        for pair in 0..plan.pairs {
            for c in lanes.clone() {
                for k in [pair.wrapping_mul(2), pair.wrapping_mul(2).wrapping_add(1)] {
                    let in_row = segment.wrapping_mul(plan.field.run).wrapping_add(k);
                    let w = c
                        .filter(|_| k < plan.field.run)
                        .and_then(|c| conv.w.get(c.wrapping_mul(depth).wrapping_add(in_row)));
                    writer.i16(w.copied().unwrap_or(0).into());
                }
            }
        }
    }
}

/// Convolves with weights that [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2")]
pub(super) fn conv_i8(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) -> bool {
    let Some((header, panels)) = packed.split_first_chunk::<HEADER>() else { return false };
    match header.first_chunk().map(|form| u32::from_le_bytes(*form)) {
        Some(QUADS) => {
            matvec_i8::run(conv, panels, y);
            return true;
        }
        Some(PANELS) => {}
        _ => return false,
    }
    let Some(plan) = Plan::new(&conv.geometry) else { return false };
    let g = &plan.g;
    let Some(size) = part_size(g, g.in_channels, ROOM) else { return false };
    let Some((image, plane)) = image_sizes(g, y.len()) else { return false };
    let mut stack = Stack::<i16, ROOM>::new();
    for (x, y) in conv.x.chunks(image).zip(y.chunks_mut(plane)) {
        for part in parts(g, 0..g.in_channels, size) {
            let strip = Strip::new(g, part, x, conv.x_zero, &mut stack);
            convolve(conv, &plan, panels, &strip, y);
        }
    }
    true
}

/// Every panel over a strip.
#[inline]
#[target_feature(enable = "avx2")]
fn convolve(conv: &ConvI8<'_>, plan: &Plan, panels: &[u8], strip: &Strip<'_, i16>, y: &mut [i8]) {
    let requantize = Requantize::new(conv.output);
    let taps = (0..plan.field.rows).flat_map(|row| (0..plan.field.taps).map(move |tap| (row, tap)));
    let segments = Segments::new(taps.map(|(row, tap)| strip.tap(row, tap)));
    let mut rest = panels;
    for group in 0..plan.g.groups {
        let x = strip.elements().get(group.wrapping_mul(plan.field.ins)..).unwrap_or(&[]);
        let pixels = Over { x, segments: &segments, pairs: plan.pairs, requantize };
        for (v, at) in plan.panels() {
            let Some((panel, later)) = rest.split_at_checked(plan.panel_bytes(v)) else { return };
            rest = later;
            let first = group.wrapping_mul(plan.field.outs).wrapping_add(at);
            let place = Place { first, len: plan.field.outs.wrapping_sub(at).min(v.wrapping_mul(8)) };
            if v == 2 {
                pixels.panel::<2>(panel, place, strip.pixels(), y);
            } else {
                pixels.panel::<1>(panel, place, strip.pixels(), y);
            }
        }
    }
}

/// A strip on its way under one panel.
struct Over<'a> {
    x: &'a [i16],
    segments: &'a Segments,
    pairs: usize,
    requantize: Requantize,
}

impl Over<'_> {
    #[inline]
    #[target_feature(enable = "avx2")]
    fn panel<const V: usize>(&self, panel: &[u8], place: Place, mut pixels: Pixels, y: &mut [i8]) {
        while pixels.left > 0 {
            match share(pixels.left, ROWS) {
                6 => self.tile::<6, V>(panel, place, &mut pixels, y),
                5 => self.tile::<5, V>(panel, place, &mut pixels, y),
                4 => self.tile::<4, V>(panel, place, &mut pixels, y),
                3 => self.tile::<3, V>(panel, place, &mut pixels, y),
                2 => self.tile::<2, V>(panel, place, &mut pixels, y),
                _ => self.tile::<1, V>(panel, place, &mut pixels, y),
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn tile<const R: usize, const V: usize>(&self, panel: &[u8], place: Place, pixels: &mut Pixels, y: &mut [i8]) {
        let Some((bias, panel)) = vectors::<V>(panel) else { return };
        let Some((scale, w)) = vectors::<V>(panel) else { return };
        let (windows, outputs) = pixels.take::<R>();
        let sums = tile::<R, V>(self.x, windows, self.segments, self.pairs, w, bias);
        store::<R, V>(self.requantize, sums, scale.map(|s| _mm256_castsi256_ps(s)), outputs, place, y);
    }
}
