//! Everything that CI runs and a contributor runs, in order, each step with its time.
//!
//! A step that lacks something it cannot install is left out and named in the summary; where `CI=true`,
//! nothing may be left out and it fails. The first failure ends the run unless `--keep-going` is given.

use std::time::Instant;

use anyhow::{Result, bail};
use clap::Parser;
use clap::builder::PossibleValuesParser;

use crate::{arrows, bare, bench, capi, conformance, cross, debian, firmware, npm, shell};

#[derive(Parser)]
pub(crate) struct Args {
    /// Prints the steps instead of running them.
    #[arg(long)]
    list: bool,
    /// Runs only this step; may be repeated.
    #[arg(long, value_name = "STEP", value_parser = names())]
    only: Vec<String>,
    /// Runs all but this step; may be repeated.
    #[arg(long, value_name = "STEP", value_parser = names())]
    skip: Vec<String>,
    /// Runs the later steps after a failure too.
    #[arg(long)]
    keep_going: bool,
}

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Outcome>,
}

/// What became of a step that did not fail.
enum Outcome {
    Passed,
    /// It did not run, for this reason.
    LeftOut(String),
}

/// Quick ones first; what fetches stands before the tests that read.
const STEPS: &[Step] = &[
    Step { name: "fmt", about: "rustfmt changes nothing", run: fmt },
    Step { name: "arrows", about: "crates and sources keep to their rules", run: arrows_hold },
    Step { name: "shared", about: "the real models and data are there", run: shared },
    Step { name: "conformance", about: "the ONNX test vectors are there", run: vectors },
    Step { name: "clippy", about: "no warning, in any target of the workspace", run: clippy },
    Step { name: "docs", about: "the documentation builds without a warning", run: docs },
    Step { name: "bare", about: "no panic and no allocator on bare targets", run: bare_is_safe },
    Step { name: "firmware", about: "programs for every board cost what they may and compute as native", run: boards },
    Step { name: "capi", about: "the C library, its header and its programs", run: c_library },
    Step { name: "counts", about: "instructions of an inference with the kernels for AVX2", run: counts },
    Step { name: "test", about: "every test of the workspace", run: test },
    Step {
        name: "cross",
        about: "the kernels for AArch64 and WebAssembly, emulated, equal the portable ones",
        run: elsewhere,
    },
    Step { name: "npm", about: "the npm package in node, in Chromium and from three bundlers", run: package },
];

/// Runs the steps that were asked for.
pub(crate) fn run(args: &Args) -> Result<()> {
    let steps: Vec<_> = STEPS.iter().filter(|step| args.wants(step.name)).collect();
    if args.list {
        steps.iter().for_each(|step| println!("{:12} {}", step.name, step.about));
        return Ok(());
    }
    let (mut failed, mut left_out) = (Vec::new(), Vec::new());
    for step in &steps {
        println!("==== {}: {}", step.name, step.about);
        let started = Instant::now();
        let result = judge((step.run)(), shell::in_ci());
        let seconds = started.elapsed().as_secs_f32();
        match result {
            Ok(Outcome::Passed) => println!("---- {} passed in {seconds:.1} s", step.name),
            Ok(Outcome::LeftOut(why)) => {
                println!("---- {} LEFT OUT after {seconds:.1} s: {why}", step.name);
                left_out.push(format!("LEFT OUT {}: {why}", step.name));
            }
            Err(error) => {
                println!("---- {} FAILED after {seconds:.1} s: {error:#}", step.name);
                failed.push(step.name);
                if !args.keep_going {
                    break;
                }
            }
        }
    }
    summary(&steps, &failed, &left_out)
}

impl Args {
    fn wants(&self, step: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == step);
        (self.only.is_empty() || named(&self.only)) && !named(&self.skip)
    }
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(STEPS.iter().map(|step| step.name))
}

/// Where nobody is watching, what is left out has failed.
fn judge(result: Result<Outcome>, in_ci: bool) -> Result<Outcome> {
    match result {
        Ok(Outcome::LeftOut(why)) if in_ci => bail!("{why}"),
        other => other,
    }
}

fn summary(steps: &[&Step], failed: &[&str], left_out: &[String]) -> Result<()> {
    println!("====");
    left_out.iter().for_each(|line| println!("{line}"));
    if !failed.is_empty() {
        bail!("failed: {}; repeat one with `cargo xtask ci --only STEP`", failed.join(", "));
    }
    println!("{} of {} steps passed", steps.len() - left_out.len(), steps.len());
    Ok(())
}

fn fmt() -> Result<Outcome> {
    shell::need_component("rustfmt", "fmt")?;
    shell::run(shell::cargo().args(["fmt", "--all", "--check"]))?;
    for manifest in arrows::own_workspaces()? {
        shell::run(shell::cargo().args(["fmt", "--all", "--check", "--manifest-path"]).arg(manifest))?;
    }
    Ok(Outcome::Passed)
}

fn arrows_hold() -> Result<Outcome> {
    arrows::run().map(|()| Outcome::Passed)
}

fn clippy() -> Result<Outcome> {
    shell::need_component("clippy", "clippy")?;
    let mut command = shell::cargo();
    command.args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]);
    shell::run(&mut command).map(|()| Outcome::Passed)
}

fn docs() -> Result<Outcome> {
    let mut command = shell::cargo();
    command.args(["doc", "--no-deps", "--workspace"]).env("RUSTDOCFLAGS", "-D warnings");
    shell::run(&mut command).map(|()| Outcome::Passed)
}

fn bare_is_safe() -> Result<Outcome> {
    bare::run().map(|()| Outcome::Passed)
}

fn boards() -> Result<Outcome> {
    match shared()? {
        Outcome::Passed => firmware::run(&firmware::Args::ALL).map(|()| Outcome::Passed),
        left_out => Ok(left_out),
    }
}

fn c_library() -> Result<Outcome> {
    match capi::check() {
        Err(error) if error.is::<debian::Missing>() => Ok(Outcome::LeftOut(error.to_string())),
        other => other.map(|()| Outcome::Passed),
    }
}

fn counts() -> Result<Outcome> {
    if let Some(why) = bench::counts::lacks() {
        return Ok(Outcome::LeftOut(why));
    }
    match shared()? {
        Outcome::Passed => match bench::counts::run(false) {
            Err(error) if error.is::<debian::Missing>() => Ok(Outcome::LeftOut(error.to_string())),
            other => other.map(|()| Outcome::Passed),
        },
        left_out => Ok(left_out),
    }
}

fn shared() -> Result<Outcome> {
    let dir = shell::shared_dir()?;
    let missing = ["models", "data", "expected", "conformance"].into_iter().find(|part| !dir.join(part).is_dir());
    Ok(match missing {
        None => Outcome::Passed,
        Some(part) => Outcome::LeftOut(format!(
            "{} is no directory, so no test sees real models; name their place in SISKIN_SHARED",
            dir.join(part).display()
        )),
    })
}

fn vectors() -> Result<Outcome> {
    match conformance::fetch() {
        Ok(dir) => println!("{}", dir.display()),
        Err(error) if error.is::<conformance::NotDownloaded>() => {
            return Ok(Outcome::LeftOut(error.to_string()));
        }
        Err(error) => return Err(error),
    }
    Ok(Outcome::Passed)
}

fn test() -> Result<Outcome> {
    let (mut command, shared) = (shell::cargo(), shell::shared_dir()?);
    command.args(["test", "--workspace"]).envs(shared.is_dir().then_some(("SISKIN_SHARED", shared)));
    shell::run(&mut command).map(|()| Outcome::Passed)
}

fn elsewhere() -> Result<Outcome> {
    match cross::run() {
        Err(error) if error.is::<debian::Missing>() => Ok(Outcome::LeftOut(error.to_string())),
        other => other.map(|()| Outcome::Passed),
    }
}

fn package() -> Result<Outcome> {
    if let Some(why) = npm::lacks()? {
        return Ok(Outcome::LeftOut(why));
    }
    npm::test().map(|()| Outcome::Passed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn chosen(words: &[&str]) -> Vec<&'static str> {
        let args = Args::try_parse_from([&["ci"], words].concat()).unwrap();
        STEPS.iter().map(|step| step.name).filter(|name| args.wants(name)).collect()
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(chosen(&[]).len(), STEPS.len());
        assert_eq!(chosen(&["--only", "test", "--only", "fmt"]), ["fmt", "test"]);
        assert_eq!(chosen(&["--skip", "fmt"])[0], "arrows");
        assert!(chosen(&["--only", "fmt", "--skip", "fmt"]).is_empty());
        assert!(Args::try_parse_from(["ci", "--only", "nothing"]).is_err());
    }

    #[test]
    fn nothing_is_left_out_in_ci() {
        let left_out = || Ok(Outcome::LeftOut("no data".to_string()));
        assert!(matches!(judge(left_out(), false), Ok(Outcome::LeftOut(_))));
        assert!(judge(left_out(), true).is_err_and(|error| error.to_string() == "no data"));
        assert!(matches!(judge(Ok(Outcome::Passed), true), Ok(Outcome::Passed)));
    }

    #[test]
    fn one_failure_fails_the_run() {
        let steps: Vec<_> = STEPS.iter().collect();
        assert!(summary(&steps, &[], &["LEFT OUT shared".to_string()]).is_ok());
        assert!(summary(&steps, &["fmt"], &[]).is_err());
    }
}
