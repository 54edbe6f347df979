//! The boards: emulated machines, and how to build for each.

use std::path::Path;
use std::process::Command;

use super::qemu::Emulator;

/// An emulated machine.
pub(super) struct Board {
    /// What tables and `--only` call it.
    pub(super) name: &'static str,
    /// What really runs, for readers of the table.
    pub(super) about: &'static str,
    pub(super) target: &'static str,
    /// The core that the compiler writes for; the target's own if empty.
    cpu: &'static str,
    /// The directory of the example.
    pub(super) example: &'static str,
    pub(super) emulator: Emulator,
    machine: &'static str,
    /// The models whose arena and weights fit; all if empty.
    pub(super) models: &'static [&'static str],
}

const ARM: Board = Board {
    name: "",
    about: "",
    target: "",
    cpu: "",
    example: "runtime/examples/cortex-m",
    emulator: Emulator::Arm,
    machine: "",
    models: &[],
};

pub(super) const BOARDS: &[Board] = &[
    Board {
        name: "cortex-m0",
        about: "a Cortex-M3 that runs Cortex-M0 code",
        target: "thumbv6m-none-eabi",
        machine: "mps2-an385",
        ..ARM
    },
    Board {
        name: "microbit",
        about: "a Cortex-M0 with 16 KB of RAM",
        target: "thumbv6m-none-eabi",
        machine: "microbit",
        models: &["digits"],
        ..ARM
    },
    Board {
        name: "cortex-m4",
        about: "a Cortex-M4 with FPU",
        target: "thumbv7em-none-eabihf",
        cpu: "cortex-m4",
        machine: "mps2-an386",
        ..ARM
    },
    Board {
        name: "cortex-m7",
        about: "a Cortex-M7 with FPU",
        target: "thumbv7em-none-eabihf",
        cpu: "cortex-m7",
        machine: "mps2-an500",
        ..ARM
    },
    Board {
        name: "cortex-m55",
        about: "a Cortex-M55 with MVE",
        target: "thumbv8m.main-none-eabihf",
        cpu: "cortex-m55",
        machine: "mps3-an547",
        ..ARM
    },
    Board {
        name: "riscv32imc",
        about: "RISC-V without FPU",
        target: "riscv32imc-unknown-none-elf",
        example: "runtime/examples/riscv",
        emulator: Emulator::RiscV,
        machine: "virt",
        ..ARM
    },
];

impl Board {
    /// Whether all models run here, so that outputs are compared.
    pub(super) fn takes_all(&self) -> bool {
        self.models.is_empty()
    }

    /// Whether the core has kernels of its own.
    pub(super) fn has_kernels(&self) -> bool {
        !self.cpu.is_empty()
    }

    pub(super) fn takes(&self, model: &str) -> bool {
        self.takes_all() || self.models.contains(&model)
    }

    /// Says to cargo which core and which memory the program is for.
    pub(super) fn configure(&self, cargo: &mut Command) {
        let variable = format!("CARGO_TARGET_{}_RUSTFLAGS", self.target.to_uppercase().replace(['-', '.'], "_"));
        let flags = if self.cpu.is_empty() { String::new() } else { format!("-Ctarget-cpu={}", self.cpu) };
        cargo.args(["--target", self.target]).env(variable, flags).env("SISKIN_BOARD", self.machine);
    }

    /// The emulator with a program in it.
    pub(super) fn emulate(&self, program: &Path) -> anyhow::Result<Command> {
        let mut command = self.emulator.command()?;
        command.args(["-machine", self.machine, "-display", "none", "-monitor", "none", "-serial", "null"]);
        command.args(["-chardev", "stdio,id=line", "-semihosting-config", "enable=on,target=native,chardev=line"]);
        if self.emulator == Emulator::RiscV {
            command.args(["-bios", "none"]);
        }
        command.arg("-kernel").arg(program);
        Ok(command)
    }
}
