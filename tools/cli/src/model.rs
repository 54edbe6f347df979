//! Models and data as the commands name them.

use crate::Failure;
use crate::args::{ImportArgs, InputArgs};
use serde_json::{Map, Value, json};
use siskin::format::{Place, TensorRecord};
use siskin::prepare::ImageRecord;
use siskin::{Model, Port, Preparation, Shape, Type};
use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::{DataError, Dataset, InputSpec, Layout, read_npy};
use siskin_compiler::format::{Card, InputRecipe};
use siskin_compiler::import;
use siskin_compiler::ir::Tensor;
use siskin_compiler::packing;
use siskin_compiler::run::Loaded;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A model ready to run, from either kind of file.
pub(crate) struct Opened {
    pub(crate) path: PathBuf,
    pub(crate) loaded: Loaded,
    /// What the file says of its data; nothing if it is an ONNX model.
    pub(crate) stored: Stored,
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
        let loaded = Loaded::new(&lowered.file)?;
        return Ok(Opened { path: path.into(), loaded, stored: Stored::default(), file_bytes: lowered.file.len() });
    }
    let file = read_stored(path)?;
    let loaded = Loaded::new(&unpacked(path, &file)?).map_err(|e| format!("{}: {e}", path.display()))?;
    let stored = Stored::of(&loaded.model()?);
    Ok(Opened { path: path.into(), loaded, stored, file_bytes: file.len() })
}

/// What a model's file says of the data that it takes.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The options that its calibration data were prepared with.
    pub(crate) input: InputRecipe,
    /// How pictures become its first input.
    pub(crate) picture: Option<ImageRecord>,
    /// The names of its classes.
    pub(crate) labels: Vec<String>,
}

impl Stored {
    fn of(model: &Model<'_>) -> Stored {
        let Card { input, labels, .. } = Card::decode(model.artifact().card()).unwrap_or_default();
        Stored { input, picture: image(model.preparation(0)), labels }
    }
}

/// The record, if it is of pictures.
pub(crate) fn image(preparation: Option<Preparation>) -> Option<ImageRecord> {
    match preparation? {
        Preparation::Image(record) => Some(record),
        Preparation::Audio(_) => None,
    }
}

/// Reads an artifact, and unpacks it if it is packed.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(unpacked(path, &read_stored(path)?)?.into_owned())
}

fn unpacked<'a>(path: &Path, file: &'a [u8]) -> Result<Cow<'a, [u8]>, Failure> {
    let damaged = |e| format!("{}: a packed artifact that is damaged: {e}", path.display());
    Ok(packing::unpacked(file).map_err(damaged)?)
}

/// Reads a whole file, as it is.
pub(crate) fn read_stored(path: &Path) -> Result<Vec<u8>, Failure> {
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

/// How the data that a command takes become what a model takes: as the options say, else as its file does.
pub(crate) fn prepared(
    model: &Path,
    mut inputs: Vec<InputSpec>,
    args: &InputArgs,
    stored: &Stored,
) -> Result<Vec<InputSpec>, Failure> {
    let InputArgs { layout, mean, std, resize } = args;
    let given = layout.is_some() || !mean.is_empty() || !std.is_empty() || *resize;
    let [input] = inputs.as_mut_slice() else {
        let reason = "--layout, --mean, --std and --resize serve models of one input";
        return if given {
            Err(format!("{}: {reason}, and this one has {}: leave them out", model.display(), inputs.len()).into())
        } else {
            Ok(inputs)
        };
    };
    let named = |name: &str| [Layout::Nchw, Layout::Nhwc].into_iter().find(|l| l.name() == name);
    let or = |given: &[f32], own: &[f32]| if given.is_empty() { own.to_vec() } else { given.to_vec() };
    input.layout = layout.as_deref().or(Some(&stored.input.layout)).and_then(named);
    input.mean = or(mean, &stored.input.mean);
    input.std = or(std, &stored.input.std);
    input.resize = *resize;
    // What was typed replaces the recipe; what the artifact remembers does so for arrays alone.
    input.picture = stored.picture.filter(|_| layout.is_none() && mean.is_empty() && std.is_empty());
    input.classes.clone_from(&stored.labels);
    input.check()?;
    Ok(inputs)
}

/// Opens a data set for a model. What only runs it takes no notice of labels, unless a table has a column too many.
pub(crate) fn dataset(spec: &str, opened: &Opened, args: &InputArgs, labels: bool) -> Result<Dataset, Failure> {
    let inputs = prepared(&opened.path, input_specs(&opened.loaded.model()?), args, &opened.stored)?;
    if !labels {
        let unlabelled = inputs.iter().map(|input| InputSpec { no_labels: true, ..input.clone() });
        match Dataset::open(spec, &unlabelled.collect::<Vec<_>>()) {
            Err(DataError::Columns { .. }) => {}
            opened => return Ok(opened?),
        }
    }
    Ok(Dataset::open(spec, &inputs)?)
}

/// How data must look for each of a model's inputs.
fn input_specs(model: &Model<'_>) -> Vec<InputSpec> {
    let spec = |port: Port<'_>| {
        let dims: Vec<usize> = port.shape.dims().iter().map(|&d| d as usize).collect();
        InputSpec { integers: !port.outer.is_float(), ..InputSpec::new(dims).named(port.name) }
    };
    model.inputs().map(spec).collect()
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
