//! Softmax and its logarithm over the lanes of an axis, in place.
//!
//! ```text
//! y[i] = e^(x[i] - max) / Σ e^(x - max)          y[i] = x[i] - max - ln Σ e^(x - max)
//! ```
//!
//! Elements of a lane lie `inner` apart; lanes that begin next to each other form a block of `len * inner` elements.

use crate::math::exp;

/// Lanes that are computed side by side where they lie next to each other.
const LANES: usize = 16;

/// Softmax over each lane of `len` elements that lie `inner` apart.
pub fn softmax_f32(y: &mut [f32], len: usize, inner: usize) {
    if inner == 1 {
        y.chunks_exact_mut(len.max(1)).for_each(softmax_row);
        return;
    }
    columns(y, len, inner, |block, inner, first| {
        let mut sums = [0.0; LANES];
        let max = column_max(block, inner, first);
        for row in rows_mut(block, inner, first) {
            for ((v, max), sum) in row.iter_mut().zip(max).zip(&mut sums) {
                *v = exp(*v - max);
                *sum += *v;
            }
        }
        let scales = sums.map(|s| 1.0 / s);
        for row in rows_mut(block, inner, first) {
            row.iter_mut().zip(scales).for_each(|(v, s)| *v *= s);
        }
    });
}

/// Softmax over a row.
#[inline(always)]
pub(crate) fn softmax_row(row: &mut [f32]) {
    let max = largest(row);
    row.iter_mut().for_each(|v| *v = exp(*v - max));
    let scale = 1.0 / sum(row);
    row.iter_mut().for_each(|v| *v *= scale);
}

/// The logarithm of softmax over each lane of `len` elements that lie `inner` apart.
pub fn log_softmax_f32(y: &mut [f32], len: usize, inner: usize) {
    columns(y, len, inner.max(1), |block, inner, first| {
        let mut sums = [0.0; LANES];
        let max = column_max(block, inner, first);
        for row in rows_mut(block, inner, first) {
            row.iter().zip(max).zip(&mut sums).for_each(|((v, max), sum)| *sum += exp(*v - max));
        }
        let logs = sums.map(libm::logf);
        for row in rows_mut(block, inner, first) {
            // The logarithm is small beside the maximum: adding them first would lose its digits.
            row.iter_mut().zip(max).zip(logs).for_each(|((v, max), log)| *v = (*v - max) - log);
        }
    });
}

/// Calls `f` for each block of `len * inner` elements and each group of neighbouring lanes in it.
fn columns(y: &mut [f32], len: usize, inner: usize, f: impl Fn(&mut [f32], usize, usize)) {
    let step = inner.max(1);
    for block in y.chunks_exact_mut(len.saturating_mul(step).max(1)) {
        let mut first = 0;
        while first < step {
            f(block, step, first);
            first = first.saturating_add(LANES);
        }
    }
}

/// The group of lanes that begins at `first`, row by row.
fn rows_mut(block: &mut [f32], inner: usize, first: usize) -> impl Iterator<Item = &mut [f32]> {
    let end = first.saturating_add(LANES).min(inner);
    block.chunks_exact_mut(inner.max(1)).map(move |row| row.get_mut(first..end).unwrap_or(&mut []))
}

fn column_max(block: &mut [f32], inner: usize, first: usize) -> [f32; LANES] {
    let mut max = [f32::NEG_INFINITY; LANES];
    for row in rows_mut(block, inner, first) {
        row.iter().zip(&mut max).for_each(|(&v, m)| *m = if v > *m { v } else { *m });
    }
    max
}

#[inline(always)]
fn largest(row: &[f32]) -> f32 {
    fold(row, f32::NEG_INFINITY, |m, v| if v > m { v } else { m })
}

#[inline(always)]
fn sum(row: &[f32]) -> f32 {
    fold(row, 0.0, |s, v| s + v)
}

/// Folds with [`LANES`] partial results, so that the processor need not wait for one to begin the next.
#[inline(always)]
fn fold(row: &[f32], start: f32, f: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, tail) = row.as_chunks::<LANES>();
    for chunk in chunks {
        lanes.iter_mut().zip(chunk).for_each(|(lane, &v)| *lane = f(*lane, v));
    }
    let tail = tail.iter().fold(start, |s, &v| f(s, v));
    lanes.into_iter().fold(tail, f)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(got: &[f32], want: &[f32]) {
        assert!(got.iter().zip(want).all(|(g, w)| (g - w).abs() < 1e-6), "{got:?}, not {want:?}");
    }

    // The expected values are scipy's.
    #[test]
    fn along_rows_and_down_columns() {
        let mut y = [1.0, 2.0, 3.0, 1000.0, 1000.0, 1000.0];
        softmax_f32(&mut y, 3, 1);
        near(&y, &[0.09003057, 0.24472848, 0.66524094, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0]);
        let mut y = [1.0, 2.0, 3.0, 3.0];
        softmax_f32(&mut y, 2, 2);
        near(&y, &[0.11920292, 0.26894143, 0.8807971, 0.7310586]);
        let mut y = [1.0, 2.0, 3.0, 3.0];
        log_softmax_f32(&mut y, 2, 2);
        near(&y, &[-2.126928, -1.3132617, -0.12692802, -0.3132617]);
    }

    #[test]
    fn lengths_that_do_not_fit_are_harmless() {
        let mut y = [1.0; 5];
        softmax_f32(&mut y, 0, 0);
        softmax_f32(&mut y, usize::MAX, 7);
        log_softmax_f32(&mut y, 3, 2);
    }
}
