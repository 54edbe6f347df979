//! Weights of few bits, trained.

use siskin_compiler::compress::{Options as Compress, Source};
use siskin_compiler::data::Dataset;
use siskin_tests::{dataset, first_samples, shared, source};
use siskin_train::augment::{Augment, Flip, Gain, Noise, Shift};
use siskin_train::{Loss, Options, Quantization, Set, Trained, Trainer, logits};
use std::sync::Arc;
use std::time::Instant;

pub(crate) struct Case {
    model: &'static str,
    train: &'static str,
    evals: &'static [&'static str],
    augment: Vec<Arc<dyn Augment>>,
}

fn case(name: &str) -> Case {
    match name {
        "ic" => Case {
            model: "ic_resnet8_float",
            train: "cifar10_train",
            evals: &["cifar10_val", "ic_val"],
            augment: vec![
                Arc::new(Flip { axis: 2 }),
                Arc::new(Shift { axis: 1, most: 3 }),
                Arc::new(Shift { axis: 2, most: 3 }),
            ],
        },
        _ => Case {
            model: "kws_dscnn_float",
            train: "kws_calib",
            evals: &["kws_val"],
            augment: vec![
                Arc::new(Shift { axis: 1, most: 6 }),
                Arc::new(Gain { most: 0.15 }),
                Arc::new(Noise { most: 2.0 }),
            ],
        },
    }
}

pub(crate) fn compressed(source: Source, trained: &Trained, calib: &Dataset) -> siskin_compiler::lower::Lowered {
    let mut options = Compress::default();
    options.quantize.chosen = trained.chosen();
    let source = source.with_graph(trained.graph.clone());
    source.compress(&options, Some(calib), &mut ()).unwrap_or_else(|e| panic!("{e}"))
}

pub(crate) fn run(name: &str, bits: u8, rest: &[&str]) {
    let get = |key: &str, default: f32| {
        rest.iter().find_map(|a| a.strip_prefix(key)?.strip_prefix('=')?.parse().ok()).unwrap_or(default)
    };
    let case = case(name);
    let Some(folder) = shared() else { return };
    let model = folder.join(format!("models/mlperf_tiny/{}.onnx", case.model));
    let source = source(&model, &[]);
    let spec = source.input_specs().remove(0);
    let open = |d: &str| dataset(&folder.join(format!("data/{d}.npz")), spec.clone(), 1.0);
    let train = open(case.train);
    // Calibration sees a part of the training data: its time grows with the samples, its ranges hardly.
    let calib = first_samples(&folder.join(format!("data/{}.npz", case.train)), 200);
    let calib = dataset(&calib, spec.clone(), 1.0);
    let evals: Vec<(&str, Dataset)> = case.evals.iter().map(|e| (*e, open(e))).collect();
    for (e, data) in &evals {
        println!("float {e} {:.4}", top1(&source.float().unwrap(), data));
    }
    let classes = source.graph().dims(logits(source.graph()).unwrap()).last().map_or(0, |&n| n as usize);
    let set = Set::read(&train, classes).unwrap_or_else(|e| panic!("{e}"));
    let labels = get("labels", 0.1);
    let set = if name == "kws" && labels == 0.0 { set.unlabelled() } else { set };
    for seed in get("first", 0.0) as u64..get("seeds", 1.0) as u64 {
        let options = Options {
            loss: Loss::Distillation { labels, temperature: get("t", 4.0) },
            epochs: get("epochs", 10.0) as usize,
            batch: get("batch", 32.0) as usize,
            rate: get("rate", 1e-3),
            seed,
            augment: case.augment.clone(),
            mixup: get("mixup", 0.0),
            quantization: Quantization::uniform(source.graph(), bits),
            ..Options::default()
        };
        let start = Instant::now();
        let mut trainer =
            Trainer::new(source.graph().clone(), Some(source.graph()), options).unwrap_or_else(|e| panic!("{e}"));
        trainer.fit(&set, &mut Print).unwrap_or_else(|e| panic!("{e}"));
        let trained = trainer.finish();
        let seconds = start.elapsed().as_secs_f64();
        let lowered = compressed(source.clone(), &trained, &calib);
        print!("{name} {bits} bits seed {seed} {rest:?} {:.0} s:", seconds);
        for (e, data) in &evals {
            print!(" {e} {:.4}", top1(&lowered, data));
        }
        println!(" loss {:.4} -> {:.4}", trained.losses[0], trained.losses[trained.losses.len() - 1]);
    }
}

/// The part of samples that a model answers rightly. The kernels of this machine give the same integers as the portable ones.
fn top1(lowered: &siskin_compiler::lower::Lowered, data: &Dataset) -> f64 {
    let mut loaded = siskin_compiler::run::Loaded::new(&lowered.file).unwrap();
    let mut session = loaded.native_session().unwrap();
    let mut right = 0;
    siskin_compiler::walk::walk(&mut session, data, |_, sample, session| {
        let y = siskin_compiler::walk::read(session, 0).unwrap();
        let label = sample.y.as_ref().and_then(|y| y.class());
        right += usize::from(Some(siskin_compiler::eval::class(&y) as i64) == label);
        Ok::<(), siskin_compiler::walk::WalkError>(())
    })
    .unwrap();
    right as f64 / data.len() as f64
}

/// Losses as they come.
struct Print;

impl siskin_compiler::progress::Progress for Print {
    fn note(&mut self, text: &str) {
        eprintln!("{text}");
    }
}
