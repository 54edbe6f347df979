//! From class scores to a prediction that knows how sure it is.
//!
//! ```text
//! p_i = exp(g·(s_i - max)) / Σ exp(g·(s_j - max))        g = step of the stored scores / temperature
//! ```
//!
//! The temperature was fitted after quantization, on the kernels that ship. The prediction set holds every class of
//! probability `quantile` or more: it has the right class among them with the stated coverage (Sadinle, Lei, Wasserman,
//! "Least ambiguous set-valued classifiers", 2019). A model of one score weighs it against 0.

use siskin_format::{DType, MonitorRecord};
use siskin_kernels::math::exp;

/// The class: its number.
pub const CLASS: u8 = 16;
/// The probability of the most likely class, in 1/65536ths.
pub const CONFIDENCE: u8 = 17;
/// How much likelier it is than the next, in 1/65536ths.
pub const MARGIN: u8 = 18;
/// The entropy of the probabilities, in 1/4096ths of a nat.
pub const ENTROPY: u8 = 19;
/// The logarithm of the sum of the exponentials of the scores, in 1/1024ths: low where no class has evidence.
pub const ENERGY: u8 = 20;

/// What the model says, and how sure it is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Prediction {
    /// The most likely class, the first of equals.
    pub class: u16,
    /// Its calibrated probability.
    pub confidence: f32,
    /// How much likelier it is than the next.
    pub margin: f32,
    /// The entropy of the calibrated probabilities, nats.
    pub entropy: f32,
    /// The free energy of the scores with its sign turned: low where no class has evidence.
    pub energy: f32,
    /// Classes below 64 of the prediction set.
    pub set: u64,
    /// The classes of the prediction set.
    pub set_len: u16,
    /// Whether the confidence lies below the artifact's threshold.
    pub abstain: bool,
    /// How far the nearest prototype is, squared, in steps of the layer that is watched; 0 without one.
    pub distance: u32,
    /// Whether that is farther than nearly all of the reference: the input is like nothing that the model was made for.
    pub unlike: bool,
}

impl Prediction {
    /// Reads the scores of a tensor.
    pub(super) fn of(record: &MonitorRecord, dtype: DType, bytes: &[u8]) -> Prediction {
        let reals: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
        // One closure for all types: scores are few, and code is dear.
        let stored = |i: usize| match dtype {
            DType::I8 => bytes.get(i).map(|&x| i32::from(x.cast_signed()).wrapping_sub(record.zero) as f32),
            DType::U8 => bytes.get(i).map(|&x| i32::from(x).wrapping_sub(record.zero) as f32),
            _ => reals.get(i).copied(),
        };
        let n = match dtype {
            DType::I8 | DType::U8 => bytes.len(),
            DType::F32 => reals.len(),
            _ => return Prediction::default(),
        };
        weigh(record, n, stored)
    }

    /// The same of an input so far from the nearest prototype.
    pub(super) fn at(self, distance: u32, record: &MonitorRecord) -> Prediction {
        Prediction { distance, unlike: distance > record.distance, ..self }
    }

    /// The number that `statistic` asks for.
    pub(super) fn statistic(&self, statistic: u8) -> i32 {
        match statistic {
            CLASS => self.class.into(),
            CONFIDENCE => (self.confidence * 65536.0) as i32,
            MARGIN => (self.margin * 65536.0) as i32,
            ENTROPY => (self.entropy * 4096.0) as i32,
            ENERGY => (self.energy * 1024.0) as i32,
            _ => 0,
        }
    }
}

fn weigh(record: &MonitorRecord, n: usize, stored: impl Fn(usize) -> Option<f32>) -> Prediction {
    let score = |i: usize| stored(i).map_or(f32::MIN, |s| s * record.gain);
    // One score is the logit of class 1 against a class 0 of logit 0.
    let (n, score) = (n.max(2), |i: usize| if n == 1 { if i == 0 { 0.0 } else { score(0) } } else { score(i) });
    let (mut class, mut greatest) = (0usize, f32::MIN);
    for i in 0..n {
        let s = score(i);
        if s > greatest {
            (class, greatest) = (i, s);
        }
    }
    let (mut sum, mut next, mut weighted) = (0.0f32, 0.0f32, 0.0f32);
    for i in 0..n {
        let d = score(i) - greatest;
        let w = exp(d);
        sum += w;
        // A weight of 0 has a distance of no consequence, which may be infinite.
        weighted += if w > 0.0 { w * d } else { 0.0 };
        if i != class && w > next {
            next = w;
        }
    }
    let log = libm::logf(sum);
    let mut prediction = Prediction {
        class: class as u16,
        confidence: 1.0 / sum,
        margin: (1.0 - next) / sum,
        entropy: log - weighted / sum,
        energy: greatest + log,
        ..Prediction::default()
    };
    for i in 0..n {
        if exp(score(i) - greatest) / sum >= record.quantile {
            prediction.set |= 1u64.checked_shl(i as u32).unwrap_or(0);
            prediction.set_len = prediction.set_len.saturating_add(1);
        }
    }
    prediction.abstain = prediction.confidence < record.abstain;
    prediction
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn record(gain: f32, zero: i32) -> MonitorRecord {
        MonitorRecord { gain, zero, quantile: 0.2, abstain: 0.7, ..MonitorRecord::zeroed() }
    }

    #[test]
    fn probabilities_are_a_softmax_at_the_temperature() {
        let x = [0.0f32, 2.0, 1.0];
        let p = Prediction::of(&record(0.5, 0), DType::F32, bytemuck::cast_slice(&x));
        let e = [0.0f64, 1.0, 0.5].map(libm::exp);
        let sum: f64 = e.iter().sum();
        let entropy: f64 = e.iter().map(|e| -e / sum * libm::log(e / sum)).sum();
        assert_eq!((p.class, p.set, p.set_len, p.abstain), (1, 0b110, 2, true));
        for (got, want) in [
            (p.confidence, e[1] / sum),
            (p.margin, (e[1] - e[2]) / sum),
            (p.entropy, entropy),
            (p.energy, libm::log(sum)),
        ] {
            assert!((f64::from(got) - want).abs() < 1e-6, "{got} {want}");
        }
    }

    #[test]
    fn one_score_is_weighed_against_zero() {
        let p = Prediction::of(&record(0.1, -10), DType::I8, &[0]);
        assert_eq!(p.class, 1);
        assert!((f64::from(p.confidence) - 1.0 / (1.0 + libm::exp(-1.0))).abs() < 1e-6);
    }

    #[test]
    fn scores_that_are_no_numbers_give_numbers_that_are_finite_or_none() {
        let x = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
        let p = Prediction::of(&record(1.0, 0), DType::F32, bytemuck::cast_slice(&x));
        assert!(p.class < 3);
        let _ = [CONFIDENCE, ENTROPY, ENERGY].map(|s| p.statistic(s));
        assert_eq!(Prediction::of(&record(1.0, 0), DType::I8, &[]).class, 0);
    }
}
