use super::*;
use crate::augment::{Noise, Shift};
use crate::{Quantization, he};
use siskin_compiler::data::{Array, ArrayData, Dataset, InputSpec, write_npz};
use std::collections::HashSet;

const GRAPH: &str = "graph g\nin x: f32[1,6,6,1]\nconst w: f32[4,3,3,1] = 0\nconst b: f32[4] = 0\n\
    y: f32[1,4,4,4] = Conv(x, w, b) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] group=1 min=0 max=inf\n\
    f: f32[1,64] = Reshape(y) shape=[1,64]\nconst v: f32[3,64] = 0\nconst c: f32[3] = 0\n\
    z: f32[1,3] = MatMul(f, v, c) transpose_b=true min=-inf max=inf\np: f32[1,3] = Softmax(z) axis=1\nout p\n";

fn graph(seed: u64) -> Graph {
    let mut graph = siskin_compiler::ir::parse(GRAPH).unwrap();
    he(&mut graph, seed);
    graph
}

/// Images of which the brightest third says the class.
fn data(folder: &tempfile::TempDir, n: usize, label: impl Fn(usize) -> i64) -> Dataset {
    let mut random = Rng::with_seed(3);
    let mut x: Vec<f32> = (0..n * 36).map(|_| random.f32() - 0.5).collect();
    for (i, image) in x.chunks_exact_mut(36).enumerate() {
        image[i % 3 * 12..][..12].iter_mut().for_each(|v| *v += 1.0);
    }
    let y = (0..n).map(label).collect();
    let path = folder.path().join("d.npz");
    let arrays = [
        ("x".to_string(), Array { shape: vec![n, 6, 6, 1], data: ArrayData::F32(x) }),
        ("y".to_string(), Array { shape: vec![n], data: ArrayData::I64(y) }),
    ];
    write_npz(&path, &arrays).unwrap();
    Dataset::open(path.to_str().unwrap(), &[InputSpec::new(vec![1, 6, 6, 1])]).unwrap()
}

fn options() -> Options {
    Options {
        loss: Loss::DISTILLATION,
        epochs: 4,
        batch: 10,
        rate: 5e-3,
        mixup: 0.2,
        augment: vec![Arc::new(Shift { axis: 2, most: 1 }), Arc::new(Noise { most: 0.1 })],
        ..Options::default()
    }
}

/// Every constant of a trained graph, and the integers.
fn bytes(trained: &Trained) -> Vec<u8> {
    let constants = trained.graph.values().filter_map(|(v, _)| Some(trained.graph.constant(v)?.bytes().to_vec()));
    let codes = trained.codes.values().map(|c| c.integers.bytes().to_vec());
    constants.chain(codes).flatten().collect()
}

#[test]
fn a_model_learns_and_threads_change_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let set = Set::read(&data(&folder, 45, |i| i as i64 % 3), 3).unwrap();
    let run = |threads: usize| {
        let quantization = Quantization::uniform(&graph(1), 4);
        let options = Options { threads, quantization, ..options() };
        finetune(&graph(1), Some(&graph(2)), &set, options, &mut ()).unwrap()
    };
    let (one, two) = (run(1), run(2));
    assert_eq!(bytes(&one), bytes(&two));
    assert_eq!(one.losses, two.losses);
    let by_labels = finetune(&graph(1), None, &set, Options { mixup: 0.0, epochs: 30, ..options() }, &mut ()).unwrap();
    assert!(by_labels.losses[29] < 0.5 * by_labels.losses[0], "{:?}", by_labels.losses);
    assert_ne!(bytes(&one), bytes(&by_labels));
}

#[test]
fn an_interrupted_training_ends_as_if_it_was_not() {
    struct Stop(usize);
    impl Progress for Stop {
        fn note(&mut self, _: &str) {
            self.0 -= 1;
            assert!(self.0 > 0, "killed");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let set = Set::read(&data(&folder, 45, |i| i as i64 % 3), 3).unwrap();
    let checkpoint = Some(folder.path().join("c.npz"));
    let options =
        || Options { checkpoint: checkpoint.clone(), quantization: Quantization::uniform(&graph(1), 4), ..options() };
    let whole = finetune(&graph(1), None, &set, Options { checkpoint: None, ..options() }, &mut ()).unwrap();
    let killed = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
        finetune(&graph(1), None, &set, options(), &mut Stop(3)).map(drop)
    }));
    assert!(killed.is_err() && checkpoint.as_ref().unwrap().exists());
    let mut seen = Count(0);
    let resumed = finetune(&graph(1), None, &set, options(), &mut seen).unwrap();
    assert_eq!(seen.0, 2, "two of four epochs were left");
    assert_eq!((bytes(&resumed), resumed.losses), (bytes(&whole), whole.losses));
    // Another training does not go on from it.
    let other = finetune(&graph(1), None, &set, Options { seed: 9, ..options() }, &mut ()).unwrap();
    assert_eq!(other.losses.len(), 4);

    struct Count(usize);
    impl Progress for Count {
        fn note(&mut self, _: &str) {
            self.0 += 1;
        }
    }
}

#[test]
fn frozen_layers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let set = Set::read(&data(&folder, 30, |i| i as i64 % 3), 3).unwrap();
    let before = graph(1);
    let [first, last] = *crate::layers(&before) else { panic!("two layers") };
    let options = Options { frozen: HashSet::from([first]), ..options() };
    let after = finetune(&before, None, &set, options, &mut ()).unwrap().graph;
    let weights = |g: &Graph, n: NodeId| g.constant(g.node(n).input(1).unwrap()).unwrap().bytes().to_vec();
    assert_eq!(weights(&before, first), weights(&after, first));
    assert_ne!(weights(&before, last), weights(&after, last));
    let all = Options { frozen: HashSet::from([first, last]), ..Options::default() };
    assert!(matches!(finetune(&before, None, &set, all, &mut ()), Err(TrainError::Nothing)));
}

#[test]
fn bad_data_is_refused_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let message = |label: fn(usize) -> i64| Set::read(&data(&folder, 12, label), 3).unwrap_err().to_string();
    let range = message(|i| if i == 7 { 3 } else { i as i64 % 3 });
    assert!(range.contains("d.npz") && range.contains("sample 7: label 3") && range.contains("0 to 2"), "{range}");
    let empty = message(|i| 2 * (i as i64 % 2));
    assert!(empty.contains("class 1 of 3 has no sample"), "{empty}");
    let set = Set::read(&data(&folder, 12, |i| i as i64 % 3), 3).unwrap();
    let unlabelled = finetune(&graph(1), None, &set.clone().unlabelled(), options(), &mut ()).unwrap_err();
    assert!(unlabelled.to_string().contains("no labels and no teacher"), "{unlabelled}");
    let other = siskin_compiler::ir::parse("graph t\nin x: f32[1,36]\ny: f32[1,36] = Tanh(x)\nout y\n").unwrap();
    let teacher = finetune(&graph(1), Some(&other), &set, options(), &mut ()).unwrap_err().to_string();
    assert!(teacher.contains("gives 36") && teacher.contains("gives 3:"), "{teacher}");
    let steep = finetune(&graph(1), None, &set, Options { rate: 1e30, ..options() }, &mut ()).unwrap_err();
    assert!(matches!(steep, TrainError::Diverged { .. }), "{steep}");
}
