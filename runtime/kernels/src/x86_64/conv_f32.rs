//! Dense and grouped float convolution, and products of matrices, over packed weights.
//!
//! ```text
//! packed: for each group, for each panel of 16 channels, the last one of 8 if that is enough:
//!         weights f32 [segments][elements][lanes]
//! ```
//!
//! Segments and strips are those of `conv_i8`. A pointwise convolution reads its input where it lies, and so does a product.

use super::segments::{Field, Segments, share};
use super::strip::{Pixels, Stack, Strip, image_sizes, laid, part_size, parts};
use super::tile_f32::{Place, ROWS, Rows, store, tile, vectors};
use crate::widen::Widen;
use crate::{Axis, Conv, ConvF32, Weights};

/// Elements of a strip: 36 KB of stack.
const ROOM: usize = 9 * 1024;

/// Elements of a product, in and out, that stay in the second cache while panels pass: 128 KB.
const BLOCK: usize = 8 * 1024;

/// A convolution as this file computes it.
struct Plan {
    g: Conv,
    field: Field,
    /// Whether the input is read where it lies.
    pointwise: bool,
}

impl Plan {
    /// Nothing if there is nothing to compute, or too many segments.
    fn new(g: &Conv) -> Option<Plan> {
        let g = laid(*g);
        let field = Field::new(&g)?;
        let pointwise = g.groups == 1 && g.axes.iter().all(Axis::is_pointwise);
        let [depth, ..] = g.axes;
        let fits = pointwise || depth == Axis::UNIT && part_size(&g, g.in_channels, ROOM).is_some();
        fits.then_some(Plan { g, field, pointwise })
    }
}

/// The panels of `columns`: lanes of each, and its first column.
pub(super) fn panels(columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..columns).step_by(16).map(move |at| (if columns.wrapping_sub(at) > 8 { 16 } else { 8 }, at))
}

/// Elements of the panels of a matrix.
pub(super) fn panels_len(columns: usize, depth: usize) -> usize {
    let lanes = columns / 16 * 16 + (columns % 16).next_multiple_of(8);
    lanes.saturating_mul(depth)
}

/// Writes a matrix of `depth` rows in panels, whose elements `at` gives by column and row.
pub(super) fn pack_panels(out: &mut [f32], columns: usize, depth: usize, at: impl Fn(usize, usize) -> f32) {
    let mut out = out.iter_mut();
    for (lanes, first) in panels(columns) {
        for k in 0..depth {
            for column in first..first.wrapping_add(lanes) {
                let Some(out) = out.next() else { return };
                *out = if column < columns { at(column, k) } else { 0.0 };
            }
        }
    }
}

/// An element of the weights, widened.
pub(super) fn weight(w: Weights<'_>, at: usize) -> f32 {
    match w {
        Weights::F32(w) => w.get(at).copied().unwrap_or(0.0),
        Weights::F16(w) => w.get(at).map_or(0.0, |w| w.widen()),
    }
}

/// Packs what [`conv_f32`] reads, if `out` has room; returns the elements that it takes, 0 if there is no packed form.
pub(super) fn pack(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
    let Some(plan) = Plan::new(g) else { return 0 };
    let depth = plan.field.depth();
    if Some(w.len()) != depth.checked_mul(plan.g.out_channels) || w.is_empty() {
        return 0;
    }
    let group = panels_len(plan.field.outs, depth);
    let len = group.saturating_mul(plan.g.groups);
    if out.len() >= len {
        for (i, out) in out.chunks_exact_mut(group).take(plan.g.groups).enumerate() {
            let first = i.wrapping_mul(plan.field.outs);
            pack_panels(out, plan.field.outs, depth, |o, k| {
                weight(w, first.wrapping_add(o).wrapping_mul(depth).wrapping_add(k))
            });
        }
    }
    len
}

/// Convolves with weights that [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn conv_f32(conv: &mut ConvF32<'_>, packed: &[f32]) -> bool {
    let Some(plan) = Plan::new(&conv.geometry).filter(|_| !packed.is_empty()) else { return false };
    let g = &plan.g;
    if plan.pointwise {
        let pixels = conv.y.len().checked_div(g.out_channels).unwrap_or(0);
        let product = Product { k: plan.field.ins, n: plan.field.outs, bias: conv.bias, clamp: conv.clamp };
        product.run(conv.x, packed, Pixels::rows(pixels, plan.field.ins, plan.field.outs), conv.y);
        return true;
    }
    let Some(size) = part_size(g, g.in_channels, ROOM) else { return false };
    let Some((image, plane)) = image_sizes(g, conv.y.len()) else { return false };
    let mut stack = Stack::<f32, ROOM>::new();
    for (x, y) in conv.x.chunks(image).zip(conv.y.chunks_mut(plane)) {
        for part in parts(g, 0..g.in_channels, size) {
            let strip = Strip::new(g, part, x, 0, &mut stack);
            convolve(conv.bias, conv.clamp, &plan, packed, &strip, y);
        }
    }
    true
}

/// Every panel over a strip.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn convolve(bias: &[f32], clamp: (f32, f32), plan: &Plan, packed: &[f32], strip: &Strip<'_, f32>, y: &mut [f32]) {
    let taps = (0..plan.field.rows).flat_map(|row| (0..plan.field.taps).map(move |tap| (row, tap)));
    let segments = Segments::new(taps.map(|(row, tap)| strip.tap(row, tap)));
    let depth = plan.field.depth();
    let groups = packed.chunks_exact(panels_len(plan.field.outs, depth).max(1));
    for (group, packed) in (0..plan.g.groups).zip(groups) {
        let x = strip.elements().get(group.wrapping_mul(plan.field.ins)..).unwrap_or(&[]);
        let first = group.wrapping_mul(plan.field.outs);
        let over = Over { x, segments: &segments, len: plan.field.run };
        let bias = bias.get(first..).unwrap_or(&[]);
        over.panels(packed, plan.field.outs, bias, clamp, first, strip.pixels(), y);
    }
}

/// Rows of a matrix by a packed one of `k` rows and `n` columns.
pub(super) struct Product<'a> {
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) bias: &'a [f32],
    pub(super) clamp: (f32, f32),
}

impl Product<'_> {
    /// Multiplies the rows of `a` that `rows` names.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn run(&self, a: &[f32], packed: &[f32], rows: Pixels, y: &mut [f32]) {
        let segments = Segments::new(core::iter::once(0));
        if rows.left == 1 {
            return self.row(a, packed, &segments, rows, y);
        }
        let over = Over { x: a, segments: &segments, len: self.k };
        let block = BLOCK.checked_div(self.k.saturating_add(self.n)).unwrap_or(0) / ROWS;
        let mut rest = rows;
        while rest.left > 0 {
            let rows = rest.split(block.max(1).wrapping_mul(ROWS));
            over.panels(packed, self.n, self.bias, self.clamp, 0, rows, y);
        }
    }
}

impl Product<'_> {
    /// Multiplies one row: what a step of a recurrent network does.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn row(&self, a: &[f32], packed: &[f32], segments: &Segments, mut rows: Pixels, y: &mut [f32]) {
        let (window, output) = rows.take::<1>();
        let mut rest = packed;
        for (lanes, at) in panels(self.n) {
            let Some((data, later)) = rest.split_at_checked(lanes.wrapping_mul(self.k)) else { return };
            rest = later;
            let (w, bias) = (Rows { data, step: lanes }, self.bias.get(at..).unwrap_or(&[]));
            let place = Place { first: at, len: self.n.wrapping_sub(at).min(lanes), clamp: self.clamp };
            if lanes == 16 {
                store(tile::<1, 2>(a, window, segments, self.k, w, vectors(bias)), output, place, y);
            } else {
                store(tile::<1, 1>(a, window, segments, self.k, w, vectors(bias)), output, place, y);
            }
        }
    }
}

/// What goes under panels.
struct Over<'a> {
    x: &'a [f32],
    segments: &'a Segments,
    len: usize,
}

impl Over<'_> {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    #[expect(clippy::too_many_arguments, reason = "what a product is made of")]
    fn panels(
        &self,
        packed: &[f32],
        columns: usize,
        bias: &[f32],
        clamp: (f32, f32),
        first: usize,
        pixels: Pixels,
        y: &mut [f32],
    ) {
        let depth = self.segments.offsets().len().wrapping_mul(self.len);
        let mut rest = packed;
        for (lanes, at) in panels(columns) {
            let Some((data, later)) = rest.split_at_checked(lanes.wrapping_mul(depth)) else { return };
            rest = later;
            let bias = bias.get(at..columns.min(bias.len())).unwrap_or(&[]);
            let len = columns.wrapping_sub(at).min(lanes);
            let place = Place { first: first.wrapping_add(at), len, clamp };
            let rows = Rows { data, step: lanes };
            if lanes == 16 {
                self.panel::<2>(rows, bias, place, pixels, y);
            } else {
                self.panel::<1>(rows, bias, place, pixels, y);
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn panel<const V: usize>(&self, w: Rows<'_>, bias: &[f32], place: Place, mut pixels: Pixels, y: &mut [f32]) {
        let bias = vectors::<V>(bias);
        let most = share(pixels.left, ROWS);
        while pixels.left > 0 {
            match pixels.left.min(most) {
                6 => self.tile::<6, V>(w, bias, place, &mut pixels, y),
                5 => self.tile::<5, V>(w, bias, place, &mut pixels, y),
                4 => self.tile::<4, V>(w, bias, place, &mut pixels, y),
                3 => self.tile::<3, V>(w, bias, place, &mut pixels, y),
                2 => self.tile::<2, V>(w, bias, place, &mut pixels, y),
                _ => self.tile::<1, V>(w, bias, place, &mut pixels, y),
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn tile<const R: usize, const V: usize>(
        &self,
        w: Rows<'_>,
        bias: super::tile_f32::Sums<V>,
        place: Place,
        pixels: &mut Pixels,
        y: &mut [f32],
    ) {
        let (windows, outputs) = pixels.take::<R>();
        store(tile::<R, V>(self.x, windows, self.segments, self.len, w, bias), outputs, place, y);
    }
}
