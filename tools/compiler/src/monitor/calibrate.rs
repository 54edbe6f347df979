//! The threshold that keeps the promised number of inferences between false alarms.
//!
//! The formula's own promise, that evidence reaches `A` once in `A` inferences at most, holds for a reference without error.
//! A real one has few samples, and they may follow each other closely. So the stream is simulated with the monitor that
//! ships: each run draws as many samples as the reference is worth, with replacement, streams from what it drew, and is
//! weighed against the reference. What such runs differ from the reference by, the reference differs by from what it
//! was drawn from (Efron's bootstrap). Whole samples are drawn, so features depend on each other as they do.
//!
//! The threshold is where runs, together, raise one alarm in `arl` inferences.

use super::MonitorError;
use siskin::Monitor;
use siskin::format::{Baseline, FeatureRecord, MonitorRecord, Odds, Prng};
use siskin::monitor::statistic;

/// Simulated streams.
const RUNS: usize = 96;
/// Features times inferences that are simulated; beyond, the threshold is extrapolated.
const BUDGET: usize = 60_000_000;
/// A threshold that nothing reaches.
const NEVER: f32 = 1e30;

/// How closely the samples of a reference follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dependence {
    /// Inferences after which a sample tells as good as nothing of the next one.
    pub stride: u32,
    /// Independent samples that the reference is worth.
    pub effective: u32,
}

/// Measures dependence in the order of the reference, over the features that vary.
#[must_use]
pub fn dependence(rows: &[Vec<i32>], features: &[FeatureRecord]) -> Dependence {
    let n = rows.len();
    let worst = |lag: usize| {
        let each = features
            .iter()
            .enumerate()
            .filter(|(_, f)| f.table < FeatureRecord::COUNTED && f.statistic != statistic::CLASS);
        each.map(|(i, f)| correlation(rows, i, f, lag)).fold(0.0, f64::max)
    };
    // Three standard errors of a correlation of nothing: the largest of some dozen features stays below.
    let noise = 3.3 / libm::sqrt(n as f64);
    let first = worst(1);
    if first <= noise.max(0.1) || n < 50 {
        return Dependence { stride: 1, effective: n as u32 };
    }
    let mut sum = first;
    let mut lag = 1;
    while lag < n / 10 {
        lag += 1;
        let r = worst(lag);
        if r <= noise.max(0.05) {
            break;
        }
        sum += r;
    }
    // For a stream of first order, the lag at which a correlation of 0.05 is left.
    let order = libm::ceil(libm::log(0.05) / libm::log(first.min(0.99))) as usize;
    let effective = n as f64 / (1.0 + 2.0 * sum.max(first / (1.0 - first.min(0.99))));
    Dependence { stride: lag.max(order) as u32, effective: (effective as u32).clamp(20, n as u32) }
}

/// The correlation of a feature's bins with those `lag` samples later.
fn correlation(rows: &[Vec<i32>], i: usize, feature: &FeatureRecord, lag: usize) -> f64 {
    let x: Vec<f64> = rows.iter().map(|r| feature.bin(r[i]) as f64).collect();
    let mean = x.iter().sum::<f64>() / x.len() as f64;
    let variance: f64 = x.iter().map(|v| (v - mean) * (v - mean)).sum();
    let product: f64 = x.iter().zip(&x[lag..]).map(|(a, b)| (a - mean) * (b - mean)).sum();
    if variance > 0.0 { product / variance } else { 0.0 }
}

/// What the adaptive detector pays at each step, so that learning how a reference of this many samples differs from its
/// source is no evidence: the excess has the mean and the spread of a chi-square, and the largest of all features counts.
#[must_use]
pub fn correction(effective: u32, features: usize) -> f32 {
    let freedom = 15.0;
    let spread = libm::sqrt(2.0 * freedom);
    let largest = freedom + spread * (1.0 + 0.53 * libm::log(features as f64));
    libm::exp(-largest / (2.0 * f64::from(effective))) as f32
}

/// The threshold for one false alarm in `arl` inferences.
///
/// # Errors
/// If the section is malformed, which would be a bug of the compiler.
pub fn threshold(
    record: &MonitorRecord,
    features: &[FeatureRecord],
    odds: &[Odds],
    rows: &[Vec<i32>],
) -> Result<f32, MonitorError> {
    let sums = record.detector == MonitorRecord::E_DETECTOR;
    // The detectors look at every `stride`th inference; their looks are what is simulated.
    let looks = f64::from(record.arl) / f64::from(record.stride);
    let horizon = (looks as usize).clamp(100, (BUDGET / RUNS / features.len()).max(1000));
    let never = MonitorRecord { threshold: NEVER, stride: 1, prototypes: 0, ..*record };
    let section = Baseline::write(&never, features, odds, &[]);
    let mut aligned = vec![0u64; section.len().div_ceil(8)];
    bytemuck::cast_slice_mut::<_, u8>(&mut aligned)[..section.len()].copy_from_slice(&section);
    let section = &bytemuck::cast_slice(&aligned)[..section.len()];
    let baseline = Baseline::new_checked(section).map_err(siskin::Error::from)?;
    let mut rng = Prng::new(0x5157_u64);
    let mut records = Vec::new();
    for _ in 0..RUNS {
        records.push(run(baseline, rows, horizon, &mut rng)?);
    }
    let at = |arl: f64| search(&records, horizon, arl);
    if looks <= horizon as f64 {
        return Ok(at(looks) as f32);
    }
    // Between a quarter of what was simulated and all of it the logarithms lie on a line; it is followed.
    let (far, near) = (horizon as f64, horizon as f64 / 4.0);
    let slope = (libm::log(at(far)) - libm::log(at(near))) / libm::log(4.0);
    // Evidence that is summed grows as long as it is waited for.
    let slope = if sums { slope.max(1.0) } else { slope.max(0.0) };
    Ok(libm::exp(libm::log(at(far)) + slope * libm::log(looks / far)) as f32)
}

/// One simulated stream: when the evidence was higher than ever before, and how high.
fn run(
    baseline: Baseline<'_>,
    rows: &[Vec<i32>],
    horizon: usize,
    rng: &mut Prng,
) -> Result<Vec<(usize, f64)>, MonitorError> {
    let mut draw = |n: usize| ((rng.next_u64() >> 32) as usize * n) >> 32;
    let world: Vec<usize> = (0..baseline.record.effective).map(|_| draw(rows.len())).collect();
    let mut memory = vec![0u64; (baseline.record.memory_len as usize).div_ceil(8)];
    let mut monitor = Monitor::detached(baseline, bytemuck::cast_slice_mut(&mut memory))?;
    let (mut highest, mut record) = (0.0, Vec::new());
    for t in 1..=horizon {
        monitor.observe(&rows[world[draw(world.len())]]);
        let evidence = f64::from(monitor.evidence()) * f64::from(NEVER);
        if evidence > highest {
            highest = evidence;
            record.push((t, evidence));
        }
    }
    Ok(record)
}

/// The threshold at which all runs together have one alarm in `arl` inferences.
fn search(records: &[Vec<(usize, f64)>], horizon: usize, arl: f64) -> f64 {
    let rate = |threshold: f64| {
        let (mut alarms, mut time) = (0usize, 0usize);
        for record in records {
            let first = record.iter().find(|r| r.1 >= threshold);
            alarms += usize::from(first.is_some());
            time += first.map_or(horizon, |r| r.0);
        }
        alarms as f64 / time as f64
    };
    // Distances of windows are far below 1.
    let (mut low, mut high) = (-14.0, 69.0);
    for _ in 0..50 {
        let middle = (low + high) / 2.0;
        if rate(libm::exp(middle)) * arl > 1.0 { low = middle } else { high = middle }
    }
    libm::exp(high)
}
