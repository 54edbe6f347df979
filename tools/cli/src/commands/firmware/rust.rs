//! The crate: the examples' modules around a `main.rs` of its own.

use super::target::example;
use super::{Files, Project, fill, ports};
use serde_json::json;

macro_rules! template {
    ($name:literal) => {
        include_str!(concat!("../../../templates/firmware/", $name))
    };
}
pub(super) use template;

/// The crates that start the core, as the examples pin them.
const CORTEX_M_RT: &str = "cortex-m-rt = \"=0.7.7\"";
const RISCV_RT: &str = "riscv-rt = \"=0.18.0\"";

impl Project<'_> {
    /// The files of a crate.
    pub(super) fn rust(&self) -> Files {
        let board = self.board;
        let arm = board.is_arm();
        let (rt, entry) = if arm { (CORTEX_M_RT, "cortex_m_rt::entry") } else { (RISCV_RT, "riscv_rt::entry") };
        let build = if arm { template!("build-cortex-m.rs.in") } else { example!("riscv/build.rs") };
        let fault = if arm { example!("cortex-m/src/lib.rs") } else { example!("riscv/src/lib.rs") };
        // JSON's strings are TOML's.
        let quoted = |text: &str| json!(text).to_string();
        let flags = if board.cpu.is_empty() { String::new() } else { quoted(&format!("-Ctarget-cpu={}", board.cpu)) };
        let qemu: Vec<_> = board.qemu().into_iter().map(quoted).collect();
        let siskin = match &self.runtime {
            Some(path) => format!("{{ path = {} }}", quoted(path)),
            None => quoted(concat!("=", env!("CARGO_PKG_VERSION"))),
        };
        let dependency = match &self.runtime {
            Some(path) => format!("`Cargo.toml` takes the crate `siskin` from `{path}`."),
            None => concat!(
                "`Cargo.toml` takes the crate `siskin` by its version, ",
                env!("CARGO_PKG_VERSION"),
                "; `siskin firmware … --siskin CHECKOUT/runtime` takes it from a checkout."
            )
            .into(),
        };
        let (inputs, outputs) = (ports::rust_inputs(self.model), ports::rust_outputs(self.model));
        let (table, qemu) = (self.table(), qemu.join(",\n    "));
        let values = [
            ("name", &*self.name),
            ("rust", env!("CARGO_PKG_RUST_VERSION")),
            ("rt", rt),
            ("siskin", &siskin),
            ("triple", board.triple),
            ("target", board.name),
            ("about", board.about),
            ("rustflags", &flags),
            ("emulator", board.emulator()),
            ("qemu", &qemu),
            ("entry", entry),
            ("inputs", &inputs),
            ("outputs", &outputs),
            ("sizes", &table),
            ("dependency", &dependency),
        ];
        let file = |name: &str, template| (name.to_string(), fill(template, &values));
        let given = |name: &str, text: &str| (name.to_string(), text.as_bytes().to_vec());
        vec![
            file(".cargo/config.toml", template!("config.toml.in")),
            given(".gitignore", "/target\n"),
            file("Cargo.toml", template!("Cargo.toml.in")),
            file("README.md", template!("README-rust.md.in")),
            given("build.rs", build),
            given("memory.x", board.memory),
            (format!("{}.siskin", self.name), self.bytes.to_vec()),
            given("src/fault.rs", &as_module(fault)),
            file("src/main.rs", template!("main.rs.in")),
            given("src/once.rs", example!("board/src/once.rs")),
            given("src/report.rs", example!("board/src/report.rs")),
            given("src/semihosting.rs", example!("board/src/semihosting.rs")),
        ]
    }
}

/// The crate root of an example as a module of the project, which holds itself what the example has from a crate.
fn as_module(root: &str) -> String {
    root.replace("#![no_std]\n\n", "\n").replace("siskin_board::", "crate::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_pin_the_same_versions() {
        let examples = example!("Cargo.toml");
        for pinned in [CORTEX_M_RT, RISCV_RT] {
            let (name, version) = pinned.split_once(" = ").unwrap_or_default();
            let line = examples.lines().find(|line| line.starts_with(name));
            assert!(line.is_some_and(|line| line.contains(version)), "{pinned} differs from {line:?}");
        }
    }

    #[test]
    fn a_crate_root_becomes_a_module() {
        for root in [example!("cortex-m/src/lib.rs"), example!("riscv/src/lib.rs")] {
            let module = as_module(root);
            assert!(!module.contains("#![") && !module.contains("siskin_board"), "{module}");
        }
    }
}
