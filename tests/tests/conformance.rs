//! ONNX's own node tests through compiler and runtime, without quantization.
//!
//! `tests/conformance/not_passed.csv` names every case of the list that does not pass, with its reason. The test fails when
//! list and truth differ either way; `SISKIN_RENEW=1` writes the list anew, to be read in the diff.
//!
//! Inputs are given at run time, except those that decide a shape: they are baked, as [`deciding`] says.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::import::{Options, Summary, import, read_tensor, summarize};
use siskin_compiler::ir::Tensor;
use siskin_compiler::lower::{Extras, lower};
use siskin_compiler::passes;
use siskin_compiler::run::Loaded;
use siskin_tests::{root, shared_or_leave};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Cases that must pass for the project's promise to hold.
const LEAST: usize = 600;
const RELATIVE: f32 = 1e-3;
const ABSOLUTE: f32 = 1e-5;

#[test]
fn list_and_truth_agree() {
    let shared = shared_or_leave!();
    let Some(folder) = node_tests() else { return };
    let cases = std::fs::read_to_string(shared.join("conformance/core-onnx-1.16.2.csv")).unwrap();
    let names: Vec<&str> = cases.lines().skip(1).filter_map(|l| l.split(',').next()).collect();
    let mut failed = BTreeMap::new();
    for &name in &names {
        let run = std::panic::catch_unwind(|| case(&folder.join(name)));
        if let Err(reason) = run.unwrap_or_else(|_| Err("PANIC".into())) {
            failed.insert(name.to_string(), reason);
        }
    }
    let passed = names.len() - failed.len();
    println!("conformance: {passed} of {} node tests pass", names.len());
    let path = root().join("tests/conformance/not_passed.csv");
    if std::env::var_os("SISKIN_RENEW").is_some() {
        renew(&path, &failed, passed, names.len());
    }
    let listed = listed(&path);
    let unlisted: Vec<_> = failed.iter().filter(|(name, _)| !listed.contains_key(*name)).collect();
    let stale: Vec<_> = listed.keys().filter(|name| !failed.contains_key(*name)).collect();
    assert!(unlisted.is_empty(), "these fail and are not listed: {unlisted:#?}");
    assert!(stale.is_empty(), "these pass and are listed as not passed: {stale:?}");
    assert!(passed >= LEAST, "{passed} pass, {LEAST} must");
}

/// Where `cargo xtask conformance fetch` puts the node tests.
fn node_tests() -> Option<PathBuf> {
    let cache = std::env::var_os("SISKIN_CACHE").map(PathBuf::from);
    let xdg = || std::env::var_os("XDG_CACHE_HOME").map(|p| PathBuf::from(p).join("siskin"));
    let home = || std::env::var_os("HOME").map(|p| PathBuf::from(p).join(".cache/siskin"));
    let folder = cache.or_else(xdg).or_else(home)?.join("conformance/onnx-1.16.2");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{} is missing, and CI=true", folder.display());
    eprintln!("LEFT OUT: {} is missing; run `cargo xtask conformance fetch`", folder.display());
    None
}

fn listed(path: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let rows = text.lines().filter(|l| !l.starts_with('#')).skip(1).filter_map(|l| l.split_once(','));
    rows.map(|(name, reason)| (name.to_string(), reason.to_string())).collect()
}

/// Writes the list, keeping the reasons that stand in it.
fn renew(path: &Path, failed: &BTreeMap<String, String>, passed: usize, total: usize) {
    let old = listed(path);
    let mut text = format!("# {passed} of {total} pass; the others, and why\ntest,reason\n");
    for (name, reason) in failed {
        let reason = old.get(name).unwrap_or(reason).replace(['\n', '"'], " ");
        text += &format!("{name},{reason}\n");
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Operands that decide a shape, by operator.
fn deciding(op: &str) -> &'static [usize] {
    match op {
        "Reshape" | "Expand" | "Tile" | "Unsqueeze" | "Squeeze" | "TopK" | "CenterCropPad" | "OneHot" | "Split"
        | "Trilu" | "CumSum" | "Compress" => &[1],
        "ConstantOfShape" | "NonZero" | "Unique" | "HannWindow" | "HammingWindow" | "BlackmanWindow" => &[0],
        "Slice" => &[1, 2, 3, 4],
        "Pad" => &[1, 2, 3],
        "Resize" | "Upsample" => &[1, 2, 3],
        "Range" | "NonMaxSuppression" | "MelWeightMatrix" => &[0, 1, 2, 3, 4],
        "AffineGrid" | "Col2Im" | "DFT" | "Dropout" => &[1, 2],
        "STFT" => &[1, 3],
        "MaxUnpool" => &[2],
        o if o.starts_with("Reduce") => &[1],
        _ => &[],
    }
}

/// The inputs that are baked: those that decide a shape.
fn baked(summary: &Summary, values: &[Tensor]) -> BTreeMap<String, Tensor> {
    let mut baked = BTreeMap::new();
    for node in &summary.nodes {
        for &i in deciding(&node.op) {
            let name = node.inputs.get(i).filter(|n| summary.inputs.contains(n));
            // A test of several nodes is an expanded function: its first operands are data.
            let Some(name) = name.filter(|_| summary.nodes.len() == 1 || i > 0) else { continue };
            if let Some(value) = summary.inputs.iter().position(|n| n == name).and_then(|at| values.get(at)) {
                baked.insert(name.clone(), value.clone());
            }
        }
    }
    // Compress keeps as many elements as its condition says; the data stays an input.
    baked
}

fn case(folder: &Path) -> Result<(), String> {
    let text = |e: &dyn core::fmt::Display| e.to_string().replace(&format!("{}/model.onnx: ", folder.display()), "");
    let (model, data) = (folder.join("model.onnx"), folder.join("test_data_set_0"));
    let summary = summarize(&model).map_err(|e| text(&e))?;
    let input = |i| read_tensor(&data.join(format!("input_{i}.pb"))).map_err(|e| text(&e));
    let values = (0..summary.inputs.len()).map(input).collect::<Result<Vec<Tensor>, String>>()?;
    let options = Options { bake: baked(&summary, &values), allow_empty: true, ..Options::default() };
    let mut graph = import(&model, &options).map_err(|e| text(&e))?;
    passes::run(&mut graph, passes::SIMPLIFY).map_err(|e| text(&e))?;
    let lowered = lower(&graph, &Extras::default()).map_err(|e| text(&e))?;
    save_seed(folder, &lowered.file);
    let mut loaded = Loaded::new(&lowered.file).map_err(|e| text(&e))?;
    let mut session = loaded.session().map_err(|e| text(&e))?;
    for (i, port) in graph.inputs.iter().enumerate() {
        let value = summary.inputs.iter().position(|n| *n == port.name).map(|at| &values[at]).ok_or("no such input")?;
        let bytes = session.input_bytes(i).map_err(|e| text(&e))?;
        if bytes.len() != value.bytes().len() {
            return Err(format!("input {} takes {} bytes", port.name, bytes.len()));
        }
        bytes.copy_from_slice(value.bytes());
    }
    session.run();
    for i in 0..graph.outputs.len() {
        let want = read_tensor(&data.join(format!("output_{i}.pb"))).map_err(|e| text(&e))?;
        let (ty, bytes) = session.output_bytes(i).map_err(|e| text(&e))?;
        let ty = ty.owned();
        if ty != want.ty() {
            return Err(format!("output {i} is {ty} and not {}", want.ty()));
        }
        compare(&Tensor::from_bytes(ty, bytes).unwrap(), &want).map_err(|e| format!("output {i}: {e}"))?;
    }
    Ok(())
}

/// `SISKIN_SEEDS=DIR` keeps the artifacts: seeds that show a fuzzer every operator.
fn save_seed(case: &Path, file: &[u8]) {
    if let Some(folder) = std::env::var_os("SISKIN_SEEDS") {
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(Path::new(&folder).join(case.file_name().unwrap()), file).unwrap();
    }
}

fn compare(got: &Tensor, want: &Tensor) -> Result<(), String> {
    if let (Some(got), Some(want)) = (got.to_i64(), want.to_i64()) {
        return if got == want { Ok(()) } else { Err("the integers differ".into()) };
    }
    for (i, (g, w)) in got.to_f32().into_iter().zip(want.to_f32()).enumerate() {
        let same = g == w || (g.is_nan() && w.is_nan()) || (g - w).abs() <= ABSOLUTE + RELATIVE * w.abs();
        if !same {
            return Err(format!("element {i} is {g} and not {w}"));
        }
    }
    Ok(())
}
