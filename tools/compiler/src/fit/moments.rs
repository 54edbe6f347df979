//! Means and covariances of a layer's windows, summed sample by sample.
//!
//! ```text
//! x   what the float model puts into the layer        x'  what the quantized model does
//! C = E[x'x'ᵀ] - m'm'ᵀ      A = E[x x'ᵀ] - m m'ᵀ      m, m' their means
//! ```
//!
//! A sample's products are summed in `f32`, four windows at a time, samples in `f64`: the order is fixed, so that every machine
//! gets the same bytes.

use super::linear::Matrix;

/// What is known of the windows of one group of a layer.
#[derive(Clone, Debug)]
pub(crate) struct Moments {
    depth: usize,
    count: f64,
    sum_x: Vec<f64>,
    sum_q: Vec<f64>,
    qq: Vec<f64>,
    xq: Vec<f64>,
    scratch: Vec<f32>,
}

impl Moments {
    /// Bytes for windows of `depth` elements in `groups` groups.
    pub(crate) fn bytes(depth: usize, groups: usize) -> usize {
        depth.saturating_mul(depth).saturating_mul(20).saturating_mul(groups)
    }

    pub(crate) fn new(depth: usize) -> Moments {
        let (row, square) = (vec![0.0; depth], vec![0.0; depth * depth]);
        Moments {
            depth,
            count: 0.0,
            sum_x: row.clone(),
            sum_q: row,
            qq: square.clone(),
            xq: square,
            scratch: vec![0.0; depth * depth],
        }
    }

    /// Adds windows, one after another, as the float model (`x`) and the quantized one (`q`) see them.
    pub(crate) fn add(&mut self, x: &[f32], q: &[f32]) {
        self.count += (q.len() / self.depth) as f64;
        for (sums, rows) in [(&mut self.sum_x, x), (&mut self.sum_q, q)] {
            for row in rows.chunks_exact(self.depth) {
                sums.iter_mut().zip(row).for_each(|(s, &v)| *s += f64::from(v));
            }
        }
        for (sums, left) in [(&mut self.qq, q), (&mut self.xq, x)] {
            products(left, q, self.depth, &mut self.scratch);
            sums.iter_mut().zip(&self.scratch).for_each(|(s, &v)| *s += f64::from(v));
        }
    }

    /// Windows seen.
    pub(crate) fn count(&self) -> f64 {
        self.count
    }

    /// The mean window of the float model.
    pub(crate) fn mean_x(&self) -> Vec<f64> {
        self.sum_x.iter().map(|s| s / self.count.max(1.0)).collect()
    }

    /// The mean window of the quantized model.
    pub(crate) fn mean_q(&self) -> Vec<f64> {
        self.sum_q.iter().map(|s| s / self.count.max(1.0)).collect()
    }

    /// `C`: the covariance of the quantized model's windows.
    pub(crate) fn covariance(&self) -> Matrix {
        self.centred(&self.qq, &self.mean_q())
    }

    /// `A`: that of the float model's (rows) with the quantized one's (columns).
    pub(crate) fn cross(&self) -> Matrix {
        self.centred(&self.xq, &self.mean_x())
    }

    fn centred(&self, sums: &[f64], left: &[f64]) -> Matrix {
        let right = self.mean_q();
        let mut of = Matrix::zeros(self.depth);
        for (i, row) in sums.chunks_exact(self.depth).enumerate() {
            for (j, &sum) in row.iter().enumerate() {
                of.row_mut(i)[j] = sum / self.count.max(1.0) - left[i] * right[j];
            }
        }
        of
    }
}

/// `out[i][j] = Σ_p left[p][i] · right[p][j]`.
fn products(left: &[f32], right: &[f32], depth: usize, out: &mut [f32]) {
    out.fill(0.0);
    for (l, r) in left.chunks(4 * depth).zip(right.chunks(4 * depth)) {
        if l.len() == 4 * depth {
            let (r0, rest) = r.split_at(depth);
            let (r1, rest) = rest.split_at(depth);
            let (r2, r3) = rest.split_at(depth);
            for (i, row) in out.chunks_exact_mut(depth).enumerate() {
                let [a, b, c, d] = [l[i], l[depth + i], l[2 * depth + i], l[3 * depth + i]];
                for ((((y, r0), r1), r2), r3) in row.iter_mut().zip(r0).zip(r1).zip(r2).zip(r3) {
                    *y += a * r0 + b * r1 + c * r2 + d * r3;
                }
            }
        } else {
            for (l, r) in l.chunks_exact(depth).zip(r.chunks_exact(depth)) {
                for (&a, row) in l.iter().zip(out.chunks_exact_mut(depth)) {
                    row.iter_mut().zip(r).for_each(|(y, r)| *y += a * r);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn covariances_are_those_of_the_definition() {
        // Six windows of three elements: one block of four, and two left over.
        let q: Vec<f32> = (0..18).map(|i| ((i * 7 + 3) % 11) as f32 / 4.0).collect();
        let x: Vec<f32> = q.iter().enumerate().map(|(i, v)| v + (i % 4) as f32 / 8.0).collect();
        let mut moments = Moments::new(3);
        moments.add(&x, &q);
        let column = |m: &[f32], k: usize| m.iter().skip(k).step_by(3).map(|&v| f64::from(v)).collect::<Vec<_>>();
        let covariance = |a: &[f64], b: &[f64]| {
            let mean = |v: &[f64]| v.iter().sum::<f64>() / 6.0;
            a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>() / 6.0 - mean(a) * mean(b)
        };
        let (c, a) = (moments.covariance(), moments.cross());
        for i in 0..3 {
            for j in 0..3 {
                assert!((c.row(i)[j] - covariance(&column(&q, i), &column(&q, j))).abs() < 1e-6);
                assert!((a.row(i)[j] - covariance(&column(&x, i), &column(&q, j))).abs() < 1e-6);
            }
        }
    }
}
