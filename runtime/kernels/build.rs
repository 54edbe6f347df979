//! Which instruction sets the core has, as far as cargo knows it: rustc keeps Arm's features from `cfg` on stable.
//!
//! `siskin_dsp`: the DSP extension and an FPU; `siskin_mve`: Helium as well. The target says it, or `-Ctarget-cpu`.

use std::env;

/// Cores of `thumbv8m.main` with the DSP extension, as their makers ship them.
const DSP: [&str; 6] = ["cortex-m33", "cortex-m35p", "star-mc1", "cortex-m52", "cortex-m55", "cortex-m85"];

/// Cores with integer MVE.
const MVE: [&str; 3] = ["cortex-m52", "cortex-m55", "cortex-m85"];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-check-cfg=cfg(siskin_dsp, siskin_mve)");
    let target = env::var("TARGET").unwrap_or_default();
    let flags = env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    let cpu =
        flags.split(['\u{1f}', ' ']).filter_map(|flag| flag.split_once("target-cpu=")).map(|(_, cpu)| cpu).next_back();
    let is = |cores: &[&str]| cpu.is_some_and(|cpu| cores.contains(&cpu));
    let v8 = target == "thumbv8m.main-none-eabihf";
    if target == "thumbv7em-none-eabihf" || (v8 && is(&DSP)) {
        println!("cargo::rustc-cfg=siskin_dsp");
    }
    if v8 && is(&MVE) {
        println!("cargo::rustc-cfg=siskin_mve");
    }
}
