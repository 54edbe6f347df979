//! Hands the linker the board's memory and cortex-m-rt's script.

use std::path::PathBuf;
use std::{env, fs};

fn main() {
    println!("cargo::rerun-if-env-changed=SISKIN_BOARD");
    let board = env::var("SISKIN_BOARD").unwrap_or_else(|_| "mps2-an386".into());
    let memory = format!("boards/{board}.x");
    println!("cargo::rerun-if-changed={memory}");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::copy(&memory, out.join("memory.x")).unwrap_or_else(|error| panic!("no such board: {memory}: {error}"));
    println!("cargo::rustc-link-search={}", out.display());
    println!("cargo::rustc-link-arg-bins=-Tlink.x");
    // cortex-m-rt asks for no padding between sections.
    println!("cargo::rustc-link-arg-bins=--nmagic");
}
