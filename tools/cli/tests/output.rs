//! What becomes of the file that a command writes: it appears whole, replaces nothing that is read-only, and leaves no rest.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, digits, linear};
use siskin_compiler::data::temporary::{Temporary, abandon};
use std::fs;

fn read_only(desk: &Desk, name: &str) {
    desk.write(name, b"old");
    let mut permissions = fs::metadata(desk.path(name)).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(desk.path(name), permissions).unwrap();
}

#[test]
fn a_read_only_file_is_not_replaced() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    desk.write("x.csv", b"1,2,3,4,0\n");
    for name in ["a.siskin", "y.npz", "y.npy"] {
        read_only(&desk, name);
    }
    desk.refuses(&["compress", "m.onnx", "--weights", "f32", "-o", "a.siskin"], &["a.siskin", "read-only"]);
    for name in ["y.npz", "y.npy"] {
        desk.refuses(&["run", "m.onnx", "--input", "x.csv", "--output", name], &[name, "read-only"]);
    }
    desk.refuses(&["demo", "--output", "a.siskin"], &["a.siskin", "read-only"]);
    for name in ["a.siskin", "y.npz", "y.npy"] {
        assert_eq!(fs::read(desk.path(name)).unwrap(), b"old", "{name}");
    }
}

/// The refusal comes before the work: the model is not even looked for.
#[test]
fn a_place_that_cannot_be_written_is_refused_first() {
    let desk = Desk::new();
    read_only(&desk, "a.siskin");
    desk.refuses(&["compress", "gone.onnx", "-o", "a.siskin"], &["a.siskin", "read-only"]);
    desk.refuses(&["compress", "gone.onnx", "-o", "no/such/a.siskin"], &["no/such"]);
}

#[test]
fn what_a_killed_process_left_goes_with_the_next_write() {
    let desk = Desk::new();
    desk.write(".siskin-1-0.tmp", b"half");
    desk.write("m.onnx", &linear());
    desk.json(&["--json", "compress", "m.onnx", "--weights", "f32", "-o", "a.siskin"]);
    assert_eq!(desk.names(), ["a.siskin", "m.onnx"]);
}

#[test]
fn what_is_abandoned_goes_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (file, _open) = Temporary::file(folder.path()).unwrap();
    let inner = Temporary::folder(folder.path()).unwrap();
    fs::write(inner.path().join("data"), "data").unwrap();
    let abandoned = abandon();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    drop(abandoned);
    drop((file, inner));
}

/// The demo keeps its model and data in a temporary folder while it runs, which takes a second at least.
#[cfg(unix)]
#[test]
fn a_signal_ends_the_command_and_leaves_nothing() {
    use core::time::Duration;
    use std::process::{Command, Stdio};
    for (signal, number) in [("-HUP", 1), ("-INT", 2), ("-TERM", 15)] {
        let desk = Desk::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_siskin"))
            .args(["demo", "-o", "d.siskin"])
            .env("TMPDIR", desk.folder.path())
            .current_dir(desk.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while desk.names().is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "the demo ended without a temporary folder");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        // What the tests were started to ignore, the command ignores, too, and so ends its work.
        let (code, left): (i32, &[&str]) = if ignored(number) { (0, &["d.siskin"]) } else { (128 + number, &[]) };
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert_eq!(desk.names(), left, "{signal}");
    }
}

#[cfg(unix)]
fn ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0").trim();
    u64::from_str_radix(mask, 16).unwrap() >> (signal - 1) & 1 == 1
}

/// Integers that came with the model are neither calibrated nor compared with a float version that is the same integers.
#[test]
fn a_quantized_model_is_one_version_as_given() {
    use onnx::{initializer, model, node, value};
    let desk = Desk::new();
    let nodes = [
        node("QuantizeLinear", "q", &["x", "step", "zero"], &["xq"]),
        node("DequantizeLinear", "dq", &["xq", "step", "zero"], &["xr"]),
        node("MatMul", "product", &["xr", "w"], &["y"]),
    ];
    let w = initializer("w", &[4, 2], &[1.0, -1.0, 0.5, 2.0, 3.0, -2.0, 0.25, 1.0]);
    let constants = [w, initializer("step", &[], &[0.25]), onnx::zero_point("zero")];
    let bytes = model(&nodes, &constants, &[value("x", &[1, 4])], &[value("y", &[1, 2])]);
    desk.write("q.onnx", &bytes);
    desk.write("x.csv", b"1,2,3,4,0\n4,3,2,1,1\n");
    let args = ["compress", "q.onnx", "--calib", "x.csv", "--eval", "x.csv", "-o", "q.siskin"];
    let made = desk.json(&[&["--json"], &args[..]].concat());
    assert!(made["top1"].is_number() && made.get("float").is_none() && made.get("agreement").is_none(), "{made}");
    let text = String::from_utf8(desk.run(&args).stdout).unwrap();
    assert!(text.contains("as given") && !text.contains("\nfloat"), "{text}");
    assert_eq!(desk.json(&["--json", "inspect", "q.siskin"])["recipe"], "as given");
    let recipe = desk.json(&["--json", "compress", &digits("digits.onnx"), "--calib", &digits("calib.npz"), "-o", "d"]);
    assert_eq!(recipe["output"], "d");
    assert_eq!(desk.json(&["--json", "inspect", "d"])["recipe"], "i8 minmax bias");
}
