//! Firmware of the examples, built and run for every board: costs against `budgets.toml`, outputs against native.
//!
//! ```text
//! siskin compress -> artifacts -> one program per board and model -> no panic, no allocator -> QEMU -> budgets
//!                              -> one program per board, all models -> QEMU, 20 inputs each -> native's bytes
//!                              -> one program per board, a model with its monitor -> QEMU -> what watching costs
//!                              -> one program per core with kernels of its own -> QEMU, drawn operands -> portable kernels
//!                              -> siskin firmware -> a crate, for one board and model -> QEMU
//! ```
//!
//! Instructions are counted under `-icount shift=0`, so they do not depend on the machine that runs this.
//! What is absent: cycles, which no emulator knows.

mod boards;
mod budgets;
mod models;
mod parity;
mod project;
mod qemu;
mod watched;

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use serde::Deserialize;

use crate::elf::Image;
use crate::{bare, shell};
use boards::{BOARDS, Board};
use budgets::{Budgets, Figures};
use models::{MODELS, Model};

/// How firmware is built: for size. For speed, code is twice as long and kws takes 5% fewer instructions.
const PROFILE: &str = "small";

const PARITY: &str = "parity";
const KERNELS: &str = "kernels";

const LIMIT: Duration = Duration::from_secs(120);

#[derive(Parser)]
pub(crate) struct Args {
    /// Writes the figures into budgets.toml instead of comparing them.
    #[arg(long)]
    renew: bool,
    /// Only this board, model, or both: `cortex-m4`, `/kws`, `cortex-m4/kws`; may be repeated.
    #[arg(long, value_name = "BOARD/MODEL")]
    only: Vec<String>,
}

impl Args {
    /// Everything, compared.
    pub(crate) const ALL: Args = Args { renew: false, only: Vec::new() };

    fn wants(&self, board: &Board, model: &Model) -> bool {
        let fits = |only: &String| {
            let (b, m) = only.split_once('/').unwrap_or((only, ""));
            (b.is_empty() || b == board.name) && (m.is_empty() || model.is(m))
        };
        board.takes(model.name) && (self.only.is_empty() || self.only.iter().any(fits))
    }
}

/// Where everything is built.
pub(crate) struct Place {
    root: PathBuf,
    models: PathBuf,
}

impl Place {
    fn new() -> Result<Place> {
        let root = std::path::absolute(shell::target_dir())?.join("firmware");
        let place = Place { models: root.join("models"), root };
        fs::create_dir_all(&place.models)?;
        Ok(place)
    }

    fn dir(&self, name: &str) -> Result<PathBuf> {
        let dir = self.root.join(name);
        fs::create_dir_all(&dir)?;
        Ok(dir)
    }
}

/// Builds, proves, runs and compares what was asked for.
pub(crate) fn run(args: &Args) -> Result<()> {
    let wanted: Vec<(&Board, Vec<&Model>)> = BOARDS
        .iter()
        .map(|board| (board, MODELS.iter().filter(|model| args.wants(board, model)).collect::<Vec<_>>()))
        .filter(|(_, models)| !models.is_empty())
        .collect();
    ensure!(!wanted.is_empty(), "--only {} names no board and model: {}", args.only.join(" "), names());
    wanted.iter().try_for_each(|(board, _)| board.emulator.install())?;
    shell::need_targets(&wanted.iter().map(|(board, _)| board.target).collect::<Vec<_>>())?;

    let place = Place::new()?;
    let used: Vec<&Model> = MODELS.iter().filter(|m| wanted.iter().any(|(board, _)| args.wants(board, m))).collect();
    for model in &used {
        model.compress(&place.models)?;
    }
    let programs = wanted.iter().map(|(board, models)| build(&place, board, models)).collect::<Result<Vec<_>>>()?;
    let programs: Vec<Program<'_>> = programs.into_iter().flatten().collect();
    let costs = measure(&place, &programs)?;
    let drifts = judge(&costs, args)?;
    compare(&place, &wanted, &used)?;
    watched::measure(&place, &wanted)?;
    compare_kernels(&place, &wanted)?;
    make_project(&place, &wanted)?;
    ensure!(drifts.is_empty(), "{}\n`cargo xtask firmware --renew` if this is meant", drifts.join("\n"));
    Ok(())
}

/// The crate that the command line writes, for one board and model, if they are wanted.
fn make_project(place: &Place, wanted: &[(&Board, Vec<&Model>)]) -> Result<()> {
    let Some((board, models)) = wanted.iter().find(|(board, _)| board.name == "cortex-m4") else { return Ok(()) };
    let model = models.iter().find(|model| model.name == "digits");
    model.map_or(Ok(()), |model| project::check(place, board, model))
}

fn names() -> String {
    let boards: Vec<_> = BOARDS.iter().map(|board| board.name).collect();
    let models: Vec<_> = MODELS.iter().filter(|model| model.budget).map(|model| model.name).collect();
    format!("boards are {}; models are {}", boards.join(", "), models.join(", "))
}

/// A program of one model.
struct Program<'a> {
    board: &'a Board,
    model: &'a Model,
    path: PathBuf,
    image: Image,
}

/// Builds the programs of a board, all at once, and proves each free of panics and allocation.
fn build<'a>(place: &Place, board: &'a Board, models: &[&'a Model]) -> Result<Vec<Program<'a>>> {
    let measured: Vec<_> = models.iter().copied().filter(|model| model.budget).collect();
    let mut names: Vec<_> = measured.iter().map(|model| model.name).collect();
    names.extend(board.takes_all().then_some(PARITY));
    names.extend(models.iter().map(|model| model.name).find(|name| *name == watched::MODEL));
    names.extend(board.has_kernels().then_some(KERNELS));
    let mut command = shell::cargo();
    command.args(["build", "--quiet", "--profile", PROFILE, "--manifest-path"]);
    command.arg(shell::root().join(board.example).join("Cargo.toml")).arg("--target-dir").arg(shell::target_dir());
    command.args(names.iter().flat_map(|name| ["--bin", name])).env("SISKIN_MODELS", &place.models);
    board.configure(&mut command);
    shell::run(&mut command)?;

    // Boards of one target overwrite each other's programs.
    let (from, to) = (shell::target_dir().join(board.target).join(PROFILE), place.dir(board.name)?);
    let mut images = Vec::new();
    for name in names {
        let bytes = fs::read(from.join(name)).with_context(|| format!("cargo left no {name} for {}", board.name))?;
        fs::write(to.join(name), &bytes)?;
        let image = Image::parse(&bytes)?;
        if let Some(text) = bare::complaint(&image) {
            bail!("{name} for {} can panic or allocate:\n{text}", board.name);
        }
        images.push(image);
    }
    let program = |(model, image): (&'a Model, _)| Program { board, model, path: to.join(model.name), image };
    Ok(measured.into_iter().zip(images).map(program).collect())
}

/// The line that a program prints.
#[derive(Deserialize)]
struct Line {
    model: String,
    output: String,
    vectors: u64,
    load: u64,
    instructions: u64,
    stack: u64,
    arena: u64,
    state: u64,
}

/// What one program costs.
struct Cost<'a> {
    program: &'a Program<'a>,
    line: Line,
    figures: Figures,
}

fn measure<'a>(place: &Place, programs: &'a [Program<'a>]) -> Result<Vec<Cost<'a>>> {
    in_parallel(programs, |program| cost(place, program))
}

fn cost<'a>(place: &Place, program: &'a Program<'a>) -> Result<Cost<'a>> {
    let Program { board, model, image, path } = program;
    let name = format!("{} on {}", model.name, board.name);
    let mut command = board.emulate(path)?;
    command.args(["-icount", "shift=0"]);
    let text = qemu::run(command, LIMIT).with_context(|| name.clone())?;
    let line: Line = serde_json::from_str(text.trim()).with_context(|| format!("{name} printed no line: {text}"))?;
    let counted = line.model == model.name && line.vectors > 0 && line.instructions > 0 && line.load > 0;
    ensure!(counted, "{name} tested or counted nothing: {text}");
    let rodata = image.constants.saturating_sub(model.len(&place.models)?);
    let figures = [
        ("instructions", line.instructions),
        ("load", line.load),
        ("stack", line.stack),
        ("text", image.code),
        ("rodata", rodata),
        ("bss", image.memory),
    ];
    Ok(Cost { program, figures: figures.map(|(key, value)| (key.to_string(), value)).into(), line })
}

/// Prints the table; compares it with the budgets, or makes it the budgets.
fn judge(costs: &[Cost<'_>], args: &Args) -> Result<Vec<String>> {
    println!(
        "{:22} {:>8} {:>12} {:>9} {:>6} {:>7} {:>6} {:>7} {:>7} {:>6}",
        "program", "output", "instructions", "load", "stack", "text", "rodata", "bss", "arena", "state"
    );
    let mut budgets = Budgets::read()?;
    let mut drifts = Vec::new();
    for Cost { program, line, figures } in costs {
        let name = format!("{}.{}", program.board.name, program.model.name);
        let figure = |key: &str| figures.get(key).copied().unwrap_or_default();
        println!(
            "{name:22} {:>8} {:12} {:9} {:6} {:7} {:6} {:7} {:7} {:6}",
            line.output,
            line.instructions,
            line.load,
            line.stack,
            figure("text"),
            figure("rodata"),
            figure("bss"),
            line.arena,
            line.state
        );
        if args.renew {
            budgets.0.insert(name, figures.clone());
        } else {
            drifts.extend(budgets.drifts(&name, figures));
        }
    }
    let all: Vec<_> = costs.iter().map(|c| format!("{}.{}", c.program.board.name, c.program.model.name)).collect();
    if args.only.is_empty() {
        // What is no longer measured has no budget.
        let stale = budgets.0.keys().filter(|name| !all.contains(name)).cloned().collect::<Vec<_>>();
        drifts.extend(stale.iter().filter(|_| !args.renew).map(|name| format!("{name} has a budget but no program")));
        stale.iter().for_each(|name| drop(budgets.0.remove(name)));
    }
    if args.renew {
        budgets.write()?;
        println!("wrote budgets.toml");
    }
    Ok(drifts)
}

/// Every output byte on every board against native.
fn compare(place: &Place, wanted: &[(&Board, Vec<&Model>)], used: &[&Model]) -> Result<()> {
    let pairs: Vec<_> = wanted
        .iter()
        .filter(|(board, _)| board.takes_all())
        .flat_map(|(board, models)| models.iter().map(move |model| (*board, *model)))
        .collect();
    if pairs.is_empty() {
        return Ok(());
    }
    let native = parity::Native::compute(place, used)?;
    let counts = in_parallel(&pairs, |(board, model)| {
        let dir = place.dir(board.name)?;
        native.compare(board, &dir.join(PARITY), model, &dir.join("runs").join(model.name))
    })?;
    for (board, models) in wanted.iter().filter(|(board, _)| board.takes_all()) {
        let of = |(pair, count): (&(&Board, &Model), &usize)| (pair.0.name == board.name).then_some(*count);
        let bytes: usize = pairs.iter().zip(&counts).filter_map(of).sum();
        let Board { name, about, .. } = board;
        println!("{name:12} {} models x {} inputs: all {bytes} bytes as native ({about})", models.len(), parity::RUNS);
    }
    Ok(())
}

/// What the program that compares kernels prints.
#[derive(Deserialize)]
struct Verdict {
    cases: u64,
    wrong: u64,
    kernel: u64,
    case: u64,
}

/// A core's own kernels against the portable ones.
fn compare_kernels(place: &Place, wanted: &[(&Board, Vec<&Model>)]) -> Result<()> {
    let boards: Vec<_> = wanted.iter().map(|(board, _)| *board).filter(|board| board.has_kernels()).collect();
    let verdicts = in_parallel(&boards, |board| {
        let text = qemu::run(board.emulate(&place.dir(board.name)?.join(KERNELS))?, LIMIT);
        let text = text.with_context(|| format!("comparing the kernels of {}", board.name))?;
        let line = serde_json::from_str(text.trim());
        line.with_context(|| format!("the kernels of {} printed no line: {text}", board.name))
    })?;
    for (board, Verdict { cases, wrong, kernel, case }) in boards.iter().zip(verdicts) {
        let name = board.name;
        ensure!(
            wrong == 0 && cases > 0,
            "{name}: {wrong} of {cases} drawn cases differ from the portable kernels, first case {case}, of kernel {kernel}"
        );
        println!("{name:12} {cases} drawn cases: every kernel gives what the portable one gives");
    }
    Ok(())
}

/// `work` on every item, as many at a time as there are cores; results in order, or the first failure.
fn in_parallel<'a, T: Sync, R: Send>(items: &'a [T], work: impl Fn(&'a T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::new());
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..cores.min(items.len()) {
            scope.spawn(|| {
                while let Some((i, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|i| Some((i, items.get(i)?)))
                {
                    let result = work(item);
                    done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((i, result));
                }
            });
        }
    });
    let mut results = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn wanted(only: &[&str]) -> Vec<String> {
        let args = Args { renew: false, only: only.iter().map(|only| only.to_string()).collect() };
        let pairs = BOARDS.iter().flat_map(|board| MODELS.iter().map(move |model| (board, model)));
        pairs.filter(|(b, m)| args.wants(b, m)).map(|(b, m)| format!("{}/{}", b.name, m.name)).collect()
    }

    #[test]
    fn only_names_a_board_a_model_or_both() {
        assert_eq!(wanted(&["cortex-m4/kws"]), ["cortex-m4/kws", "cortex-m4/kws_qdq", "cortex-m4/kws_watched"]);
        assert_eq!(wanted(&["microbit"]), ["microbit/digits"]);
        // One board takes no model with a monitor.
        assert_eq!(wanted(&["/digits"]).len(), 2 * BOARDS.len() - 1);
        assert_eq!(wanted(&[]).len(), 1 + (BOARDS.len() - 1) * MODELS.len());
        assert!(wanted(&["cortex-m4/nothing"]).is_empty());
    }

    #[test]
    fn results_come_in_order_and_a_failure_comes_out() {
        let items: Vec<_> = (0..50).collect();
        assert_eq!(in_parallel(&items, |i| Ok(i * 2)).unwrap(), items.iter().map(|i| i * 2).collect::<Vec<_>>());
        assert!(in_parallel(&items, |i| if *i == 7 { bail!("seven") } else { Ok(()) }).is_err());
    }
}
