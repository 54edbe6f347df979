//! The cores that firmware is written for, each with the emulated board that plays it.
//!
//! The boards are those of `cargo xtask firmware`, which runs every model on them.

use clap::ValueEnum;

/// A core.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    CortexM0,
    CortexM4,
    CortexM7,
    CortexM55,
    #[value(name = "riscv32imc")]
    Riscv32imc,
}

/// The language of a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Lang {
    /// A crate.
    Rust,
    /// A project of CMake, for Arm's cores.
    C,
}

/// Everything that differs from core to core.
#[derive(Debug)]
pub(super) struct Board {
    /// The target's name.
    pub(super) name: &'static str,
    /// What runs in the emulator.
    pub(super) about: &'static str,
    /// Rust's target.
    pub(super) triple: &'static str,
    /// The core that the Rust compiler writes for; the target's own if empty.
    pub(super) cpu: &'static str,
    /// The C compiler's options for the core; none for what is not Arm's.
    pub(super) c_flags: &'static str,
    machine: &'static str,
    /// The memory, as Rust's linker scripts have it.
    pub(super) memory: &'static str,
}

macro_rules! example {
    ($path:literal) => {
        include_str!(concat!("../../../../../runtime/examples/", $path))
    };
}
pub(super) use example;

const CORTEX_M0: Board = Board {
    name: "cortex-m0",
    about: "a Cortex-M3 that runs Cortex-M0 code",
    triple: "thumbv6m-none-eabi",
    cpu: "",
    c_flags: "-mcpu=cortex-m0 -mthumb -mfloat-abi=soft",
    machine: "mps2-an385",
    memory: example!("cortex-m/boards/mps2-an385.x"),
};

const CORTEX_M4: Board = Board {
    name: "cortex-m4",
    about: "a Cortex-M4 with FPU",
    triple: "thumbv7em-none-eabihf",
    cpu: "cortex-m4",
    c_flags: "-mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16",
    machine: "mps2-an386",
    memory: example!("cortex-m/boards/mps2-an386.x"),
};

const CORTEX_M7: Board = Board {
    name: "cortex-m7",
    about: "a Cortex-M7 with FPU",
    triple: "thumbv7em-none-eabihf",
    cpu: "cortex-m7",
    c_flags: "-mcpu=cortex-m7 -mthumb -mfloat-abi=hard -mfpu=fpv5-d16",
    machine: "mps2-an500",
    memory: example!("cortex-m/boards/mps2-an500.x"),
};

const CORTEX_M55: Board = Board {
    name: "cortex-m55",
    about: "a Cortex-M55 with MVE",
    triple: "thumbv8m.main-none-eabihf",
    cpu: "cortex-m55",
    c_flags: "-mcpu=cortex-m55 -mthumb -mfloat-abi=hard",
    machine: "mps3-an547",
    memory: example!("cortex-m/boards/mps3-an547.x"),
};

const RISCV32IMC: Board = Board {
    name: "riscv32imc",
    about: "RISC-V without FPU",
    triple: "riscv32imc-unknown-none-elf",
    cpu: "",
    c_flags: "",
    machine: "virt",
    memory: example!("riscv/memory.x"),
};

impl Target {
    pub(super) fn board(self) -> &'static Board {
        match self {
            Target::CortexM0 => &CORTEX_M0,
            Target::CortexM4 => &CORTEX_M4,
            Target::CortexM7 => &CORTEX_M7,
            Target::CortexM55 => &CORTEX_M55,
            Target::Riscv32imc => &RISCV32IMC,
        }
    }
}

impl Board {
    pub(super) fn is_arm(&self) -> bool {
        !self.c_flags.is_empty()
    }

    pub(super) fn emulator(&self) -> &'static str {
        if self.is_arm() { "qemu-system-arm" } else { "qemu-system-riscv32" }
    }

    /// The emulator's command line, up to the program.
    pub(super) fn qemu(&self) -> Vec<&'static str> {
        let mut words = vec![self.emulator(), "-machine", self.machine];
        words.extend(["-display", "none", "-monitor", "none", "-serial", "null"]);
        words.extend(["-chardev", "stdio,id=line"]);
        words.extend(["-semihosting-config", "enable=on,target=native,chardev=line"]);
        if !self.is_arm() {
            words.extend(["-bios", "none"]);
        }
        words.push("-kernel");
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_called_as_their_boards() {
        for target in Target::value_variants() {
            let typed = target.to_possible_value().map(|value| value.get_name().to_string());
            assert_eq!(typed.as_deref(), Some(target.board().name));
        }
    }
}
