//! From values of the reference to bins, their probabilities and the odds of each alternative.
//!
//! The bins of a feature that varies have fixed probabilities, finer at the ends, where a change of spread shows. Its cuts
//! are then quantiles, and the odds are those of a normal variable that moved by 0.7 σ either way, or whose σ is 1.5 or 0.67
//! of what it was: whatever the feature's distribution, a monotone map makes it one. A feature of few values has as many
//! bins as values, with the probabilities that were counted.

use super::normal::{below, quantile};
use siskin::format::{ALTERNATIVES, BINS, FeatureRecord, Odds};
use siskin::monitor::statistic;

/// The probabilities of the bins of a feature that varies, in 1/800ths.
const MASSES: [u32; BINS] = [20, 20, 40, 50, 67, 68, 68, 67, 67, 68, 68, 67, 50, 40, 20, 20];
/// Their sum.
const WHOLE: u32 = 800;
/// What probabilities sum to in the file.
const ONE: u32 = 65_535;

/// The alternatives: by how many σ the mean moves, and what multiplies σ.
const CHANGES: [(f64, f64); ALTERNATIVES] = [(0.7, 1.0), (-0.7, 1.0), (0.0, 1.5), (0.0, 0.67)];

/// Sets cuts and reference of a feature from its values; adds its odds to `tables`, unless they are there.
pub(super) fn fit(feature: &mut FeatureRecord, values: &[i32], classes: u32, tables: &mut Vec<Odds>) {
    if feature.statistic == statistic::CLASS {
        let bins = classes.min(BINS as u32) as i32;
        for (cut, i) in feature.cuts.iter_mut().zip(1..) {
            *cut = if i < bins { i } else { i32::MAX };
        }
        feature.reference = counted(feature, values, bins as usize);
        if feature.table != FeatureRecord::NO_TABLE {
            feature.table = add(gone(feature, values), tables);
        }
        return;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    feature.cuts = cuts(&sorted);
    feature.reference = if is_fine(feature, values) { designed() } else { tied(feature, &sorted) };
    if !feature.is_weighed() {
        return;
    }
    feature.table = add(odds(&feature.reference), tables);
}

/// The number of a table, which is added unless it is there.
fn add(odds: Odds, tables: &mut Vec<Odds>) -> u8 {
    let known = tables.iter().position(|t| *t == odds);
    let table = known.unwrap_or_else(|| {
        tables.push(odds);
        tables.len() - 1
    });
    u8::try_from(table).unwrap_or(FeatureRecord::NO_TABLE)
}

/// Standard errors by which a class may be rarer than it was counted.
const RARER: f64 = 1.28;

/// The odds if one of four classes came no more: none where it does come, a little more than 1 where it does not. Its
/// probability is taken as low as the count allows, so that chance is not taken for its absence.
fn gone(feature: &FeatureRecord, values: &[i32]) -> Odds {
    let (counts, n) = (counts(feature, values), values.len() as f64);
    core::array::from_fn(|i| {
        let class = usize::from(feature.index) + i;
        let share = counts.get(class).map_or(0.0, |&count| count as f64 / n);
        let least = share - RARER * libm::sqrt(share * (1.0 - share) / n);
        let odds = |bin: usize| if bin == class { 0.0 } else { 1.0 / (1.0 - least) };
        if least > 0.0 { core::array::from_fn(|bin| odds(bin) as f32) } else { [1.0; BINS] }
    })
}

/// The design's probabilities as the file has them.
fn designed() -> [u16; BINS] {
    shares(&MASSES.map(f64::from))
}

/// Probabilities from weights: at least one part each, summing to [`ONE`].
fn shares(weights: &[f64; BINS]) -> [u16; BINS] {
    let sum: f64 = weights.iter().sum();
    let mut parts = weights.map(|w| ((w / sum * f64::from(ONE)).floor() as u32).max(1));
    let excess = i64::from(parts.iter().sum::<u32>()) - i64::from(ONE);
    // What rounding left over goes to the largest bin, where it matters least.
    let largest = (0..BINS).max_by_key(|&i| parts[i]).unwrap_or(0);
    parts[largest] = (i64::from(parts[largest]) - excess) as u32;
    parts.map(|p| p as u16)
}

/// The quantiles of the design: the smallest value of every bin but the first.
fn cuts(sorted: &[i32]) -> [i32; BINS - 1] {
    let mut cumulated = 0;
    core::array::from_fn(|j| {
        cumulated += MASSES[j];
        let at = f64::from(cumulated) / f64::from(WHOLE) * (sorted.len() as f64 + 1.0) - 1.0;
        let low = (at.max(0.0) as usize).min(sorted.len() - 1);
        let high = (low + 1).min(sorted.len() - 1);
        let (a, b) = (f64::from(sorted[low]), f64::from(sorted[high]));
        (a + (b - a) * (at - low as f64).clamp(0.0, 1.0)).ceil() as i32
    })
}

/// Whether the values fell into the bins as designed, but for what rounding to whole samples does.
fn is_fine(feature: &FeatureRecord, values: &[i32]) -> bool {
    let counts = counts(feature, values);
    let n = values.len() as f64;
    counts.iter().zip(&MASSES).all(|(&count, &mass)| {
        let expected = f64::from(mass) / f64::from(WHOLE) * n;
        (count as f64 - expected).abs() <= 1.5 + 0.1 * expected
    })
}

fn counts(feature: &FeatureRecord, values: &[i32]) -> [usize; BINS] {
    let mut counts = [0; BINS];
    values.iter().for_each(|&v| counts[feature.bin(v)] += 1);
    counts
}

/// Probabilities of the first `bins` bins by count, each as if it had been seen half a time more.
fn counted(feature: &FeatureRecord, values: &[i32], bins: usize) -> [u16; BINS] {
    let counts = counts(feature, values);
    shares(&core::array::from_fn(|i| if i < bins { counts[i] as f64 + 0.5 } else { 0.0 }))
}

/// A feature with ties: bins that would be empty are given up, and what lies outside all that was seen gets its own.
fn tied(feature: &mut FeatureRecord, sorted: &[i32]) -> [u16; BINS] {
    let (least, beyond) = (sorted[0], sorted[sorted.len() - 1].saturating_add(1));
    let mut kept: Vec<i32> = feature.cuts.iter().copied().filter(|&c| c > least && c < beyond).collect();
    kept.dedup();
    kept.truncate(BINS - 3);
    kept.insert(0, least);
    kept.push(beyond);
    for (i, cut) in feature.cuts.iter_mut().enumerate() {
        *cut = kept.get(i).copied().unwrap_or(i32::MAX);
    }
    counted(feature, sorted, kept.len() + 1)
}

/// The odds of each bin under each alternative, for a normal variable cut to these probabilities.
fn odds(reference: &[u16; BINS]) -> Odds {
    CHANGES.map(|(shift, scale)| {
        let (mut cumulated, mut lower) = (0u32, 0.0);
        core::array::from_fn(|j| {
            cumulated += u32::from(reference[j]);
            let end = f64::from(cumulated) / f64::from(ONE);
            let upper = if cumulated >= ONE { 1.0 } else { below((quantile(end) - shift) / scale) };
            let mass = upper - lower;
            lower = upper;
            (mass / (f64::from(reference[j]) / f64::from(ONE))) as f32
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn feature(values: &[i32]) -> (FeatureRecord, Vec<Odds>) {
        let mut tables = Vec::new();
        let mut feature = FeatureRecord { step: 1.0, ..FeatureRecord::zeroed() };
        fit(&mut feature, values, 0, &mut tables);
        (feature, tables)
    }

    #[test]
    fn odds_have_mean_one_under_the_reference() {
        for values in [(0..1000).collect::<Vec<i32>>(), (0..1000).map(|i| i % 3).collect()] {
            let (feature, tables) = feature(&values);
            let sum: u32 = feature.reference.iter().map(|&p| u32::from(p)).sum();
            assert_eq!(sum, ONE);
            for row in tables[0] {
                let mean: f64 =
                    row.iter().zip(&feature.reference).map(|(&o, &p)| f64::from(o) * f64::from(p)).sum::<f64>();
                assert!((mean / f64::from(ONE) - 1.0).abs() < 1e-5, "{mean}");
            }
        }
    }

    #[test]
    fn a_feature_that_varies_falls_into_bins_as_designed() {
        let values: Vec<i32> = (0..1600).map(|i| i * 7).collect();
        let (feature, _) = feature(&values);
        let counts = counts(&feature, &values);
        for (count, mass) in counts.iter().zip(MASSES) {
            assert!(count.abs_diff(2 * mass as usize) <= 1, "{counts:?}");
        }
    }

    #[test]
    fn absence_of_a_class_that_was_frequent_is_evidence() {
        let mut tables = Vec::new();
        let mut feature = FeatureRecord { statistic: statistic::CLASS, index: 4, step: 1.0, ..FeatureRecord::zeroed() };
        let values: Vec<i32> = (0..600).map(|i| if i == 0 { 5 } else { i % 5 }).collect();
        fit(&mut feature, &values, 6, &mut tables);
        let [four, five, none, _] = tables[usize::from(feature.table)];
        assert!(four[4] == 0.0 && (1.15..1.25).contains(&four[0]), "a class of a fifth: {four:?}");
        assert_eq!([five, none], [[1.0; BINS]; 2], "one that came once, and one that does not exist");
    }

    #[test]
    fn few_values_have_few_bins() {
        let (feature, _) = feature(&(0..900).map(|i| i % 3).collect::<Vec<_>>());
        let bins: Vec<usize> = (0..3).map(|v| feature.bin(v)).collect();
        assert_eq!(bins, [1, 2, 3]);
        assert!((1..4).all(|b| feature.reference[b].abs_diff(21_845) < 60), "{:?}", feature.reference);
        let (constant, _) = super::tests::feature(&[5; 100]);
        assert_ne!(constant.bin(5), constant.bin(4), "a change from a constant is seen");
        assert_ne!(constant.bin(5), constant.bin(6));
    }
}
