//! Explanations on the example model: occlusion is what hiding a region by hand does, the last layer's contributions
//! sum to the score, and the map is truer than chance.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin::explain::{Baseline, Grid, LastLayer, Masked};
use siskin::{Error, Scores};
use siskin_compiler::compress::{Options, Weights};
use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::explain::{Filled, Subject, deletion, global, grid, kernel_shap, reference_mean};
use siskin_compiler::monitor;
use siskin_compiler::run::Loaded;
use siskin_compiler::walk::read;
use siskin_tests::{root, source};

fn digits(name: &str) -> Dataset {
    let path = root().join("models/digits").join(name).display().to_string();
    Dataset::open(&path, &[InputSpec::new(vec![1, 1, 8, 8])]).unwrap()
}

fn images() -> Vec<Vec<f32>> {
    digits("test.npz").iter().map(|s| s.unwrap().x[0].to_f32().into_owned()).collect()
}

fn compiled(weights: Weights) -> Loaded {
    let model = source(&root().join("models/digits/digits.onnx"), &[]);
    let calib = digits("calib.npz");
    let calib = (weights == Weights::I8).then_some(&calib);
    let options = Options { weights, ..Options::default() };
    Loaded::new(&model.compress(&options, calib, &mut ()).unwrap().file).unwrap()
}

#[test]
fn occlusion_is_what_hiding_a_region_does_to_the_output() {
    let mut loaded = compiled(Weights::I8);
    let mut session = loaded.session().unwrap();
    let scores = Scores::of(session.model()).unwrap();
    let image = &images()[3];
    let grid = Grid::new(&[1, 1, 8, 8], 17).unwrap();
    assert_eq!(grid.cells(), [4, 4]);
    let masked = Masked { input: image, baseline: Baseline::Value(0.25), grid };
    let (mut heat, mut again, mut ticks) = (vec![0.0; 16], vec![0.0; 16], 0);
    let whole = masked.occlusion(&mut session, &scores, 7, &mut heat, || ticks += 1).unwrap();
    assert_eq!(ticks, 17, "as many runs as were promised");
    masked.occlusion(&mut session, &scores, 7, &mut again, || ()).unwrap();
    assert_eq!(heat, again);
    for (r, lost) in heat.iter().enumerate() {
        let mut hidden = image.clone();
        for (row, column) in (0..2).flat_map(|i| (0..2).map(move |j| (r / 4 * 2 + i, r % 4 * 2 + j))) {
            hidden[row * 8 + column] = 0.25;
        }
        session.write_f32(0, &hidden).unwrap();
        session.run();
        assert_eq!(*lost, whole - read(&session, 0).unwrap()[7], "region {r}");
    }
}

#[test]
fn contributions_of_the_last_layer_sum_to_the_score() {
    for weights in [Weights::I8, Weights::F32, Weights::F16] {
        let mut loaded = compiled(weights);
        let mut session = loaded.session().unwrap();
        let (scores, layer) = (Scores::of(session.model()).unwrap(), LastLayer::of(session.model()).unwrap());
        assert_eq!(layer.inputs(), 64);
        for image in images().iter().take(20) {
            for class in 0..10 {
                let mut parts = vec![0.0; 64];
                session.write_f32(0, image).unwrap();
                let sum = layer.contributions(&mut session, class, &mut parts).unwrap();
                let total = (parts.iter().map(|&v| f64::from(v)).sum::<f64>() + sum.bias) * sum.unit;
                if weights == Weights::I8 {
                    assert!(parts.iter().all(|v| v.fract() == 0.0), "whole numbers");
                }
                session.write_f32(0, image).unwrap();
                scores.run(&mut session);
                let score = scores.get(&session, class.into()).unwrap();
                // Half a step of the score is what rounding to it may lose.
                let step = if weights == Weights::I8 { f64::from(scores.scale) } else { 1e-4 };
                assert!((total - f64::from(score)).abs() <= 0.5001 * step, "{total} {score}, step {step}");
            }
        }
    }
}

/// The monitor knows the mean of each column of the picture, from its histograms.
#[test]
fn the_references_mean_is_that_of_the_data() {
    let train = digits("train.npz");
    let columns: Vec<f32> = (0..8)
        .map(|c| {
            let of = |x: &[f32]| x.iter().skip(c).step_by(8).sum::<f32>() / 8.0;
            train.iter().map(|s| of(&s.unwrap().x[0].to_f32())).sum::<f32>() / train.len() as f32
        })
        .collect();
    let model = source(&root().join("models/digits/digits.onnx"), &[]);
    for weights in [Weights::I8, Weights::F32] {
        let options = Options { weights, ..Options::default() };
        let calib = (weights == Weights::I8).then_some(&train);
        let file = model.compress(&options, calib, &mut ()).unwrap().file;
        let watch = monitor::Options { arl: 100, parts: 0, ..monitor::Options::default() };
        let loaded = Loaded::new(&monitor::attach(&file, &watch, &train, &mut ()).unwrap().file).unwrap();
        let mean = reference_mean(&loaded.model().unwrap()).unwrap();
        for (i, value) in mean.iter().enumerate() {
            let want = columns[i % 8];
            assert!((value - want).abs() < 0.03, "column {}: {value}, but {want}", i % 8);
        }
        assert_eq!(reference_mean(&Loaded::new(&file).unwrap().model().unwrap()), None, "no monitor");
    }
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let mut loaded = compiled(Weights::I8);
    let mut session = loaded.session().unwrap();
    let (scores, layer) = (Scores::of(session.model()).unwrap(), LastLayer::of(session.model()).unwrap());
    let image = images().remove(0);
    let masked = Masked { input: &image, baseline: Baseline::Value(0.0), grid: Grid::new(&[8, 8], 5).unwrap() };
    let mut heat = vec![0.0; 4];
    assert_eq!(masked.occlusion(&mut session, &scores, 10, &mut heat, || ()), Err(Error::NoSuchClass(10)));
    assert_eq!(masked.occlusion(&mut session, &scores, 0, &mut heat[1..], || ()), Err(Error::Length(4)));
    let short = Masked { input: &image[1..], ..masked };
    assert_eq!(short.occlusion(&mut session, &scores, 0, &mut heat, || ()), Err(Error::Length(64)));
    let short = Masked { baseline: Baseline::Each(&image[1..]), ..masked };
    assert_eq!(short.occlusion(&mut session, &scores, 0, &mut heat, || ()), Err(Error::Length(64)));
    // A grid of another shape than the input's hides nothing outside it.
    let foreign = Masked { grid: Grid::new(&[9, 9], 5).unwrap(), ..masked };
    assert_eq!(foreign.occlusion(&mut session, &scores, 0, &mut heat, || ()), Err(Error::Length(64)));
    assert_eq!(layer.contributions(&mut session, 10, &mut [0.0; 64]).err(), Some(Error::NoSuchClass(10)));
    assert_eq!(layer.embedding(&mut session, &mut [0.0; 63]), Err(Error::Length(64)));
}

#[test]
fn maps_are_truer_than_chance() {
    let mut loaded = compiled(Weights::I8);
    let mut subject = Subject::new(&mut loaded).unwrap();
    let grid = grid(&subject.shape, 65).unwrap();
    let (mut better, images) = ([0; 2], images());
    for image in images.iter().take(20) {
        let masked = Masked { input: image, baseline: Baseline::Value(0.0), grid };
        let (answer, nothing) = (subject.run(&masked, |_| false).unwrap(), subject.run(&masked, |_| true).unwrap());
        let class = answer.class();
        let ends = [nothing, answer].map(|a| f64::from(a.scores[usize::from(class)]));
        let occlusion = subject.occlusion(&masked, class, &mut ()).unwrap();
        let shap = kernel_shap(64, ends, 1024, 0, |present| {
            let answer = subject.run(&masked, |r| present >> r & 1 == 0);
            answer.map(|a| f64::from(a.scores[usize::from(class)]))
        });
        let shap = shap.unwrap().unwrap();
        assert!((shap.iter().sum::<f64>() - (ends[1] - ends[0])).abs() < 1e-6);
        for (better, values) in better.iter_mut().zip([occlusion, shap]) {
            let found = deletion(&mut subject, &masked, class, &values, 0, &mut ()).unwrap();
            *better += usize::from(found.area < found.random_area[0]);
        }
    }
    assert!(better.iter().all(|&n| n >= 19), "{better:?} of 20");
}

#[test]
fn the_middle_matters_more_than_the_corners() {
    let mut loaded = compiled(Weights::I8);
    let mut subject = Subject::new(&mut loaded).unwrap();
    let grid = grid(&subject.shape, 17).unwrap();
    let run = |subject: &mut Subject<'_>, seed| {
        global(subject, &digits("val.npz"), grid, &Filled::Zero, 2, seed, &mut ()).unwrap()
    };
    let found = run(&mut subject, 1);
    assert_eq!(found, run(&mut subject, 1));
    assert!(found != run(&mut subject, 2));
    assert!(found.accuracy > 0.95 && found.regions.len() == 16);
    let of = |cells: [usize; 4]| cells.iter().map(|&r| found.regions[r].permutation[0]).sum::<f64>();
    assert!(of([5, 6, 9, 10]) > of([0, 3, 12, 15]) + 0.1);
    assert!(found.regions[5].occlusion > found.regions[12].occlusion);
}
