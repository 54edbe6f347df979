//! Which of our crates may depend on which, and no others.
//!
//! ```text
//! cli -> train -> compiler -> runtime -> format, kernels
//! wasm, capi, firmware     -> runtime
//! tests, benches, fuzz     -> anything but cli
//! ```
//!
//! Every `Cargo.toml` of the checkout counts, in the workspace or beside it, and so does every kind of
//! dependency: a development dependency is an arrow too. A crate without a rule is refused.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{shell, sources};

/// Where a crate may point.
enum May {
    /// To these directories.
    Only(&'static [&'static str]),
    /// To any crate but the command line.
    Anything,
}

/// A crate's directory (`*` is one name) and its rule.
const RULES: &[(&str, May)] = &[
    ("runtime", May::Only(&["runtime/format", "runtime/kernels"])),
    ("runtime/format", May::Only(&[])),
    ("runtime/kernels", May::Only(&[])),
    ("runtime/capi", May::Only(&["runtime"])),
    ("runtime/examples/*", May::Only(&["runtime", "runtime/examples/board"])),
    ("runtime/fuzz", May::Anything),
    ("wasm", May::Only(&["runtime"])),
    ("tools/compiler", May::Only(&["runtime", "runtime/format"])),
    ("tools/train", May::Only(&["tools/compiler", "runtime"])),
    ("tools/cli", May::Only(&["tools/compiler", "tools/train", "runtime"])),
    ("tools/xtask", May::Only(&[])),
    ("tools/bindgen", May::Only(&[])),
    ("tests", May::Anything),
    ("benches", May::Anything),
    ("benches/kernels", May::Only(&["runtime/kernels"])),
    ("benches/peers", May::Only(&[])),
];

/// Nothing points here.
const CLI: &str = "tools/cli";

/// The only crate outside tests and benches that may depend on tract: it costs minutes to compile.
const TRACT: &str = "tools/compiler";

/// What siskin is compared with: tract is one of them.
const PEERS: &str = "benches/peers";

/// A crate and what it depends on, by directory from the root.
#[derive(Debug)]
struct Crate {
    dir: String,
    ours: Vec<String>,
    foreign: Vec<String>,
}

/// Checks the crates' dependencies, then what their sources say.
pub(crate) fn run() -> Result<()> {
    let crates = crates()?;
    let mut broken = check(&crates);
    broken.extend(sources::check_all()?);
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    let arrows: usize = crates.iter().map(|krate| krate.ours.len()).sum();
    println!("{} crates, {arrows} arrows, all allowed", crates.len());
    Ok(())
}

/// Every sentence about an arrow that no rule allows.
fn check(crates: &[Crate]) -> Vec<String> {
    let mut broken = Vec::new();
    for Crate { dir, ours, foreign } in crates {
        let Some(rule) = rule(dir) else {
            broken.push(format!("{dir} has no rule: add it to RULES in {} and to ARCHITECTURE.md", file!()));
            continue;
        };
        for to in ours.iter().filter(|to| !rule.allows(to)) {
            broken.push(format!("{dir} must not depend on {to}: {rule}"));
        }
        for name in foreign.iter().filter(|name| sources::names_tract(name)) {
            if dir != TRACT && dir != PEERS && !matches!(rule, May::Anything) {
                broken.push(format!("{dir} must not depend on {name}: only {TRACT} may"));
            }
        }
    }
    broken
}

fn rule(dir: &str) -> Option<&'static May> {
    let matches = |pattern: &str| match pattern.strip_suffix('*') {
        Some(parent) => dir.strip_prefix(parent).is_some_and(|name| !name.contains('/')),
        None => pattern == dir,
    };
    RULES.iter().find(|(pattern, _)| matches(pattern)).map(|(_, rule)| rule)
}

impl May {
    fn allows(&self, to: &str) -> bool {
        match self {
            May::Only(allowed) => allowed.contains(&to),
            May::Anything => to != CLI,
        }
    }
}

impl core::fmt::Display for May {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            May::Only([]) => write!(f, "it may use no crate of ours"),
            May::Only(allowed) => write!(f, "it may use only {}", allowed.join(", ")),
            May::Anything => write!(f, "nothing uses {CLI}"),
        }
    }
}

/// The root manifests of the checkout's other workspaces: firmware and fuzz targets.
pub(crate) fn own_workspaces() -> Result<Vec<PathBuf>> {
    let mut members = manifests(&metadata(&shell::root().join("Cargo.toml"))?);
    members.insert(shell::root().join("Cargo.toml"));
    let mut found = shell::files(|path| path.ends_with("Cargo.toml"))?;
    // A root stands above its members.
    found.sort_by_key(|path| path.components().count());
    let mut roots = Vec::new();
    for manifest in found {
        if !members.contains(&manifest) {
            members.extend(manifests(&metadata(&manifest)?));
            roots.push(manifest);
        }
    }
    Ok(roots)
}

/// Every crate of the checkout.
fn crates() -> Result<Vec<Crate>> {
    let mut packages = metadata(&shell::root().join("Cargo.toml"))?;
    for manifest in own_workspaces()? {
        packages.extend(metadata(&manifest)?);
    }
    packages.iter().map(Crate::from_package).collect()
}

/// The part of `cargo metadata` that we read.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
}

fn metadata(manifest: &Path) -> Result<Vec<Package>> {
    let mut command = shell::cargo();
    command.args(["metadata", "--no-deps", "--offline", "--format-version=1", "--manifest-path"]);
    let json = shell::output(command.arg(manifest))?;
    let metadata: Metadata = serde_json::from_str(&json)
        .with_context(|| format!("cannot read cargo's metadata of {}", manifest.display()))?;
    Ok(metadata.packages)
}

fn manifests(packages: &[Package]) -> HashSet<PathBuf> {
    packages.iter().map(|package| package.manifest_path.clone()).collect()
}

impl Crate {
    fn from_package(package: &Package) -> Result<Crate> {
        let dir = package.manifest_path.parent().context("a manifest lies in a directory")?;
        let mut krate = Crate { dir: shell::in_repo(dir)?, ours: Vec::new(), foreign: Vec::new() };
        for dependency in &package.dependencies {
            match &dependency.path {
                Some(path) => krate.ours.push(shell::in_repo(path)?),
                None => krate.foreign.push(dependency.name.clone()),
            }
        }
        Ok(krate)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn krate(dir: &str, ours: &[&str]) -> Crate {
        let ours = ours.iter().map(|to| to.to_string()).collect();
        Crate { dir: dir.to_string(), ours, foreign: Vec::new() }
    }

    #[test]
    fn the_intended_graph_passes() {
        let mut compiler = krate("tools/compiler", &["runtime", "runtime/format"]);
        compiler.foreign = vec!["tract-onnx".to_string(), "serde".to_string()];
        let graph = [
            krate("runtime/format", &[]),
            krate("runtime/kernels", &[]),
            krate("runtime", &["runtime/format", "runtime/kernels"]),
            krate("runtime/capi", &["runtime"]),
            krate("runtime/examples/cortex-m", &["runtime"]),
            krate("runtime/fuzz", &["runtime", "tools/compiler"]),
            krate("wasm", &["runtime"]),
            compiler,
            krate("tools/train", &["tools/compiler"]),
            krate("tools/cli", &["tools/compiler", "tools/train", "runtime"]),
            krate("tests", &["runtime/kernels", "tools/compiler", "tools/train"]),
        ];
        assert_eq!(check(&graph), Vec::<String>::new());
    }

    #[test]
    fn each_forbidden_arrow_is_named() {
        for (from, to) in [
            ("runtime", "tools/compiler"),
            ("runtime/format", "runtime/kernels"),
            ("runtime/kernels", "runtime/format"),
            ("runtime/capi", "runtime/format"),
            ("runtime/examples/cortex-m", "runtime/kernels"),
            ("wasm", "runtime/kernels"),
            ("tools/compiler", "runtime/kernels"),
            ("tools/compiler", "tools/train"),
            ("tools/train", "runtime/kernels"),
            ("tools/cli", "runtime/format"),
            ("tools/xtask", "tools/compiler"),
            ("tests", "tools/cli"),
        ] {
            let broken = check(&[krate(from, &[to])]);
            let start = format!("{from} must not depend on {to}: ");
            assert!(broken.len() == 1 && broken[0].starts_with(&start), "{broken:?}");
        }
    }

    #[test]
    fn a_crate_without_a_rule_is_refused() {
        for dir in ["tools/extra", "runtime/examples/a/b", "runtime2"] {
            assert!(check(&[krate(dir, &[])])[0].contains("has no rule"));
        }
    }

    #[test]
    fn only_the_compiler_and_the_tests_may_use_tract() {
        let uses = |dir: &str| {
            let foreign = vec!["tract-onnx".to_string()];
            check(&[Crate { foreign, ..krate(dir, &[]) }])
        };
        assert!(uses("tools/compiler").is_empty() && uses("benches").is_empty());
        assert_eq!(uses("tools/train"), ["tools/train must not depend on tract-onnx: only tools/compiler may"]);
    }

    #[test]
    fn metadata_tells_our_crates_from_foreign_ones() {
        let root = shell::root();
        let json = serde_json::json!({ "packages": [{
            "manifest_path": root.join("tools/cli/Cargo.toml"),
            "dependencies": [
                { "name": "siskin", "path": root.join("runtime"), "kind": "dev" },
                { "name": "clap", "source": "registry" },
            ],
        }]});
        let metadata: Metadata = serde_json::from_value(json).unwrap();
        let krate = Crate::from_package(&metadata.packages[0]).unwrap();
        assert_eq!(
            (krate.dir.as_str(), krate.ours, krate.foreign),
            ("tools/cli", vec!["runtime".to_string()], vec!["clap".to_string()])
        );
    }
}
