//! A digits student beside itself: taught by labels alone, and distilled from a teacher more than 8 times as large.
//!
//! The student has two small convolutions, 1,210 parameters, its weights drawn anew; the teacher is the CNN of 49,000 parameters that
//! learnt the same training images. Both students see the same samples, as often, at the same rate; they are compared as int8
//! artifacts on the test images, which no model has seen. The student of `models/digits`, 4,426 parameters, is large enough to
//! learn all that the labels say: there a teacher decides nothing (98.3, 96.7, 98.9 by labels; 98.3, 96.9, 98.1 distilled).

use siskin_compiler::compress::Options as Compress;
use siskin_compiler::data::Dataset;
use siskin_tests::{dataset, measure, root, shared, source};
use siskin_train::augment::Shift;
use siskin_train::{Loss, Options, Set, finetune, he};
use std::sync::Arc;

/// 8x8 pixels to 4x4 of 6 channels, to 2x2 of 12, to 10 logits.
const STUDENT: &str = "graph student\nin image: f32[1,1,8,8]\nx: f32[1,8,8,1] = Reshape(image) shape=[1,8,8,1]\n\
    const w: f32[6,3,3,1] = 0\nconst b: f32[6] = 0\n\
    y: f32[1,4,4,6] = Conv(x, w, b) stride=[1,2,2] dilation=[1,1,1] pad_begin=[0,1,1] pad_end=[0,0,0] group=1 min=0 max=inf\n\
    const v: f32[12,3,3,6] = 0\nconst c: f32[12] = 0\n\
    z: f32[1,2,2,12] = Conv(y, v, c) stride=[1,2,2] dilation=[1,1,1] pad_begin=[0,1,1] pad_end=[0,0,0] group=1 min=0 max=inf\n\
    f: f32[1,48] = Reshape(z) shape=[1,48]\nconst u: f32[10,48] = 0\nconst d: f32[10] = 0\n\
    logits: f32[1,10] = MatMul(f, u, d) transpose_b=true min=-inf max=inf\nout logits\n";

pub(crate) fn run(split: &str) {
    let Some(folder) = shared() else { return };
    let student = source(&root().join("models/digits/digits.onnx"), &[]);
    let graph = siskin_compiler::ir::parse(STUDENT).unwrap();
    let teacher = source(&folder.join("models/tabular/digits_cnn.onnx"), &[]);
    let open = |split: &str| -> Dataset {
        let path = folder.join(format!("data/digits.npz:{split}"));
        dataset(&path, student.input_specs().remove(0), 1.0)
    };
    let (train, test) = (open("train"), open(split));
    let set = Set::read(&train, 10).unwrap();
    let teacher_top1 = measure(&teacher.float().unwrap(), &test).value;
    println!("teacher, float: {teacher_top1:.4}");
    println!("seed  labels  distilled");
    for seed in 0..3 {
        let top1 = |loss: Loss| {
            let mut graph = graph.clone();
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
