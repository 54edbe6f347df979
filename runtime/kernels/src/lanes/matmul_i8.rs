//! The product of two matrices of activations, as [`crate::generic::matmul_i8`].
//!
//! ```text
//! Σ (a - a_zero) · (b - b_zero) = Σ a·b - a_zero · Σ b - b_zero · Σ a + depth · a_zero · b_zero
//! ```

use super::Lanes;
use super::field::copy;
use super::panel::{COLS, Finish, Panels, Unit, Walk, pack};
use crate::int8::MatMulI8;

/// Elements of a stretch at most, whatever the lanes.
const MAX: usize = 2048;

/// See [`crate::generic::matmul_i8`].
pub(crate) fn matmul_i8<L: Lanes<N, U>, const N: usize, const U: usize>(product: &MatMulI8<'_>, y: &mut [i8]) {
    let rows = Panels::<L, N, U>::rows(product.depth);
    let cols = product.cols.max(1);
    let mut panels = Panels::<L, N, U>::new();
    let mut a = product.a;
    for y in y.chunks_mut(cols.saturating_mul(rows)) {
        multiply(&mut panels, product, a, y);
        a = a.get(product.depth.saturating_mul(rows)..).unwrap_or(&[]);
    }
}

/// Some rows of `a` with all of `b`.
fn multiply<L: Lanes<N, U>, const N: usize, const U: usize>(
    panels: &mut Panels<L, N, U>,
    product: &MatMulI8<'_>,
    a: &[i8],
    y: &mut [i8],
) {
    let (depth, cols) = (product.depth, product.cols);
    let count = y.len().div_ceil(cols.max(1));
    let scale = [product.scale; COLS];
    for from in (0..cols).step_by(COLS) {
        let outs = cols.wrapping_sub(from).min(COLS);
        // Without any depth there is still one stretch, which gives the zero point.
        for k in (0..depth.max(1)).step_by(Panels::<L, N, U>::DEPTH) {
            let len = depth.wrapping_sub(k).min(Panels::<L, N, U>::DEPTH);
            if from == 0 || len < depth {
                gather(panels, product, a, count, k, len);
            }
            let (operands, weights) = panels.operands();
            let totals = columns::<L, N, U>(weights, product, from, outs, k, len);
            let excess = i32::from(product.b_zero).wrapping_mul(len as i32);
            let base = totals.map(|b| excess.wrapping_sub(b).wrapping_mul(product.a_zero.into()));
            let (before, carry, more) = (product.b_zero != 0, k > 0, k.wrapping_add(len) < depth);
            let finish =
                Finish { base, before, carry, more, scale: &scale, output: product.output, stride: cols, from, outs };
            operands.multiply(None, weights, &Walk::rows(count, len.div_ceil(U), U), &finish, y);
        }
    }
}

/// Copies `len` columns of `count` rows of `a`, and sets what `b_zero` takes off each row's sums.
fn gather<L: Lanes<N, U>, const N: usize, const U: usize>(
    panels: &mut Panels<L, N, U>,
    product: &MatMulI8<'_>,
    a: &[i8],
    count: usize,
    k: usize,
    len: usize,
) {
    let row = |i: usize| {
        let start = i.wrapping_mul(product.depth).wrapping_add(k);
        a.get(start..start.wrapping_add(len)).unwrap_or(&[])
    };
    let stride = len.next_multiple_of(U).max(U);
    for (i, to) in panels.patches().chunks_exact_mut(stride).take(count).enumerate() {
        copy::<L, N, U>(to.get_mut(..len).unwrap_or(&mut []), row(i));
    }
    for (i, sum) in panels.sums().iter_mut().enumerate().take(count) {
        let total = row(i).iter().fold(0i32, |sum, &a| sum.wrapping_add(a.into()));
        *sum = total.wrapping_mul(product.b_zero.into()).wrapping_neg();
    }
}

/// Packs `len` elements, from `k` on, of some columns of `b`, and returns the sum of each.
fn columns<L: Lanes<N, U>, const N: usize, const U: usize>(
    to: &mut [Unit<L, N, U>],
    product: &MatMulI8<'_>,
    from: usize,
    outs: usize,
    k: usize,
    len: usize,
) -> [i32; COLS] {
    let (depth, cols) = (product.depth, product.cols);
    if product.transposed {
        let start = from.wrapping_mul(depth).wrapping_add(k);
        let end = start.wrapping_add(outs.wrapping_sub(1).wrapping_mul(depth)).wrapping_add(len);
        return pack::<L, N, U>(to, product.b.get(start..end).unwrap_or(&[]), depth, len, 1);
    }
    let mut rows = [[0; MAX]; COLS];
    let start = k.wrapping_mul(cols);
    for (i, b) in product.b.get(start..).unwrap_or(&[]).chunks(cols).take(len).enumerate() {
        for (row, &b) in rows.iter_mut().zip(b.get(from..).unwrap_or(&[])).take(outs) {
            if let Some(element) = row.get_mut(i) {
                *element = b;
            }
        }
    }
    pack::<L, N, U>(to, rows.as_flattened(), MAX, len, 1)
}
