//! What a refusal names: the file, the array, the tensor or the option, and the way out.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, array, linear};
use onnx::{Message, initializer, model, node, value};
use siskin_compiler::data::{Array, ArrayData, write_npy, write_npz};

#[test]
fn weights_that_are_not_finite_name_tensor_and_file() {
    let desk = Desk::new();
    let (xs, ys) = ([value("x", &[1, 4])], [value("y", &[1, 2])]);
    for (name, bad, word) in [("nan.onnx", f32::NAN, "NaN"), ("inf.onnx", f32::NEG_INFINITY, "-inf")] {
        let w = initializer("w", &[4, 2], &[1.0, 0.0, 0.0, 0.0, 0.0, bad, 0.0, 0.0]);
        desk.write(name, &model(&[node("MatMul", "product", &["x", "w"], &["y"])], &[w], &xs, &ys));
        for weights in ["i8", "f32"] {
            let args = ["compress", name, "--weights", weights, "-o", "out.siskin"];
            desk.refuses(&args, &[name, "tensor 'w'", "element 5", word, "'product'"]);
        }
    }
    // An infinity is a mask's own: it is added, not multiplied.
    let mask = initializer("mask", &[1, 4], &[0.0, 0.0, f32::NEG_INFINITY, f32::NEG_INFINITY]);
    let masked = [node("Add", "mask", &["x", "mask"], &["m"]), node("Softmax", "soft", &["m"], &["y"])];
    desk.write("mask.onnx", &model(&masked, &[mask], &xs, &[value("y", &[1, 4])]));
    desk.json(&["--json", "compress", "mask.onnx", "--weights", "f32", "-o", "mask.siskin"]);
}

#[test]
fn labels_that_do_not_fit_name_file_and_array() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    let x = || ("x".to_string(), array(&[2, 4], vec![0.5; 8]));
    let classes = |v: &[i64]| ("y".to_string(), Array { shape: vec![v.len()], data: ArrayData::I64(v.to_vec()) });
    let refuses = |name: &str, arrays: &[(String, Array)], metric: &[&str], words: &[&str]| {
        write_npz(desk.path(name), arrays).unwrap();
        let words = [&[name], words].concat();
        desk.refuses(&[&["eval", "m.onnx", "--data", name], metric].concat(), &[&words[..], &["m.onnx"]].concat());
        let compress = ["compress", "m.onnx", "--weights", "f32", "-o", "out.siskin", "--eval", name];
        desk.refuses(&[&compress, metric].concat(), &[&words[..], &["--eval"]].concat());
    };
    let (top1, auc) = (["--metric", "top1"], ["--metric", "auc"]);
    refuses("range.npz", &[x(), classes(&[0, 2])], &[], &["array 'y'", "sample 1", "label 2", "0 to 1"]);
    refuses("none.npz", &[x()], &top1, &["array 'y'", "missing", "top1", "--metric mse"]);
    refuses("self.npz", &[x()], &[], &["array 'x'", "4 input values", "2 outputs", "array y"]);
    let targets = ("y".to_string(), array(&[2, 3], vec![0.5; 6]));
    refuses("wide.npz", &[x(), targets.clone()], &[], &["array 'y'", "3 target values", "2 outputs"]);
    refuses("real.npz", &[x(), targets], &top1, &["array 'y'", "sample 0", "whole number"]);
    refuses("one.npz", &[x(), classes(&[1, 1])], &auc, &["array 'y'", "one class", "both"]);
    refuses("two.npz", &[x(), classes(&[1, 2])], &auc, &["array 'y'", "sample 1", "label 2"]);
}

#[test]
fn unlabelled_npy_names_the_file() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    write_npy(desk.path("x.npy"), &array(&[2, 4], vec![0.5; 8])).unwrap();
    let args = ["eval", "m.onnx", "--data", "x.npy", "--metric", "top1"];
    desk.refuses(&args, &["m.onnx", "x.npy: it has no labels", "top1"]);
}

#[test]
fn calibration_that_overflows_names_file_and_array() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    write_npz(desk.path("c.npz"), &[("x".into(), array(&[2, 4], vec![3e38; 8]))]).unwrap();
    let args = ["compress", "m.onnx", "--calib", "c.npz", "-o", "out.siskin"];
    desk.refuses(&args, &["m.onnx", "array 'x' of c.npz", "sample 0", "'product'", "--mean"]);
}

#[test]
fn a_model_that_cannot_be_quantized_is_named() {
    let desk = Desk::new();
    let nodes = [node("IsNaN", "ask", &["x"], &["n"]), node("Cast", "cast", &["n"], &["y"]).int_attribute("to", 1)];
    desk.write("m.onnx", &model(&nodes, &[], &[value("x", &[1, 4])], &[value("y", &[1, 4])]));
    desk.write("x.csv", b"1,2,3,4,0\n");
    let args = ["compress", "m.onnx", "--calib", "x.csv", "-o", "out.siskin"];
    desk.refuses(&args, &["m.onnx", "no operator", "--weights f32"]);
}

#[test]
fn options_that_mean_nothing_are_named() {
    let desk = Desk::new();
    desk.write("m.onnx", &linear());
    desk.write("x.csv", b"1,2,3,4,0\n");
    let words = ["--layout nhwc", "'x'", "[1, 4]"];
    let layout = ["--layout", "nhwc"];
    desk.refuses(&[&["eval", "m.onnx", "--data", "x.csv"], &layout[..]].concat(), &words);
    desk.refuses(&[&["run", "m.onnx", "--input", "x.csv"], &layout[..]].concat(), &words);
    desk.refuses(&[&["compress", "m.onnx", "--weights", "f32", "-o", "out.siskin"], &layout[..]].concat(), &words);
    let sum = [node("Add", "sum", &["a", "b"], &["y"])];
    let inputs = [value("a", &[1, 4]), value("b", &[1, 4])];
    desk.write("two.onnx", &model(&sum, &[], &inputs, &[value("y", &[1, 4])]));
    write_npz(desk.path("ab.npz"), &["a", "b"].map(|n| (n.to_string(), array(&[1, 4], vec![0.5; 4])))).unwrap();
    desk.json(&["--json", "run", "two.onnx", "--input", "ab.npz"]);
    desk.refuses(&["run", "two.onnx", "--input", "ab.npz", "--std", "255"], &["two.onnx", "--std"]);
    desk.write("names.txt", b"one\ntwo\nthree\n");
    let args = ["compress", "m.onnx", "--weights", "f32", "-o", "out.siskin", "--labels", "names.txt"];
    desk.refuses(&args, &["m.onnx", "3 class names", "2 outputs", "--labels"]);
}

/// What other readers pass over or refuse in their own words: the file, the tensor or node, and the way out.
#[test]
fn files_that_contradict_themselves_are_named() {
    let desk = Desk::new();
    let product = |w: Message| {
        let product = node("MatMul", "product", &["x", "w"], &["y"]);
        model(&[product], &[w], &[value("x", &[1, 4])], &[value("y", &[1, 2])])
    };
    let w = |dims: &[i64]| dims.iter().fold(Message::default().int(2, 1), |m, &d| m.int(1, d)).bytes(8, "w");
    let at =
        |location: &str| w(&[4, 2]).int(14, 1).bytes(13, Message::default().bytes(1, "location").bytes(2, location));
    let cases = [
        (w(&[4, 2]), "its data do not make up f32[4,2]"),
        (w(&[4, 2]).bytes(9, [0u8; 4]), "its data do not make up f32[4,2]"),
        (w(&[-4, 2]).bytes(9, [0u8; 4]), "shape [-4, 2]"),
        (at("gone.bin"), "gone.bin"),
        (at("folder"), "folder, which is no file"),
    ];
    std::fs::create_dir(desk.path("folder")).unwrap();
    for (w, words) in cases {
        desk.write("m.onnx", &product(w));
        desk.refuses(&["compress", "m.onnx", "--weights", "f32", "-o", "o.siskin"], &["m.onnx", "tensor 'w'", words]);
    }
    let sum = node("Add", "sum", &["x", "k", "k"], &["y"]);
    let k = initializer("k", &[4], &[0.0; 4]);
    desk.write("m.onnx", &model(&[sum], &[k], &[value("x", &[1, 4])], &[value("y", &[1, 4])]));
    let words = ["node 'sum' (Add, opset", "input 2 ('k')", "leave it out"];
    desk.refuses(&["compress", "m.onnx", "--weights", "f32", "-o", "o.siskin"], &words);
    desk.write("x.csv", b"1,1,1,1,0\n1,1,1,1,0\n");
    desk.write("m.onnx", &linear());
    desk.refuses(&["compress", "m.onnx", "--calib", "x.csv", "-o", "o.siskin"], &["x.csv", "every sample is 1"]);
}
