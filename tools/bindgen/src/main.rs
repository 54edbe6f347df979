//! What the npm package needs of Rust's tools, as `cargo xtask npm` calls it.
//!
//! ```text
//! siskin-bindgen glue IN.wasm OUT.wasm OUT.js    wasm-bindgen; the glue as a factory
//! siskin-bindgen inline IN.wasm OUT.js           in columns, deflated as small as it gets (zlib), as base64, as a module
//! ```
//!
//! **The factory.** wasm-bindgen keeps the instance in the module's scope, so one page has one. Here each model is
//! an instance with a memory of its own: the glue stands inside a function, which gives every call a scope.
//!
//! What is absent: `wasm-opt`, which comes from npm.

mod columns;

use std::env;
use std::fs;
use std::io::Cursor;

use anyhow::{Context, Result, bail, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let args: Vec<_> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["glue", input, wasm, js] => glue(input, wasm, js),
        ["inline", input, output] => inline(input, output),
        _ => bail!("usage: siskin-bindgen glue IN.wasm OUT.wasm OUT.js | siskin-bindgen inline IN.wasm OUT.js"),
    }
}

fn glue(input: &str, wasm: &str, js: &str) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(input).bundler(true)?.typescript(false).remove_name_section(true).remove_producers_section(true);
    let mut output = bindgen.generate_output().with_context(|| format!("wasm-bindgen refuses {input}"))?;
    let files = output.snippets().values().map(Vec::len).sum::<usize>() + output.local_modules().len();
    ensure!(files == 0, "the glue has {files} files beside it, which a factory would lose");
    // For bundlers, this is the part without the import of the instance.
    let module = output.start().context("wasm-bindgen gave no glue")?;
    write(js, factory(module)?)?;
    write(wasm, output.wasm_mut().emit_wasm())
}

/// The glue's module as a function that returns what the module exports.
fn factory(module: &str) -> Result<String> {
    let (mut body, mut names) = (String::new(), Vec::new());
    for line in module.lines() {
        let line = line.trim_start();
        ensure!(!line.starts_with("import "), "the glue imports: `{line}`");
        let Some(item) = line.strip_prefix("export ") else {
            body += &format!("{line}\n");
            continue;
        };
        ensure!(!item.starts_with(['{', '*']), "the glue exports a list: `{line}`");
        let name = item.split(|c: char| !c.is_alphanumeric() && c != '_').nth(1).context("an export has a name")?;
        names.push(name.to_string());
        body += &format!("{item}\n");
    }
    ensure!(names.iter().any(|name| name == "__wbg_set_wasm"), "the glue does not export __wbg_set_wasm");
    Ok(format!("export function glue() {{\n{body}return {{ {} }};\n}}\n", names.join(", ")))
}

/// Deflated before it is base64: base64 hides from the server's compression what deflate would find.
fn inline(input: &str, output: &str) -> Result<()> {
    let bytes = fs::read(input).with_context(|| format!("cannot read {input}"))?;
    let columns = columns::columns(&bytes).with_context(|| format!("cannot take {input} apart"))?;
    let mut small = Vec::new();
    zopfli::compress(zopfli::Options::default(), zopfli::Format::Zlib, Cursor::new(columns), &mut small)?;
    write(output, format!("export default \"{}\";\n", STANDARD.encode(small)))
}

fn write(path: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
    fs::write(path, bytes).with_context(|| format!("cannot write {path}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_module_becomes_a_function() {
        let module = "export class Runtime {\n}\nlet wasm;\n  export function __wbg_set_wasm(val) {\n}\n";
        let expected = "export function glue() {\nclass Runtime {\n}\nlet wasm;\nfunction __wbg_set_wasm(val) {\n}\n\
                        return { Runtime, __wbg_set_wasm };\n}\n";
        assert_eq!(factory(module).unwrap(), expected);
    }

    #[test]
    fn what_a_factory_would_lose_is_refused() {
        assert!(factory("import { a } from './snippet.js';").is_err());
        assert!(factory("export { a };").is_err());
        assert!(factory("export function f() {}").is_err());
    }
}
