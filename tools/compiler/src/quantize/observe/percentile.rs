//! Percentile: cuts the same share of the values off both tails.
//!
//! `[Q(c), Q(1 − c)]` with `c = (1 − P/100) / 2`, as in onnxruntime's percentile calibrator; the quantile `Q` is
//! interpolated linearly within its bin, where onnxruntime takes the bin's edge.

use super::{
    Range,
    histogram::{BINS, Histogram},
};

pub(super) fn range(histogram: &Histogram, percent: f64) -> Range {
    let cut = (1.0 - percent / 100.0) / 2.0;
    Range::new(quantile(histogram, cut) as f32, quantile(histogram, 1.0 - cut) as f32)
}

/// The value below which the share `share` of all values lies, exact zeros included.
fn quantile(histogram: &Histogram, share: f64) -> f64 {
    let zero = (histogram.zero() as usize).min(BINS - 1);
    let zeros = |bin: usize| if bin == zero { histogram.zeros() } else { 0 };
    let counts = histogram.counts().iter().enumerate().map(|(bin, n)| (bin, (n + zeros(bin)) as f64));
    let mut left = share * (histogram.total() + histogram.zeros()) as f64;
    let mut end = 0.0;
    for (bin, count) in counts.filter(|&(_, count)| count > 0.0) {
        end = histogram.edge(bin + 1);
        if left <= count {
            return histogram.edge(bin) + histogram.width() * (left / count).max(0.0);
        }
        left -= count;
    }
    // Only rounding can leave something over.
    end
}
