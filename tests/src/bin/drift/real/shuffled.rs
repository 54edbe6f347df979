//! Whether the promise is kept on real data in an order of chance: nothing changes, so every alarm is false.
//!
//! The samples are what everything is drawn from, with replacement, again and again: a reference that a monitor is made
//! with, then streams.

use super::{Sample, dataset, open, samples, watch, weather};
use crate::section::{Section, promising};
use crate::{ARL, parallel};
use siskin::Monitor;
use siskin::format::{Baseline, Prng};
use siskin_compiler::compress;
use siskin_compiler::monitor::attach;
use siskin_compiler::run::Loaded;
use siskin_tests::source;
use std::path::Path;

/// References that are drawn, and streams for each.
const REFERENCES: usize = 20;
const STREAMS: usize = 5;
/// Days of the weather's reference.
const DAYS: usize = 1000;
/// The least that is asked for.
const LEAST: f64 = 5_000.0;

/// A model, what it is quantized with, and the samples that are drawn from.
struct Pool {
    name: &'static str,
    model: &'static str,
    calib: &'static str,
    sets: &'static [&'static str],
    reference: usize,
}

const POOLS: [Pool; 2] = [
    Pool {
        name: "kws",
        model: "mlperf_tiny/kws_dscnn_float.onnx",
        calib: "kws_calib.npz",
        sets: &["kws_calib.npz", "kws_val.npz"],
        reference: 200,
    },
    Pool {
        name: "ic",
        model: "mlperf_tiny/ic_resnet8_float.onnx",
        calib: "ic_val.npz",
        sets: &["cifar10_val.npz"],
        reference: 1000,
    },
];

/// What one reference showed.
struct Found {
    features: u16,
    samples: usize,
    /// Inferences to the alarm of each stream.
    lengths: Vec<usize>,
}

/// Prints a row for each set; the number of promises that are not kept.
pub(super) fn table(shared: &Path, folder: &Path) -> usize {
    println!(
        "\npromised {ARL} inferences between false alarms; drawn from real data, {REFERENCES} references, {STREAMS} streams each"
    );
    println!("| samples | of | features | reference | measured | must be |\n|---|---|---|---|---|---|");
    let missed: usize = POOLS.iter().map(|pool| print(pool.name, pool.reference, &pooled(pool, shared, folder))).sum();
    let days = weather::days(shared);
    let found = parallel(REFERENCES, |k| {
        let mut prng = seeded(k);
        let reference = drawn(&days, DAYS, &mut prng);
        streams(Section::new(&reference, ARL, None).baseline(), &days, &mut prng)
    });
    missed + print("weather", DAYS, &found)
}

fn print(name: &str, reference: usize, found: &[Found]) -> usize {
    let lengths = || found.iter().flat_map(|s| &s.lengths);
    let mean = lengths().sum::<usize>() as f64 / lengths().count() as f64;
    let mark = if mean < LEAST { " MISSED" } else { "" };
    let Found { features, samples, .. } = found[0];
    println!("| {name} | {samples} | {features} | {reference} | {mean:.0} | {LEAST} or more{mark} |");
    usize::from(mean < LEAST)
}

/// Neighbouring seeds of this generator give one sequence, a step apart: the seed is mixed first.
fn seeded(k: usize) -> Prng {
    Prng::new(Prng::new(k as u64).next_u64())
}

fn drawn<T: Clone>(from: &[T], n: usize, prng: &mut Prng) -> Vec<T> {
    (0..n).map(|_| from[(prng.next_u64() % from.len() as u64) as usize].clone()).collect()
}

fn pooled(pool: &Pool, shared: &Path, folder: &Path) -> Vec<Found> {
    let model = source(&shared.join("models").join(pool.model), &[]);
    let specs = model.input_specs();
    let file = model.compress(&compress::Options::default(), Some(&open(shared, pool.calib, &specs)), &mut ());
    let file = file.unwrap().file;
    let all: Vec<Sample> = pool.sets.iter().flat_map(|set| samples(&open(shared, set, &specs))).collect();
    parallel(REFERENCES, |k| {
        let mut prng = seeded(k);
        let reference = drawn(&all, pool.reference, &mut prng);
        let path = folder.join(format!("{}_reference_{k}.npz", pool.name));
        let file = attach(&file, &promising(ARL), &dataset(&reference, &specs[0], &path), &mut ()).unwrap().file;
        std::fs::remove_file(path).unwrap();
        let rows = watch(&file, &all, 0).rows;
        let loaded = Loaded::new(&file).unwrap();
        streams(loaded.model().unwrap().artifact().baseline().unwrap().unwrap(), &rows, &mut prng)
    })
}

/// Streams of rows, each until its alarm; those longer than twenty times the promise count as that long.
fn streams(baseline: Baseline<'_>, rows: &[Vec<i32>], prng: &mut Prng) -> Found {
    let most = 20 * ARL as usize;
    let mut memory = vec![0u64; (baseline.record.memory_len as usize).div_ceil(8)];
    let mut length = || {
        let mut monitor = Monitor::detached(baseline, bytemuck::cast_slice_mut(&mut memory)).unwrap();
        let alarmed = |_: &usize| {
            monitor.observe(&rows[(prng.next_u64() % rows.len() as u64) as usize]);
            monitor.alarm().is_some()
        };
        (1..most).find(alarmed).unwrap_or(most)
    };
    let lengths = (0..STREAMS).map(|_| length()).collect();
    Found { features: baseline.record.features, samples: rows.len(), lengths }
}
