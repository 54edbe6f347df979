//! The `siskin` command: arguments to library calls to printing, nothing else.
//!
//! Results go to stdout, as tables for people or, with `--json`, as one object for programs; everything else goes to stderr.
//! Exit codes: 0 done, 1 bad input or failure, 2 wrong usage, 3 a gate said no, 128 and more the signal that ended it.
#![forbid(unsafe_code)]

mod args;
mod commands;
mod html;
mod interrupt;
mod model;
mod output;
mod progress;

use clap::Parser;
use std::process::ExitCode;

/// A failure, in one sentence.
type Failure = Box<dyn core::error::Error>;

/// A gate, a budget or an alarm that said no: all went well, and this is what was found.
#[derive(Debug)]
struct Gate(String);

impl core::fmt::Display for Gate {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for Gate {}

fn main() -> ExitCode {
    let args = args::Args::parse();
    let done = interrupt::watch().map_err(|e| format!("signals cannot be watched: {e}").into());
    match done.and_then(|()| commands::run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) if e.is::<Gate>() => {
            eprintln!("{}", one_line(&*e));
            ExitCode::from(3)
        }
        Err(e) => {
            eprintln!("error: {}", one_line(&*e));
            ExitCode::from(1)
        }
    }
}

/// The message on one line, whatever a library put into it.
fn one_line(e: &dyn core::error::Error) -> String {
    e.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}
