//! Square matrices, and systems of equations whose matrix is symmetric and positive definite.

/// A square matrix, row by row.
#[derive(Clone, Debug)]
pub(crate) struct Matrix {
    n: usize,
    elements: Vec<f64>,
}

impl Matrix {
    pub(crate) fn zeros(n: usize) -> Matrix {
        Matrix { n, elements: vec![0.0; n * n] }
    }

    pub(crate) fn len(&self) -> usize {
        self.n
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.elements[i * self.n..(i + 1) * self.n]
    }

    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.elements[i * self.n..(i + 1) * self.n]
    }

    /// The mean of the diagonal.
    pub(crate) fn mean_diagonal(&self) -> f64 {
        (0..self.n).map(|i| self.row(i)[i]).sum::<f64>() / self.n.max(1) as f64
    }

    /// Adds a multiple of the identity.
    pub(crate) fn add_diagonal(&mut self, by: f64) {
        for i in 0..self.n {
            self.row_mut(i)[i] += by;
        }
    }

    /// `vᵀ M`.
    pub(crate) fn left_product(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.n];
        for (i, &a) in v.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            add_scaled(&mut out, a, self.row(i));
        }
        out
    }

    /// The lower factor `L` of `L Lᵀ`; nothing if the matrix is not positive definite.
    pub(crate) fn cholesky(&self) -> Option<Matrix> {
        let mut l = Matrix::zeros(self.n);
        for i in 0..self.n {
            for j in 0..=i {
                let sum = self.row(i)[j] - dot(&l.row(i)[..j], &l.row(j)[..j]);
                l.row_mut(i)[j] = if i == j { Some(sum.sqrt()).filter(|r| *r > 0.0)? } else { sum / l.row(j)[j] };
            }
        }
        Some(l)
    }

    /// Solves `L Lᵀ x = b` for this lower factor.
    pub(crate) fn solve(&self, b: &mut [f64]) {
        for i in 0..self.n {
            b[i] = (b[i] - dot(&self.row(i)[..i], &b[..i])) / self.row(i)[i];
        }
        for i in (0..self.n).rev() {
            b[i] /= self.row(i)[i];
            let (before, at) = b.split_at_mut(i);
            add_scaled(before, -at[0], &self.row(i)[..i]);
        }
    }
}

/// `Σ a · b`.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    // Four sums, so that additions do not wait for each other; always the same four.
    let mut sums = [0.0; 4];
    let (a4, b4) = (a.chunks_exact(4), b.chunks_exact(4));
    let rest: f64 = a4.remainder().iter().zip(b4.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a4.zip(b4) {
        for k in 0..4 {
            sums[k] += a[k] * b[k];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

/// `y += a · x`.
pub(crate) fn add_scaled(y: &mut [f64], a: f64, x: &[f64]) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn solves_what_the_product_makes() {
        let mut m = Matrix::zeros(6);
        for i in 0..6 {
            for j in 0..6 {
                m.row_mut(i)[j] = if i == j { 8.0 } else { 1.0 / (1 + i + j) as f64 };
            }
        }
        let x = [1.0, -2.0, 3.0, 0.5, 0.0, 7.0];
        let mut b = m.left_product(&x);
        m.cholesky().unwrap().solve(&mut b);
        assert!(b.iter().zip(x).all(|(b, x)| (b - x).abs() < 1e-12));
        m.row_mut(3)[3] = -1.0;
        assert!(m.cholesky().is_none());
    }
}
