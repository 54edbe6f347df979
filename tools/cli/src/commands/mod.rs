//! The commands, one a file.

mod bench;
mod budget;
mod c_header;
mod compress;
mod demo;
mod diff;
mod distil;
mod eval;
mod explain;
mod export;
pub(crate) mod firmware;
mod inspect;
mod label_queue;
mod monitor;
mod operators;
mod pack;
mod prune;
mod recipe;
mod report;
mod run;
mod sensitivity;
mod verify;

use crate::Failure;
use crate::args::{Args, Command};
use crate::output::print;
use clap::CommandFactory;
use serde_json::json;

/// `siskin completions`: a script for a shell.
fn completions(args: &Args, shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "siskin", &mut script);
    let script = String::from_utf8(script)?;
    print(args.json, &json!({ "shell": shell.to_string(), "script": script }), &script)
}

/// Runs what was typed.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Compress(a) => compress::compress(args, a),
        Command::Distil(a) => distil::distil(args, a),
        Command::Sensitivity(a) => sensitivity::sensitivity(args, a),
        Command::Recipe(a) => recipe::recipe(args, a),
        Command::Eval(a) => eval::eval(args, a),
        Command::Diff(a) => diff::diff(args, a),
        Command::Run(a) => run::run(args, a),
        Command::Inspect(a) => inspect::inspect(args, a),
        Command::Export(a) => export::export(args, a),
        Command::Monitor(a) => monitor::monitor(args, a),
        Command::Explain(a) => explain::explain(args, a),
        Command::LabelQueue(a) => label_queue::label_queue(args, a),
        Command::Verify(a) => verify::verify(args, a),
        Command::Pack(a) => pack::pack(args, a),
        Command::Unpack(a) => pack::unpack(args, a),
        Command::Bench(a) => bench::bench(args, a),
        Command::Firmware(a) => firmware::firmware(args, a),
        Command::Operators => operators::list(args),
        Command::Demo(a) => demo::demo(args, a),
        Command::Completions { shell } => completions(args, *shell),
    }
}
