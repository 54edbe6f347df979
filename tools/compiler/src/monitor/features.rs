//! Chooses what to watch: at most sixteen numbers that say what the input looks like and how sure the model is.
//!
//! | input | features |
//! |---|---|
//! | a table's row | each column, up to 60 |
//! | channels over time or space, at most 4 | mean, spread and roughness of each |
//! | more channels | the mean of each, or of ten groups of neighbours; spread and roughness of the whole |
//!
//! For a classifier also the class, its confidence, the energy and the entropy of the scores.

use siskin::format::{BINS, FeatureRecord};
use siskin::monitor::statistic;
use siskin::{DType, Model, Scores};

/// The most columns of a table that are watched each by itself.
const COLUMNS: u32 = 60;
/// The most groups of channels.
const GROUPS: u32 = 10;
/// The most elements of a region; of larger ones every so-manyth row is watched.
const AREA: u32 = 4096;

/// A region without the numbers that data decide.
fn region(tensor: u16, statistic: u8, index: u32, start: u32, rows: [u32; 2], columns: [u32; 2]) -> FeatureRecord {
    let ([rows, row_stride], [columns, column_stride]) = (rows, columns);
    let thin = (rows * columns).div_ceil(AREA).min(rows).max(1);
    FeatureRecord {
        tensor,
        after: 0,
        statistic,
        table: FeatureRecord::NO_TABLE,
        index: u16::try_from(index).unwrap_or(u16::MAX),
        start,
        rows: rows.div_ceil(thin),
        row_stride: row_stride * thin,
        columns,
        column_stride,
        step: 1.0,
        cuts: [i32::MAX; BINS - 1],
        reference: [0; BINS],
    }
}

/// The features of the first input.
pub(super) fn of_input(model: &Model<'_>) -> Vec<FeatureRecord> {
    let Some(io) = model.artifact().inputs().next() else { return Vec::new() };
    let Some(port) = model.inputs().next() else { return Vec::new() };
    if !matches!(port.dtype, DType::F32 | DType::I8 | DType::U8 | DType::I16) {
        // Tokens and indices have no mean.
        return Vec::new();
    }
    let t = io.tensor;
    let axes: Vec<u32> = port.shape.dims().iter().copied().filter(|&d| d > 1).collect();
    match axes[..] {
        [] => vec![region(t, statistic::MEAN, 0, 0, [1, 0], [1, 1])],
        [n] if n <= COLUMNS => (0..n).map(|i| region(t, statistic::MEAN, i, i, [1, 0], [1, 1])).collect(),
        [n] => grouped(t, [1, n]),
        [h, w, c] if c <= 4 => channels(t, c, |i| (i, [h, w * c], [w, c])),
        [c, h, w] if c <= 4 => channels(t, c, |i| (i * h * w, [h, w], [w, 1])),
        [h, c] if c <= 4 => channels(t, c, |i| (i, [1, 0], [h, c])),
        [c, w] if c <= 4 => channels(t, c, |i| (i * w, [1, 0], [w, 1])),
        [.., c] => grouped(t, [axes.iter().rev().skip(1).product(), c]),
    }
}

type Place = (u32, [u32; 2], [u32; 2]);

/// Mean, spread and roughness of each channel.
fn channels(tensor: u16, channels: u32, place: impl Fn(u32) -> Place) -> Vec<FeatureRecord> {
    let each = |i: u32| {
        let (start, rows, columns) = place(i);
        [statistic::MEAN, statistic::SPREAD, statistic::ROUGHNESS].map(|s| region(tensor, s, i, start, rows, columns))
    };
    (0..channels).flat_map(each).collect()
}

/// Means of the last axis, by itself or in groups, then spread and roughness of the whole.
fn grouped(tensor: u16, [rows, width]: [u32; 2]) -> Vec<FeatureRecord> {
    let each = width.div_ceil(GROUPS.min(width));
    let mut features: Vec<_> = (0..width.div_ceil(each))
        .map(|g| {
            let columns = each.min(width - g * each);
            region(tensor, statistic::MEAN, g, g * each, [rows, width], [columns, 1])
        })
        .collect();
    for s in [statistic::SPREAD, statistic::ROUGHNESS] {
        features.push(region(tensor, s, 0, 0, [rows, width], [width, 1]));
    }
    features
}

/// The scores of a classifier's first output.
pub(super) fn scores(model: &Model<'_>) -> Option<Scores> {
    Scores::of(model).filter(|s| s.classes >= 2)
}

/// The features of the scores.
pub(super) fn of_scores(scores: &Scores) -> Vec<FeatureRecord> {
    [statistic::CLASS, statistic::CONFIDENCE, statistic::ENTROPY, statistic::ENERGY]
        .map(|s| FeatureRecord { after: scores.after, ..region(scores.tensor, s, 0, 0, [1, 0], [1, 1]) })
        .to_vec()
}

/// A feature's name, for people.
#[must_use]
pub fn name(feature: &FeatureRecord) -> String {
    let index = feature.index;
    match feature.statistic {
        statistic::MEAN if feature.rows == 1 && feature.columns == 1 => format!("column {index}"),
        statistic::MEAN => format!("mean {index}"),
        statistic::SPREAD => format!("spread {index}"),
        statistic::ROUGHNESS => format!("roughness {index}"),
        statistic::CLASS => "class".into(),
        statistic::CONFIDENCE => "confidence".into(),
        statistic::MARGIN => "margin".into(),
        statistic::ENTROPY => "entropy".into(),
        statistic::ENERGY => "energy".into(),
        other => format!("statistic {other}"),
    }
}
