//! Rounds one output's weights so that what the layer computes changes least: coordinate descent on the covariance.
//!
//! ```text
//! e = s·q - w      cost = eᵀ C e      g = C e
//! q_i <- the level nearest to (s·q_i - g_i / C_ii) / s      the exact minimum along coordinate i
//! ```
//!
//! `C` is the covariance of the layer's windows, so the cost is the variance of the error of the output; its mean is the
//! bias's to correct. Steps `s` are tried from the one that clips nothing downwards, each after one sweep; the best goes on until
//! a sweep changes nothing. Source: Zhang et al., "COMQ: A Backpropagation-Free Algorithm for Post-Training
//! Quantization", 2024; the scale search is that of GPTQ's quantizer with `C` for the identity.

use super::levels::Levels;
use crate::fit::{Matrix, add_scaled, dot};

/// Steps that are tried for each table of levels, and the least of them as a part of the largest.
const STEPS: usize = 40;

const LEAST: f64 = 0.25;
/// Of those steps, how many are worth a sweep.
const SWEPT: usize = 6;
const SWEEPS: usize = 8;

/// One output's weights after rounding: `scale · q`.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) q: Vec<i8>,
    pub(super) scale: f64,
    /// `eᵀ C e`.
    pub(super) cost: f64,
}

impl Row {
    /// Integers that were chosen elsewhere, at their cost.
    pub(super) fn given(w: &[f64], c: &Matrix, q: impl Iterator<Item = i8>, scale: f64) -> Row {
        let q: Vec<i8> = q.collect();
        let e: Vec<f64> = q.iter().zip(w).map(|(&q, w)| f64::from(q) * scale - w).collect();
        Row { cost: dot(&e, &c.left_product(&e)), scale, q }
    }
}

/// The weights of one output as they are being rounded.
struct Descent<'a> {
    w: &'a [f64],
    c: &'a Matrix,
    levels: &'a Levels,
    scale: f64,
    q: Vec<i8>,
    /// `C (s·q - w)`.
    g: Vec<f64>,
}

/// Rounds `w` to multiples of a step of at least `least`, integers out of one of `tables`.
pub(super) fn round(w: &[f64], c: &Matrix, tables: &[Levels], least: f64) -> Row {
    let mut best: Option<Row> = None;
    for levels in tables {
        let Some(full) = levels.full_scale(w) else { continue };
        let mut starts = nearest(w, c, levels, full, least);
        starts.truncate(SWEPT);
        for start in &mut starts {
            start.sweep();
        }
        starts.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
        for mut descent in starts.into_iter().take(2) {
            descent.settle();
            let row = descent.finish();
            if best.as_ref().is_none_or(|b| row.cost < b.cost) {
                best = Some(row);
            }
        }
    }
    // Zeros, whatever the step.
    best.unwrap_or_else(|| Row { q: vec![0; w.len()], scale: least.max(1.0), cost: 0.0 })
}

/// The nearest levels at every step that is tried, the best first; `full` is the step that clips nothing.
fn nearest<'a>(w: &'a [f64], c: &'a Matrix, levels: &'a Levels, full: f64, least: f64) -> Vec<Descent<'a>> {
    let step = |k: usize| (full * (1.0 - (1.0 - LEAST) * k as f64 / STEPS as f64)).max(least);
    let mut starts: Vec<Descent<'_>> = (0..STEPS).map(|k| Descent::nearest(w, c, levels, step(k))).collect();
    starts.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
    starts
}

/// The step, of at least `least`, at which the nearest levels cost least; nothing if all weights are 0.
pub(super) fn best_step(w: &[f64], c: &Matrix, levels: &Levels, least: f64) -> Option<f64> {
    Some(nearest(w, c, levels, levels.full_scale(w)?, least).first()?.scale)
}

impl<'a> Descent<'a> {
    fn nearest(w: &'a [f64], c: &'a Matrix, levels: &'a Levels, scale: f64) -> Descent<'a> {
        let q: Vec<i8> = w.iter().map(|w| levels.nearest(w / scale)).collect();
        let e: Vec<f64> = q.iter().zip(w).map(|(&q, w)| f64::from(q) * scale - w).collect();
        Descent { w, c, levels, scale, q, g: c.left_product(&e) }
    }

    fn cost(&self) -> f64 {
        let e = self.q.iter().zip(self.w).map(|(&q, w)| f64::from(q) * self.scale - w);
        e.zip(&self.g).map(|(e, g)| e * g).sum()
    }

    /// Goes once through all coordinates; whether one changed.
    fn sweep(&mut self) -> bool {
        let mut changed = false;
        for i in 0..self.q.len() {
            let own = self.c.row(i)[i];
            if own <= 0.0 {
                continue;
            }
            let at = f64::from(self.q[i]) * self.scale;
            let q = self.levels.nearest((at - self.g[i] / own) / self.scale);
            if q != self.q[i] {
                add_scaled(&mut self.g, f64::from(q) * self.scale - at, self.c.row(i));
                self.q[i] = q;
                changed = true;
            }
        }
        changed
    }

    /// Sweeps until nothing changes.
    fn settle(&mut self) {
        for _ in 0..SWEEPS {
            if !self.sweep() {
                break;
            }
        }
    }

    fn finish(self) -> Row {
        Row { cost: self.cost(), scale: self.scale, q: self.q }
    }
}
