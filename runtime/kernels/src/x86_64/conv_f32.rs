//! Dense and grouped float convolution, and products of matrices, over packed weights.
//!
//! ```text
//! packed: for each group, for each panel of 16 channels, the last one of 8 if that is enough:
//!         weights f32 [segments][elements][lanes]
//! ```
//!
//! Segments and strips are those of `conv_i8`. Windows within the image are read where they lie, and so is what a pointwise convolution
//! or a product reads; strips hold what lies under the edges.

use super::segments::{Field, Segments};
use super::strip::{Part, Pixels, Stack, Strip, image_sizes, laid, part_size};
use super::tile_f32::{Panel, Place, ROWS, Rows, Under, row};
use crate::widen::Widen;
use crate::{Axis, Conv, ConvF32, Weights};
use core::ops::Range;

/// Elements of a strip: 36 KB of stack.
const ROOM: usize = 9 * 1024;

/// Elements of a product, in and out, that stay in the second cache while panels pass: 128 KB.
const BLOCK: usize = 8 * 1024;

/// Elements of the input under a band of rows that is read where it lies: 128 KB.
const BAND: usize = 32 * 1024;

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

    /// The outputs whose windows lie within the image, which is read where it lies, and the others around them. All are others if those
    /// inside are so few that they are no longer worth tiles of their own.
    fn parts(&self) -> (Part, [Part; 4]) {
        let [_, down, across] = &self.g.axes;
        let (mut rows, mut cols) = (down.interior(), across.interior());
        if rows.len().saturating_mul(cols.len()) < down.output.saturating_mul(across.output) / 10 * 9 {
            (rows, cols) = (0..0, 0..0);
        }
        let part = |rows: Range<usize>, cols: Range<usize>| Part { rows, cols, channels: 0..self.g.in_channels };
        let edges = [
            part(0..rows.start, 0..across.output),
            part(rows.end..down.output, 0..across.output),
            part(rows.clone(), 0..cols.start),
            part(rows.clone(), cols.end..across.output),
        ];
        (part(rows, cols), edges)
    }

    /// Whether an image has one output.
    fn is_lone(&self) -> bool {
        self.g.axes.iter().all(|axis| axis.output == 1)
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
    let (inside, edges) = plan.parts();
    let row = g.axes[2].input.saturating_mul(g.in_channels).saturating_mul(g.axes[1].stride);
    let band = (BAND.checked_div(row).unwrap_or(0).max(1), usize::MAX);
    let mut stack = Stack::<f32, ROOM>::new();
    for (x, y) in conv.x.chunks(image).zip(conv.y.chunks_mut(plane)) {
        for part in inside.clone().cut(band) {
            convolve(conv.bias, conv.clamp, &plan, packed, &Strip::over(g, part, x), y);
        }
        for part in edges.iter().flat_map(|part| part.clone().cut(size)) {
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
        let under = Under { x, segments: &segments, len: plan.field.run };
        let bias = bias.get(first..).unwrap_or(&[]);
        let columns = Columns { packed, count: plan.field.outs, bias, clamp, first };
        if plan.is_lone() {
            columns.row(under, strip.pixels(), y);
        } else {
            columns.run(under, strip.pixels(), y);
        }
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
        let under = Under { x: a, segments: &segments, len: self.k };
        let columns = Columns { packed, count: self.n, bias: self.bias, clamp: self.clamp, first: 0 };
        if rows.left == 1 {
            return columns.row(under, rows, y);
        }
        let block = BLOCK.checked_div(self.k.saturating_add(self.n)).unwrap_or(0) / ROWS;
        let mut rest = rows;
        while rest.left > 0 {
            let rows = rest.split(block.max(1).wrapping_mul(ROWS));
            columns.run(under, rows, y);
        }
    }
}

/// The columns of a product, and where their results go.
struct Columns<'a> {
    packed: &'a [f32],
    count: usize,
    bias: &'a [f32],
    clamp: (f32, f32),
    /// The first one's place in a row of `y`.
    first: usize,
}

impl<'a> Columns<'a> {
    /// Every panel over some rows, which are not the only one of a product.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn run(&self, under: Under<'_>, pixels: Pixels, y: &mut [f32]) {
        for (w, bias, place) in self.panels(under) {
            if w.step == 16 {
                if let Some(panel) = Panel::<2>::new(under, w, bias, place) {
                    panel.run(pixels, y);
                }
            } else if let Some(panel) = Panel::<1>::new(under, w, bias, place) {
                panel.run(pixels, y);
            }
        }
    }

    /// Every panel over the only row of a product: what a step of a recurrent network is.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn row(&self, under: Under<'_>, mut pixels: Pixels, y: &mut [f32]) {
        let ([window], [output]) = pixels.take();
        for (w, bias, place) in self.panels(under) {
            if w.step == 16 {
                row::<2>(under, [window, output], w, bias, place, y);
            } else {
                row::<1>(under, [window, output], w, bias, place, y);
            }
        }
    }

    /// The weights of each panel, its bias, and where its results go.
    #[inline(always)]
    fn panels(&self, under: Under<'_>) -> impl Iterator<Item = (Rows<'a>, &'a [f32], Place)> {
        let depth = under.segments.offsets().len().wrapping_mul(under.len);
        let Columns { mut packed, count, bias, clamp, first } = *self;
        panels(count).map_while(move |(lanes, at)| {
            let (data, later) = packed.split_at_checked(lanes.wrapping_mul(depth))?;
            packed = later;
            let bias = bias.get(at..count.min(bias.len())).unwrap_or(&[]);
            let place = Place { first: first.wrapping_add(at), len: count.wrapping_sub(at).min(lanes), clamp };
            Some((Rows { data, step: lanes }, bias, place))
        })
    }
}
