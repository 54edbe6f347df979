//! Counts of values in equal bins over a range that includes 0.
//!
//! Bin `i` is `[edge(i), edge(i + 1))`; the last one includes its upper edge. Exact zeros are counted apart: zero is
//! always represented exactly, so the methods that weigh errors must not see the spike that `ReLU` makes there.

use super::Range;

/// 8 for each int8 step over the full range, as TensorRT's calibrator takes.
pub(super) const BINS: usize = 2048;

#[derive(Debug, Clone)]
pub(super) struct Histogram {
    low: f64,
    width: f64,
    counts: Vec<u64>,
    zeros: u64,
}

impl Histogram {
    pub(super) fn new(range: Range) -> Self {
        let (low, high) = (f64::from(range.min), f64::from(range.max));
        Self { low, width: (high - low) / BINS as f64, counts: vec![0; BINS], zeros: 0 }
    }

    pub(super) fn observe(&mut self, values: &[f32]) {
        // A range of [0, 0] puts whatever comes into bin 0.
        let per_unit = if self.width > 0.0 { self.width.recip() } else { 0.0 };
        for &value in values.iter().filter(|v| v.is_finite()) {
            if value == 0.0 {
                self.zeros += 1;
                continue;
            }
            // The cast saturates: what lies below is 0.
            let bin = ((f64::from(value) - self.low) * per_unit) as usize;
            self.counts[bin.min(BINS - 1)] += 1;
        }
    }

    /// Width of a bin; 0 if only zeros were seen in pass one.
    pub(super) fn width(&self) -> f64 {
        self.width
    }

    /// Lower edge of bin `index`; `edge(BINS)` is the upper end.
    pub(super) fn edge(&self, index: usize) -> f64 {
        self.low + self.width * index as f64
    }

    /// Counts per bin, without the exact zeros.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many values were exactly 0.
    pub(super) fn zeros(&self) -> u64 {
        self.zeros
    }

    /// How many values are in the bins, zeros left out.
    pub(super) fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Where 0 lies, in bins from the low end; a whole number if the range is one-sided.
    pub(super) fn zero(&self) -> f64 {
        if self.low == 0.0 { 0.0 } else { (-self.low / self.width).min(BINS as f64) }
    }
}
