//! Compares windows with the reference, as the well-known tests do, with a threshold that belongs to their length.
//!
//! ```text
//! n bins -> counts -> statistic;  the greatest over all features counts, once a window
//! ```
//!
//! For comparison with other tools, and for teams that know these numbers. What comes within a window is seen at its end
//! at the soonest. Sources: Yurdakul, "Statistical properties of the population stability index", 2018; Pearson 1900;
//! Kolmogorov 1933; Wasserstein's distance of histograms, as the sum of the distances of their cumulated fractions.

use super::detect::{Detector, Seen};
use bytemuck::{Pod, Zeroable};
use siskin_format::{BINS, FeatureRecord, MonitorRecord};

/// One feature's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Window {
    counts: [u16; BINS],
    /// What the last whole window amounted to.
    value: f32,
}

impl Detector for Window {
    fn start(_: &FeatureRecord) -> Window {
        Window::default()
    }

    fn update(&mut self, seen: &Seen<'_>) {
        if let Some(count) = self.counts.get_mut(seen.bin) {
            *count = count.saturating_add(1);
        }
        let n: u32 = self.counts.iter().map(|&c| u32::from(c)).sum();
        if n >= seen.record.window {
            self.value = statistic(seen.record.detector, &self.counts, &seen.feature.reference, n as f32);
            self.counts = [0; BINS];
        }
    }

    fn evidence(&self) -> f32 {
        self.value
    }

    fn is_sound(&self) -> bool {
        self.value.is_finite() && self.value >= 0.0
    }
}

/// How far `n` counts are from the reference.
fn statistic(detector: u16, counts: &[u16; BINS], reference: &[u16; BINS], n: f32) -> f32 {
    let (mut sum, mut ahead, mut farthest) = (0.0f32, 0.0f32, 0.0f32);
    for (&count, &p) in counts.iter().zip(reference) {
        let (count, p) = (f32::from(count), f32::from(p) / 65_535.0);
        ahead += count / n - p;
        farthest = farthest.max(ahead.abs());
        sum += match detector {
            MonitorRecord::PSI => {
                // Half an observation in every bin keeps the logarithm of an empty one.
                let share = (count + 0.5) / (n + 0.5 * BINS as f32);
                (share - p) * libm::logf(share / p)
            }
            MonitorRecord::CHI_SQUARE => (count - n * p) * (count - n * p) / (n * p),
            _ => ahead.abs(),
        };
    }
    if detector == MonitorRecord::KS { farthest } else { sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_formulas() {
        let mut reference = [4096u16; BINS];
        reference[0] = 4095;
        let mut counts = [10u16; BINS];
        (counts[0], counts[15]) = (2, 18);
        let near = |detector, want: f64| {
            let got = f64::from(statistic(detector, &counts, &reference, 160.0));
            assert!((got - want).abs() < 1e-3 * want, "{detector}: {got} {want}");
        };
        near(MonitorRecord::CHI_SQUARE, 12.8);
        near(MonitorRecord::KS, 0.05);
        near(MonitorRecord::WASSERSTEIN, 0.75);
        let share = |c: f64| (c + 0.5) / 168.0;
        let part = |c: f64| (share(c) - 0.0625) * libm::log(share(c) / 0.0625);
        near(MonitorRecord::PSI, part(2.0) + part(18.0) + 14.0 * part(10.0));
    }

    #[test]
    fn a_window_speaks_at_its_end() {
        let mut feature = FeatureRecord::zeroed();
        feature.reference = [4096; BINS];
        let record = MonitorRecord { detector: MonitorRecord::KS, window: 3, ..MonitorRecord::zeroed() };
        let mut window = Window::default();
        let values = [0; 7].map(|bin| {
            window.update(&Seen { feature: &feature, odds: None, bin, record: &record });
            window.evidence()
        });
        assert_eq!(values.map(|v| v > 0.9), [false, false, true, true, true, true, true]);
        assert_eq!(window.counts[0], 1);
    }
}
