//! Models that come quantized keep their own numbers: their outputs against onnxruntime's, byte by byte.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::Options;
use siskin_compiler::run::Loaded;
use siskin_tests::{array, bytes_i8, outputs, shared_or_leave, source};
use std::path::Path;

struct Agreement {
    equal: f64,
    worst: i32,
    argmax: bool,
    arena: u32,
}

fn compare(shared: &Path, name: &str, value: Option<&str>, expected: &str) -> Agreement {
    let model = source(&shared.join(format!("models/mlperf_tiny/{name}.onnx")), value.as_slice());
    let lowered = model.compress(&Options::default(), None, &mut ()).unwrap_or_else(|e| panic!("{e}"));
    let file = shared.join(format!("expected/{name}.npz"));
    let (raw, _) = outputs(&mut Loaded::new(&lowered.file).unwrap(), &array(&file, "x"));
    let want = bytes_i8(&array(&file, expected));
    let got: Vec<i8> = raw.iter().map(|&b| b as i8).collect();
    assert_eq!(got.len(), want.len());
    let difference = |(g, w): (&i8, &i8)| (i32::from(*g) - i32::from(*w)).abs();
    let equal = got.iter().zip(&want).filter(|(g, w)| g == w).count() as f64 / want.len() as f64;
    let worst = got.iter().zip(&want).map(difference).max().unwrap();
    let classes = want.len() / 16;
    let top = |v: &[i8]| (0..v.len()).rev().max_by_key(|&i| v[i]);
    let argmax = got.chunks(classes).zip(want.chunks(classes)).all(|(g, w)| top(g) == top(w));
    println!("{name}: {:.2}% of bytes equal, worst difference {worst}, argmax all equal: {argmax}", 100.0 * equal);
    Agreement { equal, worst, argmax, arena: lowered.arena }
}

/// The value before the softmax: what the expected files call `before_softmax`.
fn logits(shared: &Path, name: &str) -> String {
    let path = shared.join(format!("models/mlperf_tiny/{name}.onnx"));
    let summary = siskin_compiler::import::summarize(&path).unwrap();
    let made_by = |value: &str| summary.nodes.iter().find(|n| n.outputs.iter().any(|o| o == value)).unwrap();
    let softmax = summary.nodes.iter().find(|n| n.op == "Softmax").unwrap();
    // Softmax reads DequantizeLinear, which reads the integers.
    made_by(&softmax.inputs[0]).inputs[0].clone()
}

/// Each arena is what one layer's input and output need: nothing large is float between them.
#[test]
fn kws_sww_ic_and_ad_equal_every_byte() {
    let shared = shared_or_leave!();
    for (name, arena) in
        [("kws_dscnn_int8_qdq", 16_000), ("sww_dsconv1d_int8_qdq", 6_656), ("ic_resnet8_int8_qdq", 49_152)]
    {
        let value = logits(&shared, name);
        let found = compare(&shared, name, Some(&value), "before_softmax");
        assert!(found.equal == 1.0 && found.arena <= arena, "{name}: arena {}", found.arena);
    }
    let found = compare(&shared, "ad_autoencoder_int8_qdq", None, "y");
    assert!(found.equal == 1.0 && found.arena <= 768, "arena {}", found.arena);
}

#[test]
fn vww_differs_by_one_at_most() {
    let shared = shared_or_leave!();
    let name = "vww_mobilenetv1_025_96_int8_qdq";
    let value = logits(&shared, name);
    let found = compare(&shared, name, Some(&value), "before_softmax");
    assert!(found.equal >= 0.95 && found.worst <= 1 && found.argmax);
}
