//! `siskin eval`: a model on labelled data.

use super::compress::value;
use crate::Failure;
use crate::args::{Args, Eval};
use crate::model::{dataset, open};
use crate::output::print;
use crate::progress::Bar;
use serde_json::{Map, json};
use siskin_compiler::eval::evaluate;

pub(crate) fn eval(args: &Args, a: &Eval) -> Result<(), Failure> {
    let mut opened = open(&a.model, &a.import)?;
    let data = dataset(&a.data, &opened, &a.input, true)?;
    let found = evaluate(&mut opened.loaded, &data, a.metric, &mut Bar::new(args.quiet))
        .map_err(|e| format!("{}: {e}", a.model.display()))?;
    let mut object = Map::new();
    object.insert(found.metric.name().into(), json!(found.value));
    object.insert("n".into(), json!(found.n));
    object.insert("metric".into(), json!(found.metric.name()));
    print(args.json, &object.into(), &format!("{} {}\n", found.metric.name(), value(&found)))
}
