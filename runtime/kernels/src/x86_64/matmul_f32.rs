//! Products of float matrices.
//!
//! A constant `b` is packed at load, as the weights of a pointwise convolution. Another one is packed here, a panel of 16 columns and
//! a stretch of its rows at a time, and serves every row of `a` before the next one comes.

use super::conv_f32::{Product, pack_panels, panels, panels_len, weight};
use super::segments::{Segments, share};
use super::strip::Pixels;
use super::tile_f32::{Place, ROWS, Rows, store, tile, vectors};
use crate::{MatMulF32, Weights};
use core::arch::x86_64::*;

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
            let a = p.a.get(from..).unwrap_or(&[]);
            let rows = Pixels::rows(rows, p.k, p.n);
            let stretch = Stretch { a, depth, w, place, add: from > 0 };
            if lanes == 16 { stretch.run::<2>(bias, rows, p.y) } else { stretch.run::<1>(bias, rows, p.y) }
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

/// A panel of `depth` rows of `b` on its way under the rows of `a`.
struct Stretch<'a> {
    a: &'a [f32],
    depth: usize,
    w: Rows<'a>,
    place: Place,
    /// Whether products are added to what stands in `y`.
    add: bool,
}

impl Stretch<'_> {
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn run<const V: usize>(&self, bias: &[f32], mut rows: Pixels, y: &mut [f32]) {
        let segments = Segments::new(core::iter::once(0));
        let bias = vectors::<V>(bias);
        while rows.left > 0 {
            match share(rows.left, ROWS) {
                6 => self.tile::<6, V>(&segments, bias, &mut rows, y),
                5 => self.tile::<5, V>(&segments, bias, &mut rows, y),
                4 => self.tile::<4, V>(&segments, bias, &mut rows, y),
                3 => self.tile::<3, V>(&segments, bias, &mut rows, y),
                2 => self.tile::<2, V>(&segments, bias, &mut rows, y),
                _ => self.tile::<1, V>(&segments, bias, &mut rows, y),
            }
        }
    }

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn tile<const R: usize, const V: usize>(
        &self,
        segments: &Segments,
        bias: [__m256; V],
        rows: &mut Pixels,
        y: &mut [f32],
    ) {
        let (windows, outputs) = rows.take::<R>();
        let start = if self.add { [_mm256_setzero_ps(); V] } else { bias };
        let mut sums = tile::<R, V>(self.a, windows, segments, self.depth, self.w, start);
        if self.add {
            for (sums, at) in sums.iter_mut().zip(outputs) {
                let from = at.wrapping_add(self.place.first);
                let earlier = vectors::<V>(y.get(from..from.wrapping_add(self.place.len)).unwrap_or(&[]));
                sums.iter_mut().zip(earlier).for_each(|(sum, earlier)| *sum = _mm256_add_ps(*sum, earlier));
            }
        }
        store(sums, outputs, self.place, y);
    }
}
