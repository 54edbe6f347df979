//! Serves a `.siskin` file to `cargo xtask bench`, as the peers in `peers/` serve theirs.
//!
//! ```text
//! siskin-peer native|generic|steps|watched FILE.siskin [THREADS]
//! ```
//!
//! Prints `ready siskin VERSION MACS`; then, for every line of standard input that holds a number, runs the model as many times and
//! prints how many nanoseconds that took. `steps` prints what each operator takes instead, `watched` what the file's monitor
//! adds: the median, the least and the greatest quarter, as parts of a run.

use anyhow::{Context, Result, anyhow, bail};
use siskin::format::{Golden, GoldenRecord};
use siskin::kernels::threads::Workers;
use siskin::{Generic, Model, Monitor, Session, op};
use std::io::{BufRead, Write};
use std::time::Instant;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let (mode, path, threads) = match args.as_slice() {
        [_, mode, path] => (mode, path, 1),
        [_, mode, path, threads] => (mode, path, threads.parse()?),
        _ => bail!("usage: siskin-peer native|generic|steps|watched FILE.siskin [THREADS]"),
    };
    let file = std::fs::read(path).with_context(|| format!("{path}: cannot be read"))?;
    let ops = if mode == "generic" { op::all::<Generic>() } else { op::native() };
    let mut bytes = memory(file.len());
    let bytes = bytemuck::cast_slice_mut::<_, u8>(&mut bytes);
    bytes[..file.len()].copy_from_slice(&file);
    let model = Model::parse(&bytes[..file.len()], &ops).map_err(|e| anyhow!("{path}: {e}"))?;
    let mut packed = memory(model.packed_len());
    let model = model.pack(bytemuck::cast_slice_mut(&mut packed));
    let pool = Workers::new(threads).context("no thread can be started")?;
    let model = if threads > 1 { model.with_pool(&pool) } else { model };
    let (mut arena, mut state) = (memory(model.arena_len()), memory(model.state_len()));
    let session = Session::new(&model, bytemuck::cast_slice_mut(&mut arena), bytemuck::cast_slice_mut(&mut state));
    let mut session = session.map_err(|e| anyhow!("{path}: {e}"))?;
    session.self_test().map_err(|e| anyhow!("{path}: {e}"))?;
    fill(&mut session);
    if mode == "steps" {
        return steps(&mut session);
    }
    if mode == "watched" {
        return watched(&mut session).with_context(|| path.clone());
    }
    session.run();
    let macs: u64 = model.steps().map(|s| s.macs()).sum();
    println!("ready siskin {} {macs}", env!("CARGO_PKG_VERSION"));
    for line in std::io::stdin().lock().lines() {
        let n: u32 = line?.trim().parse()?;
        let start = Instant::now();
        for _ in 0..n {
            session.run();
        }
        println!("{}", start.elapsed().as_nanos());
        std::io::stdout().flush()?;
    }
    Ok(())
}

/// A multiple of 64 bytes, aligned as sessions want it.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

fn memory(len: usize) -> Vec<Line> {
    vec![Line([0; 64]); len.div_ceil(64)]
}

/// Inputs of random numbers.
fn fill(session: &mut Session<'_>) {
    let ranges = vec![[0.0, 1.0]; session.model().inputs().count()];
    let record = GoldenRecord { seed: 1, crc: 0, samples: 0, exact: 0, reserved: 0 };
    session.fill_golden(&Golden { record: &record, ranges: &ranges, samples: &[] });
}

/// The least time of each operator, of many runs.
fn steps(session: &mut Session<'_>) -> Result<()> {
    let names: Vec<_> = session.model().steps().map(|s| (s.entry.name, s.macs(), shapes(&s))).collect();
    let mut least = vec![f64::INFINITY; names.len()];
    for _ in 0..300 {
        for slot in &mut least {
            let start = Instant::now();
            session.step();
            *slot = slot.min(start.elapsed().as_secs_f64() * 1e6);
        }
    }
    let total: f64 = least.iter().sum();
    for ((name, macs, shapes), us) in names.iter().zip(&least) {
        let rate = *macs as f64 / us / 1e3;
        println!("{us:9.2} µs {:5.1}% {rate:7.2} GMAC/s  {name} {shapes}", 100.0 * us / total);
    }
    println!("{total:9.2} µs");
    Ok(())
}

/// Runs without the monitor and with it, in turns of a few runs, so that what disturbs the machine disturbs both.
fn watched(session: &mut Session<'_>) -> Result<()> {
    const PAIRS: usize = 4000;
    /// The same input again and again raises an alarm before long, and detectors rest while it stands.
    const TURN: u32 = 4;
    let model = *session.model();
    let baseline = model.artifact().baseline().map_err(|e| anyhow!("{e}"))?.context("no monitor")?;
    let mut lines = memory(baseline.record.memory_len as usize);
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut lines)).map_err(|e| anyhow!("{e}"))?;
    let mut turn = |is_watched: bool| {
        monitor.clear();
        let start = Instant::now();
        for _ in 0..TURN {
            if is_watched {
                monitor.run(session);
            } else {
                session.run();
            }
        }
        start.elapsed().as_secs_f64()
    };
    let mut parts: Vec<f64> = (0..PAIRS)
        .map(|i| {
            // Each is first as often as the other.
            let is_first = i % 2 == 0;
            let (first, second) = (turn(is_first), turn(!is_first));
            if is_first { first / second - 1.0 } else { second / first - 1.0 }
        })
        .collect();
    parts.sort_by(f64::total_cmp);
    println!("{} {} {}", parts[PAIRS / 2], parts[PAIRS / 4], parts[PAIRS * 3 / 4]);
    Ok(())
}

fn shapes(step: &siskin::Step<'_>) -> String {
    let dims = |&t: &u16| step.ty(t).map_or(String::new(), |ty| format!("{:?}", ty.shape));
    let inputs: Vec<String> = step.inputs().iter().take(2).map(dims).collect();
    format!("{} -> {}", inputs.join(" "), step.outputs().first().map_or(String::new(), dims))
}
