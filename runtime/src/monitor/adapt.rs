//! Detects any change of a histogram, by learning what the feature does now.
//!
//! ```text
//! e = (½p[bin] + ½q[bin]) / p[bin] · correction;    R <- (1 + R) · e;    q <- q + (onehot(bin) - q) / 64
//! ```
//!
//! `p` is the reference, `q` begins as `p`. The correction pays for a reference of finite size: without it, learning the
//! difference between the reference and what it was drawn from is itself an alarm. Probabilities are 1/65535ths, and what the
//! bins lose in a step goes to the bin that was hit, so that `q` sums to the same number for ever.
//! Source: as [`super::shift`], with a plug-in alternative.

use super::detect::{Detector, Seen, grow};
use bytemuck::{Pod, Zeroable};
use siskin_format::{BINS, FeatureRecord};

/// The rate of learning is 2 to the minus this.
const RATE: u32 = 6;

/// One feature's state.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Adapt {
    q: [u16; BINS],
    r: f32,
}

impl Detector for Adapt {
    fn start(feature: &FeatureRecord) -> Adapt {
        Adapt { q: feature.reference, r: 0.0 }
    }

    fn update(&mut self, seen: &Seen<'_>) {
        let now = self.q.get(seen.bin).copied().unwrap_or(0);
        let reference = seen.feature.reference.get(seen.bin).copied().unwrap_or(1);
        let e = (0.5 + 0.5 * f32::from(now) / f32::from(reference)) * seen.record.correction;
        self.r = grow(self.r, e);
        let mut lost = 0u16;
        for q in &mut self.q {
            let part = *q >> RATE;
            *q = q.wrapping_sub(part);
            lost = lost.wrapping_add(part);
        }
        if let Some(q) = self.q.get_mut(seen.bin) {
            *q = q.wrapping_add(lost);
        }
    }

    fn evidence(&self) -> f32 {
        self.r
    }

    fn is_sound(&self) -> bool {
        let sum: u32 = self.q.iter().map(|&q| u32::from(q)).sum();
        sum == u32::from(u16::MAX) && self.r.is_finite() && self.r >= 0.0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use bytemuck::Zeroable;
    use siskin_format::MonitorRecord;

    #[test]
    fn what_is_learned_sums_to_one_for_ever() {
        let mut feature = FeatureRecord::zeroed();
        feature.reference = [4096; BINS];
        feature.reference[0] = 4095;
        let record = MonitorRecord { correction: 0.99, ..MonitorRecord::zeroed() };
        let mut adapt = Adapt::start(&feature);
        for i in 0..100_000usize {
            let bin = (i * i / 7) % BINS;
            adapt.update(&Seen { feature: &feature, odds: None, bin, record: &record });
            assert!(adapt.is_sound(), "after {i}");
        }
        assert_eq!(adapt.q.iter().map(|&q| u32::from(q)).sum::<u32>(), 65_535);
    }
}
