//! How often a model is right, without labels: from its confidence, which was calibrated on labels.
//!
//! Both hold as long as confidence means what it meant: a drift that makes a model wrong and sure deceives them.
//! The interval is Agresti and Coull's, 1998.
//! Sources: Garg and others, "Leveraging unlabeled data to predict out-of-distribution performance", 2022, for the threshold;
//! the mean confidence is what NannyML calls confidence-based performance estimation.

use siskin::format::{Baseline, Totals};
use siskin::monitor::statistic;

/// A share and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// 0 to 1.
    pub value: f64,
    /// One standard error: of the inferences seen, and of the labels that confidence was calibrated on.
    pub error: f64,
}

impl Share {
    fn of(hits: f64, n: f64) -> Share {
        let value = hits / n;
        Share { value, error: libm::sqrt(value * (1.0 - value) / n) }
    }

    fn with(self, other: f64) -> Share {
        Share { error: libm::hypot(self.error, other), ..self }
    }
}

/// What a report says of accuracy.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimate {
    /// The mean confidence.
    pub by_confidence: Option<Share>,
    /// The share of inferences above the threshold that as many of the reference passed as were right.
    pub by_threshold: Option<Share>,
    /// What labels say that came later.
    pub by_labels: Option<Share>,
}

/// Estimates from a report of this artifact.
#[must_use]
pub fn estimate(baseline: &Baseline<'_>, report: &Totals<'_>) -> Estimate {
    let (record, health) = (baseline.record, report.health());
    let n = report.head().seen as f64;
    let labels = (health.labelled > 0).then(|| Share::of(health.right.into(), health.labelled.into()));
    if n == 0.0 || record.confident <= 0.0 {
        return Estimate { by_labels: labels, ..Estimate::default() };
    }
    let confidence = baseline.features.iter().position(|f| f.statistic == statistic::CONFIDENCE);
    let totals = confidence.map(|i| report.feature(i)).filter(|t| t.sum > 0);
    let by_confidence = totals.map(|t| {
        let (sum, squares) = (t.sum as f64 / 65_536.0, t.squares as f64 / (65_536.0 * 65_536.0));
        // Each inference is right with the probability that it states, independently.
        Share { value: sum / n, error: libm::sqrt((sum - squares).max(0.0)) / n }
    });
    // The accuracy on the reference was measured on so many labels; near 1 the plain formula knows too much.
    let known = |s: Share| {
        let labels = f64::from(record.effective) + 4.0;
        let value = (s.value * f64::from(record.effective) + 2.0) / labels;
        libm::sqrt(value * (1.0 - value).max(0.0) / labels)
    };
    let by_threshold =
        (record.parts & siskin::format::MonitorRecord::HEALTH != 0).then(|| Share::of(health.confident.into(), n));
    let widened = |s: Share| s.with(known(s));
    Estimate { by_confidence: by_confidence.map(widened), by_threshold: by_threshold.map(widened), by_labels: labels }
}
