//! What a layer loses with channels of its input, its other weights making up for them as well as they can.
//!
//! ```text
//! loss of S     Σ_o w_Sᵀ ((C⁻¹)_SS)⁻¹ w_S                 the variance that least squares cannot give back
//! then          W   <- W - W_S ((C⁻¹)_SS)⁻¹ (C⁻¹)_S·      the weights that make up for it
//!               C⁻¹ <- C⁻¹ - (C⁻¹)_·S ((C⁻¹)_SS)⁻¹ (C⁻¹)_S·
//! ```
//!
//! `C` is the covariance of the layer's windows, `S` the elements of the windows that a channel has. As channels go one after another, two
//! that say the same are not both thought useless.
//! Source: Hassibi and Stork, "Second Order Derivatives for Network Pruning: Optimal Brain Surgeon", 1992, for blocks of weights.

use crate::fit::{Layer, Matrix, Moments, add_scaled, dot};

/// What is added to the diagonal of a covariance, as a part of its mean.
const DAMPING: f64 = 0.01;

/// A layer whose inputs go one after another.
#[derive(Clone)]
pub(super) struct Losing {
    inverse: Matrix,
    /// The weights of each output.
    weights: Vec<Vec<f64>>,
    /// The variance of all outputs.
    total: f64,
}

impl Losing {
    /// Nothing if the layer's input never changes.
    pub(super) fn new(layer: &Layer, moments: &Moments) -> Option<Losing> {
        let mut c = moments.covariance();
        c.add_diagonal(DAMPING * c.mean_diagonal());
        let row = |o: usize| (0..layer.depth()).map(|k| f64::from(layer.weights[layer.at(o, k)])).collect();
        let weights: Vec<Vec<f64>> = (0..layer.outputs()).map(row).collect();
        let total = weights.iter().map(|w: &Vec<f64>| dot(&c.left_product(w), w)).sum();
        let factor = c.cholesky()?;
        let mut inverse = Matrix::zeros(c.len());
        for i in 0..c.len() {
            inverse.row_mut(i)[i] = 1.0;
            factor.solve(inverse.row_mut(i));
        }
        Some(Losing { inverse, weights, total })
    }

    /// What the layer loses with elements `s`, as a part of its variance.
    pub(super) fn loss(&self, s: &[usize]) -> f64 {
        // What cannot be told is not given away.
        let Some(factor) = self.block(s).cholesky() else { return f64::INFINITY };
        let each = self.weights.iter().map(|w| {
            let own: Vec<f64> = s.iter().map(|&k| w[k]).collect();
            let mut solved = own.clone();
            factor.solve(&mut solved);
            dot(&own, &solved)
        });
        each.sum::<f64>() / self.total.max(f64::MIN_POSITIVE)
    }

    /// Takes elements `s` away.
    pub(super) fn lose(&mut self, s: &[usize]) {
        let Some(factor) = self.block(s).cholesky() else { return };
        let rows: Vec<Vec<f64>> = s.iter().map(|&k| self.inverse.row(k).to_vec()).collect();
        let update = |row: &mut [f64]| {
            let mut by: Vec<f64> = s.iter().map(|&k| row[k]).collect();
            factor.solve(&mut by);
            rows.iter().zip(by).for_each(|(r, b)| add_scaled(row, -b, r));
            s.iter().for_each(|&k| row[k] = 0.0);
        };
        self.weights.iter_mut().for_each(|w| update(w));
        (0..self.inverse.len()).for_each(|i| update(self.inverse.row_mut(i)));
    }

    /// `(C⁻¹)_SS`
    fn block(&self, s: &[usize]) -> Matrix {
        let mut block = Matrix::zeros(s.len());
        for (i, &k) in s.iter().enumerate() {
            s.iter().enumerate().for_each(|(j, &l)| block.row_mut(i)[j] = self.inverse.row(k)[l]);
        }
        block
    }
}
