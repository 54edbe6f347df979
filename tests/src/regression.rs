//! A softmax regression, trained here: what experiments need a model of their own for.

use siskin_compiler::monitor::probabilities;

/// Classes of every set: digits.
pub const CLASSES: usize = 10;
/// Steps of gradient descent, their length, and what weights lose in each.
const DESCENT: (usize, f64, f64) = (300, 0.5, 1e-4);

/// Features with their classes.
#[derive(Clone, Debug, Default)]
pub struct Set {
    /// Features, sample after sample.
    pub x: Vec<Vec<f64>>,
    /// Classes.
    pub y: Vec<usize>,
}

impl Set {
    /// Mean and standard deviation of every feature.
    #[must_use]
    pub fn moments(&self) -> Vec<(f64, f64)> {
        let n = self.x.len() as f64;
        let of = |j: usize| {
            let mean = self.x.iter().map(|x| x[j]).sum::<f64>() / n;
            let variance = self.x.iter().map(|x| (x[j] - mean).powi(2)).sum::<f64>() / n;
            (mean, variance.sqrt().max(1e-6))
        };
        (0..self.x[0].len()).map(of).collect()
    }

    /// Every feature with mean 0 and variance 1, over all samples: no label is used.
    #[must_use]
    pub fn standardized(mut self) -> Set {
        let moments = self.moments();
        for x in &mut self.x {
            x.iter_mut().zip(&moments).for_each(|(v, (mean, deviation))| *v = (*v - mean) / deviation);
        }
        self
    }
}

/// Weights of each class, the bias last.
#[derive(Clone, Debug)]
pub struct Regression(pub Vec<Vec<f64>>);

impl Regression {
    /// Fitted to the samples of `set` that are `known`.
    #[must_use]
    pub fn fit(set: &Set, known: &[usize]) -> Regression {
        let width = set.x[0].len();
        let mut model = Regression(vec![vec![0.0; width + 1]; CLASSES]);
        let (steps, rate, decay) = DESCENT;
        for _ in 0..steps {
            let mut slope = vec![vec![0.0; width + 1]; CLASSES];
            for &i in known {
                let p = model.probabilities(&set.x[i]);
                for (c, row) in slope.iter_mut().enumerate() {
                    let error = p[c] - f64::from(u8::from(set.y[i] == c));
                    row.iter_mut().zip(set.x[i].iter().chain(&[1.0])).for_each(|(s, x)| *s += error * x);
                }
            }
            // A step of this length over the mean of the features' squares goes down for any number of features.
            let step = rate / known.len() as f64 / (width as f64).sqrt();
            for (w, s) in model.0.iter_mut().flatten().zip(slope.iter().flatten()) {
                *w = *w * (1.0 - decay) - step * s;
            }
        }
        model
    }

    /// The probability of each class.
    #[must_use]
    pub fn probabilities(&self, x: &[f64]) -> Vec<f64> {
        let score = |w: &Vec<f64>| w.iter().zip(x.iter().chain(&[1.0])).map(|(w, x)| w * x).sum::<f64>() as f32;
        probabilities(&self.0.iter().map(score).collect::<Vec<_>>(), 1.0)
    }
}
