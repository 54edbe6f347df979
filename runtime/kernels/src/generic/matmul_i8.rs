//! Product of two matrices of activations.
//!
//! ```text
//! y[i,j] = requantize(Σ_k (a[i,k] - a_zero) · (b[k,j] - b_zero))
//! ```
//!
//! `b_zero` leaves the inner loop: it takes `b_zero · Σ_k (a[i,k] - a_zero)` off every sum of a row. With `b` transposed
//! both operands are rows and the rest is [`tile_i8`](super::tile_i8); otherwise columns go in blocks whose sums stay
//! on the stack.

use super::window_i8::{BLOCK, lines, part, pieces};
use crate::Kernels;
use crate::int8::{MatMulI8, Patch, Rows, TILE_COLS, TILE_DEPTH, TILE_ROWS};

/// Multiplies `product.a` and `product.b` into `y`, `[rows, cols]`.
pub fn matmul_i8<K: Kernels>(product: &MatMulI8<'_>, y: &mut [i8]) {
    if product.transposed {
        let (depth, cols) = (product.depth.saturating_mul(TILE_ROWS), product.cols.saturating_mul(TILE_ROWS));
        pieces(product.a, depth, y, cols).for_each(|(a, y)| by_rows::<K>(product, a, y));
    } else {
        pieces(product.a, product.depth, y, product.cols).for_each(|(a, y)| by_columns(product, a, y));
    }
}

/// A few rows of `a` with every row of a transposed `b`.
fn by_rows<K: Kernels>(product: &MatMulI8<'_>, a: &[i8], y: &mut [i8]) {
    let (depth, cols) = (product.depth.max(1), product.cols.max(1));
    let mut patches = [[0; TILE_DEPTH]; TILE_ROWS];
    let Some(patches) = patches.get_mut(..y.len().div_ceil(cols).min(TILE_ROWS)) else { return };
    for from in (0..product.cols).step_by(TILE_COLS) {
        let outs = product.cols.wrapping_sub(from).min(TILE_COLS);
        let mut sums = [[0i32; TILE_COLS]; TILE_ROWS];
        let Some(sums) = sums.get_mut(..patches.len()) else { return };
        for k in (0..product.depth).step_by(TILE_DEPTH) {
            let len = product.depth.wrapping_sub(k).min(TILE_DEPTH);
            let start = from.wrapping_mul(depth).wrapping_add(k);
            let span = outs.wrapping_sub(1).wrapping_mul(depth).wrapping_add(len);
            let rows = Rows { data: part(product.b, start, span), stride: depth, len };
            for ((patch, a), sums) in patches.iter_mut().zip(a.chunks(depth)).zip(sums.iter_mut()) {
                let total = widen(patch, part(a, k, len), product.a_zero);
                let excess = total.wrapping_mul(i32::from(product.b_zero));
                sums.iter_mut().for_each(|sum| *sum = sum.wrapping_sub(excess));
            }
            K::tile_i8(sums, patches, rows);
        }
        for (y, sums) in lines(y, cols).zip(sums) {
            for (y, &sum) in y.get_mut(from..).unwrap_or_default().iter_mut().zip(sums.get(..outs).unwrap_or_default())
            {
                *y = product.output.requantize(sum, product.scale);
            }
        }
    }
}

/// `patch[k] = row[k] - zero`; returns their sum.
#[inline]
fn widen(patch: &mut Patch, row: &[i8], zero: i8) -> i32 {
    let mut total = 0i32;
    for (p, &x) in patch.iter_mut().zip(row) {
        *p = i16::from(x).wrapping_sub(i16::from(zero));
        total = total.wrapping_add(i32::from(*p));
    }
    total
}

/// One row of `a` with every column of `b`.
fn by_columns(product: &MatMulI8<'_>, a: &[i8], y: &mut [i8]) {
    let total = a.iter().fold(0i32, |n, &a| n.wrapping_add(i32::from(a).wrapping_sub(i32::from(product.a_zero))));
    let excess = total.wrapping_mul(i32::from(product.b_zero)).wrapping_neg();
    for (y, from) in y.chunks_mut(BLOCK).zip((0..).step_by(BLOCK)) {
        let mut sums = [excess; BLOCK];
        for (&a, b) in a.iter().zip(product.b.chunks(product.cols.max(1))) {
            let a = i16::from(a).wrapping_sub(i16::from(product.a_zero));
            for (sum, &b) in sums.iter_mut().zip(part(b, from, y.len())) {
                // At most 255 · 128: 16 bits hold the product.
                *sum = sum.wrapping_add(i32::from(a.wrapping_mul(i16::from(b))));
            }
        }
        for (y, sum) in y.iter_mut().zip(sums) {
            *y = product.output.requantize(sum, product.scale);
        }
    }
}
