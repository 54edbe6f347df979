//! Detectors for the errors of a model whose labels come later: of a stream of right and wrong, whether it got worse.
//!
//! | detector | sees | memory |
//! |---|---|---|
//! | [`Ddm`] | that errors are more than they ever were few | 24 bytes |
//! | [`PageHinkley`] | that their mean rose | 40 bytes |
//! | [`Adwin`] | that an older part of all since the last alarm differs from the newer | 428 bytes |
//!
//! Each is a plain record that the program owns, feeds and may save as bytes; each begins anew after it spoke. Given the
//! same stream, each speaks where river 0.22's detector of its name does. [`Calibration`] tells whether confidence was
//! as high as it should have been.

use bytemuck::{Pod, Zeroable};

/// What a detector says after an inference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// Nothing has changed.
    Stable,
    /// Something may be changing.
    Warning,
    /// The errors have changed.
    Drift,
}

/// Gama and others' detector, "Learning with drift detection", 2004: an alarm three standard deviations above the lowest
/// rate of errors, a warning at two; from the 31st inference on.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Ddm {
    seen: u32,
    wrong: u32,
    lowest: f64,
    spread: f64,
}

impl Ddm {
    const WARM_UP: u32 = 30;

    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Ddm {
        Ddm { seen: 0, wrong: 0, lowest: f64::INFINITY, spread: 0.0 }
    }

    /// Takes an inference in.
    pub fn update(&mut self, wrong: bool) -> Stability {
        self.seen = self.seen.saturating_add(1);
        self.wrong = self.wrong.saturating_add(wrong.into());
        let rate = f64::from(self.wrong) / f64::from(self.seen);
        let spread = libm::sqrt(rate * (1.0 - rate) / f64::from(self.seen));
        if self.seen <= Ddm::WARM_UP {
            return Stability::Stable;
        }
        if rate + spread <= self.lowest + self.spread {
            (self.lowest, self.spread) = (rate, spread);
        }
        if rate + spread > self.lowest + 3.0 * self.spread {
            *self = Ddm::new();
            Stability::Drift
        } else if rate + spread > self.lowest + 2.0 * self.spread {
            Stability::Warning
        } else {
            Stability::Stable
        }
    }
}

impl Default for Ddm {
    fn default() -> Ddm {
        Ddm::new()
    }
}

/// Page's and Hinkley's test for a mean that rises: the errors above their mean, summed since they were fewest.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct PageHinkley {
    mean: f64,
    sum: f64,
    lowest: f64,
    /// What is tolerated at each step.
    delta: f32,
    threshold: f32,
    seen: u32,
    reserved: u32,
}

impl PageHinkley {
    const WARM_UP: u32 = 30;
    /// What is left of the sum after a step.
    const MEMORY: f64 = 1.0 - 0.0001;

    /// Nothing seen yet; river's defaults are 0.005 and 50.
    #[must_use]
    pub const fn new(delta: f32, threshold: f32) -> PageHinkley {
        PageHinkley { mean: 0.0, sum: 0.0, lowest: f64::INFINITY, delta, threshold, seen: 0, reserved: 0 }
    }

    /// Takes a value in: an error as 1, a right answer as 0, or any other loss.
    pub fn update(&mut self, loss: f32) -> Stability {
        let loss = f64::from(loss);
        self.seen = self.seen.saturating_add(1);
        self.mean += (loss - self.mean) / f64::from(self.seen);
        self.sum = PageHinkley::MEMORY * self.sum + (loss - self.mean) - f64::from(self.delta);
        self.lowest = self.lowest.min(self.sum);
        if self.seen >= PageHinkley::WARM_UP && self.sum - self.lowest > f64::from(self.threshold) {
            *self = PageHinkley::new(self.delta, self.threshold);
            return Stability::Drift;
        }
        Stability::Stable
    }
}

const ROWS: usize = 16;
/// Buckets of a row between updates.
const BUCKETS: usize = 5;

/// A window that ends when an older part of it differs from the newer: Bifet and Gavaldà, "Learning from time-changing data with
/// adaptive windowing", 2007. A row's buckets hold twice as many inferences as those of the row before; the window
/// holds the last 300,000 at most.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Adwin {
    /// Errors of each bucket, the oldest first; one place more than stay.
    wrong: [[u32; BUCKETS + 1]; ROWS],
    buckets: [u8; ROWS],
    width: u32,
    total: u32,
    seen: u32,
    /// The probability of a false alarm, roughly.
    delta: f32,
    reserved: [u32; 3],
}

impl Adwin {
    /// Inferences from one look to the next.
    const CLOCK: u32 = 32;
    const SHORTEST: u32 = 5;
    const WARM_UP: u32 = 10;

    /// Nothing seen yet; river's default is 0.002.
    #[must_use]
    pub const fn new(delta: f32) -> Adwin {
        Adwin {
            wrong: [[0; BUCKETS + 1]; ROWS],
            buckets: [0; ROWS],
            width: 0,
            total: 0,
            seen: 0,
            delta,
            reserved: [0; 3],
        }
    }

    /// Inferences in the window: those since the errors changed.
    #[must_use]
    pub const fn width(&self) -> u32 {
        self.width
    }

    /// The rate of errors in the window.
    #[must_use]
    pub fn rate(&self) -> f32 {
        if self.width == 0 { 0.0 } else { self.total as f32 / self.width as f32 }
    }

    /// Takes an inference in.
    pub fn update(&mut self, wrong: bool) -> Stability {
        self.push(0, wrong.into());
        self.width = self.width.saturating_add(1);
        self.total = self.total.saturating_add(wrong.into());
        self.merge();
        self.seen = self.seen.wrapping_add(1);
        if self.seen.is_multiple_of(Adwin::CLOCK) && self.width > Adwin::WARM_UP && self.differs() {
            *self = Adwin::new(self.delta);
            return Stability::Drift;
        }
        Stability::Stable
    }

    fn push(&mut self, row: usize, wrong: u32) {
        let (Some(row), Some(n)) = (self.wrong.get_mut(row), self.buckets.get_mut(row)) else { return };
        if let Some(bucket) = row.get_mut(usize::from(*n)) {
            *bucket = wrong;
            *n = n.saturating_add(1);
        }
    }

    /// Takes the oldest bucket of a row.
    fn pop(&mut self, row: usize) -> u32 {
        let (Some(row), Some(n)) = (self.wrong.get_mut(row), self.buckets.get_mut(row)) else { return 0 };
        let oldest = row[0];
        row.copy_within(1.., 0);
        row[BUCKETS] = 0;
        *n = n.saturating_sub(1);
        oldest
    }

    /// Makes one bucket of a row's two oldest, where a row has too many.
    fn merge(&mut self) {
        for row in 0..ROWS {
            if self.buckets.get(row).is_none_or(|&n| usize::from(n) <= BUCKETS) {
                return;
            }
            if row + 1 == ROWS {
                return self.forget();
            }
            let both = self.pop(row).saturating_add(self.pop(row));
            self.push(row + 1, both);
        }
    }

    /// Drops the oldest bucket.
    fn forget(&mut self) {
        let Some(row) = self.buckets.iter().rposition(|&n| n > 0) else { return };
        let wrong = self.pop(row);
        self.width = self.width.saturating_sub(1 << row);
        self.total = self.total.saturating_sub(wrong);
    }

    /// Whether some older part of the window and the rest have rates that chance does not explain.
    fn differs(&self) -> bool {
        let (width, total) = (f64::from(self.width), f64::from(self.total));
        let share = total / width;
        let variance = share * (1.0 - share);
        let doubt = libm::log(2.0 * libm::log(width) / f64::from(self.delta));
        let (mut older, mut wrong) = (0u32, 0u32);
        for (row, (totals, &n)) in self.wrong.iter().zip(&self.buckets).enumerate().rev() {
            for &bucket in totals.iter().take(n.into()) {
                older = older.saturating_add(1 << row);
                wrong = wrong.saturating_add(bucket);
                let newer = self.width.saturating_sub(older);
                if older < Adwin::SHORTEST || newer < Adwin::SHORTEST {
                    continue;
                }
                let rates = [wrong, self.total.saturating_sub(wrong)].map(f64::from);
                let distance = (rates[0] / f64::from(older) - rates[1] / f64::from(newer)).abs();
                let part = |n: u32| 1.0 / f64::from(n - Adwin::SHORTEST + 1);
                let inverse = part(older) + part(newer);
                let chance = libm::sqrt(2.0 * inverse * variance * doubt) + 2.0 / 3.0 * doubt * inverse;
                if distance > chance {
                    return true;
                }
            }
        }
        false
    }
}

/// Bins of [`Calibration`].
const LEVELS: usize = 15;

/// How far confidence is from being right, where labels come: bins of equal width.
/// Source: Naeini, Cooper, Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", 2015.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Calibration {
    seen: [u32; LEVELS],
    right: [u32; LEVELS],
    confidence: [f32; LEVELS],
}

impl Calibration {
    /// Takes an inference in.
    pub fn update(&mut self, confidence: f32, right: bool) {
        let level = ((confidence * LEVELS as f32) as usize).min(LEVELS - 1);
        let bins = (self.seen.get_mut(level), self.right.get_mut(level), self.confidence.get_mut(level));
        if let (Some(seen), Some(hits), Some(sum)) = bins {
            *seen = seen.saturating_add(1);
            *hits = hits.saturating_add(right.into());
            *sum += confidence;
        }
    }

    /// The expected calibration error, 0 to 1; 0 before the first inference.
    #[must_use]
    pub fn error(&self) -> f32 {
        let n: u32 = self.seen.iter().fold(0, |n, &s| n.saturating_add(s));
        let bins = self.right.iter().zip(&self.confidence);
        let sum = bins.fold(0.0, |sum, (&right, &confidence)| sum + (right as f32 - confidence).abs());
        if n == 0 { 0.0 } else { sum / n as f32 }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    /// Errors at rates that change, from a linear congruence.
    fn stream(rates: &[f64], seed: u64) -> Vec<bool> {
        let mut state = seed;
        let each = |i: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as f64) < (rates[i * rates.len() / 4000] * 2_147_483_648.0).floor()
        };
        (0..4000).map(each).collect()
    }

    fn alarms(stream: &[bool], mut update: impl FnMut(bool) -> Stability) -> Vec<usize> {
        let drifts = stream.iter().enumerate().filter(|(_, wrong)| update(**wrong) == Stability::Drift);
        drifts.map(|(i, _)| i).collect()
    }

    /// The positions are those of river 0.22 on the same streams: `DDM()`, `PageHinkley(threshold=20, mode="up")`, `ADWIN()`.
    #[test]
    fn each_speaks_where_its_peer_does() {
        let [a, b, c] = [stream(&[0.1, 0.3], 1), stream(&[0.2, 0.2], 2), stream(&[0.05, 0.2, 0.05, 0.4], 3)];
        for (stream, ddm, page_hinkley, adwin) in [
            (&a, &[88, 147, 254, 294, 371, 2228][..], &[2108, 3866][..], &[2143][..]),
            (&b, &[], &[1504], &[]),
            (&c, &[36, 241, 1174, 3081], &[1154, 3061], &[1183, 2207, 3039]),
        ] {
            let mut detector = Ddm::new();
            assert_eq!(alarms(stream, |wrong| detector.update(wrong)), ddm);
            let mut detector = PageHinkley::new(0.005, 20.0);
            assert_eq!(alarms(stream, |wrong| detector.update(f32::from(u8::from(wrong)))), page_hinkley);
            let mut detector = Adwin::new(0.002);
            assert_eq!(alarms(stream, |wrong| detector.update(wrong)), adwin);
        }
        let mut detector = Adwin::new(0.002);
        c.iter().for_each(|&wrong| _ = detector.update(wrong));
        assert_eq!(detector.width(), 960, "as river's");
        assert!((detector.rate() - 0.4).abs() < 0.05);
        let mut detector = Ddm::new();
        let warnings = a.iter().filter(|wrong| detector.update(**wrong) == Stability::Warning).count();
        assert_eq!(warnings, 2559, "as river's");
    }

    #[test]
    fn a_window_that_is_full_forgets_its_oldest() {
        let mut adwin = Adwin::new(0.002);
        for i in 0..400_000u32 {
            adwin.update(i % 4 == 0);
        }
        assert!((250_000..=330_000).contains(&adwin.width()), "{}", adwin.width());
        assert!((adwin.rate() - 0.25).abs() < 0.001);
    }

    #[test]
    fn calibration_error_is_a_mean_distance() {
        let mut calibration = Calibration::default();
        assert_eq!(calibration.error(), 0.0);
        for (confidence, right) in [(0.5, true), (0.5, false), (0.9, true), (0.9, true), (1.0, true), (f32::NAN, true)]
        {
            calibration.update(if confidence.is_nan() { 0.0 } else { confidence }, right);
        }
        // 0, 0.2 and 0 of two, two and one; and 1 of the one of no confidence.
        assert!((calibration.error() - 1.2 / 6.0).abs() < 1e-6, "{}", calibration.error());
    }
}
