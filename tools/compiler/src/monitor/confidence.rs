//! Makes scores honest: temperature, prediction sets, and how far confidence is from being right.
//!
//! All of it is fitted on what the shipped kernels compute, after quantization: a temperature of the float model is
//! another one (arXiv 2309.13866). Sources: Guo and others, "On calibration of modern neural networks", 2017; Sadinle,
//! Lei, Wasserman, "Least ambiguous set-valued classifiers", 2019.

use super::collect::Scored;

/// The least and the greatest gain that is tried, as logarithms.
const GAINS: [f64; 2] = [-12.0, 6.0];
/// Standard errors that a mean exceeds in one case of twenty.
const ONE_IN_TWENTY: f64 = 1.645;

/// The probabilities of scores at a gain.
#[must_use]
pub fn probabilities(scores: &[f32], gain: f64) -> Vec<f64> {
    let greatest = scores.iter().fold(f64::MIN, |m, &s| m.max(f64::from(s)));
    let weights: Vec<f64> = scores.iter().map(|&s| libm::exp(gain * (f64::from(s) - greatest))).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|w| w / sum).collect()
}

/// The cross entropy of a sample with a target at a gain.
fn loss(sample: &Scored, target: &[f64], gain: f64) -> f64 {
    let p = probabilities(&sample.scores, gain);
    target.iter().zip(&p).map(|(t, p)| -t * libm::log(p.max(1e-30))).sum()
}

/// The gain of least cross entropy with targets: a class each, or the probabilities of the output as it is.
fn fit(scored: &[Scored], targets: &[Vec<f64>]) -> f64 {
    let sum = |ln: f64| -> f64 { scored.iter().zip(targets).map(|(s, t)| loss(s, t, libm::exp(ln))).sum() };
    // The loss is convex in the gain, so it has one valley: thirds close in on it.
    let [mut low, mut high] = GAINS;
    for _ in 0..60 {
        let third = (high - low) / 3.0;
        if sum(low + third) < sum(high - third) { high -= third } else { low += third }
    }
    libm::exp((low + high) / 2.0)
}

/// The gain of least loss on labelled samples, if they insist on one; else the model's own, `given`: where the loss of that is
/// worse by no more than what samples of this number differ in, in nineteen of twenty cases.
///
/// A few samples of a hundred are wrong and sure, and alone decide where the least loss lies: following them
/// makes confidence worse on other samples as often as better.
pub(super) fn calibrated(scored: &[Scored], given: f64) -> f64 {
    let target = |s: &Scored| (0..s.scores.len()).map(|i| f64::from(u8::from(s.label == Some(i)))).collect();
    let targets: Vec<Vec<f64>> = scored.iter().map(target).collect();
    let best = fit(scored, &targets);
    let n = scored.len() as f64;
    let excess: Vec<f64> = scored.iter().zip(&targets).map(|(s, t)| loss(s, t, given) - loss(s, t, best)).collect();
    let mean = excess.iter().sum::<f64>() / n;
    let variance = excess.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    if mean > ONE_IN_TWENTY * libm::sqrt(variance / n) { best } else { given }
}

/// The gain at which scores give the output's own probabilities.
pub(super) fn as_given(scored: &[Scored]) -> f64 {
    let target = |s: &Scored| {
        let sum: f64 = s.output.iter().map(|&p| f64::from(p.max(0.0))).sum();
        s.output.iter().map(|&p| f64::from(p.max(0.0)) / sum.max(1e-30)).collect()
    };
    fit(scored, &scored.iter().map(target).collect::<Vec<_>>())
}

/// The probability from which on a class belongs to a set that holds the right one with this coverage.
pub(super) fn quantile(scored: &[Scored], gain: f64, coverage: f64) -> f64 {
    let mut right: Vec<f64> =
        scored.iter().filter_map(|s| probabilities(&s.scores, gain).get(s.label?).copied()).collect();
    right.sort_by(f64::total_cmp);
    // Of n + 1 exchangeable samples, the new one is among the lowest ⌊(1 - coverage)(n + 1)⌋ that often.
    let below = ((1.0 - coverage) * (right.len() as f64 + 1.0)).floor() as usize;
    match below.checked_sub(1) {
        Some(i) => right.get(i).copied().unwrap_or(0.0),
        None => 0.0,
    }
}

/// The class that a sample's scores say, the first of equals.
pub(super) fn class(sample: &Scored) -> usize {
    let s = &sample.scores;
    (0..s.len()).fold(0, |best, i| if s[i] > s[best] { i } else { best })
}

/// The confidence of a sample.
fn confidence(sample: &Scored, gain: f64) -> f64 {
    probabilities(&sample.scores, gain).get(class(sample)).copied().unwrap_or(0.0)
}

/// How many labelled samples are classified right.
pub(super) fn right(scored: &[Scored]) -> usize {
    scored.iter().filter(|s| s.label == Some(class(s))).count()
}

/// The confidence that this share of samples reaches.
pub(super) fn exceeded(scored: &[Scored], gain: f64, share: f64) -> f32 {
    let mut sorted: Vec<f64> = scored.iter().map(|s| confidence(s, gain)).collect();
    sorted.sort_by(f64::total_cmp);
    let below = ((1.0 - share) * sorted.len() as f64).round() as usize;
    sorted.get(below).copied().unwrap_or(1.0) as f32
}

/// The expected calibration error over bins of equal mass: the mean distance of confidence and accuracy.
#[must_use]
pub fn calibration_error(answers: &[(f64, bool)], bins: usize) -> f64 {
    let mut sorted = answers.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let n = sorted.len();
    let each = |k: usize| {
        let bin = &sorted[k * n / bins..(k + 1) * n / bins];
        let confidence: f64 = bin.iter().map(|a| a.0).sum();
        let right = bin.iter().filter(|a| a.1).count() as f64;
        (confidence - right).abs()
    };
    (0..bins).map(each).sum::<f64>() / n.max(1) as f64
}

/// How good confidence is on labelled samples.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Judgement {
    /// Samples.
    pub n: usize,
    /// The fraction that the model classifies right.
    pub accuracy: f64,
    /// The calibration error of the model's own probabilities.
    pub uncalibrated: f64,
    /// The calibration error of the monitor's confidence.
    pub calibrated: f64,
    /// The fraction whose prediction set holds the right class.
    pub coverage: f64,
    /// The mean number of classes in a set.
    pub set_len: f64,
}

/// Judges a calibration on labelled samples that it was not fitted to. `given` is the gain of the model's own
/// probabilities.
#[must_use]
pub fn judge(scored: &[Scored], given: f64, gain: f64, quantile: f64) -> Judgement {
    let labelled: Vec<(&Scored, usize)> = scored.iter().filter_map(|s| Some((s, s.label?))).collect();
    let answers = |gain: f64| -> Vec<(f64, bool)> {
        labelled.iter().map(|&(s, label)| (confidence(s, gain), class(s) == label)).collect()
    };
    // As the runtime weighs them: among probabilities near 1 the rounding decides.
    let belongs = |p: &f64| *p as f32 >= quantile as f32;
    let sets: Vec<(bool, usize)> = labelled
        .iter()
        .map(|&(s, label)| {
            let p = probabilities(&s.scores, gain);
            (p.get(label).is_some_and(belongs), p.iter().filter(|p| belongs(p)).count())
        })
        .collect();
    let n = labelled.len();
    let share = |k: usize| k as f64 / n.max(1) as f64;
    let calibrated = answers(gain);
    Judgement {
        n,
        accuracy: share(calibrated.iter().filter(|a| a.1).count()),
        uncalibrated: calibration_error(&answers(given), 15),
        calibrated: calibration_error(&calibrated, 15),
        coverage: share(sets.iter().filter(|s| s.0).count()),
        set_len: share(sets.iter().map(|s| s.1).sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(scores: &[f32], label: usize) -> Scored {
        Scored { scores: scores.to_vec(), output: Vec::new(), label: Some(label) }
    }

    #[test]
    fn a_model_that_is_right_three_times_in_four_becomes_that_sure() {
        let set: Vec<_> = (0..400).map(|i| scored(&[9.0, 0.0], usize::from(i % 4 == 0))).collect();
        let gain = calibrated(&set, 1.0);
        let p = probabilities(&[9.0, 0.0], gain)[0];
        assert!((p - 0.75).abs() < 1e-6, "{p}");
        // Fifteen bins cannot each hold three in four of some 27.
        assert!(judge(&set, 1.0, gain, 0.0).calibrated < 0.03);
        assert!(judge(&set, 1.0, gain, 0.0).uncalibrated > 0.2);
    }

    #[test]
    fn few_samples_do_not_move_the_temperature() {
        let set: Vec<_> = (0..20).map(|i| scored(&[3.0, 0.0], usize::from(i == 7 || i == 11))).collect();
        assert_eq!(calibrated(&set, 1.0), 1.0);
    }

    #[test]
    fn sets_cover_as_often_as_they_say() {
        let set: Vec<_> = (0..999).map(|i| scored(&[i as f32 / 100.0, 0.0], 0)).collect();
        let q = quantile(&set, 1.0, 0.9);
        let covered = judge(&set, 1.0, 1.0, q).coverage;
        assert!((covered - 0.9).abs() < 0.002, "{covered}");
    }

    #[test]
    fn calibration_error_is_a_mean_distance() {
        let answers = [(0.5, true), (0.5, false), (0.9, true), (0.9, true)];
        assert!((calibration_error(&answers, 2) - 0.05).abs() < 1e-12);
    }
}
