//! The C project: the example's start-up code and console around a `main.c` of its own.

use super::rust::template;
use super::{Files, Project, fill, ports};
use crate::Failure;
use crate::commands::c_header;

macro_rules! c_example {
    ($name:literal) => {
        include_str!(concat!("../../../../../runtime/capi/examples/cortex-m/", $name))
    };
}

impl Project<'_> {
    /// The files of a project of CMake.
    pub(super) fn c(&self) -> Result<Files, Failure> {
        let board = self.board;
        if !board.is_arm() {
            return Err(
                format!("--lang c: there is no start-up code in C for {}: --lang rust has it", board.name).into()
            );
        }
        let prefix = self.name.to_ascii_uppercase();
        let (header, data) = c_header::texts(self.model, self.bytes, &prefix);
        let capi = self.runtime.as_ref().map(|path| format!("{path}/capi"));
        let dependency = match &capi {
            Some(path) => format!("CMake builds the library from `{path}`; `-DSISKIN_CAPI=` names another checkout's."),
            None => "CMake finds an installed library by `-DCMAKE_PREFIX_PATH=…`, or builds that of a checkout, \
                     `-DSISKIN_CAPI=CHECKOUT/runtime/capi`, which `siskin firmware … --siskin CHECKOUT/runtime` writes here."
                .into(),
        };
        let (inputs, outputs) = (ports::c_inputs(self.model, &prefix), ports::c_outputs(self.model, &prefix));
        let (table, qemu, capi) = (self.table(), board.qemu().join(" "), in_cmake(&capi.unwrap_or_default()));
        let values = [
            ("name", &*self.name),
            ("PREFIX", &prefix),
            ("triple", board.triple),
            ("target", board.name),
            ("about", board.about),
            ("cflags", board.c_flags),
            ("emulator", board.emulator()),
            ("qemu", &qemu),
            ("capi", &capi),
            ("minor", concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"))),
            ("inputs", &inputs),
            ("outputs", &outputs),
            ("sizes", &table),
            ("dependency", &dependency),
        ];
        let file = |name: &str, template| (name.to_string(), fill(template, &values));
        let given = |name: &str, text: &str| (name.to_string(), text.as_bytes().to_vec());
        Ok(vec![
            given(".gitignore", "/build\n"),
            file("CMakeLists.txt", template!("CMakeLists.txt.in")),
            file("README.md", template!("README-c.md.in")),
            file("main.c", template!("main.c.in")),
            given("memory.ld", &linker_script(board.memory)),
            given("semihosting.h", c_example!("semihosting.h")),
            given("startup.c", c_example!("startup.c")),
            file("toolchain.cmake", template!("toolchain.cmake.in")),
            given(&format!("{}.c", self.name), &data),
            given(&format!("{}.h", self.name), &header),
        ])
    }
}

/// The board's memory, and the example's sections in it.
fn linker_script(memory: &str) -> String {
    let sections = c_example!("mps2-an386.ld").split_once("SECTIONS\n").unwrap_or_default().1;
    format!("{memory}ENTRY(reset)\nSECTIONS\n{sections}")
}

/// A path between CMake's quotation marks.
fn in_cmake(path: &str) -> String {
    let path = if cfg!(windows) { path.replace('\\', "/") } else { path.replace('\\', "\\\\") };
    path.replace('"', "\\\"").replace('$', "\\$")
}

#[cfg(test)]
mod tests {
    use super::linker_script;

    #[test]
    fn the_script_has_one_memory_and_all_sections() {
        let script = linker_script("MEMORY\n{\n}\n");
        for (word, times) in
            [("MEMORY", 1), ("ENTRY(reset)", 1), ("SECTIONS", 1), (".bss (NOLOAD)", 1), ("stack_top =", 1)]
        {
            assert_eq!(script.matches(word).count(), times, "{word} in {script}");
        }
    }
}
