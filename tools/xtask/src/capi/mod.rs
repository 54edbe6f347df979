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
use library::{FAST, Library, SMALL};

/// The directory of the C library.
const DIR: &str = "runtime/capi";

/// The target of the example that runs in QEMU.
const CORTEX_M4: &str = "thumbv7em-none-eabihf";

/// The libraries that are proved: from the smallest Arm core up, and RISC-V.
const PROVED: [(&str, &str); 5] = [
    ("thumbv6m-none-eabi", SMALL),
    (CORTEX_M4, SMALL),
    (CORTEX_M4, FAST),
    ("thumbv8m.main-none-eabi", FAST),
    ("riscv32imc-unknown-none-elf", SMALL),
];

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
    let host = Library::build(&library::host()?, FAST)?;
    header::renew(&host.operators()?, args.check)?;
    if args.header {
        return Ok(());
    }
    debian::need(&PROGRAMS)?;
    shell::need_targets(&PROVED.map(|(target, _)| target))?;
    let functions = header::functions()?;
    println!("{:28} {:10} {:>9} {:>9} {:>9}", "all operators, all functions", "profile", "code", "constants", "memory");
    for (target, profile) in PROVED {
        let image = Library::build(target, profile)?.link(&functions)?;
        println!("{target:28} {profile:10} {:9} {:9} {:9}", image.code, image.constants, image.memory);
        ensure!(
            image.forbidden.is_empty(),
            "{target} {profile}: the library can panic or allocate: {} at {}",
            image.forbidden.join(", "),
            image.sites.join(", ")
        );
    }
    programs::run(&host)
}
