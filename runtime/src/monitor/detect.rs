//! What a detector is, and what their evidence amounts to.
//!
//! A detector keeps a fixed state for each feature and turns bins into evidence. Of e-detectors the mean of all evidence is
//! itself evidence, however the features depend on each other, so that many features cost a factor, not the promise. Of
//! the others the greatest counts, and the threshold knows how many there are.
//!
//! To add one: a file with a [`Detector`], and a line for its memory in [`super::memory`].

use bytemuck::Pod;
use siskin_format::{FeatureRecord, MonitorRecord, Odds};

/// What evidence is held below: a float can go on from there.
pub(super) const HIGHEST: f32 = 1e30;

/// One observation of one feature.
pub(super) struct Seen<'a> {
    /// The feature.
    pub feature: &'a FeatureRecord,
    /// Its table of odds, if it has one.
    pub odds: Option<&'a Odds>,
    /// The bin that the value fell into.
    pub bin: usize,
    /// What the section says of all.
    pub record: &'a MonitorRecord,
}

/// One detector's state for one feature.
pub(super) trait Detector: Pod {
    /// Nothing seen yet.
    fn start(feature: &FeatureRecord) -> Self;

    /// Takes an observation in.
    fn update(&mut self, seen: &Seen<'_>);

    /// The evidence for all its alternatives.
    fn evidence(&self) -> f32;

    /// Whether a saved state is one that updates can lead to.
    fn is_sound(&self) -> bool;
}

/// One step of Shiryaev and Roberts: `(1 + r) · e`.
pub(super) fn grow(r: f32, e: f32) -> f32 {
    let next = (1.0 + r) * e;
    if next < HIGHEST { next } else { HIGHEST }
}

/// The features that an alarm names, as a set: the most for which `evidence · k >= level`, `k` their number (Benjamini
/// and Hochberg for e-values: Wang and Ramdas, 2022). At least the strongest one.
pub(super) fn culprits(evidence: impl Fn(usize) -> f32, features: usize, level: f32) -> u64 {
    let mut strongest = (0, 0.0);
    for i in 0..features {
        let e = evidence(i);
        if e > strongest.1 {
            strongest = (i, e);
        }
    }
    for k in (1..=features).rev() {
        let mut set = 0u64;
        for i in 0..features {
            if evidence(i) * k as f32 >= level {
                set |= bit(i);
            }
        }
        if set.count_ones() as usize >= k {
            return set;
        }
    }
    bit(strongest.0)
}

/// A set of the one feature.
pub(super) fn bit(i: usize) -> u64 {
    1u64.checked_shl(i as u32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_names_the_features_that_carry_it() {
        let named = |e: &[f32], level| culprits(|i| e[i], e.len(), level);
        assert_eq!(named(&[1.0, 400.0, 2.0, 1.0], 400.0), 0b0010);
        assert_eq!(named(&[1.0, 250.0, 210.0, 1.0], 400.0), 0b0110);
        assert_eq!(named(&[1.0, 2.0, 3.0, 1.0], 400.0), 0b0100, "the strongest, if none reaches the level");
    }

    #[test]
    fn evidence_stays_finite() {
        let r = (0..1000).fold(0.0, |r, _| grow(r, 100.0));
        assert_eq!(r, 1e30);
        assert_eq!(grow(f32::NAN, 1.0), 1e30);
    }
}
