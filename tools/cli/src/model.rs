//! Models and data as the commands name them.

use crate::Failure;
use crate::args::{ImportArgs, InputArgs};
use siskin::{Model, Shape, Type};
use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::{Dataset, InputSpec, Layout, read_npy};
use siskin_compiler::import;
use siskin_compiler::ir::Tensor;
use siskin_compiler::run::Loaded;
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

/// Opens a data set for a model's first input.
pub(crate) fn dataset(spec: &str, mut input: InputSpec, args: &InputArgs) -> Result<Dataset, Failure> {
    input.layout = args.layout.as_deref().map(|l| if l == "nchw" { Layout::Nchw } else { Layout::Nhwc });
    input.mean.clone_from(&args.mean);
    input.std.clone_from(&args.std);
    input.resize = args.resize;
    Ok(Dataset::open(spec, &input)?)
}

/// How data must look for a model's first input.
pub(crate) fn input_spec(model: &Model<'_>) -> Result<InputSpec, Failure> {
    let port = model.inputs().next().ok_or("the model has no inputs")?;
    let mut spec = InputSpec::new(port.shape.dims().iter().map(|&d| d as usize).collect::<Vec<_>>());
    spec.integers = !port.outer.is_float();
    Ok(spec)
}
