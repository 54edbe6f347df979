//! Fifty years of weather: a stream that depends on itself, and does drift.

use super::{PROMISE, save};
use crate::section::Section;
use core::fmt::Write as _;
use siskin::Monitor;
use std::path::Path;

/// Days of the reference, and of the stream before an alarm may come.
const REFERENCE: usize = 5 * 365;
const BEFORE: usize = 365;

/// Eight measurements of every day, in 16ths.
pub(super) fn days(shared: &Path) -> Vec<Vec<i32>> {
    let text = std::fs::read_to_string(shared.join("data/weather.csv")).unwrap();
    let day = |line: &str| line.split(',').take(8).map(|v| (v.parse::<f64>().unwrap() * 16.0) as i32).collect();
    text.lines().skip(1).map(day).collect()
}

/// The days in their order. Against five years, alarms of the first further year are counted as false.
pub(super) fn row(shared: &Path, folder: &Path) -> usize {
    let days = days(shared);
    let (reference, stream) = days.split_at(REFERENCE);
    let section = Section::new(reference, PROMISE, None);
    let (baseline, mut memory) = (section.baseline(), section.memory());
    let mut monitor = Monitor::detached(baseline, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut alarms = Vec::new();
    for day in stream {
        monitor.observe(day);
        if let Some(alarm) = monitor.alarm() {
            alarms.push(alarm.at as f64 / 365.25);
            monitor.clear();
        }
    }
    save(folder, "weather", BEFORE, [reference, stream], |_| true);
    let mut years = String::new();
    alarms.iter().take(8).for_each(|year| write!(years, "{year:.1} ").unwrap());
    let early = alarms.iter().any(|year| *year <= 1.0);
    let mark = if early { " MISSED" } else { "" };
    println!(
        "| weather | as it was | | | {REFERENCE}, one look in {} | {BEFORE} | {} alarms, after years {years}{mark}| |",
        baseline.record.stride,
        alarms.len()
    );
    usize::from(early)
}
