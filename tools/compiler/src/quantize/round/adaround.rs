//! Rounds one output's weights up or down as a relaxed choice that is learned: AdaRound, to compare with.
//!
//! ```text
//! q = low + h(v) · (high - low)      h(v) = clip(1.2 · sigmoid(v) - 0.1, 0, 1)
//! minimise   eᵀ C e / mean C_ii  +  λ Σ (1 - |2h - 1|^β)      e = q - w / s,  β falls from 20 to 2
//! ```
//!
//! The step is the one at which the nearest levels cost least, `C` the covariance of the layer's windows: the expectation of
//! what the paper samples. Adam as usual. Source: Nagel et al., "Up or Down? Adaptive Rounding for Post-Training Quantization",
//! 2020.

use super::descent::{Row, best_step};
use super::levels::Levels;
use crate::fit::Matrix;

const ITERATIONS: usize = 1000;
/// The part of them before choices are pressed to be one or the other.
const WARM: f64 = 0.2;
/// How much an undecided choice costs, beside an error of one step in one input.
const UNDECIDED: f64 = 0.05;
const RATE: f64 = 0.02;
/// What the sigmoid is stretched to, so that choices reach both ends.
const STRETCH: [f64; 2] = [-0.1, 1.1];

/// Rounds `w` to multiples of a step of at least `least`, integers out of the best of `tables`.
pub(super) fn round(w: &[f64], c: &Matrix, tables: &[Levels], least: f64) -> Row {
    let rows = tables.iter().filter_map(|levels| {
        let scale = best_step(w, c, levels, least)?;
        let q = Choices::new(w, levels, scale).decide(c);
        Some(Row::given(w, c, q.into_iter(), scale))
    });
    let best = rows.min_by(|a, b| a.cost.total_cmp(&b.cost));
    // Zeros, whatever the step.
    best.unwrap_or_else(|| Row { q: vec![0; w.len()], scale: least.max(1.0), cost: 0.0 })
}

/// The choices of one output, and what Adam remembers of each.
struct Choices {
    /// Weights in steps.
    w: Vec<f64>,
    between: Vec<[i8; 2]>,
    v: Vec<f64>,
    moments: Vec<[f64; 2]>,
}

impl Choices {
    fn new(w: &[f64], levels: &Levels, scale: f64) -> Choices {
        let w: Vec<f64> = w.iter().map(|w| w / scale).collect();
        let between: Vec<[i8; 2]> = w.iter().map(|&w| levels.around(w)).collect();
        let start = |(&w, &[low, high]): (&f64, &[i8; 2])| {
            let part = if low == high { 0.5 } else { (w - f64::from(low)) / f64::from(high - low) };
            let p = (part.clamp(0.0, 1.0) - STRETCH[0]) / (STRETCH[1] - STRETCH[0]);
            (p / (1.0 - p)).ln()
        };
        let v = w.iter().zip(&between).map(start).collect();
        Choices { moments: vec![[0.0; 2]; w.len()], w, between, v }
    }

    fn decide(mut self, c: &Matrix) -> Vec<i8> {
        let unit = c.mean_diagonal().max(f64::MIN_POSITIVE);
        for t in 0..ITERATIONS {
            self.step(c, unit, t);
        }
        let choose = |(&[low, high], &v): (&[i8; 2], &f64)| if v < 0.0 { low } else { high };
        self.between.iter().zip(&self.v).map(choose).collect()
    }

    fn step(&mut self, c: &Matrix, unit: f64, t: usize) {
        let soft: Vec<(f64, f64)> = self.v.iter().map(|&v| relaxed(v)).collect();
        let width = |&[low, high]: &[i8; 2]| f64::from(high) - f64::from(low);
        let at = |((&w, b), &(h, _)): ((&f64, &[i8; 2]), &(f64, f64))| f64::from(b[0]) + h * width(b) - w;
        let e: Vec<f64> = self.w.iter().zip(&self.between).zip(&soft).map(at).collect();
        let g = c.left_product(&e);
        let done = t as f64 / ITERATIONS as f64;
        let beta = (done >= WARM).then(|| 20.0 - 18.0 * (done - WARM) / (1.0 - WARM));
        for (i, &(h, slope)) in soft.iter().enumerate() {
            let mut gradient = 2.0 * g[i] / unit * width(&self.between[i]);
            if let Some(beta) = beta {
                let side = 2.0 * h - 1.0;
                gradient -= UNDECIDED * 2.0 * beta * side.abs().powf(beta - 1.0) * side.signum();
            }
            self.v[i] -= RATE * adam(&mut self.moments[i], gradient * slope, t);
        }
    }
}

/// `h(v)` and its slope.
fn relaxed(v: f64) -> (f64, f64) {
    let p = 1.0 / (1.0 + (-v).exp());
    let h = p * (STRETCH[1] - STRETCH[0]) + STRETCH[0];
    if (0.0..=1.0).contains(&h) { (h, p * (1.0 - p) * (STRETCH[1] - STRETCH[0])) } else { (h.clamp(0.0, 1.0), 0.0) }
}

/// The direction of Adam's step `t`, counted from 0.
fn adam([first, second]: &mut [f64; 2], gradient: f64, t: usize) -> f64 {
    *first = 0.9 * *first + 0.1 * gradient;
    *second = 0.999 * *second + 0.001 * gradient * gradient;
    let turn = t as i32 + 1;
    let (m, v) = (*first / (1.0 - 0.9f64.powi(turn)), *second / (1.0 - 0.999f64.powi(turn)));
    m / (v.sqrt() + 1e-8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A covariance of inputs that move together.
    fn together(n: usize) -> Matrix {
        let mut c = Matrix::zeros(n);
        for i in 0..n {
            for j in 0..n {
                let part = if i == j { 1.0 } else { 0.6 };
                c.row_mut(i)[j] = part * (1.0 + (i % 3) as f64).sqrt() * (1.0 + (j % 3) as f64).sqrt();
            }
        }
        c
    }

    #[test]
    fn choices_made_together_cost_less_than_the_nearest_and_little_more_than_the_best() {
        let (n, scale) = (10, 0.3);
        let (c, levels) = (together(n), Levels::symmetric(4));
        let (mut made, mut nearest, mut best) = (0.0, 0.0, 0.0);
        for row in 0..20 {
            let w: Vec<f64> = (0..n).map(|i| ((i + 17 * row) as f64 * 2.7).sin()).collect();
            let cost = |q: Vec<i8>| Row::given(&w, &c, q.into_iter(), scale).cost;
            made += cost(Choices::new(&w, &levels, scale).decide(&c));
            nearest += cost(w.iter().map(|w| levels.nearest(w / scale)).collect());
            // All 1,024 ways to round.
            let between: Vec<[i8; 2]> = w.iter().map(|w| levels.around(w / scale)).collect();
            let way = |k: usize| cost((0..n).map(|i| between[i][k >> i & 1]).collect());
            best += (0..1 << n).map(way).min_by(f64::total_cmp).unwrap_or(0.0);
        }
        assert!(made < 0.75 * nearest && made < 1.5 * best, "{made}, the nearest {nearest}, the best {best}");
    }

    #[test]
    fn no_weights_round_to_zeros() {
        assert_eq!(round(&[0.0; 3], &together(3), &Levels::tables(4), 0.1).q, [0; 3]);
    }
}
