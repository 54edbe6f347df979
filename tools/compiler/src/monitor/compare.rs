//! Compares what a report counted with the reference, with limits that know how much either is worth.
//!
//! Under the reference `PSI` is a chi-square times `1/n + 1/m` (Yurdakul, "Statistical properties of the population stability
//! index", 2018), so a limit of 0.1 for every `n` alarms falsely on small samples and never on large ones. The limit
//! here is that distribution's, for one false alarm in a hundred reports over all features.

use super::normal;
use siskin::format::{BINS, Baseline, FeatureRecord, FeatureTotals, Totals};

/// One feature of a report beside its reference.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// The feature's name.
    pub name: String,
    /// The fraction of the reference in each bin that is used.
    pub reference: Vec<f64>,
    /// The fraction of the report.
    pub current: Vec<f64>,
    /// The population stability index.
    pub psi: f64,
    /// What it stays below, if nothing has changed.
    pub limit: f64,
    /// The greatest distance of the cumulated fractions (Kolmogorov and Smirnov).
    pub ks: f64,
    /// The mean distance that the fractions moved, in bins (Wasserstein).
    pub wasserstein: f64,
    /// The mean of the values.
    pub mean: f64,
    /// Their standard deviation.
    pub deviation: f64,
}

impl Comparison {
    /// Whether the index exceeds its limit.
    #[must_use]
    pub fn has_drifted(&self) -> bool {
        self.psi > self.limit
    }
}

/// Every feature of a report; nothing if it belongs to another reference.
#[must_use]
pub fn compare(baseline: &Baseline<'_>, report: &Totals<'_>) -> Option<Vec<Comparison>> {
    if report.head().identity != baseline.identity {
        return None;
    }
    let record = baseline.record;
    let worth = |f: &FeatureTotals| {
        let n = f.counts.iter().map(|&c| f64::from(c)).sum::<f64>() / f64::from(record.stride);
        1.0 / n.max(1.0) + 1.0 / f64::from(record.effective)
    };
    let each = |(i, feature): (usize, &FeatureRecord)| {
        let totals = report.feature(i);
        one(feature, &totals, worth(&totals), baseline.features.len())
    };
    Some(baseline.features.iter().enumerate().map(each).collect())
}

fn one(feature: &FeatureRecord, totals: &FeatureTotals, worth: f64, features: usize) -> Comparison {
    let bins = feature.cuts.iter().filter(|&&c| c < i32::MAX).count() + 1;
    let n: f64 = totals.counts.iter().map(|&c| f64::from(c)).sum::<f64>().max(1.0);
    let reference: Vec<f64> = feature.reference[..bins].iter().map(|&p| f64::from(p) / 65_535.0).collect();
    let current: Vec<f64> = totals.counts[..bins].iter().map(|&c| f64::from(c) / n).collect();
    // Half a sample in each bin keeps the logarithm of an empty one.
    let smooth = |c: f64| (c * n + 0.5) / (n + 0.5 * bins as f64);
    let psi = reference.iter().zip(&current).map(|(&p, &c)| (smooth(c) - p) * libm::log(smooth(c) / p)).sum();
    let (mut ahead, mut ks, mut wasserstein) = (0.0f64, 0.0f64, 0.0);
    for (p, c) in reference.iter().zip(&current) {
        ahead += c - p;
        ks = ks.max(ahead.abs());
        wasserstein += ahead.abs();
    }
    let mean = totals.sum as f64 / n;
    let variance = (totals.squares as f64 / n - mean * mean).max(0.0);
    Comparison {
        name: super::name(feature),
        psi,
        limit: worth * chi_square(bins - 1, 1.0 - 0.01 / features as f64),
        ks,
        wasserstein,
        mean,
        deviation: libm::sqrt(variance),
        reference,
        current,
    }
}

/// The quantile of chi-square, within a hundredth for the probabilities that limits need (Wilson and Hilferty, 1931).
fn chi_square(freedom: usize, p: f64) -> f64 {
    let k = freedom.clamp(1, BINS) as f64;
    let cube = 1.0 - 2.0 / (9.0 * k) + normal::quantile(p) * libm::sqrt(2.0 / (9.0 * k));
    k * cube * cube * cube
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (k, p, want) in [(1, 0.99, 6.635), (15, 0.95, 24.996), (15, 0.999, 37.697)] {
            assert!((chi_square(k, p) / want - 1.0).abs() < 0.01, "{k} {p}: {}", chi_square(k, p));
        }
    }
}
