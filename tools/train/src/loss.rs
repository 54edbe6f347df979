//! Losses of one sample and their gradients along the outputs.
//!
//! ```text
//! cross-entropy   -Σ t log softmax(z)                                    t the label, or a mix of two
//! KL at T         T² Σ p log(p/q)   p = softmax(teacher/T), q = softmax(z/T)
//! distillation    α · cross-entropy + (1 - α) · KL at T
//! squares         mean (z - t)²
//! ```
//!
//! Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015.

/// What training minimizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// Classes, by their labels.
    CrossEntropy,
    /// Classes, by a teacher and, if there are any, by labels.
    Distillation {
        /// How much the labels count, 0 to 1.
        labels: f32,
        /// What logits are divided by: higher ones let the teacher's doubts count.
        temperature: f32,
    },
    /// Values: the mean squared difference to targets, or to the teacher's outputs.
    Squares,
}

impl Loss {
    /// A tenth by labels, the rest by the teacher at temperature 4.
    pub const DISTILLATION: Loss = Loss::Distillation { labels: 0.1, temperature: 4.0 };

    /// The loss of outputs `z`; its gradient along them is put in `dz`. `target` are class probabilities, or values; `teacher` the
    /// teacher's outputs. What is not given counts nothing. Outputs that are not finite give NaN.
    pub(crate) fn of(&self, z: &[f32], target: Option<&[f32]>, teacher: Option<&[f32]>, dz: &mut [f32]) -> f64 {
        dz.fill(0.0);
        if z.iter().any(|v| !v.is_finite()) {
            return f64::NAN;
        }
        match (*self, target, teacher) {
            (Loss::Squares, Some(t), _) | (Loss::Squares, None, Some(t)) => squares(z, t, dz),
            (Loss::Distillation { labels, temperature }, Some(target), Some(teacher)) => {
                let by_labels = divergence(z, target, 1.0, labels, dz);
                by_labels + divergence(z, &softmax(teacher, temperature), temperature, 1.0 - labels, dz)
            }
            (Loss::Distillation { temperature, .. }, None, Some(teacher)) => {
                divergence(z, &softmax(teacher, temperature), temperature, 1.0, dz)
            }
            (_, Some(target), None) | (Loss::CrossEntropy, Some(target), _) => divergence(z, target, 1.0, 1.0, dz),
            (_, None, _) => 0.0,
        }
    }
}

/// `softmax(z / t)`
pub(crate) fn softmax(z: &[f32], t: f32) -> Vec<f32> {
    let largest = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f32> = z.iter().map(|v| siskin::kernels::math::exp((v - largest) / t)).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|p| p / sum).collect()
}

/// `weight · t² · Σ p log(p / softmax(z/t))`, the gradient added to `dz`. At `t = 1` and a single class this is the cross-entropy.
fn divergence(z: &[f32], p: &[f32], t: f32, weight: f32, dz: &mut [f32]) -> f64 {
    let q = softmax(z, t);
    let mut sum = 0.0;
    for ((dz, &p), &q) in dz.iter_mut().zip(p).zip(&q) {
        *dz += weight * t * (q - p);
        if p > 0.0 {
            sum += f64::from(p) * (f64::from(p) / f64::from(q.max(f32::MIN_POSITIVE))).ln();
        }
    }
    f64::from(weight * t * t) * sum
}

fn squares(z: &[f32], target: &[f32], dz: &mut [f32]) -> f64 {
    let n = z.len().max(1) as f32;
    dz.iter_mut().zip(z.iter().zip(target)).for_each(|(dz, (z, t))| *dz += 2.0 * (z - t) / n);
    z.iter().zip(target).map(|(z, t)| f64::from(z - t).powi(2)).sum::<f64>() / f64::from(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gradients_are_slopes() {
        let (z, teacher, target) = ([0.3f32, -1.2, 2.0], [1.0f32, 0.5, -0.5], [0.25f32, 0.0, 0.75]);
        for loss in [Loss::CrossEntropy, Loss::DISTILLATION, Loss::Squares] {
            for (target, teacher) in
                [(Some(&target[..]), None), (None, Some(&teacher[..])), (Some(&target), Some(&teacher))]
            {
                let mut dz = [0.0; 3];
                loss.of(&z, target, teacher, &mut dz);
                for i in 0..3 {
                    let at = |by: f32| {
                        let mut moved = z;
                        moved[i] += by;
                        loss.of(&moved, target, teacher, &mut [0.0; 3])
                    };
                    let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
                    assert!(
                        (slope - f64::from(dz[i])).abs() < 1e-3 * slope.abs().max(1.0),
                        "{loss:?} {i}: {} {slope}",
                        dz[i]
                    );
                }
            }
        }
    }

    /// Two classes, `z = (0, ln 3)`: probabilities 1/4 and 3/4.
    #[test]
    fn cross_entropy_is_the_logarithm_of_the_class() {
        let mut dz = [0.0; 2];
        let loss = Loss::CrossEntropy.of(&[0.0, 3.0f32.ln()], Some(&[1.0, 0.0]), None, &mut dz);
        assert!((loss - 4.0f64.ln()).abs() < 1e-6);
        assert!((dz[0] + 0.75).abs() < 1e-6 && (dz[1] - 0.75).abs() < 1e-6);
    }
}
