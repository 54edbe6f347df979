//! `siskin firmware`: what is written, what is refused. That it builds and runs, `cargo xtask firmware` shows.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod desk;
mod onnx;

use desk::Desk;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const TARGETS: [&str; 5] = ["cortex-m0", "cortex-m4", "cortex-m7", "cortex-m55", "riscv32imc"];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// A desk with a model on it.
fn with_model() -> Desk {
    let desk = Desk::new();
    desk.write("Digits-1.siskin", &fs::read(repository("tests/golden/digits-1.0.siskin")).unwrap());
    desk
}

/// Every file under a folder by its path there, with `/`.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut open) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().replace('\\', "/");
                found.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    found
}

fn text<'a>(files: &'a BTreeMap<String, Vec<u8>>, name: &str) -> &'a str {
    core::str::from_utf8(&files[name]).unwrap()
}

/// Whether a text still holds the `@key@` of a template.
fn has_key(text: &str) -> bool {
    let words: Vec<_> = text.split('@').collect();
    let key = |word: &&str| !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic());
    words.get(1..words.len() - 1).unwrap_or(&[]).iter().any(key)
}

#[test]
fn a_crate_holds_the_model_and_the_boards_memory() {
    let desk = with_model();
    let facts = desk.json(&["--json", "inspect", "Digits-1.siskin"]);
    for target in TARGETS {
        let made = desk.json(&["--json", "firmware", "Digits-1.siskin", "--target", target]);
        let folder = format!("digits_1-{target}");
        assert_eq!(made["folder"], *folder);
        assert_eq!(made["target"], target);
        for key in ["file_bytes", "weights_bytes", "arena_bytes", "state_bytes", "macs"] {
            assert_eq!(made[key], facts[key], "{key}");
        }
        let files = files(&desk.path(&folder));
        let names: Vec<_> = made["files"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert_eq!(names, files.keys().collect::<Vec<_>>());
        assert_eq!(files["digits_1.siskin"], fs::read(desk.path("Digits-1.siskin")).unwrap());
        let memory = match target {
            "cortex-m0" => "cortex-m/boards/mps2-an385.x",
            "cortex-m4" => "cortex-m/boards/mps2-an386.x",
            "cortex-m7" => "cortex-m/boards/mps2-an500.x",
            "cortex-m55" => "cortex-m/boards/mps3-an547.x",
            _ => "riscv/memory.x",
        };
        assert_eq!(files["memory.x"], fs::read(repository("runtime/examples").join(memory)).unwrap());
        assert!(text(&files, "src/main.rs").contains("include_model!(static MODEL = \"../digits_1.siskin\")"));
        assert!(text(&files, "src/main.rs").contains("session.write_f32_at(0, i, &[0.0])"));
        assert!(text(&files, "src/main.rs").contains("session.output::<i8>(0)?"));
        assert!(text(&files, "Cargo.toml").contains(concat!("siskin = \"=", env!("CARGO_PKG_VERSION"), "\"")));
        for (name, bytes) in files.iter().filter(|(name, _)| !name.ends_with(".siskin")) {
            assert!(!has_key(core::str::from_utf8(bytes).unwrap()), "{target}: {name} has a key of its template");
        }
    }
    // Nothing but the folders: no temporary one is left.
    assert_eq!(desk.names().len(), 1 + TARGETS.len());
}

#[test]
fn a_project_in_c_has_the_header_of_inspect() {
    let desk = with_model();
    let inspect =
        ["inspect", "Digits-1.siskin", "--c-header", "--c-prefix", "DIGITS_1", "-o", "w.h", "--c-model", "w.c"];
    assert!(desk.run(&inspect).status.success());
    for target in &TARGETS[..4] {
        desk.json(&["--json", "firmware", "Digits-1.siskin", "--target", target, "--lang", "c", "-o", target]);
        let files = files(&desk.path(target));
        for (name, wanted) in [("digits_1.h", "w.h"), ("digits_1.c", "w.c")] {
            assert_eq!(files[name], fs::read(desk.path(wanted)).unwrap(), "{name}");
        }
        let startup = repository("runtime/capi/examples/cortex-m/startup.c");
        assert_eq!(files["startup.c"], fs::read(startup).unwrap());
        assert!(text(&files, "toolchain.cmake").contains(&format!("-mcpu={target} ")));
        for (name, bytes) in &files {
            assert!(!has_key(core::str::from_utf8(bytes).unwrap()), "{target}: {name} has a key of its template");
        }
    }
    let riscv = ["firmware", "Digits-1.siskin", "--target", "riscv32imc", "--lang", "c"];
    desk.refuses(&riscv, &["riscv32imc", "--lang rust"]);
}

#[test]
fn the_same_command_writes_the_same_files() {
    let desk = with_model();
    for lang in ["rust", "c"] {
        let [one, two] = ["one", "two"].map(|folder| {
            let folder = format!("{lang}-{folder}");
            desk.json(&[
                "--json",
                "firmware",
                "Digits-1.siskin",
                "--target",
                "cortex-m4",
                "--lang",
                lang,
                "-o",
                &folder,
            ]);
            files(&desk.path(&folder))
        });
        assert!(one == two && one.len() > 9, "{lang}");
    }
}

#[test]
fn a_checkout_is_named_by_its_path() {
    let desk = with_model();
    let runtime = repository("runtime").display().to_string();
    for (lang, file, wanted) in
        [("rust", "Cargo.toml", "siskin = { path = \""), ("c", "CMakeLists.txt", "set(SISKIN_CAPI \"")]
    {
        let args = ["firmware", "Digits-1.siskin", "--target", "cortex-m4", "--lang", lang, "--siskin", &runtime];
        assert!(desk.run(&[&args[..], &["-o", lang]].concat()).status.success());
        let written = files(&desk.path(lang));
        let line = text(&written, file).lines().find_map(|line| line.strip_prefix(wanted)).unwrap();
        let path = Path::new(line.split('"').next().unwrap());
        assert!(path.is_absolute() && path.join("Cargo.toml").is_file(), "{line}");
    }
    let wrong = ["firmware", "Digits-1.siskin", "--target", "cortex-m4", "--siskin", "."];
    desk.refuses(&wrong, &["--siskin .", "runtime"]);
}

#[test]
fn what_is_there_stays() {
    let desk = with_model();
    let make = |folder: &'static str| ["firmware", "Digits-1.siskin", "--target", "cortex-m4", "-o", folder];
    fs::create_dir(desk.path("mine")).unwrap();
    fs::write(desk.path("mine/notes"), "notes").unwrap();
    desk.refuses(&make("mine"), &["mine", "not empty", "-o"]);
    assert_eq!(files(&desk.path("mine")).into_keys().collect::<Vec<_>>(), ["notes"]);
    desk.write("file", b"file");
    desk.refuses(&make("file"), &["file", "no folder"]);
    desk.refuses(&make("no/such/place"), &["no/such/place"]);
    fs::create_dir(desk.path("empty")).unwrap();
    assert!(desk.run(&make("empty")).status.success());
    assert!(desk.path("empty/src/main.rs").is_file());
}

#[test]
fn bad_models_and_targets_are_named() {
    let desk = with_model();
    let mut bytes = fs::read(desk.path("Digits-1.siskin")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    desk.write("bent.siskin", &bytes);
    desk.write("cut.siskin", &bytes[..middle]);
    for model in ["bent.siskin", "cut.siskin", "gone.siskin"] {
        desk.refuses(&["firmware", model, "--target", "cortex-m4"], &[model]);
    }
    let out = desk.run(&["firmware", "Digits-1.siskin", "--target", "cortex-m5"]);
    let said = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(TARGETS.iter().all(|target| said.contains(target)), "{said}");
}
