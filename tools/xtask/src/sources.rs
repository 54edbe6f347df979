//! What a source file may say, by where it lies.
//!
//! - `unsafe` only in the kernels, and where a foreign interface demands it ([`UNSAFE`]);
//! - `tract` under `tools/` and `runtime/` only in the compiler's import;
//! - the runtime and the format forbid unsafe code by attribute as well.
//!
//! Only code counts: comments, strings and names such as `unsafe_code` do not.

use std::fs;

use anyhow::{Context, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};

use crate::shell;

/// The directories whose code may be unsafe, each with its reason.
const UNSAFE: &[(&str, &str)] = &[
    ("runtime/kernels/", "SIMD intrinsics"),
    ("runtime/capi/", "C callers pass raw pointers"),
    ("benches/peers/", "the peak is measured in the processor's own instructions"),
    ("runtime/examples/", "firmware names its entry point and its memory for the linker"),
];

/// The only place under `tools/` and `runtime/` that names tract: a file or a directory.
const IMPORT: [&str; 2] = ["tools/compiler/src/import.rs", "tools/compiler/src/import/"];

/// The files that must say `#![forbid(unsafe_code)]`.
const FORBID: [&str; 2] = ["runtime/src/lib.rs", "runtime/format/src/lib.rs"];

/// Every broken rule in the sources of the checkout, a sentence each.
pub(crate) fn check_all() -> Result<Vec<String>> {
    let mut broken = Vec::new();
    for file in shell::files(|path| path.extension().is_some_and(|ext| ext == "rs"))? {
        let name = shell::in_repo(&file)?;
        let source = fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?;
        broken.extend(check(&name, &source)?);
    }
    Ok(broken)
}

/// Every rule that one file breaks.
fn check(file: &str, source: &str) -> Result<Vec<String>> {
    let tokens: TokenStream = source.parse().map_err(|error| anyhow!("{file} is not Rust: {error}"))?;
    let inside = |dirs: &[&str]| dirs.iter().any(|dir| file.starts_with(dir));
    let mut broken = Vec::new();

    let allowed: Vec<_> = UNSAFE.iter().map(|(dir, _)| *dir).collect();
    if !inside(&allowed) && has_ident(tokens.clone(), |name| name == "unsafe") {
        broken.push(format!("{file} says `unsafe`: only {} may", allowed.join(", ")));
    }
    if inside(&["tools/", "runtime/"]) && !inside(&IMPORT) && has_ident(tokens.clone(), names_tract) {
        broken.push(format!("{file} names tract: only {} may", IMPORT[1]));
    }
    if FORBID.contains(&file) && !forbids_unsafe(tokens) {
        broken.push(format!("{file} must say #![forbid(unsafe_code)]"));
    }
    Ok(broken)
}

/// Whether a crate's name, as cargo or as Rust writes it, is one of tract's.
pub(crate) fn names_tract(name: &str) -> bool {
    name == "tract" || name.starts_with("tract_") || name.starts_with("tract-")
}

fn has_ident(tokens: TokenStream, wanted: fn(&str) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => wanted(&ident.to_string()),
        TokenTree::Group(group) => has_ident(group.stream(), wanted),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

fn forbids_unsafe(tokens: TokenStream) -> bool {
    let mut text = tokens.to_string();
    text.retain(|c| !c.is_whitespace());
    text.contains("#![forbid(unsafe_code")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn broken(file: &str, source: &str) -> usize {
        check(file, source).unwrap().len()
    }

    #[test]
    fn unsafe_code_is_found_in_every_form() {
        for code in ["fn f() { unsafe { g() } }", "unsafe fn f() {}", "#[unsafe(no_mangle)] fn f() {}"] {
            assert_eq!(broken("runtime/src/session.rs", code), 1, "{code}");
            assert_eq!(broken("runtime/kernels/src/arm/dot.rs", code), 0, "{code}");
        }
    }

    #[test]
    fn words_in_comments_strings_and_longer_names_are_no_code() {
        let prose = r##"
            //! unsafe, tract_onnx
            /* unsafe /* tract */ */
            #![deny(unsafe_op_in_unsafe_fn)]
            const S: &str = "unsafe { tract }";
            const R: &str = r#"unsafe "tract""#;
            fn contract(extract: char) -> bool { extract == '"' }
        "##;
        assert_eq!(broken("tools/compiler/src/lib.rs", prose), 0);
    }

    #[test]
    fn only_the_import_names_tract() {
        let code = "use tract_onnx::prelude::*;";
        assert_eq!(broken("tools/compiler/src/lower.rs", code), 1);
        assert_eq!(broken("runtime/src/model.rs", "use tract::nnef;"), 1);
        assert_eq!(broken("tools/compiler/src/import/conv.rs", code), 0);
        assert_eq!(broken("tools/compiler/src/import.rs", code), 0);
        assert_eq!(broken("benches/peers.rs", code), 0);
    }

    #[test]
    fn the_runtime_and_the_format_must_forbid_unsafe_code() {
        for file in FORBID {
            assert_eq!(broken(file, "#![no_std]\n#![deny(unsafe_code)]"), 1);
            assert_eq!(broken(file, "#![no_std]\n#![forbid(unsafe_code)]"), 0);
        }
        assert_eq!(broken("runtime/src/model.rs", "fn f() {}"), 0);
    }

    #[test]
    fn a_file_that_is_not_rust_is_an_error() {
        assert!(check("tests/a.rs", "fn f( {").is_err());
    }
}
