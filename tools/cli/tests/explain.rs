//! `siskin explain`, `siskin label-queue` and the pages of reports, as a user meets them.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod desk;
mod onnx;

use desk::{Desk, array, digits, linear};
use onnx::{initializer, model, node, value};
use siskin_compiler::data::{Array, ArrayData, write_npy, write_npz};

/// A desk with the digits model, with a monitor or without.
fn desk(monitor: bool) -> Desk {
    let desk = Desk::new();
    let (model, train, labels) = (digits("digits.onnx"), digits("train.npz"), digits("labels.txt"));
    let mut words = vec!["compress", &model, "--calib", &train, "--labels", &labels, "-o", "m.siskin"];
    if monitor {
        words.extend(["--monitor", "arl=1000,minimal"]);
    }
    desk.json(&[&["--json"], &words[..]].concat());
    desk
}

fn sum(object: &serde_json::Value) -> f64 {
    object["regions"].as_array().unwrap().iter().map(|r| r["value"].as_f64().unwrap()).sum()
}

fn near(a: &serde_json::Value, b: f64) -> bool {
    (a.as_f64().unwrap() - b).abs() < 1e-6
}

#[test]
fn an_answer_is_explained_in_three_ways() {
    let (desk, test) = (desk(false), digits("test.npz"));
    let explain = |more: &[&str]| {
        desk.json(&[&["--json", "explain", "m.siskin", "--input", &test, "--sample", "3"], more].concat())
    };
    let occlusion = explain(&["--html", "why.html"]);
    assert_eq!(
        (&occlusion["method"], &occlusion["class"], &occlusion["label"]),
        (&"occlusion".into(), &7.into(), &"7".into())
    );
    assert_eq!((&occlusion["runs"], &occlusion["baseline"]), (&65.into(), &"zero".into()));
    assert_eq!(occlusion["regions"][12]["name"], "row 1, column 4");
    let deletion = &occlusion["deletion"];
    assert!(deletion["area"].as_f64() < deletion["random_area"].as_f64());
    assert_eq!(deletion["curve"].as_array().unwrap().len(), 33);
    assert_eq!(occlusion, explain(&[]), "the same map again");
    assert_eq!(explain(&["--budget", "17"])["runs"], 17);

    let shap = explain(&["--method", "kernel-shap", "--budget", "1100", "--seed", "4"]);
    assert!(near(&shap["score"], shap["score_hidden"].as_f64().unwrap() + sum(&shap)), "efficiency");
    assert_eq!(shap["runs"], 1100);
    assert_eq!(shap, explain(&["--method", "kernel-shap", "--budget", "1100", "--seed", "4"]));

    let layer = explain(&["--method", "last-layer", "--class", "2"]);
    assert_eq!((layer["class"].as_u64(), layer["answer"].as_u64()), (Some(2), Some(7)));
    let whole = sum(&layer) + layer["bias"].as_f64().unwrap();
    assert!((layer["score"].as_f64().unwrap() - whole).abs() < 0.1, "within half a step");

    let html = std::fs::read_to_string(desk.path("why.html")).unwrap();
    assert!(html.starts_with("<!doctype html>") && html.contains("Why 7?") && html.contains("data:image/bmp"));
    assert!(!html.contains("http") && !html.contains("<script"));
}

#[test]
fn a_monitors_reference_is_what_stands_where_a_region_is_hidden() {
    let (desk, test) = (desk(true), digits("test.npz"));
    let words = ["--json", "explain", "m.siskin", "--input", &test];
    assert_eq!(desk.json(&words)["baseline"], "reference");
    assert_eq!(desk.json(&[&words[..], &["--baseline", "zero"]].concat())["baseline"], "zero");
}

#[test]
fn accuracy_is_explained() {
    let (desk, test) = (desk(false), digits("test.npz"));
    let words = [
        "--json",
        "explain",
        "m.siskin",
        "--data",
        &test,
        "--global",
        "--budget",
        "17",
        "--repeats",
        "2",
        "--html",
        "g.html",
    ];
    let found = desk.json(&words);
    assert_eq!((found["n"].as_u64(), found["grid"].to_string()), (Some(360), "[4,4]".into()));
    assert_eq!(found["runs"].as_u64(), Some(360 * (2 + 16 * 3)));
    assert_eq!(found, desk.json(&words));
    let middle = &found["regions"][5];
    assert!(middle["importance"].as_f64().unwrap() > 0.05 && middle["occlusion"].as_f64().unwrap() > 0.5);
    assert!(std::fs::read_to_string(desk.path("g.html")).unwrap().contains("What accuracy rests on"));
}

#[test]
fn the_queue_asks_for_what_the_model_is_unsure_of() {
    let (desk, test) = (desk(true), digits("test.npz"));
    let queue = |more: &[&str]| {
        let words = ["--json", "label-queue", "m.siskin", "--data", &test, "--budget", "12", "-o", "ask.csv"];
        let object = desk.json(&[&words[..], more].concat());
        (object, std::fs::read_to_string(desk.path("ask.csv")).unwrap())
    };
    let (object, csv) = queue(&[]);
    assert_eq!(csv.lines().next(), Some("rank,index,class,confidence,margin"));
    let margins: Vec<f64> = csv.lines().skip(1).map(|l| l.rsplit(',').next().unwrap().parse().unwrap()).collect();
    assert!(margins.len() == 12 && margins.is_sorted() && object["n"] == 360);
    let (random, _) = queue(&["--by", "random", "--seed", "5"]);
    assert!(random["margin"].as_f64() > object["margin"].as_f64());
    assert!(random != queue(&["--by", "random", "--seed", "6"]).0);
    assert_eq!(queue(&["--by", "entropy"]).0["budget"], 12);

    let (model, calib) = (digits("digits.onnx"), digits("calib.npz"));
    desk.json(&["--json", "compress", &model, "--calib", &calib, "--method", "entropy", "-o", "second.siskin"]);
    let (_, csv) = queue(&["--second", "second.siskin"]);
    assert_eq!(csv.lines().next(), Some("rank,index,class,confidence,margin,second_class"));
    assert_eq!(csv.lines().nth(1).unwrap().split(',').count(), 6);
    let (_, alone) = queue(&["--second", "m.siskin"]);
    let indices: Vec<usize> = alone.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(indices, (0..12).collect::<Vec<_>>(), "of equals the earlier first");
}

#[test]
fn groups_stay_beside_their_samples() {
    let desk = desk(false);
    let x = (0..128).map(|i| (i * 7 % 17) as f32 / 16.0).collect();
    let group = Array { shape: vec![2], data: ArrayData::I64(vec![7, 9]) };
    write_npz(desk.path("p.npz"), &[("x".into(), array(&[2, 1, 8, 8], x)), ("group".into(), group)]).unwrap();
    desk.json(&["--json", "label-queue", "m.siskin", "--data", "p.npz", "--budget", "2", "-o", "ask.csv"]);
    let csv = std::fs::read_to_string(desk.path("ask.csv")).unwrap();
    assert!(csv.starts_with("rank,index,group,class") && csv.contains(",0,7,") && csv.contains(",1,9,"), "{csv}");
}

#[test]
fn a_replay_becomes_a_page() {
    let (desk, test) = (desk(true), digits("test.npz"));
    let out = desk.run(&["monitor", "replay", "m.siskin", "--data", &test, "--html", "calm.html"]);
    assert_eq!(out.status.code(), Some(0));
    let calm = std::fs::read_to_string(desk.path("calm.html")).unwrap();
    assert!(calm.contains("No alarm") && calm.contains("Confidence over time") && !calm.contains("class=\"badge\""));
    let dark = (0..64 * 200).map(|i| (i % 5) as f32 * 0.01).collect();
    write_npy(desk.path("<b>dark.npy"), &array(&[200, 1, 8, 8], dark)).unwrap();
    let out = desk.run(&["monitor", "replay", "m.siskin", "--data", "<b>dark.npy", "--html", "drift.html"]);
    assert_eq!(out.status.code(), Some(3), "{}", String::from_utf8_lossy(&out.stderr));
    let html = std::fs::read_to_string(desk.path("drift.html")).unwrap();
    assert!(html.contains("&lt;b&gt;dark.npy") && !html.contains("<b>"));
    assert!(html.contains("drifted") && html.contains("evidence / threshold") && !html.contains("http"));
}

#[test]
fn bad_requests_name_what_to_do() {
    let (desk, test, bare) = (desk(false), digits("test.npz"), ["explain", "m.siskin", "--input"]);
    let refuses = |more: &[&str], words: &[&str]| desk.refuses(&[&bare[..], more].concat(), words);
    refuses(&[&test, "--class", "10"], &["--class 10", "10 classes, 0 to 9"]);
    refuses(&[&test, "--budget", "1"], &["--budget 1", "2 runs"]);
    refuses(&[&test, "--method", "kernel-shap", "--budget", "3"], &["--budget 3", "4 runs are needed"]);
    refuses(&[&test, "--sample", "360"], &["--sample 360", "360 samples, 0 to 359"]);
    refuses(&[&test, "--baseline", "reference"], &["--baseline reference", "--monitor"]);
    refuses(&[&test, "--html", "missing/why.html"], &["the folder missing does not exist"]);
    refuses(&["missing.npz"], &["missing.npz"]);
    write_npy(desk.path("nan.npy"), &array(&[1, 1, 8, 8], vec![f32::NAN; 64])).unwrap();
    write_npy(desk.path("wide.npy"), &array(&[2, 9], vec![0.0; 18])).unwrap();
    refuses(&["nan.npy"], &["nan.npy", "sample 0"]);
    refuses(&["wide.npy"], &["wide.npy", "[2, 9]"]);
    write_npy(desk.path("x.npy"), &array(&[2, 1, 8, 8], vec![0.5; 128])).unwrap();
    desk.refuses(&["explain", "m.siskin", "--data", "x.npy", "--global"], &["x.npy", "no labels"]);
    let y = Array { shape: vec![2], data: ArrayData::I64(vec![0, 10]) };
    write_npz(desk.path("odd.npz"), &[("x".into(), array(&[2, 1, 8, 8], vec![0.5; 128])), ("y".into(), y)]).unwrap();
    desk.refuses(&["explain", "m.siskin", "--data", "odd.npz", "--global"], &["odd.npz", "sample 1", "0 to 9"]);
    let queue = ["label-queue", "m.siskin", "--data", "x.npy", "-o", "ask.csv"];
    desk.refuses(&[&queue[..], &["--budget", "3"]].concat(), &["2 samples", "--budget 3"]);
    desk.write("flat.onnx", &linear());
    let second = ["--budget", "1", "--second", "flat.onnx"];
    desk.refuses(&[&queue[..], &second].concat(), &["10 and 2 classes"]);
    let elsewhere = ["label-queue", "m.siskin", "--data", "x.npy", "--budget", "1", "-o", "missing/ask.csv"];
    desk.refuses(&elsewhere, &["the folder missing does not exist"]);
    desk.refuses(&["monitor", "replay", "m.siskin", "--data", "x.npy", "--html", "d.html"], &["--monitor"]);
    for usage in
        [&["explain", "m.siskin"][..], &["explain", "m.siskin", "--data", "x.npy"], &["label-queue", "m.siskin"]]
    {
        assert_eq!(desk.run(usage).status.code(), Some(2), "{usage:?}");
    }
    let usage = [&queue[..], &["--budget", "1", "--by", "disagreement"]].concat();
    assert_eq!(desk.run(&usage).status.code(), Some(2), "a second model is missing");
}

#[test]
fn models_that_cannot_be_explained_say_why() {
    let desk = Desk::new();
    let add = node("Add", "add", &["a", "b"], &["y"]);
    desk.write("two.onnx", &model(&[add], &[], &[value("a", &[1, 4]), value("b", &[1, 4])], &[value("y", &[1, 4])]));
    write_npy(desk.path("x.npy"), &array(&[1, 4], vec![1.0, 2.0, 3.0, 4.0])).unwrap();
    desk.refuses(&["explain", "two.onnx", "--input", "x.npy"], &["two.onnx", "2 inputs", "models of one"]);
    desk.refuses(&["label-queue", "one.onnx", "--data", "x.npy", "--budget", "1", "-o", "a.csv"], &["one.onnx"]);
    let relu = [node("MatMul", "m", &["x", "w"], &["s"]), node("Sigmoid", "a", &["s"], &["y"])];
    let w = initializer("w", &[4, 1], &[1.0, -1.0, 0.5, 2.0]);
    desk.write("one.onnx", &model(&relu, &[w], &[value("x", &[-1, 4])], &[value("y", &[-1, 1])]));
    let words = ["explain", "one.onnx", "--input", "x.npy", "--method", "last-layer"];
    desk.refuses(&words, &["no linear layer", "--method occlusion"]);
    desk.refuses(&["label-queue", "one.onnx", "--data", "x.npy", "--budget", "1", "-o", "a.csv"], &["two classes"]);
    let found = desk.json(&["--json", "explain", "one.onnx", "--input", "x.npy"]);
    assert_eq!(found["regions"].as_array().unwrap().len(), 4, "a single score is explained as class 0");
    desk.write("linear.onnx", &linear());
    let found = desk.json(&["--json", "explain", "linear.onnx", "--input", "x.npy", "--class", "0"]);
    let values: Vec<f64> = found["regions"].as_array().unwrap().iter().map(|r| r["value"].as_f64().unwrap()).collect();
    assert_eq!(values, [1.0, 1.0, 9.0, 1.0], "of a linear model: weight times value");
    assert_eq!(found["regions"][2]["name"], "column 2");
}
