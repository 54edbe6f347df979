//! A digits student beside itself: taught by labels alone, and distilled from a teacher more than 8 times as large.
//!
//! The student has the layers of `models/digits`, 4,426 parameters, its weights drawn anew; the teacher is the CNN of 49,000 parameters.
//! Both students see the same 200 training images, as often, at the same rate, and are compared as int8 artifacts on the test images,
//! which no model has seen. With all 1,200 images the labels say enough, and a teacher decides nothing: 98.3, 96.7, 98.9 by labels,
//! 98.3, 96.9, 98.1 distilled.

use siskin_compiler::compress::Options as Compress;
use siskin_compiler::data::Dataset;
use siskin_tests::{dataset, measure, root, shared, source};
use siskin_train::augment::Shift;
use siskin_train::{Loss, Options, Set, finetune, he};
use std::sync::Arc;

pub(crate) fn run(split: &str) {
    let Some(folder) = shared() else { return };
    let student = source(&root().join("models/digits/digits.onnx"), &[]);
    let teacher = source(&folder.join("models/tabular/digits_cnn.onnx"), &[]);
    let open = |split: &str| -> Dataset {
        let path = folder.join(format!("data/digits.npz:{split}"));
        dataset(&path, student.input_specs().remove(0), 1.0)
    };
    let (train, test) = (open("train"), open(split));
    let set = Set::read(&train, 10).unwrap().first(200);
    let teacher_top1 = measure(&teacher.float().unwrap(), &test).value;
    println!("teacher, float: {teacher_top1:.4}");
    println!("seed  labels  distilled");
    for seed in 0..3 {
        let top1 = |loss: Loss| {
            let mut graph = student.graph().clone();
            he(&mut graph, seed);
            let shift = |axis| Arc::new(Shift { axis, most: 1 }) as Arc<_>;
            let options = Options {
                loss,
                epochs: 150,
                rate: 4e-3,
                seed,
                augment: vec![shift(2), shift(3)],
                ..Options::default()
            };
            let teacher = (loss != Loss::CrossEntropy).then(|| teacher.graph());
            let trained = finetune(&graph, teacher, &set, options, &mut ()).unwrap();
            let source = student.clone().with_graph(trained.graph);
            measure(&source.compress(&Compress::default(), Some(&train), &mut ()).unwrap(), &test).value
        };
        println!("{seed:4}  {:.4}  {:.4}", top1(Loss::CrossEntropy), top1(Loss::DISTILLATION));
    }
}
