//! Float models against onnxruntime's outputs, as they are and with f16 weights.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin::DType;
use siskin::op::Gather;
use siskin_compiler::compress::{Options, Weights};
use siskin_compiler::data::Array;
use siskin_compiler::ir::{Graph, Tensor};
use siskin_compiler::lower::{Extras, lower};
use siskin_compiler::passes::half_weights;
use siskin_compiler::run::Loaded;
use siskin_tests::{array, outputs, shared_or_leave, source};
use std::path::Path;

/// How far outputs lie from the expected ones: the length of the difference over the length of what is expected.
#[derive(Clone, Copy)]
struct RelativeError {
    /// Of all outputs of the file together.
    file: f64,
    /// Of the sample that is worst.
    worst: f64,
}

fn relative_error(shared: &Path, folder: &str, name: &str, weights: Weights) -> RelativeError {
    let model = source(&shared.join(format!("models/{folder}/{name}.onnx")), &[]);
    let options = Options { weights, ..Options::default() };
    let lowered = model.compress(&options, None, &mut ()).unwrap_or_else(|e| panic!("{e}"));
    let file = shared.join(format!("expected/{name}.npz"));
    let x = array(&file, "x");
    let want = array(&file, "y").data.to_f32();
    let (_, got) = outputs(&mut Loaded::new(&lowered.file).unwrap(), &x);
    assert_eq!(got.len(), want.len(), "{name}");
    let each = want.len() / x.shape[0];
    let length = |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt();
    let ratio = |g: &[f32], w: &[f32]| {
        assert!(g.iter().all(|v| v.is_finite()), "{name}");
        length(&mut g.iter().zip(w).map(|(g, w)| g - w)) / length(&mut w.iter().copied())
    };
    let worst = got.chunks(each).zip(want.chunks(each)).map(|(g, w)| ratio(g, w)).fold(0.0, f64::max);
    let file = ratio(&got, &want);
    println!("{name} {weights:?}: relative error {file:.2e}, of the worst sample {worst:.2e}");
    RelativeError { file, worst }
}

/// Folder, name, and what rounding the weights to their nearest f16 costs the worst sample in onnxruntime 1.32.0, of the same ONNX
/// file with the constant weights of its Conv, ConvTranspose, Gemm, MatMul, GRU and LSTM nodes rounded and nothing else.
const MODELS: [(&str, &str, f64); 17] = [
    ("mlperf_tiny", "ad_autoencoder_float", 1.368e-3),
    ("mlperf_tiny", "ic_resnet8_float", 8.553e-3),
    ("mlperf_tiny", "kws_dscnn_float", 1.289e-3),
    ("mlperf_tiny", "sww_dsconv1d_float", 3.780e-6),
    ("mlperf_tiny", "vww_mobilenetv1_025_96_float", 1.785e-3),
    ("tabular", "breast_cancer_mlp", 8.706e-4),
    ("tabular", "digits_cnn", 7.320e-4),
    ("tabular", "digits_mlp", 2.567e-4),
    ("tabular", "wine_mlp", 2.115e-4),
    ("breadth", "gru1_49x10", 2.681e-4),
    ("breadth", "lstm2_49x10", 1.564e-4),
    ("breadth", "mobilenetv1_025_224", 1.750e-4),
    ("breadth", "mobilenetv2_10_224", 2.947e-4),
    ("breadth", "tcn_49", 2.228e-4),
    ("breadth", "transformer_2l_d128_s64", 5.846e-4),
    ("breadth", "unet_tiny_64", 1.369e-5),
    ("breadth", "vit_tiny4_96", 6.447e-4),
];

#[test]
fn f32_within_1e_4() {
    let shared = shared_or_leave!();
    for (folder, name, _) in MODELS {
        assert!(relative_error(&shared, folder, name, Weights::F32).worst <= 1e-4, "{name}");
    }
}

/// Models one of whose samples loses more than 1e-3, with what it loses at most. The picture classifier takes bytes as they are, and
/// its first layer takes differences of them.
const BEYOND: [(&str, f64); 4] = [
    ("ic_resnet8_float", 3e-3),
    ("vww_mobilenetv1_025_96_float", 1.2e-3),
    ("kws_dscnn_float", 1.2e-3),
    ("breast_cancer_mlp", 1.2e-3),
];

/// Every file is within 1e-3, every sample too but for four models'; and rounding costs less than it costs anybody who rounds to the
/// nearest, over all models.
#[test]
fn f16_within_1e_3_and_better_than_the_nearest() {
    let shared = shared_or_leave!();
    let mut logs = 0.0;
    for (folder, name, nearest) in MODELS {
        let RelativeError { file, worst: cost } = relative_error(&shared, folder, name, Weights::F16);
        assert!(file <= 1e-3, "{name}: {file:.3e}");
        let ratio = cost / nearest;
        println!("{name}: rounding costs {cost:.3e}, to the nearest {nearest:.3e}: {ratio:.2} of it");
        logs += ratio.ln();
        let limit = BEYOND.iter().find(|(beyond, _)| *beyond == name).map_or(1e-3, |&(_, limit)| limit);
        assert!(cost <= limit, "{name}: {cost:.3e}");
    }
    let mean = (logs / MODELS.len() as f64).exp();
    println!("geometric mean: {mean:.2} of rounding to the nearest");
    assert!(mean <= 0.9);
}

/// The kernels add nothing to the rounding: the answers equal those of `f32` weights that were rounded to half precision before.
#[test]
fn f16_weights_compute_as_rounded_f32() {
    let shared = shared_or_leave!();
    for (folder, name, _) in MODELS {
        let model = source(&shared.join(format!("models/{folder}/{name}.onnx")), &[]);
        let (half, full) = (halved(model.graph(), false), halved(model.graph(), true));
        let x = array(&shared.join(format!("expected/{name}.npz")), "x");
        let (got, want) = (run(&half, &x), run(&full, &x));
        let worst = got.iter().zip(&want).fold(0.0f32, |m, (g, w)| m.max((g - w).abs()));
        let largest = want.iter().fold(0.0f32, |m, w| m.max(w.abs()));
        println!("{name}: kernels add {:.1e}", worst / largest);
        assert!(worst <= 1e-5 * largest, "{name}");
    }
}

fn run(graph: &Graph, x: &Array) -> Vec<f32> {
    outputs(&mut Loaded::new(&lower(graph, &Extras::default()).unwrap().file).unwrap(), x).1
}

/// The graph with weights rounded to half precision, and widened again if `widen`.
fn halved(graph: &Graph, widen: bool) -> Graph {
    let mut graph = graph.clone();
    half_weights(&mut graph).unwrap();
    for id in graph.order() {
        // What is read of a table is widened by a Cast of its own.
        if graph.node(id).is::<Gather>() {
            continue;
        }
        for i in 0..graph.node(id).inputs.len() {
            let operand = graph.node(id).input(i).and_then(|v| graph.constant(v)).cloned();
            if let Some(w) = operand.filter(|w| widen && w.ty().dtype == DType::F16) {
                let wide = graph.add_const("wide", Tensor::new(w.dims(), &w.to_f32()).unwrap());
                graph.node_mut(id).inputs[i] = Some(wide);
            }
        }
    }
    graph
}

/// onnxruntime differs from itself by a step of the output between optimization levels, so there is no closer answer to agree with.
#[test]
fn a_quantized_mobilenet_is_within_one_step() {
    let shared = shared_or_leave!();
    let name = "mobilenetv2_10_224_int8_qdq";
    let model = source(&shared.join(format!("models/breadth/{name}.onnx")), &[]);
    let lowered = model.compress(&Options::default(), None, &mut ()).unwrap_or_else(|e| panic!("{e}"));
    let file = shared.join(format!("expected/{name}.npz"));
    let mut loaded = Loaded::new(&lowered.file).unwrap();
    let step = loaded.model().unwrap().outputs().next().unwrap().scale;
    let want = array(&file, "y").data.to_f32();
    let (_, got) = outputs(&mut loaded, &array(&file, "x"));
    let steps: Vec<f32> = got.iter().zip(&want).map(|(g, w)| ((g - w) / step).abs().round()).collect();
    let equal = steps.iter().filter(|&&s| s == 0.0).count() as f64 / steps.len() as f64;
    println!("{name}: {:.2}% of outputs equal, arena {}, file {}", 100.0 * equal, lowered.arena, lowered.file.len());
    let most = steps.iter().fold(0.0f32, |m, &s| m.max(s));
    assert!(most <= 1.0 && equal >= 0.9, "{most} steps");
}
