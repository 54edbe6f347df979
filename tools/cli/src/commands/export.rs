//! `siskin export`: an artifact as an ONNX model.

use crate::Failure;
use crate::args::{Args, Export};
use crate::model::read;
use crate::output::{count, print};
use serde_json::json;
use siskin_compiler::data::atomic;

pub(crate) fn export(args: &Args, a: &Export) -> Result<(), Failure> {
    let onnx = siskin_compiler::export::export(&read(&a.model)?, &a.model.display().to_string())?;
    atomic::write(&a.output, |w| w.write_all(&onnx))?;
    let (name, bytes) = (a.output.display().to_string(), onnx.len() as u64);
    print(args.json, &json!({ "output": name, "bytes": bytes }), &format!("wrote {name}: {} bytes\n", count(bytes)))
}
