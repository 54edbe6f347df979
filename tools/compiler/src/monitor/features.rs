//! Chooses what to watch: a few dozen numbers that say what the input looks like and how sure the model is.
//!
//! | input | features |
//! |---|---|
//! | a table's row | each column, up to 60 |
//! | channels over time or space, at most 4 | mean, spread and roughness of each |
//! | more channels | the mean of each, or of ten groups of neighbours; spread and roughness of the whole |
//!
//! For a classifier also the class, its confidence, the energy and the entropy of the scores; where classes are at most 16,
//! whether one is gone; and the layer before the scores: the means of four groups of it, and how far it is from what the
//! classes look like there. Saturation, of the input and of the largest layers of integers, is counted and is no evidence.

use siskin::format::{ALTERNATIVES, BINS, FeatureRecord};
use siskin::monitor::statistic;
use siskin::{Axes, DType, Model, Scores};

/// The most columns of a table that are watched each by itself.
const COLUMNS: u32 = 60;
/// The most groups of channels.
const GROUPS: u32 = 10;
/// The most elements of a region; of larger ones every so-manyth row is watched.
const AREA: u32 = 4096;
/// The most elements of a layer of which saturated ones are counted.
const SATURATION_AREA: u32 = 128;
/// The most layers of which they are: the largest.
const LAYERS: usize = 12;
/// The most bytes of prototypes.
const PROTOTYPES: u32 = 8192;
/// Groups of the layer before the scores.
const EMBEDDING_GROUPS: u32 = 4;

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

/// The features of a model, in the order in which they are read: all, or as few as tell of input, class and confidence.
pub(super) fn chosen(
    model: &Model<'_>,
    scores: Option<&Scores>,
    embedding: Option<&Embedding>,
    all: bool,
) -> Vec<FeatureRecord> {
    let mut features = of_input(model);
    features.extend(scores.into_iter().flat_map(of_scores));
    if all {
        features.extend(of_layers(model));
        features.extend(embedding.into_iter().flat_map(of_embedding));
        features.extend(scores.into_iter().flat_map(of_absence));
    }
    features.sort_by_key(|f| f.after);
    features
}

/// Whole tensors as regions of at most `area` elements.
fn saturation(tensor: u16, after: u16, index: u32, shape: &[u32]) -> FeatureRecord {
    let width = shape.last().copied().unwrap_or(1).max(1);
    let rows = shape.iter().product::<u32>() / width;
    let columns = width.min(SATURATION_AREA);
    let thin = (rows * columns).div_ceil(SATURATION_AREA).min(rows).max(1);
    let rows = [rows.div_ceil(thin), width * thin];
    let whole = region(tensor, statistic::SATURATION, index, 0, rows, [columns, width / columns]);
    FeatureRecord { after, table: FeatureRecord::COUNTED, ..whole }
}

/// Saturation of the first input and of the largest layers of integers, numbered by operator.
fn of_layers(model: &Model<'_>) -> Vec<FeatureRecord> {
    let artifact = model.artifact();
    let ty = |tensor: u16| artifact.ty(artifact.tensor(tensor)?);
    let input = artifact.inputs().next().and_then(|io| Some((io.tensor, ty(io.tensor)?)));
    let watched = |dtype| matches!(dtype, DType::F32 | DType::I8 | DType::U8 | DType::I16);
    let input = input.filter(|(_, ty)| watched(ty.dtype)).map(|(t, ty)| saturation(t, 0, 0, ty.shape));
    let mut layers: Vec<(u32, FeatureRecord)> = Vec::new();
    for (k, step) in model.steps().enumerate() {
        let Some(&tensor) = step.outputs().first() else { continue };
        let Some(ty) = ty(tensor).filter(|ty| ty.dtype == DType::I8) else { continue };
        let computes = matches!(step.entry.name, "Conv" | "ConvTranspose" | "MatMul" | "Gemm" | "Add" | "Mul")
            || step.entry.name.starts_with("QLinear");
        if let (true, Some(n), Ok(after)) = (computes, ty.shape.checked_elements(), u16::try_from(k + 1)) {
            layers.push((n, saturation(tensor, after, k as u32, ty.shape)));
        }
    }
    layers.sort_by_key(|&(n, f)| (core::cmp::Reverse(n), f.after));
    layers.truncate(LAYERS);
    input.into_iter().chain(layers.into_iter().map(|(_, f)| f)).collect()
}

/// The features of the first input.
fn of_input(model: &Model<'_>) -> Vec<FeatureRecord> {
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

/// The same elements as one row, if they stand at equal distances: it takes the least time to walk.
fn as_row(f: FeatureRecord) -> FeatureRecord {
    let stride = if f.columns == 1 { f.row_stride } else { f.column_stride };
    if f.columns > 1 && f.row_stride != f.columns * stride {
        return f;
    }
    FeatureRecord { rows: 1, row_stride: 0, columns: f.rows * f.columns, column_stride: stride, ..f }
}

/// Means of the last axis, by itself or in groups, then spread and roughness of the whole.
fn grouped(tensor: u16, [rows, width]: [u32; 2]) -> Vec<FeatureRecord> {
    let each = width.div_ceil(GROUPS.min(width));
    let mut features: Vec<_> = (0..width.div_ceil(each))
        .map(|g| {
            let columns = each.min(width - g * each);
            as_row(region(tensor, statistic::MEAN, g, g * each, [rows, width], [columns, 1]))
        })
        .collect();
    features.push(as_row(region(tensor, statistic::SPREAD, 0, 0, [rows, width], [width, 1])));
    features.push(region(tensor, statistic::ROUGHNESS, 0, 0, [rows, width], [width, 1]));
    features
}

/// The scores of a classifier's first output.
pub(super) fn scores(model: &Model<'_>) -> Option<Scores> {
    Scores::of(model).filter(|s| s.classes >= 2)
}

/// The layer before the scores.
#[derive(Clone, Copy, Debug)]
pub(super) struct Embedding {
    /// The tensor.
    pub tensor: u16,
    /// The number of operators that have run when it is there.
    pub after: u16,
    /// Its elements.
    pub width: u32,
    /// Their type: 8 bits or f32.
    pub dtype: DType,
}

/// The layer that the scores are made from, where prototypes of all classes are small enough to keep.
pub(super) fn embedding(model: &Model<'_>, scores: &Scores) -> Option<Embedding> {
    let (tensor, after) = scores.source(model)?;
    let artifact = model.artifact();
    let ty = artifact.ty(artifact.tensor(tensor)?)?;
    let width = ty.shape.checked_elements()?;
    let known = matches!(ty.dtype, DType::I8 | DType::U8 | DType::F32);
    let fits = (EMBEDDING_GROUPS..=PROTOTYPES / scores.classes).contains(&width);
    (known && fits).then_some(Embedding { tensor, after, width, dtype: ty.dtype })
}

fn of_embedding(e: &Embedding) -> Vec<FeatureRecord> {
    let each = e.width.div_ceil(EMBEDDING_GROUPS);
    let group = |g: u32| {
        let columns = each.min(e.width.saturating_sub(g * each));
        region(e.tensor, statistic::MEAN, g, g * each, [1, 0], [columns, 1])
    };
    let groups = (0..e.width.div_ceil(each)).map(group);
    let distance = region(e.tensor, statistic::DISTANCE, 0, 0, [1, 0], [e.width, 1]);
    groups.chain([distance]).map(|f| FeatureRecord { after: e.after, ..f }).collect()
}

/// The features of the scores.
fn of_scores(scores: &Scores) -> Vec<FeatureRecord> {
    let of_all = [statistic::CLASS, statistic::CONFIDENCE, statistic::ENTROPY, statistic::ENERGY];
    of_all.map(|s| of_score(scores, s)).to_vec()
}

fn of_score(scores: &Scores, statistic: u8) -> FeatureRecord {
    FeatureRecord { after: scores.after, ..region(scores.tensor, statistic, 0, 0, [1, 0], [1, 1]) }
}

/// The class again, four classes each: a table marks that its alternatives are to be without one of these.
fn of_absence(scores: &Scores) -> Vec<FeatureRecord> {
    let gone = |first: u32| FeatureRecord { table: 0, index: first as u16, ..of_score(scores, statistic::CLASS) };
    let classes = if scores.classes <= BINS as u32 { scores.classes } else { 0 };
    (0..classes).step_by(ALTERNATIVES).map(gone).collect()
}

/// A feature's name, for people.
#[must_use]
pub fn name(feature: &FeatureRecord) -> String {
    match siskin::monitor::name(feature) {
        (word, Some(index)) => format!("{word} {index}"),
        (word, None) => word.into(),
    }
}
