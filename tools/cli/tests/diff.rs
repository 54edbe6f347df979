//! `siskin diff`, the ledger and the report, as a user asks for them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, array, digits, linear};
use siskin_compiler::data::write_npz;
use std::fs;

/// The handwritten digits at 8 and at 2 bits.
fn two(desk: &Desk) {
    for (name, bits) in [("8.siskin", "8"), ("2.siskin", "2")] {
        let (onnx, calib) = (digits("digits.onnx"), digits("calib.npz"));
        desk.json(&[
            "--json",
            "compress",
            &onnx,
            "--calib",
            &calib,
            "--weight-bits",
            bits,
            "--rounding",
            "nearest",
            "-o",
            name,
        ]);
    }
}

#[test]
fn what_changes_and_the_gates() {
    let desk = Desk::new();
    two(&desk);
    let test = digits("test.npz");
    let found = desk.json(&["--json", "diff", "8.siskin", "2.siskin", "--data", &test]);
    let (before, after) = (found["before"]["top1"].as_f64().unwrap(), found["after"]["top1"].as_f64().unwrap());
    assert!(after < before && (found["drop"].as_f64().unwrap() - 100.0 * (before - after)).abs() < 1e-9, "{found}");
    let classes = found["classes"].as_array().unwrap();
    let right: f64 = classes.iter().map(|c| c["after"].as_f64().unwrap() * c["n"].as_f64().unwrap()).sum();
    assert!(classes.len() == 10 && (right / 360.0 - after).abs() < 1e-9, "{found}");
    assert!(found["same_class"].as_u64() < found["n"].as_u64() && found["gates"].as_array().unwrap().is_empty());

    let gates = [
        "--max-drop",
        "0",
        "--max-class-drop",
        "0",
        "--min-agreement",
        "100",
        "--max-bytes",
        "100",
        "--max-arena",
        "9",
    ];
    let out = desk.run(&[&["diff", "8.siskin", "2.siskin", "--data", &test], &gates[..]].concat());
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(3), "{text}");
    assert!(gates.iter().step_by(2).all(|gate| text.contains(gate)) && !text.contains("--max-time"), "{text}");
    let out = desk.run(&[&["diff", "8.siskin", "8.siskin", "--data", &test], &gates[..6]].concat());
    assert_eq!(out.status.code(), Some(0), "a model is as good as itself");
}

#[test]
fn models_and_data_that_cannot_be_compared() {
    let desk = Desk::new();
    two(&desk);
    desk.write("m.onnx", &linear());
    let test = digits("test.npz");
    desk.refuses(&["diff", "8.siskin", "m.onnx", "--data", &test], &["8.siskin", "m.onnx", "shape"]);
    let unlabelled = [("x".to_string(), array(&[2, 1, 8, 8], vec![0.5; 128]))];
    write_npz(desk.path("x.npz"), &unlabelled).unwrap();
    let gate = ["diff", "8.siskin", "2.siskin", "--data", "x.npz", "--max-drop", "1"];
    desk.refuses(&gate, &["--max-drop", "x.npz", "labels"]);
    let found = desk.json(&["--json", "diff", "8.siskin", "2.siskin", "--data", "x.npz"]);
    assert!(found["n"] == 2 && found["drop"].is_null(), "{found}");
}

#[test]
fn the_ledger_adds_up_and_the_report_asks_for_nothing() {
    let desk = Desk::new();
    let (onnx, calib, test) = (digits("digits.onnx"), digits("calib.npz"), digits("test.npz"));
    let args =
        ["--json", "compress", &onnx, "--calib", &calib, "--eval", &test, "-o", "a.siskin", "--report", "r.html"];
    let made = desk.json(&args);
    let sum: u64 = made["ledger"].as_object().unwrap().values().map(|v| v.as_u64().unwrap()).sum();
    assert_eq!(sum, fs::metadata(desk.path("a.siskin")).unwrap().len());
    assert_eq!(desk.json(&["--json", "inspect", "a.siskin"])["ledger"], made["ledger"]);
    let html = fs::read_to_string(desk.path("r.html")).unwrap();
    for word in ["Who is taken for whom", "Where the bytes are", "98.61%", "weights of 8 bits"] {
        assert!(html.contains(word), "{word}");
    }
    assert!(!html.contains("http") && !html.contains("<script"));
    desk.refuses(&["compress", &onnx, "--calib", &calib, "-o", "b", "--report", "b"], &["b", "--report"]);
}
