//! Detects known shifts: each fixed alternative's cumulated evidence since it was last none.
//!
//! ```text
//! W_k <- max(1, W_k) · odds_k[bin]        the exponential of Page's CUSUM; the greatest W counts
//! ```
//!
//! Sooner than [`super::shift`] where one of the alternatives is what happens and one feature carries it; later where
//! many features change a little. Source: Page, "Continuous inspection schemes", 1954.

use super::detect::{Detector, HIGHEST, Seen};
use bytemuck::{Pod, Zeroable};
use siskin_format::{ALTERNATIVES, FeatureRecord};

/// One feature's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Cusum([f32; ALTERNATIVES]);

impl Detector for Cusum {
    fn start(_: &FeatureRecord) -> Cusum {
        Cusum::default()
    }

    fn update(&mut self, seen: &Seen<'_>) {
        let Some(odds) = seen.odds else { return };
        for (w, odds) in self.0.iter_mut().zip(odds) {
            *w = (w.max(1.0) * odds.get(seen.bin).copied().unwrap_or(1.0)).min(HIGHEST);
        }
    }

    fn evidence(&self) -> f32 {
        self.0.iter().fold(0.0, |most, &w| most.max(w))
    }

    fn is_sound(&self) -> bool {
        self.0.iter().all(|w| w.is_finite() && *w >= 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siskin_format::{BINS, MonitorRecord};

    #[test]
    fn evidence_is_the_greatest_product_of_any_end_of_the_stream() {
        let mut odds = [[1.0f32; BINS]; ALTERNATIVES];
        odds[2][0] = 0.5;
        odds[2][1] = 3.0;
        let (feature, record) = (FeatureRecord::zeroed(), MonitorRecord::zeroed());
        let mut cusum = Cusum::default();
        let mut see = |bins: &[usize]| {
            for &bin in bins {
                cusum.update(&Seen { feature: &feature, odds: Some(&odds), bin, record: &record });
            }
            cusum.0[2]
        };
        assert_eq!(see(&[0, 0, 0]), 0.5, "what spoke against it is forgotten");
        assert_eq!(see(&[1, 0, 1, 1]), 13.5);
    }
}
