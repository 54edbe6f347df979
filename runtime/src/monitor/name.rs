//! What features are called, for people.

use super::statistic;
use siskin_format::FeatureRecord;

/// The word for a feature, and its number where there are several of the kind: `mean`, 3.
#[must_use]
pub const fn name(feature: &FeatureRecord) -> (&'static str, Option<u16>) {
    let index = Some(feature.index);
    match feature.statistic {
        statistic::MEAN if feature.after > 0 => ("embedding", index),
        statistic::MEAN if feature.rows == 1 && feature.columns == 1 => ("column", index),
        statistic::MEAN => ("mean", index),
        statistic::SPREAD => ("spread", index),
        statistic::ROUGHNESS => ("roughness", index),
        statistic::SATURATION if feature.after == 0 => ("saturated input", None),
        statistic::SATURATION => ("saturated layer", index),
        statistic::DISTANCE => ("distance", None),
        statistic::CLASS if feature.table < FeatureRecord::COUNTED => ("one gone of classes from", index),
        statistic::CLASS => ("class", None),
        statistic::CONFIDENCE => ("confidence", None),
        statistic::MARGIN => ("margin", None),
        statistic::ENTROPY => ("entropy", None),
        statistic::ENERGY => ("energy", None),
        other => ("statistic", Some(other as u16)),
    }
}
