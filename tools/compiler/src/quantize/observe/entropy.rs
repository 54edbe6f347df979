//! Entropy: the range whose quantized distribution diverges least from the original.
//!
//! For every threshold `T`, the window `[−T, T]` within the histogram is a candidate; a distribution on one side
//! of 0 keeps the other end at 0. With `P` the counts in the window, what lies outside added to the window's
//! ends, and `Q` the counts in the window without that, merged into 256 levels and spread again over the bins in
//! which `P` is not empty, the window with the least
//!
//! `KL(P ‖ Q) = Σ p · ln(p / q)`
//!
//! wins; of equal ones the widest. Windows that leave out more than a twentieth of the values are no candidates: one that cuts a
//! distribution far from 0 down to its first bin diverges from nothing. A bin with values in a level without any counts as 10⁻⁴ values in `Q`.
//!
//! Sources: Migacz, "8-bit Inference with TensorRT", GTC 2017, whose 128 levels of |x| are 256 over both signs;
//! onnxruntime's `HistogramCollector.get_entropy_threshold` for the two-sided window and the smoothing; NVIDIA's
//! pytorch-quantization for splitting the window evenly into levels. onnxruntime gives all levels the same whole
//! number of bins instead, forgets the rest of the window and truncates `Q` to whole counts, so its threshold
//! moves in steps; the divergence is so flat around its minimum that the two may differ by a tenth and more.
//! Exact zeros are left out, as they are exact at any threshold: in the first bin they would pull the threshold of
//! every `ReLU` far down.

use super::{
    Range,
    histogram::{BINS, Histogram},
};

/// Levels of int8.
const LEVELS: usize = 256;
/// What an empty level counts, so that one stray value does not rule a window out.
const SMOOTHING: f64 = 1e-4;

pub(super) fn range(histogram: &Histogram) -> Range {
    let zero = histogram.zero();
    let (below, above) = (zero.floor() as usize, zero.ceil() as usize);
    let window = |reach: usize| (below.saturating_sub(reach), BINS.min(above + reach));
    let reaches = (1..=below.max(BINS - above)).rev().map(window).filter(|(start, end)| end - start >= LEVELS);
    let counts = histogram.counts();
    let mass = |part: &[u64]| part.iter().sum::<u64>();
    let most = mass(counts) / 20;
    let mut best = (f64::INFINITY, (0, BINS));
    for (start, end) in reaches.filter(|&(start, end)| mass(&counts[..start]) + mass(&counts[end..]) <= most) {
        let divergence = divergence(histogram.counts(), start, end);
        if divergence < best.0 {
            best = (divergence, (start, end));
        }
    }
    let (start, end) = best.1;
    Range::new(histogram.edge(start) as f32, histogram.edge(end) as f32)
}

/// `KL(P ‖ Q)` of the window `start..end`; infinite if it is empty.
pub(super) fn divergence(counts: &[u64], start: usize, end: usize) -> f64 {
    let inside = &counts[start..end];
    let sum = |part: &[u64]| part.iter().sum::<u64>();
    let (cut_low, cut_high, kept) = (sum(&counts[..start]), sum(&counts[end..]), sum(inside));
    if kept == 0 {
        return f64::INFINITY;
    }
    let total = (cut_low + cut_high + kept) as f64;
    let clipped = |bin: usize| {
        let low = if bin == 0 { cut_low } else { 0 };
        let high = if bin + 1 == inside.len() { cut_high } else { 0 };
        inside[bin] + low + high
    };
    let mut divergence = 0.0;
    for level in 0..LEVELS {
        let bins = (level * inside.len()).div_ceil(LEVELS)..((level + 1) * inside.len()).div_ceil(LEVELS);
        let occupied = bins.clone().filter(|&bin| clipped(bin) > 0).count().max(1);
        let spread = (sum(&inside[bins.clone()]) as f64 / occupied as f64).max(SMOOTHING) / kept as f64;
        let shares = bins.map(|bin| clipped(bin) as f64 / total).filter(|p| *p > 0.0);
        divergence += shares.map(|p| p * (p / spread).ln()).sum::<f64>();
    }
    divergence
}
