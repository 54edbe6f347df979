//! Optimizers and the learning rate's course.
//!
//! ```text
//! SGD    m = μ m + g          p -= rate · (m + decay · p)
//! AdamW  m = β₁ m + (1-β₁) g  v = β₂ v + (1-β₂) g²   p -= rate · (m̂ / (√v̂ + ε) + decay · p)
//! rate   rises linearly over the warmup, then falls as half a cosine to 0
//! ```
//!
//! Sources: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019, and "SGDR", 2017.

/// How gradients become changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Gradient descent with momentum.
    Sgd {
        /// How much of the last change goes on.
        momentum: f32,
    },
    /// Adam with decoupled weight decay, β 0.9 and 0.999.
    AdamW,
}

/// One tensor of parameters, with what its optimizer remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parameter {
    pub(crate) values: Vec<f32>,
    pub(crate) first: Vec<f32>,
    pub(crate) second: Vec<f32>,
    /// Whether weight decay applies: it does to weights, not to biases, norms and rounding steps.
    pub(crate) decays: bool,
    /// AdamW changes a parameter by the rate itself, whatever its size. Rounding steps change by the rate times this, their size.
    pub(crate) scale: Option<Vec<f32>>,
}

impl Parameter {
    pub(crate) fn new(values: Vec<f32>, decays: bool) -> Parameter {
        let zeros = vec![0.0; values.len()];
        Parameter { first: zeros.clone(), second: zeros, values, decays, scale: None }
    }

    /// A rounding step, which stays positive.
    pub(crate) fn step(values: Vec<f32>) -> Parameter {
        Parameter { scale: Some(values.clone()), ..Parameter::new(values, false) }
    }
}

impl Optimizer {
    /// Moves a parameter against its gradient; `step` counts from 0.
    pub(crate) fn update(&self, p: &mut Parameter, gradient: &[f32], rate: f32, decay: f32, step: usize) {
        let decay = if p.decays { decay } else { 0.0 };
        match *self {
            Optimizer::Sgd { momentum } => {
                for ((v, m), g) in p.values.iter_mut().zip(&mut p.first).zip(gradient) {
                    *m = momentum * *m + g;
                    *v -= rate * (*m + decay * *v);
                }
            }
            Optimizer::AdamW => {
                let t = step as i32 + 1;
                let (first, second) = (1.0 - 0.9f64.powi(t), 1.0 - 0.999f64.powi(t));
                let (first, second) = (1.0 / first as f32, 1.0 / second as f32);
                let moments = p.first.iter_mut().zip(&mut p.second);
                for (i, ((v, (m, s)), g)) in p.values.iter_mut().zip(moments).zip(gradient).enumerate() {
                    *m = 0.9 * *m + 0.1 * g;
                    *s = 0.999 * *s + 0.001 * g * g;
                    let change = *m * first / ((*s * second).sqrt() + 1e-8);
                    let scale = p.scale.as_ref().map_or(1.0, |s| s[i]);
                    *v -= rate * (scale * change + decay * *v);
                }
            }
        }
        if let Some(scale) = &p.scale {
            p.values.iter_mut().zip(scale).for_each(|(v, s)| *v = v.max(s * 0.01));
        }
    }
}

/// The learning rate at `step` of `steps`, of which the first `warmup` rise.
pub(crate) fn rate_at(rate: f32, step: usize, steps: usize, warmup: usize) -> f32 {
    if step < warmup {
        return rate * (step + 1) as f32 / warmup as f32;
    }
    let part = (step - warmup) as f64 / steps.saturating_sub(warmup).max(1) as f64;
    rate * (0.5 * (1.0 + siskin::kernels::double::cos(core::f64::consts::PI * part))) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls() {
        let rates: Vec<f32> = (0..12).map(|s| rate_at(1.0, s, 12, 2)).collect();
        assert_eq!(rates[..3], [0.5, 1.0, 1.0]);
        assert!(rates[2..].windows(2).all(|w| w[1] < w[0]));
        assert!((rates[7] - 0.5).abs() < 1e-6);
    }

    /// PyTorch 2.5: `AdamW(lr=0.1, weight_decay=0.01)` and `SGD(lr=0.1, momentum=0.9, weight_decay=0)` on 1.0 with gradients 0.5, -0.25.
    #[test]
    fn changes_are_pytorchs() {
        let run = |optimizer: Optimizer, decay: f32| {
            let mut p = Parameter::new(vec![1.0], true);
            [0.5, -0.25].iter().enumerate().for_each(|(i, g)| optimizer.update(&mut p, &[*g], 0.1, decay, i));
            p.values[0]
        };
        assert!((run(Optimizer::Sgd { momentum: 0.9 }, 0.0) - 0.93).abs() < 1e-6);
        let first = 1.0 - 0.1 * (1.0 + 0.01);
        let (m, s) = ((0.9 * 0.05 - 0.025) / 0.19, (0.999 * 0.00025 + 0.0000625) / 0.001999);
        let second = first - 0.1 * (m / f32::sqrt(s) + 0.01 * first);
        assert!((run(Optimizer::AdamW, 0.01) - second).abs() < 1e-5);
    }
}
