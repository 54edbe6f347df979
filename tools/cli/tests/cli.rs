//! The command as a user runs it: the main road, and what becomes of bad input.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, array, digits, linear};
use onnx::{Message, external, initializer, model, node, value};
use siskin_compiler::data::{Array, ArrayData, read_npz, write_npy, write_npz};
use std::process::Command;

#[test]
fn the_main_road() {
    let desk = Desk::new();
    let (onnx, calib, test, labels) =
        (digits("digits.onnx"), digits("calib.npz"), digits("test.npz"), digits("labels.txt"));
    let made = desk.json(&[
        "--json", "compress", &onnx, "--calib", &calib, "--eval", &test, "--labels", &labels, "-o", "d.siskin",
    ]);
    assert!(made["top1"].as_f64().unwrap() >= made["float"]["top1"].as_f64().unwrap() - 0.01, "{made}");
    assert!(made["file_bytes"].as_u64().unwrap() < made["float"]["file_bytes"].as_u64().unwrap() / 2, "{made}");
    assert_eq!(made["n"], 360);
    for key in ["file_bytes", "weights_bytes", "arena_bytes", "state_bytes", "macs", "ops", "median_us", "p95_us"] {
        assert!(made[key].is_number(), "{key}");
    }
    let again = desk.json(&["--json", "eval", "d.siskin", "--data", &test]);
    assert_eq!(again["top1"], made["top1"]);
    let float = desk.json(&["--json", "eval", &onnx, "--data", &test]);
    assert_eq!(float["top1"], made["float"]["top1"]);
    assert_eq!(desk.json(&["--json", "verify", "d.siskin"])["ok"], true);
    let facts = desk.json(&["--json", "inspect", "d.siskin"]);
    assert_eq!(facts["labels"].as_array().unwrap().len(), 10);
    let timed = desk.json(&["--json", "bench", "d.siskin", "--seconds", "0.1"]);
    assert!(timed["median_us"].as_f64().unwrap() > 0.0 && timed["p95_us"].is_number() && timed["n"].is_number());
    for key in ["file_bytes", "weights_bytes", "arena_bytes", "state_bytes", "macs", "ops"] {
        assert!(made["float"][key].is_number(), "float {key}");
        assert_eq!(facts[key], made[key], "inspect {key}");
        assert_eq!(timed[key], made[key], "bench {key}");
    }
    desk.json(&["--json", "run", "d.siskin", "--input", &test, "--output", "y.npz"]);
    let outputs = read_npz(desk.path("y.npz")).unwrap();
    assert_eq!(outputs[0].0, "logits");
    assert_eq!(outputs[0].1.shape, [360, 10]);
    let text = String::from_utf8(desk.run(&["inspect", "d.siskin"]).stdout).unwrap();
    assert!(text.contains("QLinearConv") && text.contains("arena_bytes"), "{text}");
}

#[test]
fn the_same_command_writes_the_same_bytes() {
    let desk = Desk::new();
    let (onnx, calib) = (digits("digits.onnx"), digits("calib.npz"));
    for name in ["a.siskin", "b.siskin"] {
        desk.json(&["--json", "compress", &onnx, "--calib", &calib, "-o", name]);
    }
    assert_eq!(std::fs::read(desk.path("a.siskin")).unwrap(), std::fs::read(desk.path("b.siskin")).unwrap());
}

#[test]
fn a_model_becomes_c() {
    let desk = Desk::new();
    let file =
        std::fs::read(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/digits-1.0.siskin"))
            .unwrap();
    desk.write("d.siskin", &file);
    let facts = desk.json(&["--json", "inspect", "d.siskin"]);
    let header = String::from_utf8(desk.run(&["inspect", "d.siskin", "--c-header"]).stdout).unwrap();
    for line in [
        format!("#define SISKIN_ARENA_BYTES {}", facts["arena_bytes"]),
        format!("#define SISKIN_MODEL_BYTES {}", file.len()),
        format!("#define SISKIN_MODEL_DIGEST {}", facts["digest"]),
        format!("#define SISKIN_INPUT_0_ZERO_POINT {}", facts["inputs"][0]["zero_point"]),
        "#define SISKIN_STATE_BYTES 0".into(),
        "#define SISKIN_INPUT_0_SHAPE { 1, 1, 8, 8 }".into(),
        "#define SISKIN_INPUT_0_DTYPE SISKIN_DTYPE_I8".into(),
        "#define SISKIN_OUTPUT_0_NAME \"logits\"".into(),
        "    &siskin_op_QLinearConv,".into(),
    ] {
        assert_eq!(header.lines().filter(|found| **found == line).count(), 1, "{line} in {header}");
    }

    let words = ["inspect", "d.siskin", "--c-header", "--c-prefix", "two_2", "-o", "two.h", "--c-model", "two.c"];
    assert!(desk.run(&words).status.success());
    let [header, data] = ["two.h", "two.c"].map(|name| std::fs::read_to_string(desk.path(name)).unwrap());
    assert!(
        header.contains("#define TWO_2_ARENA_BYTES")
            && header.contains("two_2_model_ops")
            && !header.contains("SISKIN_ARENA")
    );
    let (_, bytes) = data.split_once("= {").unwrap();
    let bytes: Vec<u8> = bytes.split(',').filter_map(|word| word.trim().parse().ok()).collect();
    assert_eq!(bytes, file);
    assert_eq!(desk.run(&["inspect", "d.siskin", "--c-header", "--c-prefix", "2two"]).status.code(), Some(2));
    assert_eq!(desk.run(&["inspect", "d.siskin", "-o", "x.h"]).status.code(), Some(2));
    desk.refuses(&["inspect", "d.siskin", "--c-header", "-o", "no/such/folder/x.h"], &["no/such/folder"]);
}

#[test]
fn completions_and_wrong_usage() {
    let desk = Desk::new();
    assert!(String::from_utf8(desk.run(&["completions", "bash"]).stdout).unwrap().contains("_siskin"));
    assert_eq!(desk.run(&["compress"]).status.code(), Some(2));
    assert_eq!(desk.run(&["compress", "m.onnx", "-o", "o", "--weights", "i3"]).status.code(), Some(2));
}

#[test]
fn bad_models_name_file_and_node() {
    let desk = Desk::new();
    let out = ["-o", "out.siskin", "--weights", "f32"];
    let try_model = |name: &str, bytes: &[u8], words: &[&str]| {
        desk.write(name, bytes);
        let args = ["compress", name, out[0], out[1], out[2], out[3]];
        desk.refuses(&args, &[&[name], words].concat());
    };
    let (xs, ys) = ([value("x", &[1, 4])], [value("y", &[1, 4])]);
    let whole = std::fs::read(digits("digits.onnx")).unwrap();
    try_model("cut.onnx", &whole[..whole.len() / 2], &["ONNX"]);
    try_model("empty.onnx", b"", &["ONNX"]);
    try_model("text.onnx", b"<html>not found</html>", &["ONNX"]);
    let lost = [node("Add", "sum", &["x", "w"], &["y"])];
    let w = external("w", &[1, 4], "weights.bin");
    try_model("external.onnx", &model(&lost, &[w], &xs, &ys), &["'w'", "weights.bin"]);
    let cycle = [node("Relu", "one", &["b"], &["a"]), node("Relu", "two", &["a"], &["b"])];
    try_model("cycle.onnx", &model(&cycle, &[], &xs, &[value("b", &[1, 4])]), &["'one'", "cycle"]);
    let absent = [node("Relu", "act", &["nowhere"], &["y"])];
    try_model("absent.onnx", &model(&absent, &[], &xs, &ys), &["'act'", "'nowhere'"]);
    let relu = [node("Relu", "act", &["x"], &["y"])];
    try_model("zero.onnx", &model(&relu, &[], &[value("x", &[1, 0])], &ys), &["'x'", "length 0"]);
    try_model("symbolic.onnx", &model(&relu, &[], &[value("x", &[1, -1])], &ys), &["'x'", "--shape length="]);
    try_model("no_output.onnx", &model(&relu, &[], &xs, &[value("z", &[1])]), &["'z'"]);
    let strange = [node("Wobble", "odd", &["x"], &["y"])];
    try_model("strange.onnx", &model(&strange, &[], &xs, &ys), &["'odd'", "Wobble", "opset 17"]);
    let w = initializer("w", &[4, 2], &[0.0; 5]);
    let product = [node("MatMul", "product", &["x", "w"], &["y"])];
    try_model("short.onnx", &model(&product, &[w], &xs, &ys), &["'w'"]);
    let w = initializer("w", &[3, 2], &[0.0; 6]);
    try_model("shapes.onnx", &model(&product, &[w], &xs, &ys), &["'product'", "MatMul"]);
    let w = initializer("w", &[4, 0], &[]);
    let nothing = [value("y", &[1, 0])];
    try_model("hollow.onnx", &model(&product, &[w], &xs, &nothing), &["'product'", "MatMul", "'y'", "[1,0]"]);
    desk.refuses(&["compress", "gone.onnx", "-o", "out.siskin"], &["gone.onnx"]);
}

#[test]
fn bad_data_names_file_and_array() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    let try_data = |name: &str, arrays: &[(&str, Array)], words: &[&str]| {
        let arrays: Vec<_> = arrays.iter().map(|(n, a)| (n.to_string(), a.clone())).collect();
        write_npz(desk.path(name), &arrays).unwrap();
        desk.refuses(&["compress", "m.onnx", "--calib", name, "-o", "out.siskin"], &[&[name], words].concat());
    };
    desk.refuses(&["compress", "m.onnx", "-o", "out.siskin"], &["m.onnx", "--calib"]);
    desk.refuses(&["compress", "m.onnx", "--calib", "gone.npz", "-o", "out.siskin"], &["gone.npz"]);
    try_data("shape.npz", &[("x", array(&[2, 5], vec![0.5; 10]))], &["'x'"]);
    try_data("nan.npz", &[("x", array(&[2, 4], vec![f32::NAN; 8]))], &["x"]);
    try_data("none.npz", &[("x", array(&[0, 4], vec![]))], &["x"]);
    try_data("names.npz", &[("data", array(&[2, 4], vec![0.5; 8]))], &["x", "data"]);
    desk.write("empty.npz", b"");
    desk.refuses(&["compress", "m.onnx", "--calib", "empty.npz", "-o", "out.siskin"], &["empty.npz"]);
    desk.refuses(&["compress", "m.onnx", "--calib", "none.npz", "-o", "m.onnx"], &["m.onnx", "--output"]);
    desk.refuses(
        &["compress", "m.onnx", "--weights", "f32", "--shape", "q=2", "-o", "out.siskin"],
        &["m.onnx", "--shape q"],
    );
    try_data("one.npz", &[("x", array(&[1, 4], vec![0.5, -1.0, 2.0, 0.0]))], &["'x'", "one sample", "at least two"]);
}

#[test]
fn run_refuses_what_does_not_fit() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    let save = |name: &str, a: Array| write_npy(desk.path(name), &a).unwrap();
    save("good.npy", array(&[3, 4], vec![1.0; 12]));
    save("wide.npy", array(&[1, 5], vec![1.0; 5]));
    save("nan.npy", array(&[1, 4], vec![1.0, f32::INFINITY, 0.0, 0.0]));
    desk.json(&["--json", "run", "m.onnx", "--input", "good.npy", "--output", "y.npy"]);
    // The array may be called as the input is.
    write_npz(desk.path("x.npz"), &[("x".into(), array(&[3, 4], vec![1.0; 12]))]).unwrap();
    write_npz(desk.path("other.npz"), &[("other".into(), array(&[3, 4], vec![1.0; 12]))]).unwrap();
    desk.refuses(&["run", "m.onnx", "--input", "other.npz"], &["other.npz", "'x'", "'other'"]);
    desk.refuses(&["run", "m.onnx", "--input", "wide.npy"], &["wide.npy"]);
    desk.refuses(&["run", "m.onnx", "--input", "nan.npy"], &["nan.npy"]);
    desk.refuses(&["run", "m.onnx", "--input", "good.npy", "--output", "no/such/folder/y.npz"], &["no/such/folder"]);
    desk.refuses(&["run", "m.onnx", "--input", "good.npy", "--output", "y.txt"], &["y.txt"]);
    let whole = std::fs::read(desk.path("good.npy")).unwrap();
    desk.write("cut.npy", &whole[..whole.len() - 3]);
    desk.refuses(&["run", "m.onnx", "--input", "cut.npy"], &["cut.npy"]);
    desk.write("m.siskin", b"\x89SISKIN\nnot quite");
    for command in ["inspect", "verify"] {
        desk.refuses(&[command, "m.siskin"], &["m.siskin"]);
    }
}

/// Killed at any moment, a run leaves the old artifact or the new one, whole.
#[cfg(unix)]
#[test]
fn a_killed_run_leaves_the_old_artifact() {
    let desk = Desk::new();
    let (onnx, calib) = (digits("digits.onnx"), digits("calib.npz"));
    let args = ["compress", &onnx, "--calib", &calib, "--eval", &calib, "-o", "d.siskin"];
    let start = std::time::Instant::now();
    assert!(desk.run(&args).status.success());
    let takes = start.elapsed().min(core::time::Duration::from_secs(3));
    let whole = std::fs::read(desk.path("d.siskin")).unwrap();
    let (mut old, mut new) = (0, 0);
    // The last moments, when the file is written, are tried as densely as the rest together.
    for step in 0..24u32 {
        let part = if step < 12 { step * 8 } else { 84 + 2 * (step - 12) };
        desk.write("d.siskin", b"old");
        let mut child =
            Command::new(env!("CARGO_BIN_EXE_siskin")).args(args).current_dir(desk.folder.path()).spawn().unwrap();
        std::thread::sleep(takes * part / 100);
        let _ = child.kill();
        child.wait().unwrap();
        match std::fs::read(desk.path("d.siskin")).unwrap() {
            left if left == b"old" => old += 1,
            left => {
                assert_eq!(left, whole, "half an artifact was left behind");
                new += 1;
            }
        }
    }
    assert!(old > 0, "no run was killed before its end: {new} ended");
}

#[test]
fn every_input_of_a_model_is_fed() {
    let desk = Desk::new();
    let sum = node("Add", "sum", &["a", "b"], &["s"]);
    let weights = initializer("w", &[4, 2], &[1.0, -1.0, 0.5, 2.0, 3.0, -2.0, 0.25, 1.0]);
    let product = node("MatMul", "product", &["s", "w"], &["z"]);
    let inputs = [value("a", &[-1, 4]), value("b", &[-1, 4])];
    desk.write("m.onnx", &model(&[sum, product], &[weights], &inputs, &[value("z", &[-1, 2])]));
    let ramp = |scale: f32| array(&[3, 4], (0..12).map(|i| scale * i as f32).collect());
    let labels = Array { shape: vec![3], data: ArrayData::I64(vec![0, 1, 1]) };
    let arrays = [("a".to_owned(), ramp(1.0)), ("b".to_owned(), ramp(10.0)), ("y".to_owned(), labels)];
    write_npz(desk.path("ab.npz"), &arrays).unwrap();
    write_npz(desk.path("a.npz"), &arrays[..1]).unwrap();
    desk.json(&["--json", "run", "m.onnx", "--input", "ab.npz", "--output", "z.npz"]);
    let z = read_npz(desk.path("z.npz")).unwrap().remove(0).1;
    assert_eq!(z.shape, [3, 2]);
    // Sample 1: (4, 5, 6, 7) times 11 times the weights.
    assert_eq!(z.data.to_f32()[2..4], [11.0 * 26.25, 11.0 * 1.0]);
    let made = desk.json(&["--json", "compress", "m.onnx", "--calib", "ab.npz", "--eval", "ab.npz", "-o", "m.siskin"]);
    assert_eq!(made["agreement"], 1.0, "{made}");
    for command in ["eval", "run"] {
        let option = if command == "eval" { "--data" } else { "--input" };
        desk.refuses(&[command, "m.siskin", option, "a.npz"], &["a.npz", "no array 'b'"]);
        desk.refuses(&[command, "m.siskin", option, "ab.npz", "--std", "2"], &["--std", "models of one input"]);
    }
    desk.write("ab.csv", b"1,2,3,4\n");
    desk.refuses(&["run", "m.siskin", "--input", "ab.csv"], &["ab.csv", "2: 'a', 'b'", ".npz"]);
}

/// What the data were divided by when the model was compressed is what later commands divide by.
#[test]
fn an_artifact_remembers_how_its_data_are_made() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    desk.write("x.csv", b"10,20,30,40,0\n40,-30,20,10,1\n");
    desk.json(&["--json", "compress", "m.onnx", "--calib", "x.csv", "--std", "10", "--mean", "1", "-o", "m.siskin"]);
    let value = |more: &[&str]| {
        let run = desk.json(&[&["--json", "run", "m.siskin", "--input", "x.csv"], more].concat());
        run["values"]["y"][0].as_f64().unwrap()
    };
    assert_eq!(value(&[]), value(&["--mean", "1", "--std", "10"]));
    assert!(value(&["--mean", "0", "--std", "100"]) != value(&[]));
}

#[cfg(unix)]
#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let desk = Desk::new();
    let piped = format!("'{}' completions bash | true; echo ${{PIPESTATUS[0]}}", env!("CARGO_BIN_EXE_siskin"));
    let out = Command::new("bash").args(["-c", &piped]).current_dir(desk.folder.path()).output().unwrap();
    assert_eq!((out.stdout.as_slice(), out.stderr.as_slice()), (&b"0\n"[..], &b""[..]));
}

/// Pictures in folders count as the model's classes of the same names, whatever their order.
#[test]
fn folders_count_as_the_classes_of_their_names() {
    let desk = Desk::new();
    let pixels = node("Reshape", "flat", &["x", "shape"], &["y"]);
    let shape = Message::default()
        .int(1, 2)
        .int(2, 7)
        .bytes(8, "shape")
        .bytes(9, [1i64, 2].iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>());
    desk.write("m.onnx", &model(&[pixels], &[shape], &[value("x", &[1, 1, 1, 2])], &[value("y", &[1, 2])]));
    desk.write("labels.txt", b"right\nleft\n");
    desk.json(&["--json", "compress", "m.onnx", "--weights", "f32", "--labels", "labels.txt", "-o", "m.siskin"]);
    for (class, pixels) in [("left", [0u8, 255]), ("right", [255, 0])] {
        std::fs::create_dir_all(desk.path("data").join(class)).unwrap();
        desk.write(&format!("data/{class}/0.bmp"), &bmp(pixels));
    }
    assert_eq!(desk.json(&["--json", "eval", "m.siskin", "--data", "data"])["top1"], 1.0);
    std::fs::rename(desk.path("data/left"), desk.path("data/links")).unwrap();
    desk.refuses(&["eval", "m.siskin", "--data", "data"], &["data", "'links'", "right, left"]);
}

/// A grey picture of two pixels, side by side.
fn bmp(pixels: [u8; 2]) -> Vec<u8> {
    let mut file = b"BM".to_vec();
    for v in [62u32, 0, 54, 40, 2, 1, 1 | 24 << 16, 0, 8, 0, 0, 0, 0] {
        file.extend(v.to_le_bytes());
    }
    file.extend(pixels.iter().flat_map(|&p| [p; 3]));
    file.extend([0; 2]);
    file
}

#[test]
fn a_student_learns_and_an_interruption_changes_nothing() {
    let desk = Desk::new();
    let (onnx, train, test) = (digits("digits.onnx"), digits("calib.npz"), digits("test.npz"));
    let distil = |output: &str| {
        let files = ["--json", "distil", "--teacher", &onnx, "--student", &onnx, "--train", &train, "--eval", &test];
        [&files[..], &["--init", "1", "--epochs", "40", "-o", output]]
            .concat()
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let whole: Vec<String> = distil("whole.siskin");
    let made = desk.json(&whole.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(made["top1"].as_f64().unwrap() > 0.6, "{made}");

    let part: Vec<String> = distil("part.siskin");
    let mut child = Command::new(env!("CARGO_BIN_EXE_siskin")).args(&part).current_dir(desk.path(".")).spawn().unwrap();
    let checkpoint = desk.path("part.siskin.checkpoint");
    while !checkpoint.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(core::time::Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(checkpoint.exists(), "the checkpoint outlives what wrote it");
    let again = desk.json(&part.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(again["losses"], made["losses"]);
    assert_eq!(std::fs::read(desk.path("part.siskin")).unwrap(), std::fs::read(desk.path("whole.siskin")).unwrap());
    assert!(!checkpoint.exists());
}

#[test]
fn a_teacher_of_other_outputs_is_refused() {
    let desk = Desk::new();
    desk.write("linear.onnx", &linear());
    let (onnx, train) = (digits("digits.onnx"), digits("train.npz"));
    let args = ["distil", "--teacher", "linear.onnx", "--student", &onnx, "--train", &train, "-o", "out.siskin"];
    desk.refuses(&args, &["teacher takes", "student takes 64", "--output-value"]);
}

#[test]
fn an_axis_that_is_not_there_is_refused() {
    let desk = Desk::new();
    let (onnx, train) = (digits("digits.onnx"), digits("train.npz"));
    for (option, value) in [("--shift", "9=1"), ("--flip", "0")] {
        let args =
            ["distil", "--teacher", &onnx, "--student", &onnx, "--train", &train, "-o", "out.siskin", option, value];
        desk.refuses(&args, &["axis", "axes 1 to 3"]);
    }
}
