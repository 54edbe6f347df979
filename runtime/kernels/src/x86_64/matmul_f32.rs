//! Products of float matrices.
//!
//! A constant `b` is packed at load, as the weights of a pointwise convolution. Another one is packed here, a panel of 16 columns and
//! a stretch of its rows at a time, and serves every row of `a` before the next one comes.

use super::conv_f32::{Product, pack_panels, panels, panels_len, weight};
use super::segments::Segments;
use super::strip::Pixels;
use super::tile_f32::{Panel, Place, Rows, Under};
use crate::{MatMulF32, Weights};

/// Rows of `b` that are packed at a time: 16 KB of stack.
const DEPTH: usize = 256;

/// Packs what [`packed`] reads, if `out` has room; returns the elements that it takes, 0 if there is no packed form.
pub(super) fn pack(b: Weights<'_>, k: usize, n: usize, transpose_b: bool, out: &mut [f32]) -> usize {
    if k == 0 || n == 0 || Some(b.len()) != k.checked_mul(n) {
        return 0;
    }
    let len = panels_len(n, k);
    if out.len() >= len {
        pack_panels(out, n, k, |column, row| weight(b, at(k, n, transpose_b, column, row)));
    }
    len
}

fn at(k: usize, n: usize, transpose_b: bool, column: usize, row: usize) -> usize {
    if transpose_b { column.wrapping_mul(k).wrapping_add(row) } else { row.wrapping_mul(n).wrapping_add(column) }
}

/// Multiplies by what [`pack`] packed; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn packed(p: &mut MatMulF32<'_>, packed: &[f32]) -> bool {
    if packed.len() != panels_len(p.n, p.k) || p.k == 0 || p.n == 0 {
        return false;
    }
    let rows = p.y.len().checked_div(p.n).unwrap_or(0);
    let product = Product { k: p.k, n: p.n, bias: p.bias, clamp: (p.min, p.max) };
    product.run(p.a, packed, Pixels::rows(rows, p.k, p.n), p.y);
    true
}

/// Multiplies; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn matmul(p: &mut MatMulF32<'_>) -> bool {
    let Weights::F32(b) = p.b else { return false };
    let rows = p.y.len().checked_div(p.n).unwrap_or(0);
    // One row meets each element of `b` once: packing it would cost more than it saves.
    if p.k == 0 || rows < 2 || Some(b.len()) != p.k.checked_mul(p.n) {
        return false;
    }
    let segments = Segments::new(core::iter::once(0));
    let mut panel = [0.0; DEPTH * 16];
    for (lanes, first) in panels(p.n) {
        let len = p.n.wrapping_sub(first).min(lanes);
        for from in (0..p.k).step_by(DEPTH) {
            let depth = p.k.wrapping_sub(from).min(DEPTH);
            let free = (f32::NEG_INFINITY, f32::INFINITY);
            let last = from.wrapping_add(depth) == p.k;
            let place = Place { first, len, clamp: if last { (p.min, p.max) } else { free } };
            let direct = !p.transpose_b && len == lanes;
            let w = if direct {
                Rows { data: b.get(from.wrapping_mul(p.n).wrapping_add(first)..).unwrap_or(&[]), step: p.n }
            } else {
                gather(p, b, from, depth, first, len, lanes, &mut panel);
                Rows { data: &panel, step: lanes }
            };
            let bias = p.bias.get(first..first.wrapping_add(len)).unwrap_or(&[]);
            let under = Under { x: p.a.get(from..).unwrap_or(&[]), segments: &segments, len: depth };
            let rows = Pixels::rows(rows, p.k, p.n);
            if lanes == 16 {
                stretch::<2>(Panel::new(under, w, bias, place), from > 0, rows, p.y);
            } else {
                stretch::<1>(Panel::new(under, w, bias, place), from > 0, rows, p.y);
            }
        }
    }
    true
}

/// Packs rows `from..from + depth` of `len` columns.
#[inline]
#[target_feature(enable = "avx2,fma")]
#[expect(clippy::too_many_arguments, reason = "two ranges and where they come from")]
fn gather(
    p: &MatMulF32<'_>,
    b: &[f32],
    from: usize,
    depth: usize,
    first: usize,
    len: usize,
    lanes: usize,
    panel: &mut [f32],
) {
    let row = |start: usize, len: usize| b.get(start..start.wrapping_add(len)).unwrap_or(&[]);
    if p.transpose_b {
        for lane in 0..len {
            let column = row(first.wrapping_add(lane).wrapping_mul(p.k).wrapping_add(from), depth);
            for (to, &v) in panel.chunks_exact_mut(lanes).zip(column) {
                if let Some(to) = to.get_mut(lane) {
                    *to = v;
                }
            }
        }
    } else {
        for (k, to) in panel.chunks_exact_mut(lanes).take(depth).enumerate() {
            let values = row(from.wrapping_add(k).wrapping_mul(p.n).wrapping_add(first), len);
            to.iter_mut().zip(values).for_each(|(to, &v)| *to = v);
        }
    }
}

/// A stretch of the rows of `b` under the rows of `a`; `add` if it is not the first one.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn stretch<const V: usize>(panel: Option<Panel<'_, V>>, add: bool, rows: Pixels, y: &mut [f32]) {
    match panel {
        Some(panel) if add => panel.added().run(rows, y),
        Some(panel) => panel.run(rows, y),
        None => {}
    }
}
