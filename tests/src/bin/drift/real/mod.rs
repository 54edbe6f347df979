//! Real data: streams that change at a known place, through artifacts with monitors as the compiler makes them.
//!
//! Every change begins with a stream like the reference, on which no alarm may come. What the monitors see is written as
//! tables, so that any other detector can judge the same values.

mod changes;
mod confidence;
mod shuffled;
mod speakers;
mod weather;

use crate::section::promising;
use changes::{blurred, flat, noisy, without_a_class};
use siskin::Monitor;
use siskin::format::Prng;
use siskin::monitor::Witness;
use siskin_compiler::compress;
use siskin_compiler::data::{Array, ArrayData, Dataset, InputSpec, Sample as Given, write_npz};
use siskin_compiler::monitor::{Attached, attach, collect, name};
use siskin_compiler::run::Loaded;
use siskin_tests::{shared, source};
use std::path::Path;

/// What monitors of real streams promise: of the inferences before the changes, some thousands together, none may be an alarm.
const PROMISE: u32 = 100_000;
/// How often a changed stream is gone through until the monitor is given up on.
const ROUNDS: usize = 5;

/// A sample: its input and its class.
type Sample = (Vec<f32>, usize);

/// What changes, and what does it.
type Change = (&'static str, fn(&mut Vec<Sample>));

/// A model, its reference, and a stream like the reference that is cut in two: before a change, and what is changed.
struct Case {
    name: &'static str,
    model: &'static str,
    /// What inputs are divided by.
    std: f32,
    reference: &'static str,
    stream: &'static str,
    /// Samples before the change.
    before: usize,
    changes: &'static [Change],
}

const CASES: [Case; 3] = [
    Case {
        name: "kws",
        model: "mlperf_tiny/kws_dscnn_float.onnx",
        std: 1.0,
        reference: "kws_calib.npz",
        stream: "kws_val.npz",
        before: 400,
        changes: &[("noise at 10 dB", noisy), ("one of 12 classes gone", without_a_class)],
    },
    Case {
        name: "ic",
        model: "mlperf_tiny/ic_resnet8_float.onnx",
        std: 1.0,
        reference: "cifar10_train.npz",
        stream: "cifar10_val.npz",
        before: 1000,
        changes: &[("blur, 3x3", blurred), ("half the contrast", flat)],
    },
    Case {
        name: "vww",
        model: "mlperf_tiny/vww_mobilenetv1_025_96_float.onnx",
        std: 255.0,
        reference: "vww_calib.npz",
        stream: "vww_val.npz",
        before: 300,
        changes: &[("half the contrast", flat)],
    },
];

/// Prints what came of every change; the number of figures missed.
pub(super) fn table(folder: &Path) -> usize {
    let Some(shared) = shared() else { return 0 };
    println!(
        "\nreal data, promised {PROMISE} inferences between false alarms: inferences from the change to the alarm, none before it"
    );
    println!("| stream | change | right before | after | reference | before | delay | names |");
    println!("|---|---|---|---|---|---|---|---|");
    let mut missed = 0;
    let mut judged = Vec::new();
    for case in &CASES {
        let (watched, reference, stream) = case.open(&shared);
        judged.push(confidence::judged(case.name, &watched, reference.len(), &stream));
        missed += one(case, &watched.file, &reference, &stream, folder);
    }
    missed += speakers::table(&shared, folder) + weather::row(&shared, folder);
    missed + confidence::table(&judged) + shuffled::table(&shared, folder)
}

impl Case {
    /// The int8 artifact with its monitor, its reference, and the stream.
    fn open(&self, shared: &Path) -> (Attached, Dataset, Dataset) {
        let model = source(&shared.join("models").join(self.model), &[]);
        let mut specs = model.input_specs();
        specs[0].std = vec![self.std];
        let [reference, stream] = [self.reference, self.stream].map(|name| open(shared, name, &specs));
        let file = model.compress(&compress::Options::default(), Some(&reference), &mut ()).unwrap().file;
        (attach(&file, &promising(PROMISE), &reference, &mut ()).unwrap(), reference, stream)
    }
}

fn one(case: &Case, file: &[u8], reference: &Dataset, stream: &Dataset, folder: &Path) -> usize {
    let mut stream = samples(stream);
    shuffle(&mut stream, 7);
    let changed = if stream.len() > case.before { stream.split_off(case.before) } else { stream.clone() };
    let mut missed = 0;
    for (what, change) in case.changes {
        let mut changed = changed.clone();
        change(&mut changed);
        missed += told(case.name, what, file, reference, [&stream, &changed], folder);
    }
    missed
}

fn open(shared: &Path, name: &str, specs: &[InputSpec]) -> Dataset {
    Dataset::open(&shared.join("data").join(name).display().to_string(), specs).unwrap()
}

/// A set of these samples, in a file.
fn dataset(samples: &[Sample], spec: &InputSpec, path: &Path) -> Dataset {
    let x: Vec<f32> = samples.iter().flat_map(|s| s.0.clone()).collect();
    let y: Vec<i64> = samples.iter().map(|s| s.1 as i64).collect();
    let shape = [&[samples.len()], &spec.shape[1..]].concat();
    let x = Array { shape, data: ArrayData::F32(x) };
    let y = Array { shape: vec![samples.len()], data: ArrayData::I64(y) };
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    write_npz(path, &[("x".into(), x), ("y".into(), y)]).unwrap();
    Dataset::open(&path.display().to_string(), core::slice::from_ref(spec)).unwrap()
}

/// Inputs and classes of a labelled set.
fn samples(data: &Dataset) -> Vec<Sample> {
    let sample = |s: Given| (s.x[0].to_f32().into_owned(), class(&s));
    data.iter().map(|s| sample(s.unwrap())).collect()
}

fn class(sample: &Given) -> usize {
    sample.y.as_ref().unwrap().class().unwrap() as usize
}

/// Watches a stream that changes, and prints and saves what came of it; the number of figures missed.
fn told(
    name: &str,
    what: &str,
    file: &[u8],
    reference: &Dataset,
    [before, after]: [&[Sample]; 2],
    folder: &Path,
) -> usize {
    let mut stream = before.to_vec();
    stream.extend(after.iter().cycle().take(ROUNDS * after.len()).cloned());
    let Watched { found, rows, right } = watch(file, &stream, before.len());
    let seen = collect(&mut Loaded::new(file).unwrap(), reference, &mut ()).unwrap();
    let weighed = weighed(file);
    save(folder, &format!("{name}, {what}"), before.len(), [&seen.rows, &rows], |i| weighed[i]);
    let (right, wrong) = right.split_at(before.len());
    let share = |right: &[bool]| 100.0 * right.iter().filter(|r| **r).count() as f64 / right.len() as f64;
    let accuracy = format!("{:.1}% | {:.1}%", share(right), share(wrong));
    print([name, what, &accuracy], reference.len(), before.len(), &found)
}

/// Which features have detectors.
fn weighed(file: &[u8]) -> Vec<bool> {
    let loaded = Loaded::new(file).unwrap();
    let model = loaded.model().unwrap();
    model.artifact().baseline().unwrap().unwrap().features.iter().map(|f| f.is_weighed()).collect()
}

/// What came of one stream.
enum Found {
    /// An alarm before the change, and what it names.
    False(usize, String),
    /// Inferences after the change, and what the alarm names.
    Delay(usize, String),
    Nothing,
}

fn print(what: [&str; 3], reference: usize, before: usize, found: &Found) -> usize {
    let (delay, names, missed) = match found {
        Found::False(at, names) => (format!("false alarm at {at} MISSED"), names.as_str(), 1),
        Found::Delay(delay, names) => (delay.to_string(), names.as_str(), 0),
        Found::Nothing => ("none MISSED".into(), "", 1),
    };
    println!("| {} | {reference} | {before} | {delay} | {names} |", what.join(" | "));
    missed
}

#[derive(Default)]
struct Row(Vec<i32>);

impl Witness for Row {
    fn value(&mut self, _: usize, value: i32) {
        self.0.push(value);
    }
}

/// A stream that was watched.
struct Watched {
    found: Found,
    /// The value of each feature, and whether the class was the right one, sample after sample.
    rows: Vec<Vec<i32>>,
    right: Vec<bool>,
}

/// Watches a stream that changes after so many samples.
fn watch(file: &[u8], stream: &[Sample], before: usize) -> Watched {
    let mut loaded = Loaded::new(file).unwrap();
    let (mut session, mut memory) = loaded.monitored().unwrap();
    let model = *session.model();
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut watched = Watched { found: Found::Nothing, rows: Vec::new(), right: Vec::new() };
    for (x, class) in stream {
        session.write_f32(0, x).unwrap();
        let mut row = Row::default();
        let prediction = monitor.run_before(&mut session, &mut row);
        watched.rows.push(row.0);
        watched.right.push(prediction.is_some_and(|p| p.class as usize == *class));
        if matches!(watched.found, Found::Nothing) {
            watched.found = judged(&monitor, before);
        }
    }
    watched
}

fn judged(monitor: &Monitor<'_>, before: usize) -> Found {
    let Some(alarm) = monitor.alarm() else { return Found::Nothing };
    let named = monitor.baseline().features.iter().enumerate().filter(|(i, _)| alarm.features >> i & 1 == 1);
    let names: Vec<String> = named.map(|(_, f)| name(f)).collect();
    match (alarm.at as usize).checked_sub(before) {
        Some(delay) if delay > 0 => Found::Delay(delay, names.join(", ")),
        _ => Found::False(alarm.at as usize, names.join(", ")),
    }
}

fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut prng = Prng::new(seed);
    for i in (1..items.len()).rev() {
        items.swap(i, (prng.next_u64() % (i as u64 + 1)) as usize);
    }
}

/// Rows for other detectors: how many are the reference and how many come before the change, then the values of the features that
/// are `kept`, a line for each row.
fn save(folder: &Path, name: &str, before: usize, rows: [&[Vec<i32>]; 2], kept: impl Fn(usize) -> bool) {
    let mut text = format!("{},{before}\n", rows[0].len());
    for row in rows.into_iter().flatten() {
        let values = row.iter().enumerate().filter(|(i, _)| kept(*i)).map(|(_, v)| v.to_string());
        text += &(values.collect::<Vec<_>>().join(",") + "\n");
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(format!("{name}.csv")), text).unwrap();
}
