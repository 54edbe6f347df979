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
use siskin::queue::Ask;
use siskin::{Queue, Session};
use siskin_compiler::compress::Options;
use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::label_queue::Opinion;
use siskin_compiler::run::Loaded;
use siskin_tests::regression::{CLASSES, Regression, Set};
use siskin_tests::spoken::clips;
use siskin_tests::{root, shared, source};

const CHOSEN: usize = 100;
const SEEDS: u64 = 5;
/// Standard errors that the mean of five differences without a cause exceeds, up or down, in one case of twenty.
const STUDENT: f64 = 2.776;

fn accuracy(model: &Regression, set: &Set, held: &[usize]) -> f64 {
    let right = held.iter().filter(|&&i| Opinion::of(model.probabilities(&set.x[i])).class == set.y[i]).count();
    right as f64 / held.len() as f64
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
fn ask(head: &Regression, set: &Set, pool: &[usize], n: usize, way: Way, rng: &mut Prng) -> Vec<usize> {
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
    let before = accuracy(&Regression::fit(set, &labelled), set, held);
    let rounds = if let Way::Rounds = way { 5 } else { 1 };
    for _ in 0..rounds {
        let head = Regression::fit(set, &labelled);
        let chosen = ask(&head, set, &pool, CHOSEN / rounds, way, &mut rng);
        pool.retain(|i| !chosen.contains(i));
        labelled.extend(chosen);
    }
    [before, accuracy(&Regression::fit(set, &labelled), set, held)]
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

/// Log-mel energies of spoken digits.
fn spoken() -> Option<Set> {
    let mut set = Set::default();
    for clip in clips(&shared()?) {
        set.x.push(clip.bands.iter().map(|&v| v.into()).collect());
        set.y.push(clip.digit);
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
