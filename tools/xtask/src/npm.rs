//! The npm package `siskin`: the runtime as WebAssembly, the JavaScript around it, its tests.
//!
//! ```text
//! wasm/ --cargo, twice--> .wasm --siskin-bindgen--> .wasm + glue --wasm-opt--> dist/runtime*.wasm, inline.js
//! wasm/npm/src + glue + inline.js --tsc, esbuild--> dist/*.js, dist/*.d.ts
//! ```
//!
//! Tools from npm come as `package-lock.json` says and without their install scripts. What is absent: publishing.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use clap::Parser;

use crate::{chromium, shell};

#[derive(Parser)]
pub(crate) struct Args {
    /// Makes the tarball instead of running the tests, and prints what is in it.
    #[arg(long, conflicts_with = "bench")]
    pack: bool,
    /// Measures in Chromium beside onnxruntime-web instead of running the tests.
    #[arg(long)]
    bench: bool,
}

const PACKAGE: &str = "wasm/npm";
const TARGET: &str = "wasm32-unknown-unknown";

/// Each build of the runtime: its file in the package and what it may use of WebAssembly. The first one is
/// inlined in the default entry.
const BUILDS: [(&str, &str); 2] = [("runtime.wasm", "+simd128"), ("runtime-relaxed.wasm", "+simd128,+relaxed-simd")];

/// What rustc uses by itself. One by one: with `--all-features`, wasm-opt writes files that node rejects.
const FEATURES: [&str; 8] = [
    "bulk-memory",
    "bulk-memory-opt",
    "call-indirect-overlong",
    "multivalue",
    "mutable-globals",
    "nontrapping-float-to-int",
    "reference-types",
    "sign-ext",
];

/// What a page pays at most for the default entry, compressed, with every operator: what it pays today, so that it
/// only falls. The aim is 60 KB. Weights packed at load took 3 KB of it, which buy a tenth to a fifth of the time of int8
/// convolutions, and weights of few bits 1 KB.
const BUDGET: usize = 94 * 1024 + 256;

/// Builds, then tests, packs or measures.
pub(crate) fn run(args: &Args) -> Result<()> {
    if !args.pack && !args.bench {
        return test();
    }
    build()?;
    if args.pack {
        return pack();
    }
    shell::run(node()?.arg("bench/run.js").envs(environment()?))
}

/// Builds and runs every test; then what the package weighs.
pub(crate) fn test() -> Result<()> {
    lint()?;
    build()?;
    // One after the other: they share a directory of artifacts, and some measure.
    let mut node = node()?;
    shell::run(node.args(["--test", "--test-concurrency=1"]).args(tests()?).envs(environment()?))?;
    weigh()
}

/// Every `test/*.test.js`: node 20 takes a directory for tests as a whole, helpers included.
fn tests() -> Result<Vec<PathBuf>> {
    let dir = shell::root().join(PACKAGE).join("test");
    let entries = dir.read_dir().with_context(|| format!("cannot list {}", dir.display()))?;
    let mut files: Vec<_> = entries.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.retain(|path| path.to_string_lossy().ends_with(".test.js"));
    files.sort();
    ensure!(!files.is_empty(), "no test in {}", dir.display());
    Ok(files)
}

/// What the tests need and nobody here can install.
pub(crate) fn lacks() -> Result<Option<String>> {
    let shared = shell::shared_dir()?;
    if !shared.join("models").is_dir() {
        return Ok(Some(format!("{} has no models; name their place in SISKIN_SHARED", shared.display())));
    }
    Ok(node().err().map(|error| format!("{error:#}")))
}

/// The crates that the workspace's own clippy does not see as they are built here.
fn lint() -> Result<()> {
    shell::need_targets(&[TARGET])?;
    let deny = ["--", "-D", "warnings"];
    shell::run(shell::cargo().args(["clippy", "--quiet", "-p", "siskin-wasm", "--target", TARGET]).args(deny))?;
    shell::run(bindgen("clippy").args(deny))?;
    shell::run(&mut bindgen("test"))
}

/// Builds the package's dist.
pub(crate) fn build() -> Result<()> {
    let package = shell::root().join(PACKAGE);
    install(&package)?;
    let dist = package.join("dist");
    if dist.exists() {
        fs::remove_dir_all(&dist).with_context(|| format!("cannot empty {}", dist.display()))?;
    }
    fs::create_dir_all(&dist)?;
    let generated = package.join("src/generated");
    let mut glues = Vec::new();
    for (file, features) in BUILDS {
        glues.push(runtime(&dist.join(file), features)?);
    }
    ensure!(glues.windows(2).all(|pair| pair[0] == pair[1]), "the two builds need different glue: inline both");
    fs::write(generated.join("glue.js"), &glues[0])?;
    shell::run(bindgen("run").args(["--", "inline"]).arg(dist.join(BUILDS[0].0)).arg(generated.join("inline.js")))?;
    shell::run(tool("tsc")?.args(["--project", "."]))?;
    let bundle = ["--bundle", "--minify", "--format=esm", "--target=es2022", "--outdir=dist", "--log-level=warning"];
    let entries = ["src/index.ts", "src/url.ts", "src/worker.ts"];
    shell::run(tool("esbuild")?.args(entries).args(bundle).args(["--splitting", "--chunk-names=shared-[hash]"]))?;
    // On its own: bundlers and people copy this one file.
    shell::run(tool("esbuild")?.arg("src/worker-thread.ts").args(bundle))
}

/// Builds one runtime; returns its glue.
fn runtime(to: &Path, features: &str) -> Result<String> {
    shell::need_targets(&[TARGET])?;
    println!("building {}", shell::in_repo(to)?);
    // A directory for each build: in a shared one, each would undo the other.
    let target = shell::target_dir().join("npm").join(to.file_stem().unwrap_or_default());
    let mut command = shell::cargo();
    command.args(["build", "--quiet", "-p", "siskin-wasm", "--profile", "wasm", "--target", TARGET]);
    // Where code is small, what is called is seldom smaller than the call: less inlining takes 2 KB off, and no time.
    let flags = format!("-C target-feature={features} -C llvm-args=-inline-threshold=5");
    command.env("RUSTFLAGS", flags).arg("--target-dir").arg(&target);
    shell::run(&mut command)?;
    let linked = target.join(TARGET).join("wasm/siskin_wasm.wasm");
    let (bound, glue) = (target.join("bound.wasm"), target.join("glue.js"));
    shell::run(bindgen("run").args(["--", "glue"]).arg(linked).arg(&bound).arg(&glue))?;
    let enabled = FEATURES.into_iter().chain(features.split(',').map(|f| match f.trim_start_matches('+') {
        "simd128" => "simd",
        other => other,
    }));
    let mut optimizer = tool("wasm-opt")?;
    optimizer.args(enabled.map(|feature| format!("--enable-{feature}")));
    // Not -Oz: what it gives is no smaller once compressed.
    optimizer.args(["-O2", "--strip-debug", "--strip-producers", "--strip-target-features"]);
    shell::run(optimizer.arg(&bound).arg("-o").arg(to))?;
    fs::read_to_string(&glue).context("siskin-bindgen left no glue")
}

/// A cargo command on `tools/bindgen`, whose crates are built apart from ours.
fn bindgen(command: &str) -> Command {
    let mut cargo = shell::cargo();
    cargo.args([command, "--quiet", "--manifest-path", "tools/bindgen/Cargo.toml", "--target-dir"]);
    cargo.arg(shell::target_dir().join("bindgen"));
    cargo
}

/// The tools that the lock file names, if they are not there or are others.
fn install(package: &Path) -> Result<()> {
    let read = |name: &str| fs::read(package.join(name)).unwrap_or_default();
    let stamp = package.join("node_modules/.lock");
    if read("node_modules/.lock") == read("package-lock.json") {
        return Ok(());
    }
    println!("installing the tools of {PACKAGE}/package-lock.json");
    shell::run(Command::new("npm").args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(package))?;
    fs::copy(package.join("package-lock.json"), stamp).map(drop).context("cannot mark the tools as installed")
}

/// A tool from npm, in the package's directory.
fn tool(name: &str) -> Result<Command> {
    let package = shell::root().join(PACKAGE);
    let path = package.join("node_modules/.bin").join(name);
    ensure!(path.exists(), "npm installed no {}", path.display());
    let mut command = Command::new(path);
    command.current_dir(package);
    Ok(command)
}

fn node() -> Result<Command> {
    let version = shell::output(Command::new("node").arg("--version"))
        .context("the npm package needs node 20 or later and npm: install nodejs")?;
    let major: u32 = version.trim_start_matches('v').split('.').next().unwrap_or("").parse().unwrap_or(0);
    ensure!(major >= 20, "the npm package needs node 20 or later, here is {}: install a later nodejs", version.trim());
    let mut command = Command::new("node");
    command.current_dir(shell::root().join(PACKAGE));
    Ok(command)
}

/// Where the tests find the native side, the models and the browser.
fn environment() -> Result<Vec<(&'static str, PathBuf)>> {
    let siskin = shell::siskin()?;
    shell::run(shell::cargo().args(["build", "--quiet", "--workspace", "--example", "prepared"]))?;
    let work = shell::target_dir().join("npm/work");
    Ok(vec![
        ("SISKIN_BIN", siskin),
        ("SISKIN_PREPARED", shell::target_dir().join("debug/examples/prepared")),
        ("SISKIN_SHARED", shell::shared_dir()?),
        ("SISKIN_WORK", work),
        ("CHROMIUM", chromium::need()?),
    ])
}

fn pack() -> Result<()> {
    let package = shell::root().join(PACKAGE);
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(shell::root().join(licence), package.join(licence))
            .with_context(|| format!("cannot copy {licence}"))?;
    }
    shell::run(Command::new("npm").args(["pack", "--loglevel=warn"]).current_dir(&package))?;
    weigh()
}

/// Prints what a page downloads, compressed; the default entry has a budget.
fn weigh() -> Result<()> {
    let json = shell::output(node()?.arg("test/helpers/weigh.js"))?;
    let sizes: Vec<(String, usize, usize)> = serde_json::from_str(&json).context("weigh.js printed no sizes")?;
    println!("{:44} {:>8} {:>8}", "what a page downloads", "bytes", "gzip");
    sizes.iter().for_each(|(what, bytes, gzip)| println!("{what:44} {bytes:8} {gzip:8}"));
    let (what, _, gzip) = sizes.first().context("weigh.js printed no sizes")?;
    ensure!(*gzip <= BUDGET, "{what} takes {gzip} bytes compressed, and may take {BUDGET}");
    Ok(())
}
