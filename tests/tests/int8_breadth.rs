//! int8 on every kind of network: how near its answers come to the float model's on inputs that calibration did not see.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::Options;
use siskin_compiler::data::{Array, ArrayData, Dataset, write_npy};
use siskin_compiler::run::Loaded;
use siskin_tests::{array, noise, outputs, shared_or_leave, source};

/// Folder, name, and the least quality in dB: power of the float answers over power of the difference. What each reaches less
/// two, so that a range or a layer that goes wrong is seen.
const MODELS: [(&str, &str, f64); 9] = [
    ("mlperf_tiny", "sww_dsconv1d_float", 46.0),
    ("breadth", "gru1_49x10", 23.0),
    ("breadth", "lstm2_49x10", 41.5),
    ("breadth", "mobilenetv1_025_224", 39.0),
    ("breadth", "mobilenetv2_10_224", 39.0),
    ("breadth", "tcn_49", 39.5),
    ("breadth", "transformer_2l_d128_s64", 30.0),
    ("breadth", "unet_tiny_64", 50.0),
    ("breadth", "vit_tiny4_96", 18.5),
];

#[test]
fn every_kind_of_network_survives_int8() {
    let shared = shared_or_leave!();
    for (folder, name, least) in MODELS {
        let model = source(&shared.join(format!("models/{folder}/{name}.onnx")), &[]);
        let x = array(&shared.join(format!("expected/{name}.npz")), "x");
        let calib = std::env::temp_dir().join(format!("siskin-{}-{name}.npy", std::process::id()));
        write_npy(&calib, &like(&x, 16)).unwrap();
        let data = Dataset::open(&calib.display().to_string(), &model.input_specs()).unwrap();
        let int8 = model.compress(&Options::default(), Some(&data), &mut ()).unwrap_or_else(|e| panic!("{name}: {e}"));
        std::fs::remove_file(&calib).unwrap();
        let answers = |file: &[u8]| outputs(&mut Loaded::new(file).unwrap(), &x).1;
        let (float, int8) = (answers(&model.float().unwrap().file), answers(&int8.file));
        let power = |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v).powi(2)).sum::<f64>();
        let off = power(&mut float.iter().zip(&int8).map(|(f, i)| f - i));
        let quality = 10.0 * (power(&mut float.iter().copied()) / off).log10();
        println!("{name}: {quality:.1} dB");
        assert!(quality >= least, "{name}: {quality:.1} dB");
    }
}

/// `n` samples of the mean and the variance of `x`; tokens are drawn from its own.
fn like(x: &Array, n: usize) -> Array {
    let mut shape = x.shape.clone();
    shape[0] = n;
    let noise = noise(shape.iter().product(), 11);
    let data = match &x.data {
        ArrayData::I64(tokens) => {
            ArrayData::I64(noise.iter().map(|v| tokens[(v.abs() * 1e4) as usize % tokens.len()]).collect())
        }
        data => {
            let values = data.to_f32();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32;
            ArrayData::F32(noise.iter().map(|v| mean + variance.sqrt() * v).collect())
        }
    };
    Array { shape, data }
}
