//! `siskin recipe`: decisions in a file.

use crate::Failure;
use crate::args::{Args, Recipe, RecipeInit};
use crate::output::print;
use serde_json::json;
use siskin_compiler::data::atomic;
use siskin_compiler::recipe::TEMPLATE;

pub(crate) fn recipe(args: &Args, a: &Recipe) -> Result<(), Failure> {
    match a {
        Recipe::Init(a) => init(args, a),
    }
}

fn init(args: &Args, a: &RecipeInit) -> Result<(), Failure> {
    let Some(output) = &a.output else { return print(args.json, &json!({ "recipe": TEMPLATE }), TEMPLATE) };
    // Decisions that somebody made are not to be replaced by defaults.
    if output.exists() {
        return Err(format!("{}: is there already: name another --output", output.display()).into());
    }
    atomic::write(output, |w| w.write_all(TEMPLATE.as_bytes()))?;
    let name = output.display().to_string();
    print(args.json, &json!({ "output": name }), &format!("wrote {name}\n"))
}
