//! Puts into an artifact what its monitor compares with.
//!
//! ```text
//! artifact -> features -> [run the reference through it] -> bins, odds -> confidence -> threshold -> artifact with a monitor
//! ```
//!
//! Features, values and scores come from the runtime's own monitor on the shipped kernels. The artifact's other sections stay
//! as they are.

mod calibrate;
mod collect;
mod compare;
mod confidence;
mod estimate;
mod features;
mod normal;
mod options;
mod prototypes;
mod reference;
mod replay;

pub use calibrate::{Dependence, correction, dependence, threshold};
pub use collect::{Scored, Seen, collect};
pub use compare::{Comparison, compare};
pub use confidence::{Judgement, calibration_error, judge, probabilities};
pub use estimate::{Estimate, Share, estimate};
pub use features::name;
pub use options::{Abstain, DETECTORS, Options};
pub use replay::{Errors, Replay, replay};

use crate::data::{DataError, Dataset, Place};
use crate::lower::LowerError;
use crate::progress::Progress;
use crate::run::Loaded;
use siskin::format::{ABSENT, Baseline, FeatureRecord, MonitorRecord, Odds, Writer};
use siskin::monitor::{memory_len, statistic};
use siskin::{DType, Model, Scores};

/// Why an artifact cannot have a monitor, or a stream cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The artifact, or its memory.
    #[error(transparent)]
    Runtime(#[from] siskin::Error),
    /// The new file.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// A sample does not suit the model.
    #[error(transparent)]
    Walk(#[from] crate::walk::WalkError),
    /// Nothing can be watched.
    #[error("nothing to watch: the model's input is neither real nor 8 or 16 bits, and its output has no classes")]
    NoFeatures,
    /// Too little data.
    #[error("{0}: {1} samples are too few for a reference: give --calib at least 50")]
    TooFew(Place, usize),
}

/// An artifact with a monitor, and what was found on the way.
#[derive(Clone, Debug)]
pub struct Attached {
    /// The file.
    pub file: Vec<u8>,
    /// The fixed part of the section.
    pub record: MonitorRecord,
    /// The features.
    pub features: Vec<FeatureRecord>,
    /// The gain at which scores give the model's own probabilities.
    pub given: f64,
    /// Whether temperature and prediction sets were fitted to labels.
    pub calibrated: bool,
}

/// Gives an artifact a monitor whose reference is `data`. Labels of `data` calibrate confidence.
///
/// # Errors
/// [`MonitorError`].
pub fn attach(
    file: &[u8],
    options: &Options,
    data: &Dataset,
    progress: &mut dyn Progress,
) -> Result<Attached, MonitorError> {
    if data.len() < 50 {
        return Err(MonitorError::TooFew(data.place(), data.len()));
    }
    let loaded = Loaded::new(file)?;
    let model = loaded.model()?;
    let scores = features::scores(&model);
    let all = !options.is_minimal();
    let embedding = scores.as_ref().filter(|_| all).and_then(|s| features::embedding(&model, s));
    let mut watched = features::chosen(&model, scores.as_ref(), embedding.as_ref(), all);
    if watched.is_empty() {
        return Err(MonitorError::NoFeatures);
    }
    set_steps(&model, &mut watched, data)?;
    let mut record = draft(options, &watched, scores.as_ref());
    let seen = look(file, &record, &watched, &[], data, progress)?;
    let mut found = Vec::new();
    if let Some(embedding) = &embedding {
        let step;
        (found, step) = prototypes::prototypes(&seen, embedding.dtype);
        record.prototypes = (found.len() / embedding.width as usize) as u16;
        watched.iter_mut().filter(|f| f.tensor == embedding.tensor).for_each(|f| f.step = step);
    }
    let labelled: Vec<Scored> = seen.scored.iter().filter(|s| s.label.is_some()).cloned().collect();
    let fitted = scores.map(|s| calibrate_scores(&mut record, &s, &seen.scored, &labelled, options));
    // Confidence and distances are known only now, so what is made of them is seen anew.
    let seen = look(file, &record, &watched, &found, data, progress)?;
    record.distance = farthest(&watched, &seen.rows);
    let odds = fit(&mut record, &mut watched, &seen.rows, scores.as_ref(), options);
    record.threshold = threshold(&record, &watched, &odds, &seen.rows)?;
    let file = with_section(file, &Baseline::write(&record, &watched, &odds, &found))?;
    Loaded::new(&file)?.session()?.self_test()?;
    let given = fitted.unwrap_or(1.0);
    Ok(Attached { file, record, features: watched, given, calibrated: scores.is_some() && !labelled.is_empty() })
}

/// The distance that one input in a hundred of the reference exceeds.
fn farthest(watched: &[FeatureRecord], rows: &[Vec<i32>]) -> u32 {
    let Some(i) = watched.iter().position(|f| f.statistic == statistic::DISTANCE) else { return u32::MAX };
    let mut distances: Vec<i32> = rows.iter().map(|r| r[i]).collect();
    distances.sort_unstable();
    let at = ((distances.len() + 1) as f64 * 0.99).ceil() as usize;
    distances.get(at.saturating_sub(1)).or(distances.last()).map_or(u32::MAX, |d| d.unsigned_abs())
}

/// A section whose numbers are not known yet.
fn draft(options: &Options, watched: &[FeatureRecord], scores: Option<&Scores>) -> MonitorRecord {
    let mut record = MonitorRecord {
        version: 1,
        features: watched.len() as u16,
        tables: 0,
        parts: options.parts,
        memory_len: 0,
        stride: 1,
        samples: 0,
        effective: 1,
        arl: options.arl,
        threshold: 1.0,
        correction: 1.0,
        scores: scores.map_or(ABSENT, |s| s.tensor),
        after: scores.map_or(0, |s| s.after),
        zero: 0,
        gain: 1.0,
        quantile: 0.0,
        abstain: 0.0,
        temperature: 1.0,
        coverage: options.coverage,
        detector: options.detector,
        prototypes: 0,
        window: 0,
        distance: u32::MAX,
        confident: 0.0,
        weighed: watched.iter().filter(|f| f.is_weighed()).count() as u16,
        reserved: 0,
    };
    if let Abstain::Below(confidence) = options.abstain {
        record.abstain = confidence;
    }
    if record.is_windowed() {
        record.window = options.window;
    }
    if record.detector != MonitorRecord::E_DETECTOR {
        record.parts &= !MonitorRecord::ADAPT;
    }
    record.memory_len = memory_len(&record) as u32;
    record
}

/// Real inputs become whole numbers: 127 steps to the largest value of the reference.
fn set_steps(model: &Model<'_>, watched: &mut [FeatureRecord], data: &Dataset) -> Result<(), MonitorError> {
    if model.inputs().next().is_none_or(|p| p.dtype != DType::F32) {
        return Ok(());
    }
    let mut largest = vec![0.0f32; watched.len()];
    for sample in data.iter() {
        let sample = sample?;
        let x = sample.x.first().map(|x| x.to_f32()).unwrap_or_default();
        for (f, largest) in watched.iter().zip(&mut largest) {
            // A column has its own step; regions share that of the whole input.
            let values = if f.columns == 1 && f.rows == 1 { &x[f.start as usize..=f.start as usize] } else { &x[..] };
            *largest = values.iter().fold(*largest, |m, v| m.max(v.abs()));
        }
    }
    for (f, largest) in watched.iter_mut().zip(largest) {
        f.step = if largest > 0.0 { largest / 127.0 } else { 1.0 };
    }
    Ok(())
}

/// Runs the reference through the artifact with the section as it is so far.
fn look(
    file: &[u8],
    record: &MonitorRecord,
    watched: &[FeatureRecord],
    prototypes: &[i8],
    data: &Dataset,
    progress: &mut dyn Progress,
) -> Result<Seen, MonitorError> {
    let even = |f: &FeatureRecord| {
        let mut f = *f;
        f.reference = [4096; siskin::format::BINS];
        f.reference[0] = 4095;
        f.table = if f.is_weighed() { FeatureRecord::NO_TABLE } else { f.table };
        f
    };
    let watched: Vec<FeatureRecord> = watched.iter().map(even).collect();
    let file = with_section(file, &Baseline::write(record, &watched, &[], prototypes))?;
    collect(&mut Loaded::new(&file)?, data, progress)
}

/// Temperature and prediction sets; the gain of the model's own probabilities.
fn calibrate_scores(
    record: &mut MonitorRecord,
    scores: &Scores,
    all: &[Scored],
    labelled: &[Scored],
    options: &Options,
) -> f64 {
    let given = if scores.softmax { confidence::as_given(all) } else { 1.0 };
    let gain = if labelled.is_empty() { given } else { confidence::calibrated(labelled, given) };
    record.gain = gain as f32;
    record.temperature = (given / gain) as f32;
    if !labelled.is_empty() {
        record.quantile = confidence::quantile(labelled, gain, f64::from(options.coverage)) as f32;
        let accuracy = confidence::right(labelled) as f64 / labelled.len() as f64;
        record.confident = confidence::exceeded(labelled, gain, accuracy);
    }
    if let Abstain::Answer(share) = options.abstain {
        record.abstain = confidence::exceeded(all, gain, share.into());
    }
    given
}

/// Bins, odds and everything that depends on how much the reference is worth.
fn fit(
    record: &mut MonitorRecord,
    watched: &mut [FeatureRecord],
    rows: &[Vec<i32>],
    scores: Option<&Scores>,
    options: &Options,
) -> Vec<Odds> {
    let mut odds = Vec::new();
    for (i, feature) in watched.iter_mut().enumerate() {
        let values: Vec<i32> = rows.iter().map(|r| r[i]).collect();
        let classes = if feature.statistic == statistic::CLASS { scores.map_or(0, |s| s.classes) } else { 0 };
        reference::fit(feature, &values, classes, &mut odds);
    }
    let found = dependence(rows, watched);
    record.tables = odds.len() as u16;
    record.samples = rows.len() as u32;
    record.stride = options.stride.unwrap_or(found.stride);
    record.effective = found.effective;
    record.correction = correction(record.effective, watched.len());
    odds
}

/// A section for values that are made elsewhere, as simulations make them: one feature for each value of a row, and a
/// threshold found for these rows unless one is given.
///
/// # Errors
/// [`MonitorError`].
pub fn section(rows: &[Vec<i32>], options: &Options, given: Option<f32>) -> Result<Vec<u8>, MonitorError> {
    let column = FeatureRecord { rows: 1, columns: 1, step: 1.0, ..bytemuck::Zeroable::zeroed() };
    let mut watched = vec![column; rows.first().map_or(0, Vec::len)];
    let mut record = draft(options, &watched, None);
    let odds = fit(&mut record, &mut watched, rows, None, options);
    record.threshold = given.map_or_else(|| threshold(&record, &watched, &odds, rows), Ok)?;
    Ok(Baseline::write(&record, &watched, &odds, &[]))
}

/// The file with this monitor section in place of its own.
fn with_section(file: &[u8], section: &[u8]) -> Result<Vec<u8>, MonitorError> {
    let loaded = Loaded::new(file)?;
    let writer = Writer { monitor: section.to_vec(), ..Writer::of(loaded.model()?.artifact()) };
    Ok(crate::lower::finish(&writer)?)
}
