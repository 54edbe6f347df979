//! `y = clamp(a·b + bias)` in `f32`, `b` stored either way round.
//!
//! ```text
//! b [k, n]   four rows of b at a time, for every row of a:  y[i, ..] += Σ_4 a[i, p]·b[p, ..]
//! b [n, k]   y[i, j] = the dot product of two rows, eight partial sums
//! ```
//!
//! The loops over columns have no order to keep, so that compilers vectorise them for whatever registers there are.

use crate::widen::Widen;
use crate::{MatMulF32, Weights};

/// Rows of `b` that one pass over `y` takes.
const ROWS: usize = 4;

/// See the module.
pub fn matmul_f32(p: MatMulF32<'_>) {
    match p.b {
        Weights::F32(b) => matmul(p, b),
        Weights::F16(b) => matmul(p, b),
    }
}

fn matmul<T: Widen>(p: MatMulF32<'_>, b: &[T]) {
    if p.n == 0 {
        return;
    }
    if p.transpose_b {
        by_dots(p.a, b, p.y, p.k, p.n);
    } else {
        by_rows(p.a, b, p.y, p.k, p.n);
    }
    for row in p.y.chunks_mut(p.n) {
        finish(row, p.bias, p.min, p.max);
    }
}

/// Adds the bias, if there is one, and clamps. A NaN stays.
fn finish(row: &mut [f32], bias: &[f32], min: f32, max: f32) {
    for (y, b) in row.iter_mut().zip(bias) {
        *y += b;
    }
    if min > f32::NEG_INFINITY || max < f32::INFINITY {
        for y in row {
            let low = if *y < min { min } else { *y };
            *y = if low > max { max } else { low };
        }
    }
}

/// Calls `each` with every row of `a` and of `y`, of `k` and `n` columns. Without the division that `chunks` needs.
fn each_row(a: &[f32], y: &mut [f32], k: usize, n: usize, mut each: impl FnMut(&[f32], &mut [f32])) {
    let (mut a, mut y) = (a, y);
    while let (Some((a_row, a_rest)), Some((y_row, y_rest))) =
        (a.split_at_checked(k), core::mem::take(&mut y).split_at_mut_checked(n.max(1)))
    {
        each(a_row, y_row);
        (a, y) = (a_rest, y_rest);
    }
}

fn by_rows<T: Widen>(a: &[f32], b: &[T], y: &mut [f32], k: usize, n: usize) {
    let n = n.max(1);
    let columns = T::COLUMNS.min(n);
    y.fill(0.0);
    for (i, four) in b.chunks(n.saturating_mul(ROWS)).enumerate() {
        let start = i.saturating_mul(ROWS);
        for first in (0..n).step_by(columns.max(1)) {
            let mut buffers = T::BUFFERS;
            let mut rows = four.chunks(n).map(|b| b.get(first..).unwrap_or(&[]));
            let panel = buffers.each_mut().map(|buffer| T::widened(rows.next().unwrap_or(&[]), columns, buffer));
            each_row(a, y, k, n, |a, y| {
                let mut factors = [0.0; ROWS];
                factors.iter_mut().zip(a.get(start..).unwrap_or(&[])).for_each(|(f, &a)| *f = a);
                add(y.get_mut(first..).unwrap_or(&mut []), factors, panel);
            });
        }
    }
}

/// `y += Σ factors[i]·panel[i]`; a row that is not there is empty.
fn add(y: &mut [f32], [a0, a1, a2, a3]: [f32; ROWS], [b0, b1, b2, b3]: [&[f32]; ROWS]) {
    if b3.is_empty() {
        for (a, b) in [(a0, b0), (a1, b1), (a2, b2)] {
            y.iter_mut().zip(b).for_each(|(y, b)| *y += a * b);
        }
        return;
    }
    for ((((y, b0), b1), b2), b3) in y.iter_mut().zip(b0).zip(b1).zip(b2).zip(b3) {
        *y += (a0 * b0 + a1 * b1) + (a2 * b2 + a3 * b3);
    }
}

fn by_dots<T: Widen>(a: &[f32], b: &[T], y: &mut [f32], k: usize, n: usize) {
    let columns = T::COLUMNS.min(k).max(1);
    y.fill(0.0);
    for (j, row) in b.chunks(k.max(1)).take(n).enumerate() {
        let (mut rest, mut first) = (row, 0usize);
        while !rest.is_empty() {
            let (part, later) = rest.split_at_checked(columns).unwrap_or((rest, &[]));
            let [mut buffer, ..] = T::BUFFERS;
            let part = T::widened(part, columns, &mut buffer);
            each_row(a, y, k, n, |a, y| {
                if let Some(y) = y.get_mut(j) {
                    *y += dot(a.get(first..).unwrap_or(&[]), part);
                }
            });
            (rest, first) = (later, first.saturating_add(columns));
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (mut low, mut high) = ([0.0; 4], [0.0; 4]);
    let ((a, a_last), (b, b_last)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    for (&[a0, a1, a2, a3, a4, a5, a6, a7], &[b0, b1, b2, b3, b4, b5, b6, b7]) in a.iter().zip(b) {
        low = multiply_add(low, [a0, a1, a2, a3], [b0, b1, b2, b3]);
        high = multiply_add(high, [a4, a5, a6, a7], [b4, b5, b6, b7]);
    }
    let last = a_last.iter().zip(b_last).map(|(a, b)| a * b).sum::<f32>();
    // In this order the compiler keeps both vectors whole until the end; in a tree it shuffles them every step.
    low.into_iter().chain(high).fold(last, |sum, s| sum + s)
}

/// `s + a·b`, written out: where size matters, loops over arrays stay loops over memory.
#[inline(always)]
fn multiply_add([s0, s1, s2, s3]: [f32; 4], [a0, a1, a2, a3]: [f32; 4], [b0, b1, b2, b3]: [f32; 4]) -> [f32; 4] {
    [s0 + a0 * b0, s1 + a1 * b1, s2 + a2 * b2, s3 + a3 * b3]
}

#[cfg(test)]
mod tests {
    extern crate alloc;

    use super::*;
    use alloc::vec::Vec;
    use half::f16;

    /// Eighths in -4..4: sums of products are exact in any order, and in f16.
    fn eighths(n: usize, seed: u32) -> Vec<f32> {
        let mut s = seed;
        let mut next = || {
            s = s.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((s >> 24) % 64) as f32 / 8.0 - 4.0
        };
        (0..n).map(|_| next()).collect()
    }

    fn naive(p: &MatMulF32<'_>, b: &[f32], m: usize) -> Vec<f32> {
        let at = |q: usize, j: usize| b[if p.transpose_b { j * p.k + q } else { q * p.n + j }];
        let sum = |i: usize, j: usize| (0..p.k).map(|q| p.a[i * p.k + q] * at(q, j)).sum::<f32>();
        let biased = |i, j| sum(i, j) + p.bias.get(j).copied().unwrap_or(0.0);
        (0..m * p.n).map(|at| biased(at / p.n, at % p.n).clamp(p.min, p.max)).collect()
    }

    #[test]
    fn equals_the_definition_at_every_tail() {
        for (m, k, n) in
            [(1, 1, 1), (1, 9, 4), (4, 3, 8), (5, 17, 13), (9, 8, 21), (3, 32, 3), (8, 0, 2), (2, 4, 0), (2, 70, 133)]
        {
            let (a, b, bias) = (eighths(m * k, 1), eighths(k * n, 2), eighths(n, 3));
            let halves: Vec<f16> = b.iter().map(|&v| f16::from_f32(v)).collect();
            for (transpose_b, bias, max) in [(false, &bias[..], 6.0), (true, &[][..], f32::INFINITY)] {
                for stored in [Weights::F32(&b), Weights::F16(&halves)] {
                    let mut y = alloc::vec![f32::NAN; m * n];
                    let min = if max == 6.0 { 0.0 } else { f32::NEG_INFINITY };
                    let want =
                        naive(&MatMulF32 { a: &a, b: stored, bias, y: &mut [], k, n, transpose_b, min, max }, &b, m);
                    matmul_f32(MatMulF32 { a: &a, b: stored, bias, y: &mut y, k, n, transpose_b, min, max });
                    assert_eq!(y, want, "{m} {k} {n} {transpose_b}");
                }
            }
        }
    }

    #[test]
    fn a_clamp_keeps_nan() {
        let mut y = [0.0];
        let b = Weights::F32(&[1.0]);
        let (min, max) = (0.0, 6.0);
        matmul_f32(MatMulF32 { a: &[f32::NAN], b, bias: &[], y: &mut y, k: 1, n: 1, transpose_b: false, min, max });
        assert!(y[0].is_nan());
    }
}
