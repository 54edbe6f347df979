//! Spoken digits when someone else speaks: a model that four speakers trained, then the fifth.
//!
//! Takes are dealt out in turn. Later ones of a speaker differ from earlier ones, which a monitor sees too: with the last ones before
//! the change, three of five streams had an alarm there.

use super::{PROMISE, Sample, dataset, shuffle, told};
use crate::section::promising;
use core::fmt::Write as _;
use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::ir;
use siskin_compiler::lower::{Extras, lower};
use siskin_compiler::monitor::attach;
use siskin_compiler::quantize::{self, quantize};
use siskin_tests::regression::{CLASSES, Regression, Set};
use siskin_tests::spoken::{Clip, SHAPE, clips};
use std::path::Path;

/// Of ten takes, those that train, and of the others those that are the reference.
const TRAIN: usize = 4;
const REFERENCE: usize = 7;

/// A row for each of the five as the new one.
pub(super) fn table(shared: &Path, folder: &Path) -> usize {
    let clips = clips(shared);
    let mut speakers: Vec<&str> = clips.iter().map(|c| c.speaker.as_str()).collect();
    speakers.sort_unstable();
    speakers.dedup();
    speakers.into_iter().map(|speaker| one(&clips, speaker, folder)).sum()
}

fn one(clips: &[Clip], new: &str, folder: &Path) -> usize {
    let wanted = |wanted: &dyn Fn(&Clip) -> bool| {
        let mut found: Vec<Sample> = clips.iter().filter(|c| wanted(c)).map(|c| (c.bands.clone(), c.digit)).collect();
        shuffle(&mut found, 7);
        found
    };
    let train = wanted(&|c| c.speaker != new && c.take % 10 < TRAIN);
    let reference = wanted(&|c| c.speaker != new && (TRAIN..REFERENCE).contains(&(c.take % 10)));
    let before = wanted(&|c| c.speaker != new && c.take % 10 >= REFERENCE);
    let after = wanted(&|c| c.speaker == new);
    let spec = InputSpec::new(vec![1, SHAPE[0], SHAPE[1]]);
    let open = |samples: &[Sample], name: &str| dataset(samples, &spec, &folder.join(name));
    let reference = open(&reference, "spoken_reference.npz");
    let file = attach(&artifact(&train, &open(&train, "spoken_train.npz")), &promising(PROMISE), &reference, &mut ());
    let file = file.unwrap().file;
    told("spoken digits", &format!("{new} speaks"), &file, &reference, [&before, &after], folder)
}

/// A softmax regression in int8.
fn artifact(train: &[Sample], calib: &Dataset) -> Vec<u8> {
    let mut set = Set::default();
    for (x, class) in train {
        set.x.push(x.iter().map(|&v| v.into()).collect());
        set.y.push(*class);
    }
    let moments = set.moments();
    let model = Regression::fit(&set.standardized(), &(0..train.len()).collect::<Vec<_>>());
    let graph = ir::parse(&text(&model, &moments)).unwrap();
    let graph = quantize(&graph, calib, &quantize::Options::default(), &mut ()).unwrap();
    lower(&graph, &Extras::default()).unwrap().file
}

/// The model of energies as they are: what standardizes them is in the weights.
fn text(model: &Regression, moments: &[(f64, f64)]) -> String {
    let (mut weights, mut biases) = (String::new(), String::new());
    for (j, (_, deviation)) in moments.iter().enumerate() {
        model.0.iter().for_each(|class| write!(weights, " {}", class[j] / deviation).unwrap());
    }
    for class in &model.0 {
        let shift: f64 = class.iter().zip(moments).map(|(w, (mean, deviation))| w * mean / deviation).sum();
        write!(biases, " {}", class[moments.len()] - shift).unwrap();
    }
    let ([stretches, bands], n) = (SHAPE, moments.len());
    format!(
        "graph spoken\nin x: f32[1,{stretches},{bands}]\nflat: f32[1,{n}] = Reshape(x) shape=[1,{n}]\n\
         const w: f32[{n},{CLASSES}] ={weights}\nconst b: f32[{CLASSES}] ={biases}\n\
         s: f32[1,{CLASSES}] = MatMul(flat, w, b) transpose_b=false min=-inf max=inf\n\
         p: f32[1,{CLASSES}] = Softmax(s) axis=1\nout p\n"
    )
}
