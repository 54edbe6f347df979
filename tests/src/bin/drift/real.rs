//! Real data: streams that change at a known place, through artifacts with monitors as the compiler makes them.
//!
//! Every change begins with a stream like the reference, on which no alarm may come. What the monitors see is written as
//! tables, so that any other detector can judge the same values.

use core::fmt::Write as _;
use siskin::Monitor;
use siskin::format::{Baseline, Prng};
use siskin::monitor::Witness;
use siskin_compiler::compress;
use siskin_compiler::data::Dataset;
use siskin_compiler::monitor::{Options, attach, name, section};
use siskin_compiler::run::Loaded;
use siskin_tests::{shared, source};
use std::path::Path;

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
    reference: &'static str,
    stream: &'static str,
    /// Samples before the change.
    before: usize,
    changes: &'static [Change],
}

const CASES: [Case; 2] = [
    Case {
        name: "kws",
        model: "mlperf_tiny/kws_dscnn_float.onnx",
        reference: "kws_calib.npz",
        stream: "kws_val.npz",
        before: 400,
        changes: &[("noise at 10 dB", noisy), ("one of 12 classes gone", without_a_class)],
    },
    Case {
        name: "ic",
        model: "mlperf_tiny/ic_resnet8_float.onnx",
        reference: "cifar10_train.npz",
        stream: "cifar10_val.npz",
        before: 1000,
        changes: &[("blur, 3x3", blurred), ("half the contrast", flat)],
    },
];

/// Prints what came of every change; the number of figures missed.
pub(super) fn table(folder: &Path) -> usize {
    let Some(shared) = shared() else { return 0 };
    println!("\nreal data: inferences from the change to the alarm, none before it");
    println!("| stream | change | reference | before | delay | names |\n|---|---|---|---|---|---|");
    let mut missed = 0;
    for case in &CASES {
        missed += one(case, &shared, folder);
    }
    missed + weather(&shared, folder)
}

fn one(case: &Case, shared: &Path, folder: &Path) -> usize {
    let model = source(&shared.join("models").join(case.model), &[]);
    let open = |name: &str| {
        Dataset::open(&shared.join("data").join(name).display().to_string(), &model.input_specs()).unwrap()
    };
    let reference = open(case.reference);
    let file = model.compress(&compress::Options::default(), Some(&reference), &mut ()).unwrap().file;
    let file = attach(&file, &Options { arl: super::ARL, ..Options::default() }, &reference, &mut ()).unwrap().file;
    let mut stream: Vec<Sample> = open(case.stream)
        .iter()
        .map(|s| s.map(|s| (s.x[0].to_f32().into_owned(), s.y.unwrap().class().unwrap() as usize)).unwrap())
        .collect();
    shuffle(&mut stream);
    let changed = if stream.len() > case.before { stream.split_off(case.before) } else { stream.clone() };
    let mut missed = 0;
    for (what, change) in case.changes {
        let mut changed = changed.clone();
        change(&mut changed);
        let changed: Vec<Sample> = changed.iter().cycle().take(ROUNDS * changed.len()).cloned().collect();
        let (found, rows) = watch(&file, &stream, &changed);
        missed += print(case.name, what, reference.len(), stream.len(), &found);
        save(folder, &format!("{} {what}", case.name), stream.len(), &rows);
    }
    missed
}

/// What came of one stream.
enum Found {
    /// An alarm before the change.
    False(usize),
    /// Inferences after the change, and what the alarm names.
    Delay(usize, String),
    Nothing,
}

fn print(name: &str, what: &str, reference: usize, before: usize, found: &Found) -> usize {
    let (delay, names, missed) = match found {
        Found::False(at) => (format!("false alarm at {at} MISSED"), "", 1),
        Found::Delay(delay, names) => (delay.to_string(), names.as_str(), 0),
        Found::Nothing => ("none MISSED".into(), "", 1),
    };
    println!("| {name} | {what} | {reference} | {before} | {delay} | {names} |");
    missed
}

#[derive(Default)]
struct Row(Vec<i32>);

impl Witness for Row {
    fn value(&mut self, _: usize, value: i32) {
        self.0.push(value);
    }
}

/// Runs both streams one after the other; what the monitor saw of all of it.
fn watch(file: &[u8], before: &[Sample], after: &[Sample]) -> (Found, Vec<Vec<i32>>) {
    let mut loaded = Loaded::new(file).unwrap();
    let (mut session, mut memory) = loaded.monitored().unwrap();
    let model = *session.model();
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let (mut rows, mut found) = (Vec::new(), Found::Nothing);
    for (x, _) in before.iter().chain(after) {
        session.write_f32(0, x).unwrap();
        let mut row = Row::default();
        monitor.run_before(&mut session, &mut row);
        rows.push(row.0);
        if matches!(found, Found::Nothing) {
            found = judged(&monitor, before.len());
        }
    }
    (found, rows)
}

fn judged(monitor: &Monitor<'_>, before: usize) -> Found {
    let Some(alarm) = monitor.alarm() else { return Found::Nothing };
    let named = monitor.baseline().features.iter().enumerate().filter(|(i, _)| alarm.features >> i & 1 == 1);
    let names: Vec<String> = named.map(|(_, f)| name(f)).collect();
    match (alarm.at as usize).checked_sub(before) {
        Some(delay) if delay > 0 => Found::Delay(delay, names.join(", ")),
        _ => Found::False(alarm.at as usize),
    }
}

fn shuffle(samples: &mut [Sample]) {
    let mut prng = Prng::new(7);
    for i in (1..samples.len()).rev() {
        samples.swap(i, (prng.next_u64() % (i as u64 + 1)) as usize);
    }
}

/// Noise of a tenth of each input's power.
fn noisy(samples: &mut Vec<Sample>) {
    let mut prng = Prng::new(11);
    for (x, _) in samples {
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        let power = x.iter().map(|v| (v - mean) * (v - mean)).sum::<f32>() / x.len() as f32;
        x.iter_mut().for_each(|v| *v += (power / 10.0).sqrt() * super::normal(&mut prng) as f32);
    }
}

fn without_a_class(samples: &mut Vec<Sample>) {
    samples.retain(|(_, class)| *class != 0);
}

const SIDE: usize = 32;

/// The mean of a pixel and its neighbours.
fn blurred(samples: &mut Vec<Sample>) {
    for (x, _) in samples {
        let from = x.clone();
        for (i, v) in x.iter_mut().enumerate() {
            let (row, col, channel) = (i / 3 / SIDE, i / 3 % SIDE, i % 3);
            let near = |at: usize| at.saturating_sub(1)..(at + 2).min(SIDE);
            let pixels = near(row).flat_map(|r| near(col).map(move |c| (r * SIDE + c) * 3 + channel));
            let (sum, n) = pixels.fold((0.0, 0.0), |(sum, n), i| (sum + from[i], n + 1.0));
            *v = sum / n;
        }
    }
}

fn flat(samples: &mut Vec<Sample>) {
    for (x, _) in samples {
        let mean = x.iter().sum::<f32>() / x.len() as f32;
        x.iter_mut().for_each(|v| *v = mean + (*v - mean) / 2.0);
    }
}

/// Fifty years of weather in the order of its days: a stream that depends on itself and does drift. Against five years, alarms
/// of the first further year are counted as false.
fn weather(shared: &Path, folder: &Path) -> usize {
    let text = std::fs::read_to_string(shared.join("data/weather.csv")).unwrap();
    let row = |line: &str| line.split(',').take(8).map(|v| (v.parse::<f64>().unwrap() * 16.0) as i32).collect();
    let rows: Vec<Vec<i32>> = text.lines().skip(1).map(row).collect();
    let (reference, stream) = rows.split_at(5 * 365);
    let bytes = section(reference, &Options { arl: super::ARL, ..Options::default() }, None).unwrap();
    let mut aligned = vec![0u64; bytes.len().div_ceil(8)];
    bytemuck::cast_slice_mut::<_, u8>(&mut aligned)[..bytes.len()].copy_from_slice(&bytes);
    let baseline = Baseline::new_checked(&bytemuck::cast_slice(&aligned)[..bytes.len()]).unwrap();
    let mut memory = vec![0u64; baseline.record.memory_len as usize / 8 + 1];
    let mut monitor = Monitor::detached(baseline, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut alarms = Vec::new();
    for row in stream {
        monitor.observe(row);
        if let Some(alarm) = monitor.alarm() {
            alarms.push(alarm.at as f64 / 365.25);
            monitor.clear();
        }
    }
    save(folder, "weather", 365, stream);
    let mut years = String::new();
    alarms.iter().take(8).for_each(|year| write!(years, "{year:.1} ").unwrap());
    let early = alarms.iter().any(|year| *year <= 1.0);
    let mark = if early { " MISSED" } else { "" };
    let stride = baseline.record.stride;
    println!(
        "| weather | as it was | {}, one look in {stride} | 365 | {} alarms, after years {years}{mark}| |",
        reference.len(),
        alarms.len()
    );
    usize::from(early)
}

/// Rows for other detectors: the inferences before the change, then a line for each row.
fn save(folder: &Path, name: &str, before: usize, rows: &[Vec<i32>]) {
    let mut text = format!("{before}\n");
    for row in rows {
        let values: Vec<String> = row.iter().map(ToString::to_string).collect();
        text += &(values.join(",") + "\n");
    }
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join(name.replace([' ', ','], "_")).with_extension("csv"), text).unwrap();
}
