//! `benches/counts.toml`: instructions of one inference on this kind of processor, which no load of the machine moves.
//!
//! ```text
//! callgrind: (count of 21 runs - count of 1 run) / 20
//! ```
//!
//! A count that leaves its figure by more than [`SLACK`], either way, fails: it is looked at and renewed. What is absent: other
//! processors than those with AVX2, whose kernels these figures are.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::models::CASES;
use crate::{debian, shell};

const HEADER: &str = "\
# Instructions of one inference with the kernels for AVX2, counted by callgrind. Checked by `cargo xtask ci --only counts`, renewed by
# `cargo xtask bench --counts --renew`.

";

/// What is counted: some models of each kind, those that calibrate on much data left out.
const COUNTED: &[&str] = &[
    "sww-i8",
    "kws-i8",
    "mobilenetv2-i8",
    "kws-f32",
    "vww-f32",
    "ic-f32",
    "gru-f32",
    "lstm-f32",
    "tcn-f32",
    "transformer-f32",
];

/// How much a count may differ: what a linker places elsewhere, and how many digits a time has.
const SLACK: f64 = 0.005;

/// Why nothing can be counted here, if so.
pub(crate) fn lacks() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let here = cfg!(target_arch = "x86_64") && info.split_whitespace().any(|flag| flag == "avx2");
    (!here).then(|| "the counts are those of a processor with AVX2".to_string())
}

/// Counts, and compares with the file or writes it.
pub(crate) fn run(renew: bool) -> Result<()> {
    debian::need(&[("valgrind", "valgrind")])?;
    shell::run(shell::cargo().args(["build", "--release", "--package", "siskin-benches"]))?;
    let scratch = tempfile::tempdir()?;
    let mut counts = BTreeMap::new();
    for case in CASES.iter().filter(|case| COUNTED.contains(&case.name().as_str())) {
        let artifact = case.artifact(scratch.path(), true)?;
        let (one, many) = (count(&artifact, 1)?, count(&artifact, 21)?);
        let each = many.saturating_sub(one) / 20;
        println!("{:16} {each:>10} instructions", case.name());
        counts.insert(case.name(), each);
    }
    if renew { write(&counts) } else { compare(&read()?, &counts) }
}

/// Instructions of a process that runs the model `runs` times.
fn count(artifact: &Path, runs: u32) -> Result<u64> {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(shell::target_dir().join("release/siskin-peer")).arg("native").arg(artifact);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("cannot start `valgrind`")?;
    writeln!(child.stdin.take().context("a child without an input")?, "{runs}")?;
    let out = child.wait_with_output()?;
    let text = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "valgrind failed ({}): {text}", out.status);
    let line = text.lines().find_map(|line| line.split_once("Collected : "));
    let (_, number) = line.with_context(|| format!("valgrind says no count: {text}"))?;
    number.trim().parse().context("the count is no number")
}

fn file() -> PathBuf {
    shell::root().join("benches/counts.toml")
}

fn write(counts: &BTreeMap<String, u64>) -> Result<()> {
    let lines: String = counts.iter().map(|(name, count)| format!("{name} = {count}\n")).collect();
    fs::write(file(), HEADER.to_string() + &lines).context("cannot write benches/counts.toml")
}

fn read() -> Result<BTreeMap<String, u64>> {
    let text = fs::read_to_string(file()).context("cannot read benches/counts.toml")?;
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parse = |line: &str| Some((line.split_once(" = ")?.0.to_string(), line.split_once(" = ")?.1.parse().ok()?));
    lines
        .map(|line| parse(line).with_context(|| format!("counts.toml: neither a comment nor a count: {line}")))
        .collect()
}

/// Fails if a count left its figure, or either side has what the other lacks.
fn compare(want: &BTreeMap<String, u64>, got: &BTreeMap<String, u64>) -> Result<()> {
    let mut wrong = Vec::new();
    for name in want.keys().chain(got.keys().filter(|name| !want.contains_key(*name))) {
        match (want.get(name), got.get(name)) {
            (Some(&want), Some(&got)) if (got as f64 / want as f64 - 1.0).abs() <= SLACK => {}
            (want, got) => wrong.push(format!("{name}: {got:?}, benches/counts.toml says {want:?}")),
        }
    }
    if !wrong.is_empty() {
        bail!("{}\nlook at what changed, then `cargo xtask bench --counts --renew`", wrong.join("\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::models::Case;

    #[test]
    fn a_count_may_leave_its_figure_a_little_only() {
        let one = |n: u64| BTreeMap::from([("kws-i8".to_string(), n)]);
        assert!(compare(&one(100_000), &one(100_400)).is_ok());
        assert!(compare(&one(100_000), &one(101_000)).is_err());
        assert!(compare(&one(100_000), &one(99_000)).is_err());
        assert!(compare(&one(100_000), &BTreeMap::new()).is_err());
        assert!(compare(&BTreeMap::new(), &one(100_000)).is_err());
    }

    #[test]
    fn what_is_counted_is_a_case() {
        for name in COUNTED {
            assert!(CASES.iter().map(Case::name).any(|case| case == *name), "{name}");
        }
    }
}
