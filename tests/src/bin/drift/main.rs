//! `cargo xtask drift`: whether the monitor keeps its promise, and how soon it sees a change; simulated with the monitor that
//! ships, on references and thresholds that the compiler makes.
//!
//! A cell's runs share the thresholds of a few references, each made as the compiler makes it, with bins of their own: a threshold
//! depends on a reference through its size and its order, and making one takes as long as hundreds of runs.
#![allow(clippy::unwrap_used, reason = "a simulation that cannot go on ends")]

mod real;
mod section;

use core::sync::atomic::{AtomicUsize, Ordering};
use section::Section;
use siskin::Monitor;
use siskin::format::Prng;

/// The promise that is measured.
const ARL: u32 = 10_000;
/// References whose thresholds the runs of a cell share.
const MADE: usize = 4;

/// A stream of independent features, each normal, each of first order.
#[derive(Clone, Copy)]
struct Source {
    features: usize,
    /// The correlation of a value with the next.
    order: f64,
    /// The mean and the σ of feature 0.
    first: (f64, f64),
}

struct Stream {
    source: Source,
    rng: Prng,
    now: Vec<f64>,
}

impl Stream {
    fn new(source: Source, seed: u64) -> Stream {
        // Neighbouring seeds of this generator give one sequence, a step apart: the seed is mixed first.
        let mut rng = Prng::new(Prng::new(seed).next_u64());
        let now = (0..source.features).map(|_| normal(&mut rng)).collect();
        Stream { source, rng, now }
    }

    fn next(&mut self) -> Vec<i32> {
        let order = self.source.order;
        for x in &mut self.now {
            *x = order * *x + (1.0 - order * order).sqrt() * normal(&mut self.rng);
        }
        let (mean, deviation) = self.source.first;
        let whole = |x: f64| (x * 65536.0) as i32;
        let first = whole(self.now[0] * deviation + mean);
        [first].into_iter().chain(self.now[1..].iter().map(|&x| whole(x))).collect()
    }
}

/// Box and Muller.
fn normal(rng: &mut Prng) -> f64 {
    let mut unit = || ((rng.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (u, v) = (unit(), unit());
    (-2.0 * u.ln()).sqrt() * (core::f64::consts::TAU * v).cos()
}

/// One monitor with its own reference, ready to run.
struct Run(Section);

impl Run {
    /// A reference of `samples`; with a threshold of its own, or another's.
    fn new(source: Source, samples: usize, seed: u64, threshold: Option<f32>) -> Run {
        let mut stream = Stream::new(Source { first: (0.0, 1.0), ..source }, seed);
        let rows: Vec<Vec<i32>> = (0..samples).map(|_| stream.next()).collect();
        Run(Section::new(&rows, ARL, threshold))
    }

    /// Inferences to the alarm, at most `most`, after `before` without one from the reference's source.
    fn delay(&self, source: Source, seed: u64, before: usize, most: usize) -> Option<usize> {
        let mut memory = self.0.memory();
        let mut monitor = Monitor::detached(self.0.baseline(), bytemuck::cast_slice_mut(&mut memory)).unwrap();
        let mut stream = Stream::new(Source { first: (0.0, 1.0), ..source }, seed);
        for _ in 0..before {
            monitor.observe(&stream.next());
        }
        if monitor.alarm().is_some() {
            return None;
        }
        stream.source = source;
        (1..most)
            .find(|_| {
                monitor.observe(&stream.next());
                monitor.alarm().is_some()
            })
            .or(Some(most))
    }
}

/// The results of `f` for every number below `n`, on all cores, in order.
fn parallel<T: Send>(n: usize, f: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut found: Vec<(usize, T)> = std::thread::scope(|scope| {
        let work = || {
            core::iter::from_fn(|| {
                let i = next.fetch_add(1, Ordering::Relaxed);
                (i < n).then(|| (i, f(i)))
            })
            .collect::<Vec<_>>()
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        handles.into_iter().flat_map(|h| h.join().unwrap()).collect()
    });
    found.sort_by_key(|r| r.0);
    found.into_iter().map(|r| r.1).collect()
}

/// Thresholds of a cell.
fn thresholds(source: Source, samples: usize) -> Vec<f32> {
    parallel(MADE, |i| Run::new(source, samples, 1000 + i as u64, None).0.baseline().record.threshold)
}

/// Mean inferences between false alarms; runs longer than twenty times the promise count as that long.
fn arl(source: Source, samples: usize, runs: usize, thresholds: &[f32]) -> f64 {
    let most = 20 * ARL as usize;
    let lengths = parallel(runs, |i| {
        let run = Run::new(source, samples, 5000 + i as u64, Some(thresholds[i % thresholds.len()]));
        run.delay(source, 90_000 + i as u64, 0, most).unwrap_or(0)
    });
    lengths.iter().sum::<usize>() as f64 / runs as f64
}

/// Prints whether promises are kept, a cell for each kind of stream; the thresholds for 16 features and 1,000 samples, and the number
/// of cells missed.
fn promises(runs: usize) -> (Vec<f32>, usize) {
    let mut wrong = 0;
    println!(
        "promised {ARL} inferences between false alarms; measured over {runs} runs and more, each with its own reference"
    );
    println!("| stream | features | reference | threshold | measured | must be |");
    println!("|---|---|---|---|---|---|");
    let mut cell = |name: &str, order: f64, features: usize, samples: usize, bounds: (f64, f64)| {
        let source = Source { features, order, first: (0.0, 1.0) };
        let made = thresholds(source, samples);
        // Runs of few features are quick, so there are more of them.
        let runs = runs * (16 / features).max(1);
        let found = arl(source, samples, runs, &made);
        let fits = (bounds.0..=bounds.1).contains(&found);
        wrong += usize::from(!fits);
        let upper = if bounds.1.is_finite() { format!("..{}", bounds.1) } else { " or more".into() };
        let mark = if fits { "" } else { " MISSED" };
        println!("| {name} | {features} | {samples} | {:.0} | {found:.0} | {}{upper}{mark} |", made[0], bounds.0);
        made
    };
    let mut kept = Vec::new();
    for features in [1, 16, 64] {
        for samples in [200, 1000, 20_000] {
            let made = cell("independent", 0.0, features, samples, (5_000.0, 40_000.0));
            if (features, samples) == (16, 1000) {
                kept = made;
            }
        }
    }
    for order in [0.5, 0.9] {
        for features in [1, 16] {
            cell(&format!("AR(1) of {order}"), order, features, 1000, (5_000.0, f64::INFINITY));
        }
    }
    (kept, wrong)
}

/// Prints how soon changes of one of 16 features are seen; the number of figures missed.
fn delays(runs: usize, thresholds: &[f32]) -> usize {
    let mut wrong = 0;
    println!("\nmedian inferences from a change of one of 16 features to the alarm, reference of 1,000");
    println!("| change | delay | must be at most |\n|---|---|---|");
    let changes =
        [("+0.25σ", (0.25, 1.0), 0), ("+0.5σ", (0.5, 1.0), 200), ("+1σ", (1.0, 1.0), 48), ("σ x1.5", (0.0, 1.5), 190)];
    for (name, first, most) in changes {
        let source = Source { features: 16, order: 0.0, first };
        let mut delays: Vec<usize> = parallel(2 * runs, |i| {
            let run = Run::new(source, 1000, 7000 + i as u64, Some(thresholds[i % thresholds.len()]));
            run.delay(source, 70_000 + i as u64, 500, 5000)
        })
        .into_iter()
        .flatten()
        .collect();
        delays.sort_unstable();
        let median = delays[delays.len() / 2];
        let misses = most > 0 && median > most;
        wrong += usize::from(misses);
        let bound = if most > 0 { most.to_string() } else { String::new() };
        println!("| {name} | {median} | {bound}{} |", if misses { " MISSED" } else { "" });
    }
    wrong
}

/// `drift RUNS [FOLDER]`: simulated streams a figure, none for none, and where to put the values of real ones.
fn main() {
    let runs: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(100);
    let mut wrong = 0;
    if runs > 0 {
        let (thresholds, missed) = promises(runs);
        wrong += missed + delays(runs, &thresholds);
    }
    if let Some(folder) = std::env::args().nth(2) {
        wrong += real::table(std::path::Path::new(&folder));
    }
    if wrong > 0 {
        eprintln!("{wrong} figures missed");
        std::process::exit(1);
    }
}
