//! `cargo xtask label-queue`: what 100 labels are worth when the label queue chooses them, beside chance.
//!
//! ```text
//! known labels -> head (softmax regression over fixed features) -> queue asks for 100 of the pool -> head anew ->
//! accuracy on held-out data
//! ```
//!
//! | set | features | pool and held-out data |
//! |---|---|---|
//! | digits | the embedding of the shipped int8 model: the input of its last layer | all images turned by 90° and dimmed; the model has learnt those of the training set upright |
//! | fsdd | log-mel energies by the runtime's own front end, 16 bands x 12 stretches of time | clips of spoken digits, split by chance |
//!
//! Pool and held-out data are split anew for each seed; the held-out half is never chosen from. The head is fitted by
//! plain gradient descent from zero, so nothing but the split and chance depends on the seed.
#![allow(clippy::unwrap_used, clippy::panic, reason = "an experiment that cannot go on ends")]

use siskin::explain::LastLayer;
use siskin::format::Prng;
use siskin::prepare::{AudioRecord, Features};
use siskin::queue::Ask;
use siskin::{Queue, Session};
use siskin_compiler::compress::Options;
use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::label_queue::Opinion;
use siskin_compiler::monitor::probabilities;
use siskin_compiler::run::Loaded;
use siskin_tests::{root, shared, source};
use std::io::Read;

const CLASSES: usize = 10;
const CHOSEN: usize = 100;
const SEEDS: u64 = 5;
/// Standard errors that the mean of five differences without a cause exceeds, up or down, in one case of twenty.
const STUDENT: f64 = 2.776;
/// Steps of gradient descent, their length, and what weights lose in each.
const DESCENT: (usize, f64, f64) = (300, 0.5, 1e-4);

/// Features with their classes.
#[derive(Clone, Default)]
struct Set {
    x: Vec<Vec<f64>>,
    y: Vec<usize>,
}

impl Set {
    /// Every feature with mean 0 and variance 1, over all samples: no label is used.
    fn standardized(mut self) -> Set {
        let n = self.x.len() as f64;
        for j in 0..self.x[0].len() {
            let mean = self.x.iter().map(|x| x[j]).sum::<f64>() / n;
            let variance = self.x.iter().map(|x| (x[j] - mean).powi(2)).sum::<f64>() / n;
            let deviation = variance.sqrt().max(1e-6);
            self.x.iter_mut().for_each(|x| x[j] = (x[j] - mean) / deviation);
        }
        self
    }
}

/// A softmax regression: weights of each class, the bias last.
struct Head(Vec<Vec<f64>>);

impl Head {
    fn fit(set: &Set, known: &[usize]) -> Head {
        let width = set.x[0].len();
        let mut head = Head(vec![vec![0.0; width + 1]; CLASSES]);
        let (steps, rate, decay) = DESCENT;
        for _ in 0..steps {
            let mut slope = vec![vec![0.0; width + 1]; CLASSES];
            for &i in known {
                let p = head.probabilities(&set.x[i]);
                for (c, row) in slope.iter_mut().enumerate() {
                    let error = p[c] - f64::from(u8::from(set.y[i] == c));
                    row.iter_mut().zip(set.x[i].iter().chain(&[1.0])).for_each(|(s, x)| *s += error * x);
                }
            }
            // A step of this length over the mean of the features' squares goes down for any number of features.
            let step = rate / known.len() as f64 / (width as f64).sqrt();
            for (w, s) in head.0.iter_mut().flatten().zip(slope.iter().flatten()) {
                *w = *w * (1.0 - decay) - step * s;
            }
        }
        head
    }

    fn probabilities(&self, x: &[f64]) -> Vec<f64> {
        let score = |w: &Vec<f64>| w.iter().zip(x.iter().chain(&[1.0])).map(|(w, x)| w * x).sum::<f64>() as f32;
        probabilities(&self.0.iter().map(score).collect::<Vec<_>>(), 1.0)
    }

    fn accuracy(&self, set: &Set, held: &[usize]) -> f64 {
        let right = held.iter().filter(|&&i| Opinion::of(self.probabilities(&set.x[i])).class == set.y[i]).count();
        right as f64 / held.len() as f64
    }
}

/// How the labels are chosen.
#[derive(Clone, Copy)]
enum Way {
    Chance,
    Margin,
    Entropy,
    /// By margin, 20 at a time with a new head after each.
    Rounds,
    /// By margin, at most this many of one predicted class.
    Spread(usize),
}

/// The most urgent of `pool`, from the queue of the runtime.
fn ask(head: &Head, set: &Set, pool: &[usize], n: usize, way: Way, rng: &mut Prng) -> Vec<usize> {
    let places = if let Way::Spread(_) = way { pool.len() } else { n };
    let mut memory = vec![0u64; Queue::memory_len(places) / 8];
    let mut queue = Queue::new(bytemuck::cast_slice_mut(&mut memory)).unwrap();
    for &i in pool {
        let opinion = Opinion::of(head.probabilities(&set.x[i]));
        let urgency = match way {
            Way::Chance => rng.next_unit(),
            Way::Entropy => opinion.entropy() as f32,
            _ => 1.0 - opinion.margin as f32,
        };
        queue.offer(Ask { reference: i as u64, urgency, class: opinion.class as u32 });
    }
    let mut taken = [0; CLASSES];
    let most = if let Way::Spread(most) = way { most } else { usize::MAX };
    let fits = |a: &&Ask| {
        taken[a.class as usize] += 1;
        taken[a.class as usize] <= most
    };
    queue.asks().iter().filter(fits).take(n).map(|a| a.reference as usize).collect()
}

/// Accuracy with the known labels, and with those chosen.
fn trial(set: &Set, known: usize, way: Way, seed: u64) -> [f64; 2] {
    let mut rng = Prng::new(Prng::new(seed).next_u64());
    let mut order: Vec<usize> = (0..set.x.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, (rng.next_u64() % (i as u64 + 1)) as usize);
    }
    let (held, rest) = order.split_at(order.len() / 2);
    let (labelled, pool) = rest.split_at(known);
    let (mut labelled, mut pool) = (labelled.to_vec(), pool.to_vec());
    let before = Head::fit(set, &labelled).accuracy(set, held);
    let rounds = if let Way::Rounds = way { 5 } else { 1 };
    for _ in 0..rounds {
        let head = Head::fit(set, &labelled);
        let chosen = ask(&head, set, &pool, CHOSEN / rounds, way, &mut rng);
        pool.retain(|i| !chosen.contains(i));
        labelled.extend(chosen);
    }
    [before, Head::fit(set, &labelled).accuracy(set, held)]
}

fn mean_and_deviation(values: &[f64]) -> [f64; 2] {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    [mean, (squares / (values.len() as f64 - 1.0)).sqrt()]
}

/// Embeddings of the digits of all three sets, turned and dimmed.
fn digits() -> Set {
    let folder = root().join("models/digits");
    let data = |name: &str| {
        Dataset::open(&folder.join(name).display().to_string(), &[InputSpec::new(vec![1, 1, 8, 8])]).unwrap()
    };
    let model = source(&folder.join("digits.onnx"), &[]);
    let file = model.compress(&Options::default(), Some(&data("calib.npz")), &mut ()).unwrap().file;
    let mut loaded = Loaded::new(&file).unwrap();
    let mut session: Session<'_> = loaded.native_session().unwrap();
    let layer = LastLayer::of(session.model()).unwrap();
    let mut set = Set::default();
    for name in ["train.npz", "val.npz", "test.npz"] {
        for sample in &data(name) {
            let sample = sample.unwrap();
            let x = sample.x[0].to_f32();
            let turned: Vec<f32> = (0..64).map(|i| x[(7 - i % 8) * 8 + i / 8] * 0.5).collect();
            let mut embedding = vec![0.0; layer.inputs()];
            session.write_f32(0, &turned).unwrap();
            layer.embedding(&mut session, &mut embedding).unwrap();
            set.x.push(embedding.into_iter().map(f64::from).collect());
            set.y.push(sample.y.unwrap().class().unwrap() as usize);
        }
    }
    set.standardized()
}

/// Log-mel energies of spoken digits, 16 bands over 12 stretches of each clip.
fn spoken() -> Option<Set> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(shared()?.join("data/fsdd.zip")).unwrap()).unwrap();
    let record = AudioRecord {
        rate: 8000,
        samples: 8000,
        window: 256,
        hop: 128,
        fft: 256,
        mels: 16,
        low: 60.0,
        high: 4000.0,
        gain: 1.0,
        offset: 1e-4,
        std: 1.0,
        shape: 1,
        power: 2,
        log: 1,
        ..bytemuck::Zeroable::zeroed()
    };
    let mut set = Set::default();
    for i in 0..archive.len() {
        let mut file = archive.by_index(i).unwrap();
        let class = file.name().bytes().next().map(|b| usize::from(b - b'0')).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        set.x.push(bands(&record, &samples(&bytes)));
        set.y.push(class);
    }
    Some(set.standardized())
}

fn main() {
    let sets = [("digits", Some(digits())), ("fsdd", spoken())];
    let ways = [
        ("chance", Way::Chance),
        ("margin", Way::Margin),
        ("entropy", Way::Entropy),
        ("margin, 5 rounds of 20", Way::Rounds),
        ("margin, at most 15 a class", Way::Spread(15)),
    ];
    println!("accuracy on held-out data after adding {CHOSEN} labels: mean ± standard deviation over {SEEDS} seeds\n");
    println!(
        "| set | labels before | chosen by | before | after | points above chance, same splits | by t-test, 95% |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, set) in sets {
        let Some(set) = set else { continue };
        for known in [50, 200] {
            let mut chance = Vec::new();
            for (by, way) in ways {
                let trials: Vec<[f64; 2]> = (0..SEEDS).map(|seed| trial(&set, known, way, seed)).collect();
                let [before, after] = [0, 1].map(|i| trials.iter().map(|t| t[i]).collect::<Vec<_>>());
                if let Way::Chance = way {
                    chance.clone_from(&after);
                }
                println!("| {name} | {known} | {by} | {} |", row(&before, &after, &chance));
            }
        }
    }
}

/// Accuracy before and after, and the difference from chance with whether that is more than chance.
fn row(before: &[f64], after: &[f64], chance: &[f64]) -> String {
    let gains: Vec<f64> = after.iter().zip(chance).map(|(a, c)| 100.0 * (a - c)).collect();
    let [[b, _], [a, std], [gain, spread]] = [before, after, &gains].map(mean_and_deviation);
    let sure = gain.abs() > STUDENT * spread / (SEEDS as f64).sqrt();
    let verdict = match () {
        () if after == chance => "",
        () if !sure => "no difference",
        () if gain > 0.0 => "beats chance",
        () => "worse than chance",
    };
    format!("{:.1}% | {:.1}% ± {:.1} | {gain:+.1} ± {spread:.1} | {verdict}", 100.0 * b, 100.0 * a, 100.0 * std)
}

/// The samples of a mono WAV of 16 bits.
fn samples(wav: &[u8]) -> Vec<f32> {
    let data = wav.windows(4).position(|w| w == b"data").unwrap() + 8;
    wav[data..].chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect()
}

/// Energies by frame, averaged over twelve stretches of equal length.
fn bands(record: &AudioRecord, samples: &[f32]) -> Vec<f64> {
    const STRETCHES: usize = 12;
    let mut memory = vec![0.0; Features::memory_len(record)];
    let mut features = Features::new(record, &mut memory).unwrap();
    let frames: Vec<Vec<f32>> = samples
        .windows(record.window as usize)
        .step_by(record.hop as usize)
        .map(|frame| {
            let mut out = vec![0.0; record.mels as usize];
            features.frame(frame.iter().copied(), &mut out);
            out
        })
        .collect();
    let each = |s: usize| {
        let (from, to) =
            (s * frames.len() / STRETCHES, ((s + 1) * frames.len() / STRETCHES).max(s * frames.len() / STRETCHES + 1));
        let part = &frames[from.min(frames.len() - 1)..to.min(frames.len())];
        (0..record.mels as usize)
            .map(|b| f64::from(part.iter().map(|f| f[b]).sum::<f32>() / part.len() as f32))
            .collect::<Vec<_>>()
    };
    (0..STRETCHES).flat_map(each).collect()
}
