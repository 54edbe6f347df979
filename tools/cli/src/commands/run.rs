//! `siskin run`: arrays in, arrays out.

use crate::Failure;
use crate::args::{Args, Run};
use crate::model::{Opened, dataset, open};
use crate::output::print;
use serde_json::{Map, Value, json};
use siskin::{DType, Model, Port, Session};
use siskin_compiler::data::{self, Array, ArrayData, atomic, write_npy, write_npz};
use siskin_compiler::walk::{read, walk};
use std::path::Path;

pub(crate) fn run(args: &Args, a: &Run) -> Result<(), Failure> {
    let mut opened = open(&a.model, &a.import)?;
    if let Some(path) = &a.output {
        writable(path, opened.loaded.model()?.outputs().count())?;
    }
    let outputs = run_samples(&mut opened, a)?;
    if let Some(path) = &a.output {
        write(path, &outputs)?;
    }
    let shapes: Map<String, Value> = outputs.iter().map(|(n, y)| (n.clone(), json!(y.shape))).collect();
    let object = match &a.output {
        Some(path) => json!({ "output": path.display().to_string(), "shapes": shapes }),
        None => json!({ "shapes": shapes, "values": values(&outputs) }),
    };
    print(args.json, &object, &text(a, &outputs))
}

/// Runs every sample of a data set; a model without inputs runs once.
fn run_samples(opened: &mut Opened, a: &Run) -> Result<Vec<(String, Array)>, Failure> {
    if opened.loaded.model()?.inputs().next().is_none() {
        let mut session = opened.loaded.session()?;
        session.run();
        let mut collected = Collected::new(session.model());
        collected.add(&session)?;
        return Ok(collected.finish());
    }
    let data = dataset(&a.input, opened, &a.prepare, false)?;
    let mut session = opened.loaded.session()?;
    let mut collected = Collected::new(session.model());
    walk(&mut session, &data, |_, _, session| collected.add(session))?;
    Ok(collected.finish())
}

/// The outputs of all samples.
struct Collected {
    outputs: Vec<Stacked>,
    samples: usize,
}

/// One output of all samples.
struct Stacked {
    name: String,
    shape: Vec<usize>,
    dtype: DType,
    /// The elements, unless they are real values to callers.
    bytes: Vec<u8>,
    reals: Vec<f32>,
}

impl Collected {
    fn new(model: &Model<'_>) -> Collected {
        let output = |p: Port<'_>| Stacked {
            name: p.name.to_string(),
            shape: p.shape.dims().iter().map(|&d| d as usize).collect(),
            dtype: p.outer,
            bytes: Vec::new(),
            reals: Vec::new(),
        };
        Collected { outputs: model.outputs().map(output).collect(), samples: 0 }
    }

    fn add(&mut self, session: &Session<'_>) -> Result<(), Failure> {
        for (i, output) in self.outputs.iter_mut().enumerate() {
            if output.dtype == DType::F32 {
                output.reals.extend(read(session, i)?);
            } else {
                output.bytes.extend_from_slice(session.output_bytes(i)?.1);
            }
        }
        self.samples += 1;
        Ok(())
    }

    /// Samples are stacked along the model's own batch axis of 1, or along a new one.
    fn finish(self) -> Vec<(String, Array)> {
        let samples = self.samples;
        let stack = |mut shape: Vec<usize>| {
            match shape.first_mut() {
                Some(first) if *first == 1 => *first = samples,
                _ if samples > 1 => shape.insert(0, samples),
                _ => {}
            }
            shape
        };
        let array = |o: Stacked| (o.name, Array { shape: stack(o.shape), data: typed(o.dtype, &o.bytes, o.reals) });
        self.outputs.into_iter().map(array).collect()
    }
}

fn typed(dtype: DType, bytes: &[u8], reals: Vec<f32>) -> ArrayData {
    match data::DType::of_model(dtype) {
        Some(own) if dtype != DType::F32 => own.decode(bytes),
        _ => ArrayData::F32(reals),
    }
}

/// Refuses a place for the outputs before they are computed.
fn writable(path: &Path, outputs: usize) -> Result<(), Failure> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("npy") if outputs != 1 => {
            Err(format!("{}: {outputs} outputs do not fit one .npy: name an .npz", path.display()).into())
        }
        Some("npz" | "npy") => Ok(atomic::check(path)?),
        _ => Err(format!("{}: name an .npz or .npy", path.display()).into()),
    }
}

fn write(path: &Path, outputs: &[(String, Array)]) -> Result<(), Failure> {
    match outputs {
        [(_, y)] if path.extension().is_some_and(|e| e == "npy") => Ok(write_npy(path, y)?),
        _ => Ok(write_npz(path, outputs)?),
    }
}

fn values(outputs: &[(String, Array)]) -> Map<String, Value> {
    outputs.iter().map(|(n, y)| (n.clone(), json!(y.data.to_f32()))).collect()
}

fn text(a: &Run, outputs: &[(String, Array)]) -> String {
    let mut out = String::new();
    for (name, y) in outputs {
        out += &format!("{name} {} {:?}\n", y.data.dtype_name(), y.shape);
        if a.output.is_none() {
            let shown: Vec<String> = y.data.to_f32().iter().take(32).map(ToString::to_string).collect();
            out += &format!("  {}{}\n", shown.join(" "), if y.data.len() > 32 { " …" } else { "" });
        }
    }
    if let Some(path) = &a.output {
        out += &format!("wrote {}\n", path.display());
    }
    out
}
