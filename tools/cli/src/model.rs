//! Models and data as the commands name them.

use crate::Failure;
use crate::args::{ImportArgs, InputArgs};
use serde_json::{Map, Value, json};
use siskin::format::{Place, TensorRecord};
use siskin::{Model, Shape, Type};
use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::{Dataset, InputSpec, Layout, read_npy};
use siskin_compiler::import;
use siskin_compiler::ir::Tensor;
use siskin_compiler::run::Loaded;
use std::collections::BTreeMap;
use std::path::Path;

/// A model ready to run, from either kind of file.
pub(crate) struct Opened {
    pub(crate) loaded: Loaded,
    /// Bytes of the artifact: the file itself, or what an ONNX model becomes without quantization.
    pub(crate) file_bytes: usize,
}

/// Whether the file is meant to be an ONNX model.
fn is_onnx(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("onnx"))
}

/// Opens `.onnx`, compiled in float, or `.siskin`.
pub(crate) fn open(path: &Path, args: &ImportArgs) -> Result<Opened, Failure> {
    if is_onnx(path) {
        let options = Options { import: import_options(args)?, ..Options::default() };
        let lowered = Source::open(path, &options)?.float()?;
        return Ok(Opened { loaded: Loaded::new(&lowered.file)?, file_bytes: lowered.file.len() });
    }
    let bytes = read(path)?;
    let loaded = Loaded::new(&bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    Ok(Opened { loaded, file_bytes: bytes.len() })
}

/// Reads a whole file.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?)
}

/// The options of an import.
pub(crate) fn import_options(args: &ImportArgs) -> Result<import::Options, Failure> {
    let mut options = import::Options { shapes: args.shapes.iter().cloned().collect(), ..Default::default() };
    for (name, file) in &args.bake {
        options.bake.insert(name.clone(), tensor(Path::new(file))?);
    }
    options.outputs.clone_from(&args.outputs);
    Ok(options)
}

/// Reads an array as a constant.
fn tensor(path: &Path) -> Result<Tensor, Failure> {
    let array = read_npy(path)?;
    let dtype = array.data.dtype().to_model();
    let dims: Option<Vec<u32>> = array.shape.iter().map(|&d| u32::try_from(d).ok()).collect();
    let shape = dims.as_deref().and_then(Shape::new);
    let tensor = shape.and_then(|s| Tensor::from_bytes(Type::new(dtype, s), array.data.as_bytes()));
    Ok(tensor.ok_or_else(|| {
        format!("{}: {} of shape {:?} cannot be baked", path.display(), array.data.dtype_name(), array.shape)
    })?)
}

/// How the data that a command takes become what a model's first input takes.
pub(crate) fn prepared(mut input: InputSpec, args: &InputArgs) -> Result<InputSpec, Failure> {
    let named = |name: &str| [Layout::Nchw, Layout::Nhwc].into_iter().find(|l| l.name() == name);
    input.layout = args.layout.as_deref().and_then(named);
    input.mean.clone_from(&args.mean);
    input.std.clone_from(&args.std);
    input.resize = args.resize;
    input.check()?;
    Ok(input)
}

/// Opens a data set for a model's first input.
pub(crate) fn dataset(spec: &str, model: &Model<'_>, args: &InputArgs) -> Result<Dataset, Failure> {
    Ok(Dataset::open(spec, &prepared(input_spec(model)?, args)?)?)
}

/// How data must look for a model's first input.
fn input_spec(model: &Model<'_>) -> Result<InputSpec, Failure> {
    let port = model.inputs().next().ok_or("the model has no inputs")?;
    let dims = port.shape.dims().iter().map(|&d| d as usize);
    let mut spec = InputSpec::new(dims.collect::<Vec<_>>()).named(port.name);
    spec.integers = !port.outer.is_float();
    Ok(spec)
}

/// What a model takes, by the names that every command's JSON has.
pub(crate) fn sizes(model: &Model<'_>, file_bytes: usize) -> Map<String, Value> {
    let sizes = [
        ("file_bytes", file_bytes as u64),
        ("weights_bytes", weights_bytes(model)),
        ("arena_bytes", model.arena_len() as u64),
        ("state_bytes", model.state_len() as u64),
        ("macs", model.steps().map(|s| s.macs()).sum()),
        ("ops", model.steps().count() as u64),
    ];
    sizes.into_iter().map(|(name, n)| (name.to_string(), json!(n))).collect()
}

/// Bytes of constants, each counted once however often it is read.
fn weights_bytes(model: &Model<'_>) -> u64 {
    let artifact = model.artifact();
    let constants = artifact.tensors().iter().filter(|t| t.place() == Some(Place::Weights));
    let bytes = |t: &TensorRecord| artifact.ty(t).and_then(|ty| ty.checked_bytes()).unwrap_or(0);
    let each: BTreeMap<u32, u32> = constants.map(|t| (t.offset, bytes(t))).collect();
    each.values().map(|&n| u64::from(n)).sum()
}
