//! `siskin operators`: what a model may be made of.

use crate::Failure;
use crate::args::Args;
use crate::output::print;
use serde_json::json;
use siskin_compiler::import::operators;

pub(crate) fn list(args: &Args) -> Result<(), Failure> {
    let names = operators();
    let lines: String = names.iter().map(|name| format!("{name}\n")).collect();
    print(args.json, &json!({ "operators": names }), &lines)
}
