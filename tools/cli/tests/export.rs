//! `siskin export`: what it writes runs as the artifact does; what it cannot write is named, and nothing is left.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, digits};

#[test]
fn what_is_written_gives_the_same_answers() {
    let desk = Desk::new();
    let (model, calib, val) = (digits("digits.onnx"), digits("calib.npz"), digits("val.npz"));
    let watched = ["--json", "compress", &model, "--calib", &calib, "--monitor", "arl=1000", "-o", "m.siskin"];
    desk.json(&watched);
    let written = desk.json(&["--json", "export", "m.siskin", "-o", "m.onnx"]);
    assert_eq!(written["bytes"], std::fs::metadata(desk.path("m.onnx")).unwrap().len());
    assert_eq!(written["left_out"], serde_json::json!(["the monitor"]));
    let same = desk.json(&["--json", "diff", "m.siskin", "m.onnx", "--data", &val]);
    assert_eq!((&same["greatest_difference"], &same["same_output"]), (&0.0.into(), &216.into()));
}

#[test]
fn refusals_leave_nothing() {
    let desk = Desk::new();
    desk.write("no.siskin", b"no artifact");
    desk.refuses(&["export", "no.siskin", "-o", "m.onnx"], &["no.siskin", "not a .siskin file"]);
    desk.refuses(&["export", "absent.siskin", "-o", "m.onnx"], &["absent.siskin"]);
    let (model, calib) = (digits("digits.onnx"), digits("calib.npz"));
    desk.json(&["--json", "compress", &model, "--calib", &calib, "-o", "m.siskin"]);
    desk.refuses(&["export", "m.siskin", "-o", "nowhere/m.onnx"], &["nowhere"]);
    assert!(!desk.path("m.onnx").exists() && !desk.path("nowhere").exists());
}
