//! The C library: its header, its static libraries, its example programs.
//!
//! ```text
//! runtime/capi/src --cbindgen--> include/siskin.h
//! runtime/capi     --cargo-----> libsiskin_capi.a for the host and for bare targets
//! C programs       --cc, CMake, arm-none-eabi-gcc + QEMU--> the answers of tests/c/digits.out
//! ```
//!
//! Proved of every bare library: linked with all operators and all functions it holds no panic and no allocator. Proved
//! of the C programs: the same answers as the Rust runtime on both machines, and a status for every misuse.

mod header;
mod library;
mod programs;

use anyhow::{Result, ensure};
use clap::Parser;

use crate::{debian, shell};
use library::Library;

/// The directory of the C library.
const DIR: &str = "runtime/capi";

/// The targets that firmware is linked for, from the smallest Arm core up, and RISC-V.
const TARGETS: [&str; 4] =
    ["thumbv6m-none-eabi", "thumbv7em-none-eabihf", "thumbv8m.main-none-eabi", "riscv32imc-unknown-none-elf"];

/// The target of the example that runs in QEMU.
const CORTEX_M4: &str = TARGETS[1];

/// Programs that the task calls, and the Debian packages that bring them.
const PROGRAMS: [(&str, &str); 6] = [
    ("cc", "gcc"),
    ("c++", "g++"),
    ("cmake", "cmake"),
    ("make", "make"),
    ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi"),
    ("qemu-system-arm", "qemu-system-arm"),
];

#[derive(Parser)]
pub(crate) struct Args {
    /// Fail if include/siskin.h is stale, instead of renewing it.
    #[arg(long)]
    check: bool,
    /// Only renew or check include/siskin.h.
    #[arg(long)]
    header: bool,
}

/// Runs the task as CI does: nothing is renewed.
pub(crate) fn check() -> Result<()> {
    run(&Args { check: true, header: false })
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let host = Library::build(&library::host()?)?;
    header::renew(&host.operators()?, args.check)?;
    if args.header {
        return Ok(());
    }
    debian::need(&PROGRAMS)?;
    shell::need_targets(&TARGETS)?;
    let functions = header::functions()?;
    println!("{:30} {:>9} {:>9} {:>9}", "all operators, all functions", "code", "constants", "memory");
    for target in TARGETS {
        let image = Library::build(target)?.link(&functions)?;
        println!("{target:30} {:9} {:9} {:9}", image.code, image.constants, image.memory);
        ensure!(
            image.forbidden.is_empty(),
            "{target}: the library can panic or allocate: {} at {}",
            image.forbidden.join(", "),
            image.sites.join(", ")
        );
    }
    programs::run(&host)
}
