//! Bits of layers within a budget, what each width costs, and recipes, as a user asks for them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::{Desk, digits};
use std::process::Command;

/// `siskin --json compress` of the handwritten digits, judged on data that nothing was fitted to.
fn compress(more: &[&str]) -> Vec<String> {
    let (onnx, calib, eval) = (digits("digits.onnx"), digits("calib.npz"), digits("test.npz"));
    let args = ["--json", "compress", &onnx, "--calib", &calib, "--eval", &eval];
    args.iter().chain(more).map(ToString::to_string).collect()
}

fn words(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

#[test]
fn limits_are_kept_by_the_file_itself() {
    let desk = Desk::new();
    let eight = desk.json(&words(&compress(&["--rounding", "descent", "-o", "8.siskin"])));
    let flash = eight["file_bytes"].as_u64().unwrap() * 3 / 4;
    let made = desk.json(&words(&compress(&["--budget", &format!("flash={flash}, drop=2"), "-o", "m.siskin"])));
    let budget = &made["budget"];
    let file = std::fs::metadata(desk.path("m.siskin")).unwrap().len();
    assert!(file <= flash && made["file_bytes"] == file && budget["met"] == true, "{made}");
    let taken = &budget["walked"][budget["taken"].as_u64().unwrap() as usize];
    let drop = 100.0 * (made["float"]["top1"].as_f64().unwrap() - made["top1"].as_f64().unwrap());
    assert!((taken["drop"].as_f64().unwrap() - drop).abs() < 1e-9 && drop <= 2.0, "{made}");
    assert_eq!((&taken["file_bytes"], &taken["arena_bytes"]), (&made["file_bytes"], &made["arena_bytes"]));
    // More flash is worth having, and the answer says so.
    assert_eq!(budget["binds"], "flash");
    assert!(budget["reliefs"][0]["predicted_loss"].as_f64() < taken["predicted_loss"].as_f64(), "{budget}");

    let smallest = desk.json(&words(&compress(&["--budget", "drop=2", "-o", "s.siskin"])));
    assert!(smallest["file_bytes"].as_u64() <= made["file_bytes"].as_u64(), "{smallest}");
    assert_eq!(desk.names(), ["8.siskin", "m.siskin", "s.siskin"], "nothing is left of what was measured");
}

#[test]
fn without_eval_a_part_of_calibration_judges() {
    let desk = Desk::new();
    let (onnx, calib) = (digits("digits.onnx"), digits("calib.npz"));
    let args = ["--json", "compress", &onnx, "--calib", &calib, "--budget", "drop=5", "-o", "m.siskin"];
    let budget = desk.json(&args)["budget"].clone();
    let samples = siskin_compiler::data::read_npz(&calib).unwrap()[0].1.shape[0];
    assert_eq!(
        (&budget["judged_by"], budget["samples"].as_u64()),
        (&"agreement".into(), Some(samples.div_ceil(5) as u64))
    );
}

#[test]
fn limits_that_cannot_be_kept_end_with_3_and_no_file() {
    let desk = Desk::new();
    for (limits, held) in [("flash=1KB", "flash"), ("arena=64", "arena"), ("flash=1KB, drop=0.1", "flash")] {
        let out = desk.run(&words(&compress(&["--budget", limits, "-o", "m.siskin"])));
        let text = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(3), "{limits}: {text}");
        assert!(text.contains(&format!("{held} holds")) && text.contains("nearest takes"), "{limits}: {text}");
        let found: serde_json::Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!((&found["budget"]["met"], &found["budget"]["binds"]), (&false.into(), &held.into()));
        // What it says would do is more than there was.
        let relief = &found["budget"]["reliefs"][0];
        let limit = &found["budget"]["limits"][held];
        assert!(relief["constraint"] == held && relief["limit"].as_f64() > limit.as_f64(), "{found}");
        assert!(desk.names().is_empty(), "{:?}", desk.names());
    }
}

#[test]
fn a_search_that_was_killed_goes_on_to_the_same_bytes() {
    let desk = Desk::new();
    let whole = desk.json(&words(&compress(&["--budget", "drop=1", "-o", "whole.siskin"])));
    let args = compress(&["--budget", "drop=1", "-o", "part.siskin"]);
    let start = || Command::new(env!("CARGO_BIN_EXE_siskin")).args(&args).current_dir(desk.path(".")).spawn().unwrap();
    let mut child = start();
    let journal = desk.path("part.siskin.budget");
    while !journal.exists() && child.try_wait().unwrap().is_none() {
        std::thread::sleep(core::time::Duration::from_millis(1));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(journal.exists() && !desk.path("part.siskin").exists(), "it was killed before its end");
    let again = desk.json(&words(&args));
    assert_eq!(again["budget"], whole["budget"]);
    assert_eq!(std::fs::read(desk.path("part.siskin")).unwrap(), std::fs::read(desk.path("whole.siskin")).unwrap());
    assert!(!journal.exists());
}

#[test]
fn what_is_no_budget_is_refused() {
    let desk = Desk::new();
    for (limits, word) in [
        ("flash", "above 0"),
        ("flash=0", "above 0"),
        ("flash=-1KB", "above 0"),
        ("flash=4GB", "'GB'"),
        ("drop=-1", "0 or more"),
        ("speed=1", "'speed=1'"),
        (",", "no limit"),
    ] {
        let out = desk.run(&words(&compress(&["--budget", limits, "-o", "m.siskin"])));
        let text = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.code() == Some(2) && text.contains(word), "{limits}: {text}");
    }
    let budget = |more: &[&'static str]| compress(&[&["--budget", "drop=1", "-o", "m.siskin"], more].concat());
    desk.refuses(&words(&budget(&["--weights", "f16"])), &["--budget", "--weights"]);
    desk.write("r.toml", b"[quantize]\nbits = 4\n");
    desk.refuses(&words(&budget(&["--recipe", "r.toml"])), &["--budget", "bits", "[quantize]"]);
    let out = desk.run(&words(&budget(&["--weight-bits", "4"])));
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn sensitivity_names_layers_and_what_their_bits_cost() {
    let desk = Desk::new();
    let (onnx, calib) = (digits("digits.onnx"), digits("calib.npz"));
    let found = desk.json(&["--json", "sensitivity", &onnx, "--calib", &calib]);
    // The model gives scores, not probabilities.
    assert_eq!(found["measure"], "nmse");
    for layer in found["layers"].as_array().unwrap() {
        let widths = layer["widths"].as_array().unwrap();
        let of = |key: &str| widths.iter().map(|w| w[key].as_f64().unwrap()).collect::<Vec<_>>();
        assert_eq!(of("bits"), [8.0, 4.0, 3.0, 2.0]);
        assert!(of("sqnr_db").windows(2).all(|w| w[0] > w[1]), "{layer}");
        assert!(of("loss").windows(2).all(|w| w[0] < w[1]) && of("loss")[0] == 0.0, "{layer}");
        // Packing a layer of 144 weights costs what it saves.
        let packs = layer["weights"].as_u64().unwrap() > 500;
        assert!(!packs || of("bytes").windows(2).all(|w| w[0] > w[1]), "{layer}");
        assert!(of("bytes")[0] == 0.0 && of("arena_bytes").iter().all(|&a| a > 0.0), "{layer}");
    }
    // The names are those that a recipe takes, and few bits of one layer are what was measured of it.
    let large = &found["layers"][4];
    let name = large["name"].as_str().unwrap();
    desk.write("r.toml", format!("[quantize]\nrounding = \"descent\"\nlayers = {{ {name} = 2 }}\n").as_bytes());
    let two = desk.json(&words(&compress(&["--recipe", "r.toml", "-o", "2.siskin"])));
    let eight = desk.json(&words(&compress(&["--rounding", "descent", "-o", "8.siskin"])));
    let saved = eight["file_bytes"].as_i64().unwrap() - two["file_bytes"].as_i64().unwrap();
    let told = -large["widths"][3]["bytes"].as_i64().unwrap();
    // The card's text and alignment differ.
    assert!((saved - told).abs() <= 64, "saved {saved}, told {told}");
}

#[test]
fn a_recipe_decides_what_is_not_typed() {
    let desk = Desk::new();
    desk.json(&["--json", "recipe", "init", "-o", "r.toml"]);
    let file = |more: &[&str]| {
        desk.json(&words(&compress(&[more, &["-o", "m.siskin"]].concat())));
        std::fs::read(desk.path("m.siskin")).unwrap()
    };
    assert!(file(&["--recipe", "r.toml"]) == file(&[]), "the template is the default");
    let text = std::fs::read_to_string(desk.path("r.toml")).unwrap();
    desk.write("4.toml", text.replace("bits = 8", "bits = 4").replace("\"nearest\"", "\"descent\"").as_bytes());
    let four = file(&["--weight-bits", "4", "--rounding", "descent"]);
    assert!(file(&["--recipe", "4.toml"]) == four && four != file(&[]));
    assert!(
        file(&["--recipe", "4.toml", "--weight-bits", "8", "--rounding", "nearest"]) == file(&[]),
        "what is typed wins"
    );

    let refuses = |recipe: &str, parts: &[&str]| {
        desk.write("bad.toml", recipe.as_bytes());
        desk.refuses(&words(&compress(&["--recipe", "bad.toml", "-o", "x.siskin"])), parts);
    };
    refuses("[quantize]\nbitts = 4\n", &["bad.toml", "line 2", "bitts"]);
    refuses("[quantise]\n", &["bad.toml", "line 1", "quantise"]);
    refuses("[quantize.layers]\nno-such = 4\n", &["no layer 'no-such'", "one of"]);
    desk.refuses(&["recipe", "init", "-o", "r.toml"], &["r.toml", "there already"]);
}
