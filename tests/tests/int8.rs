//! What int8 costs, on real data: accuracy, agreement with float, arena and file sizes.
//!
//! Each figure is printed beside what it must reach; `cargo test -p siskin-tests --test int8 -- --nocapture` shows them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::Dataset;
use siskin_compiler::eval::Evaluation;
use siskin_compiler::lower::Lowered;
use siskin_tests::{dataset, first_samples, measure, shared_or_leave, source};
use std::path::Path;

struct Compressed {
    source: Source,
    float: Lowered,
    int8: Lowered,
}

/// Compresses a model of `models/mlperf_tiny` with the default options.
fn compress(shared: &Path, name: &str, calib: &Path, std: f32) -> Compressed {
    let source = source(&shared.join(format!("models/mlperf_tiny/{name}.onnx")), &[]);
    let calib = dataset(calib, source.input_specs().remove(0), std);
    let int8 = source.compress(&Options::default(), Some(&calib), &mut ()).unwrap_or_else(|e| panic!("{e}"));
    let float = source.float().unwrap();
    Compressed { source, float, int8 }
}

fn compare(model: &Compressed, name: &str, data: &Path, std: f32) -> (Evaluation, Evaluation) {
    let data: Dataset = dataset(data, model.source.input_specs().remove(0), std);
    let (float, int8) = (measure(&model.float, &data), measure(&model.int8, &data));
    println!(
        "{name}: float {:.2}, int8 {:.2}, same class on {:.2}% of {}",
        100.0 * float.value,
        100.0 * int8.value,
        100.0 * float.agreement(&int8),
        float.n
    );
    (float, int8)
}

/// Bytes of weights and biases alone: what the size of an artifact is judged by.
fn budget(model: &Compressed) -> usize {
    let graph = model.source.graph();
    let constants = graph.order().into_iter().flat_map(|n| {
        let node = graph.node(n);
        let weights = node.input(1).and_then(|v| graph.constant(v)).map_or(0, |t| t.ty().shape.elements());
        let bias = node.input(2).and_then(|v| graph.constant(v)).map_or(0, |t| 4 * t.ty().shape.elements());
        [weights, bias]
    });
    constants.sum::<usize>() * 105 / 100 + 3 * 1024
}

fn check_sizes(name: &str, model: &Compressed, arena: u32) {
    let most = budget(model);
    let (got, file) = (model.int8.arena, model.int8.file.len());
    println!("{name}: arena {got} of at most {arena} (floor {}), file {file} of at most {most}", model.int8.floor);
    assert!(got <= arena && file <= most, "{name}");
}

#[test]
fn kws() {
    let shared = shared_or_leave!();
    let model = compress(&shared, "kws_dscnn_float", &shared.join("data/kws_calib.npz"), 1.0);
    let (float, int8) = compare(&model, "kws_val", &shared.join("data/kws_val.npz"), 1.0);
    assert_eq!(float.value, 0.9225);
    assert!(int8.value >= float.value - 0.005 && float.agreement(&int8) >= 0.985);
    check_sizes("kws", &model, 17_232);
}

#[test]
fn ic() {
    let shared = shared_or_leave!();
    let calib = first_samples(&shared.join("data/cifar10_train.npz"), 256);
    let model = compress(&shared, "ic_resnet8_float", &calib, 1.0);
    for name in ["ic_val", "cifar10_val"] {
        let (float, int8) = compare(&model, name, &shared.join(format!("data/{name}.npz")), 1.0);
        assert!(int8.value >= float.value - 0.005, "{name}");
    }
    check_sizes("ic", &model, 66_112);
}

#[test]
fn vww() {
    let shared = shared_or_leave!();
    let model = compress(&shared, "vww_mobilenetv1_025_96_float", &shared.join("data/vww_calib.npz"), 255.0);
    let (float, int8) = compare(&model, "vww_val", &shared.join("data/vww_val.npz"), 255.0);
    assert!(int8.value >= float.value - 0.005);
    check_sizes("vww", &model, 64_800);
}

#[test]
fn ad() {
    let shared = shared_or_leave!();
    let data = shared.join("data/ad_x_f32.npy");
    let model = compress(&shared, "ad_autoencoder_float", &data, 1.0);
    let (float, int8) = compare(&model, "ad", &data, 1.0);
    println!("ad: reconstruction error {:.4} in float, {:.4} in int8", float.value, int8.value);
    check_sizes("ad", &model, 1_160);
}
