//! `siskin pack` and `unpack`, and weights of few bits that training knows of, as a user asks for them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, digits};

#[test]
fn a_packed_artifact_is_the_same_model_in_fewer_bytes() {
    let desk = Desk::new();
    let (onnx, calib, test) = (digits("digits.onnx"), digits("calib.npz"), digits("test.npz"));
    let compress = ["--json", "compress", &onnx, "--calib", &calib, "--weight-bits", "3", "--scale-bits", "8"];
    let made = desk.json(&[&compress[..], &["-o", "a.siskin"]].concat());
    let packed = desk.json(&["--json", "pack", "a.siskin", "-o", "a.packed"]);
    assert_eq!(packed["unpacked_bytes"], made["file_bytes"]);
    let bytes = packed["file_bytes"].as_u64().unwrap();
    assert!(bytes * 5 < made["file_bytes"].as_u64().unwrap() * 4, "{packed}");
    let ledger = packed["ledger"].as_object().unwrap();
    assert_eq!(ledger.values().filter_map(serde_json::Value::as_u64).sum::<u64>(), bytes);

    desk.json(&["--json", "unpack", "a.packed", "-o", "b.siskin"]);
    assert_eq!(std::fs::read(desk.path("a.siskin")).unwrap(), std::fs::read(desk.path("b.siskin")).unwrap());
    let eval = |file: &str| desk.json(&["--json", "eval", file, "--data", &test]);
    assert_eq!(eval("a.packed")["top1"], eval("a.siskin")["top1"]);
    assert_eq!(desk.json(&["--json", "verify", "a.packed"])["ok"], true);

    desk.refuses(&["unpack", "a.siskin", "-o", "c.siskin"], &["a.siskin", "not a packed artifact", "siskin pack"]);
    let whole = std::fs::read(desk.path("a.packed")).unwrap();
    desk.write("cut.packed", &whole[..whole.len() - 9]);
    desk.refuses(&["unpack", "cut.packed", "-o", "c.siskin"], &["cut.packed", "damaged"]);
    let mut flipped = whole;
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0x10;
    desk.write("flipped.packed", &flipped);
    desk.refuses(&["unpack", "flipped.packed", "-o", "c.siskin"], &["flipped.packed"]);
}

#[test]
fn training_knows_of_the_bits_that_are_stored() {
    let desk = Desk::new();
    let (onnx, train, test) = (digits("digits.onnx"), digits("train.npz"), digits("test.npz"));
    desk.write("r.toml", b"[quantize]\nbits = 2\nends = 4\n");
    let distil = ["--json", "distil", "--teacher", &onnx, "--student", &onnx, "--train", &train, "--eval", &test];
    let few = [&distil[..], &["--epochs", "4", "--recipe", "r.toml", "--scale-bits", "8", "-o", "a.siskin"]].concat();
    let trained = desk.json(&few)["top1"].as_f64().unwrap();
    let recipe = desk.json(&["--json", "inspect", "a.siskin"]);
    assert!(recipe["recipe"].as_str().unwrap().ends_with("w2 ends4 s8"), "{recipe}");
    let parts = recipe["ledger"].as_object().unwrap();
    // 144 weights of the first layer are too few for an operator that unpacks them.
    assert!(parts["weights of 2 bits"] == 748 && parts["weights of 4 bits"] == 320, "{recipe}");
    let calib = digits("calib.npz");
    let plain =
        ["--json", "compress", &onnx, "--calib", &calib, "--eval", &test, "--recipe", "r.toml", "-o", "b.siskin"];
    let untrained = desk.json(&plain)["top1"].as_f64().unwrap();
    assert!(trained > untrained, "{trained} after training, {untrained} without");

    desk.write("bad.toml", b"[quantize.layers]\nnone = 2\n");
    let bad = [&distil[1..], &["--recipe", "bad.toml", "-o", "c.siskin"]].concat();
    desk.refuses(&bad, &["no layer 'none'", "conv"]);
}
