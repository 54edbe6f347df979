//! `siskin export`: an artifact as an ONNX model.

use crate::Failure;
use crate::args::{Args, Export};
use crate::model::read;
use crate::output::{count, print};
use serde_json::json;
use siskin_compiler::data::atomic;
use siskin_compiler::run::Loaded;

pub(crate) fn export(args: &Args, a: &Export) -> Result<(), Failure> {
    let (artifact, file) = (read(&a.model)?, a.model.display().to_string());
    let onnx = siskin_compiler::export::export(&artifact, &file)?;
    let left = left(&artifact).map_err(|e| format!("{file}: {e}"))?;
    atomic::write(&a.output, |w| w.write_all(&onnx))?;
    let (name, bytes) = (a.output.display().to_string(), onnx.len() as u64);
    let notes: String = left.iter().map(|what| format!("not in it: {what}\n")).collect();
    let text = format!("wrote {name}: {} bytes\n{notes}", count(bytes));
    print(args.json, &json!({ "output": name, "bytes": bytes, "left_out": left }), &text)
}

/// What the artifact has and ONNX does not.
fn left(artifact: &[u8]) -> Result<Vec<&'static str>, siskin::Error> {
    let loaded = Loaded::new(artifact)?;
    let model = loaded.model()?;
    let is_prepared = (0..model.inputs().count()).any(|i| model.artifact().preparation(i as u16).is_some());
    let is_watched = model.artifact().baseline()?.is_some();
    let all = [(is_prepared, "how inputs are made of pictures or sound"), (is_watched, "the monitor")];
    Ok(all.into_iter().filter(|&(is, _)| is).map(|(_, what)| what).collect())
}
