//! `siskin compress --prune`, as a user asks for it.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, digits};

#[test]
fn half_the_operations_go_and_training_brings_accuracy_back() {
    let desk = Desk::new();
    let (onnx, calib, train, test) =
        (digits("digits.onnx"), digits("calib.npz"), digits("train.npz"), digits("test.npz"));
    let args = ["--json", "compress", &onnx, "--calib", &calib, "--eval", &test, "--prune", "ops=0.5,multiple=4"];
    let alone = desk.json(&[&args[..], &["-o", "a.siskin"]].concat());
    let (before, after) = (alone["float"]["macs"].as_u64().unwrap(), alone["macs"].as_u64().unwrap());
    assert!(after * 2 <= before + before / 10, "{after} of {before}");
    assert!(alone["file_bytes"].as_u64() < alone["float"]["file_bytes"].as_u64());
    let trained = desk.json(&[&args[..], &["--train", &train, "--epochs", "5", "-o", "b.siskin"]].concat());
    assert_eq!(trained["macs"], alone["macs"]);
    assert!(trained["top1"].as_f64() >= alone["top1"].as_f64(), "{trained} after {alone}");
    assert_eq!(desk.names(), ["a.siskin", "b.siskin"], "no checkpoint is left");
    let recipe = desk.json(&["--json", "inspect", "b.siskin"])["recipe"].as_str().unwrap().to_string();
    assert!(recipe.starts_with("prune ops=0.5,multiple=4 epochs=5 rate=0.001 seed=0 i8"), "{recipe}");
}

#[test]
fn what_cannot_be_pruned_is_refused() {
    let desk = Desk::new();
    let (onnx, calib) = (digits("digits.onnx"), digits("calib.npz"));
    let prune =
        |ratio: &'static str| desk.run(&["compress", &onnx, "--calib", &calib, "--prune", ratio, "-o", "a.siskin"]);
    for ratio in ["ops=0", "ops=1.5", "ops=half", "flops=0.5"] {
        assert_eq!(prune(ratio).status.code(), Some(2), "{ratio}");
    }
    let out =
        desk.run(&["compress", &onnx, "--calib", &calib, "--prune", "ops=0.5", "--budget", "drop=1", "-o", "a.siskin"]);
    assert_eq!(out.status.code(), Some(2));
    desk.refuses(
        &["compress", &onnx, "--calib", &calib, "--prune", "ops=0.001", "-o", "a.siskin"],
        &["digits.onnx", "multiple=4"],
    );
    // What is set already is no advice.
    let few = ["compress", &onnx, "--calib", &calib, "--prune", "ops=0.001,multiple=4", "-o", "a.siskin"];
    let said = String::from_utf8(desk.run(&few).stderr).unwrap();
    assert!(said.contains("ask for more operations") && !said.contains("or for"), "{said}");
}
