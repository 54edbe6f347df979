//! One model with its monitor: what watching costs, and the report of what was seen.

use crate::clock;
use crate::report::{Line, fail};
use crate::semihosting;
use siskin::format::{MAX_FEATURES, Totals};
use siskin::{Embedded, Error, Monitor, Session};

/// Room for any report.
const REPORT_LEN: usize = Totals::len(MAX_FEATURES);

/// Runs `model` without its monitor and with it, prints a line with both costs and the report, and ends the program.
pub fn watch(
    name: &str,
    model: &Embedded,
    arena: &'static mut [u8],
    state: &'static mut [u8],
    memory: &'static mut [u8],
) -> ! {
    let mut report = [0; REPORT_LEN];
    let costs = costs(model, arena, state, memory, &mut report);
    let Costs { run, watched, report_len, alarm } = costs.unwrap_or_else(|error| fail(error));
    Line::new()
        .text("model", name)
        .number("instructions", run.unwrap_or(0))
        .number("watched", watched.unwrap_or(0))
        .number("memory", model.monitor_len() as u32)
        .number("alarm", alarm)
        .bytes("report", report.get(..report_len).unwrap_or(&[]))
        .end();
    semihosting::exit(0)
}

/// What a run took.
struct Costs {
    run: Option<u32>,
    watched: Option<u32>,
    report_len: usize,
    /// The inference at which an alarm came, or 0.
    alarm: u32,
}

/// Never inlined, as in [`crate::measure`].
#[inline(never)]
fn costs(
    model: &Embedded,
    arena: &'static mut [u8],
    state: &'static mut [u8],
    memory: &'static mut [u8],
    report: &mut [u8],
) -> Result<Costs, Error> {
    let parsed = model.parse()?;
    let mut session = Session::new(&parsed, arena, state)?;
    session.self_test()?;
    let mut monitor = Monitor::new(&parsed, memory)?;
    if let Some(golden) = parsed.artifact().goldens().with_inputs(parsed.inputs().count()).next() {
        session.fill_golden(&golden);
    }
    let run = clock::count(|| session.run());
    let mut prediction = None;
    if let Some(golden) = parsed.artifact().goldens().with_inputs(parsed.inputs().count()).next() {
        session.fill_golden(&golden);
    }
    let watched = clock::count(|| prediction = monitor.run(&mut session));
    if let Some(health) = monitor.health() {
        health.passed = 1;
        health.took(watched.unwrap_or(0));
    }
    let alarm = monitor.alarm().map_or(0, |alarm| alarm.at as u32);
    Ok(Costs { run, watched, report_len: monitor.report(report)?, alarm })
}
