//! Times siskin and its peers in one run: every round asks each of them once, so that what disturbs the machine
//! disturbs all alike.
//!
//! ```text
//! for each case: start the peers, pinned -> rounds, interleaved -> medians -> ratios and shares of the peak
//! ```
//!
//! The peak is measured among them: registers only, FMA in `f32`, `vpmaddwd` in int8. What is absent: browsers, which
//! `wasm/npm/bench` compares.

pub(crate) mod counts;
mod models;
mod peers;
mod record;
mod watched;

use std::fs;

use anyhow::{Context, Result};
use clap::Parser;

use crate::shell;
use models::{CASES, Case};
use peers::{Peer, Programs};
use record::{Record, Row};

/// Multiply-adds of one run of the peak.
const PEAK_MACS: f64 = 1_048_576.0;

/// How long each peer runs in a round, in nanoseconds, or once: less than what a scheduler gives before another process has its turn.
const SLICE: f64 = 5e5;

#[derive(Parser)]
pub(crate) struct Args {
    /// Only these cases: `kws`, `kws-i8`, `f32`; may be repeated.
    #[arg(long, value_name = "CASE")]
    only: Vec<String>,
    /// Which peers, in this order.
    #[arg(long, value_delimiter = ',', default_value = "siskin,litert,onnxruntime,tract,rten")]
    peers: Vec<String>,
    /// Rounds of each case.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(3..))]
    rounds: u32,
    /// The processor that they run on, the last one if there are several threads.
    #[arg(long, default_value_t = 1)]
    cpu: usize,
    /// Threads of each peer, each with a processor.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    threads: u32,
    /// Compiles the artifacts again; writes the counts.
    #[arg(long)]
    renew: bool,
    /// Counts instructions of single inferences instead and compares them with `benches/counts.toml`, or renews it.
    #[arg(long)]
    counts: bool,
    /// Times keyword spotting with its monitor beside it without, which may add 3%.
    #[arg(long, conflicts_with = "counts")]
    watched: bool,
    /// Writes `benches/record/DATE-CPU.csv`, or `DATE-CPU-threads-N.csv`, and a plot beside it.
    #[arg(long)]
    record: bool,
}

/// The interpreter that has onnxruntime.
pub(crate) fn python() -> Result<std::path::PathBuf> {
    peers::python(&shell::cache_dir()?.join("bench"))
}

/// Times what was asked for.
pub(crate) fn run(args: &Args) -> Result<()> {
    if args.counts {
        return counts::run(args.renew);
    }
    if args.watched {
        return watched::run(args.cpu);
    }
    let cache = shell::cache_dir()?.join("bench");
    let artifacts = cache.join("models");
    fs::create_dir_all(&artifacts).with_context(|| format!("cannot make {}", artifacts.display()))?;
    let programs = Programs::new(&cache)?;
    let wanted = |case: &&Case| {
        let fits = |only: &String| *only == case.name() || *only == case.model || *only == case.format;
        args.only.is_empty() || args.only.iter().any(fits)
    };
    let threads = args.threads as usize;
    let cpus = format!("{}-{}", args.cpu.saturating_sub(threads.saturating_sub(1)), args.cpu);
    let mut record = Record { rows: Vec::new(), threads };
    for case in CASES.iter().filter(wanted) {
        let artifact = case.artifact(&artifacts, args.renew)?;
        let mut peers = Vec::new();
        for name in ["peak".to_string()].iter().chain(&args.peers) {
            let Some(words) = programs.command(name, case, &artifact, threads)? else { continue };
            match Peer::start(name, &words, &cpus) {
                Ok(peer) => peers.push(peer),
                Err(error) => println!("{}: {name} is left out: {error:#}", case.name()),
            }
        }
        record.rows.extend(time(case, &mut peers, args.rounds)?);
        record.print(&case.name());
    }
    record.summary();
    if args.record { record.write(&shell::root().join("benches/record")) } else { Ok(()) }
}

/// Medians of interleaved rounds.
fn time(case: &Case, peers: &mut [Peer], rounds: u32) -> Result<Vec<Row>> {
    let mut counts = Vec::new();
    for peer in &mut *peers {
        let one = peer.time(3)?.min(peer.time(3)?);
        counts.push((SLICE / one).clamp(1.0, 1e6) as u32);
    }
    let mut times = vec![Vec::new(); peers.len()];
    for _ in 0..rounds {
        for ((peer, n), times) in peers.iter_mut().zip(&counts).zip(&mut times) {
            times.push(peer.time(*n)?);
        }
    }
    let at = |times: &mut Vec<f64>, share: f64| {
        times.sort_by(f64::total_cmp);
        times.get((times.len() as f64 * share) as usize).copied().unwrap_or(f64::NAN)
    };
    let macs = peers.iter().find_map(|p| p.macs).unwrap_or(0) as f64;
    let medians: Vec<(f64, f64)> = times.iter_mut().map(|t| (at(t, 0.5), at(t, 0.0))).collect();
    let peak = peers.iter().zip(&medians).find(|(p, _)| p.name == "peak").map_or(f64::NAN, |(_, m)| m.0);
    let row = |(peer, (median, least)): (&Peer, &(f64, f64))| Row {
        case: case.name(),
        peer: peer.name.clone(),
        version: peer.version.clone(),
        macs,
        median_us: median / 1e3,
        least_us: least / 1e3,
        // Multiply-adds a nanosecond over those of the peak.
        share: if peer.name == "peak" { 1.0 } else { macs / median / (PEAK_MACS / peak) },
    };
    Ok(peers.iter().zip(&medians).map(row).collect())
}
