//! Detects the changes that are most common, at once: a feature that moves up or down, spreads or narrows.
//!
//! ```text
//! R_k <- (1 + R_k) · odds_k[bin]        one Shiryaev-Roberts statistic for each fixed alternative k
//! ```
//!
//! Under the reference `odds` has mean 1, so `R_k(t) - t` is a martingale: the mean time to reach `A` is at least `A`.
//! Source: Shin, Ramdas, Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", 2022.

use super::detect::{Detector, Seen, grow};
use bytemuck::{Pod, Zeroable};
use siskin_format::ALTERNATIVES;

/// One feature's state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Shift([f32; ALTERNATIVES]);

impl Detector for Shift {
    fn start(_: &siskin_format::FeatureRecord) -> Shift {
        Shift::default()
    }

    fn update(&mut self, seen: &Seen<'_>) {
        let Some(odds) = seen.odds else { return };
        for (r, odds) in self.0.iter_mut().zip(odds) {
            *r = grow(*r, odds.get(seen.bin).copied().unwrap_or(1.0));
        }
    }

    fn evidence(&self) -> f32 {
        self.0.iter().sum()
    }

    fn is_sound(&self) -> bool {
        self.0.iter().all(|r| r.is_finite() && *r >= 0.0)
    }
}
