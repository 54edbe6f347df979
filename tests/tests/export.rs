//! Exported models are read back and run in floats: the same bytes as the artifacts that they were.
//!
//! `cargo xtask export` asks onnxruntime the same.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::Options;
use siskin_compiler::data::{Array, ArrayData};
use siskin_compiler::export::{ExportError, export};
use siskin_compiler::quantize::{self, Rounding, Widths};
use siskin_compiler::run::Loaded;
use siskin_tests::{array, dataset, first_samples, outputs, root, shared_or_leave, source};
use std::path::Path;

/// The first samples of an array of bytes or reals, as reals.
fn reals(path: &Path, name: &str) -> Array {
    let Array { shape, data } = array(&first_samples(path, 45), name);
    let data = match data {
        ArrayData::U8(v) => ArrayData::F32(v.into_iter().map(f32::from).collect()),
        data => data,
    };
    Array { shape, data }
}

/// Exports the artifact, imports that, and runs both.
fn check(name: &str, artifact: &[u8], x: &Array) {
    let onnx = export(artifact, name).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(onnx, export(artifact, name).unwrap(), "{name}: twice");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("exported.onnx");
    std::fs::write(&path, onnx).unwrap();
    let again = source(&path, &[]).float().unwrap();
    let (_, want) = outputs(&mut Loaded::new(artifact).unwrap(), x);
    let (_, got) = outputs(&mut Loaded::new(&again.file).unwrap(), x);
    let distinct = want.iter().map(|v| v.to_bits()).collect::<std::collections::BTreeSet<_>>().len();
    let unequal = want.iter().zip(&got).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
    println!("{name}: {unequal} of {} unequal, {distinct} values", want.len());
    assert!(got.len() == want.len() && unequal == 0 && distinct > 2, "{name}");
}

/// A float model with these bits of weights.
fn int8(model: &Path, calib: &Path, bits: u8) -> Vec<u8> {
    let source = source(model, &[]);
    let calib = dataset(calib, source.input_specs().remove(0), 1.0);
    let widths = Widths { bits, ..Widths::default() };
    let quantize = quantize::Options { widths, rounding: Rounding::Nearest, ..Default::default() };
    let options = Options { quantize, ..Options::default() };
    source.compress(&options, Some(&calib), &mut ()).unwrap_or_else(|e| panic!("{e}")).file
}

#[test]
fn digits() {
    let models = root().join("models/digits");
    let calib = models.join("calib.npz");
    for bits in [8, 4] {
        check("digits", &int8(&models.join("digits.onnx"), &calib, bits), &reals(&models.join("val.npz"), "x"));
    }
}

#[test]
fn convolutions_sums_and_tables() {
    let shared = shared_or_leave!();
    let model = |name: &str| shared.join(format!("models/mlperf_tiny/{name}.onnx"));
    let data = |name: &str| shared.join(format!("data/{name}.npz"));
    for (name, calib, val) in [
        ("kws_dscnn_float", "kws_calib", "kws_val"),
        ("ic_resnet8_float", "cifar10_train", "ic_val"),
        ("sww_dsconv1d_float", "sww_calib", "sww_calib"),
    ] {
        let calib = first_samples(&data(calib), 40);
        check(name, &int8(&model(name), &calib, 8), &reals(&data(val), "x"));
        check(name, &int8(&model(name), &calib, 3), &reals(&data(val), "x"));
    }
}

/// Models that come quantized take and give integers.
#[test]
fn quantized_models() {
    let shared = shared_or_leave!();
    for name in ["kws_dscnn_int8_qdq", "vww_mobilenetv1_025_96_int8_qdq", "ad_autoencoder_int8_qdq"] {
        let model = source(&shared.join(format!("models/mlperf_tiny/{name}.onnx")), &[]);
        let file = model.compress(&Options::default(), None, &mut ()).unwrap_or_else(|e| panic!("{e}")).file;
        check(name, &file, &array(&shared.join(format!("expected/{name}.npz")), "x"));
    }
}

#[test]
fn what_cannot_be_exported_is_named() {
    assert!(
        matches!(export(b"no artifact", "m.siskin"), Err(ExportError::Artifact { file, .. }) if file == "m.siskin")
    );
    let shared = shared_or_leave!();
    let file = source(&shared.join("models/breadth/gru1_49x10.onnx"), &[]).float().unwrap().file;
    let refusal = export(&file, "m.siskin").unwrap_err();
    assert!(matches!(refusal, ExportError::Operator { operator: "GRU", .. }), "{refusal}");
}
