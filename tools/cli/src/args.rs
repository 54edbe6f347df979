//! What can be typed.

mod diff;
mod distil;
mod sensitivity;

pub(crate) use diff::{Diff, Gates};
pub(crate) use distil::Distil;
pub(crate) use sensitivity::{Recipe, RecipeInit, Sensitivity};

use crate::commands::firmware::{Lang, Target};
use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};
use siskin_compiler::budget::Limits;
use siskin_compiler::compress::Weights;
use siskin_compiler::eval::Metric;
use siskin_compiler::monitor;
use siskin_compiler::prune::Options as PruneOptions;
use siskin_compiler::quantize::{Method, Rounding};
use std::path::PathBuf;

/// Compresses ONNX models into artifacts that run anywhere, and tells how good they are.
#[derive(Debug, Parser)]
#[command(name = "siskin", version, propagate_version = true)]
pub(crate) struct Args {
    /// Print one JSON object to stdout instead of tables.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Draw no progress bar, even when a person is watching.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn an ONNX model into an artifact: int8 by calibration, or float.
    Compress(Compress),
    /// Train a small ONNX model on a large one's answers, and turn it into an artifact.
    Distil(Distil),
    /// Measure what each width of each layer's weights costs, and say why a layer is hard.
    Sensitivity(Sensitivity),
    /// Recipes: decisions in a file.
    #[command(subcommand)]
    Recipe(Recipe),
    /// Measure a model (.onnx or .siskin) on labelled data, with the kernels that ship.
    Eval(Eval),
    /// Compare two models on the same data: accuracy on average and by class, answers, size, memory, speed.
    Diff(Diff),
    /// Run a model (.onnx or .siskin) on arrays.
    Run(Run),
    /// Show what an artifact holds: ports, operators, memory, card.
    Inspect(Inspect),
    /// Write an artifact as an ONNX model that gives the same answers, byte for byte.
    Export(Export),
    /// Watch a stream with an artifact's monitor, and read what monitors report.
    #[command(subcommand)]
    Monitor(Monitor),
    /// Explain what a model's answers rest on: one answer, or accuracy over a data set.
    Explain(Explain),
    /// Choose which samples of a pool to label next.
    LabelQueue(LabelQueue),
    /// Check an artifact: checksums, plan, digest, golden vectors.
    Verify(Verify),
    /// Make an artifact smaller, to store or to send: entropy coding that `unpack`, or 1 KB of code on a device, undoes.
    Pack(Convert),
    /// Make an artifact of what `pack` made.
    Unpack(Convert),
    /// Time a model on this machine, one thread.
    Bench(Bench),
    /// Write a project around an artifact, a crate or C, that builds for a core and runs in QEMU.
    Firmware(Firmware),
    /// List the ONNX operators that models may use.
    Operators,
    /// Compress and evaluate the handwritten digits model that comes with siskin.
    Demo(Demo),
    /// Print completions for a shell: `siskin completions bash > /etc/bash_completion.d/siskin`.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
}

/// How an ONNX file is read.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(crate) struct ImportArgs {
    /// Length of a symbolic dimension: `--shape tokens=64`, or by input and axis: `--shape x.1=64`.
    #[arg(long = "shape", value_name = "NAME=LENGTH", value_parser = length)]
    pub(crate) shapes: Vec<(String, u32)>,
    /// Value of an input that becomes a constant, for inputs that decide a shape: `--bake sizes=sizes.npy`.
    #[arg(long = "bake", value_name = "INPUT=FILE.npy", value_parser = pair)]
    pub(crate) bake: Vec<(String, String)>,
    /// Give this value as an output, instead of those of the file; may be repeated.
    #[arg(long = "output-value", value_name = "NAME")]
    pub(crate) outputs: Vec<String>,
}

/// How raw data becomes the model's input.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(crate) struct InputArgs {
    /// Layout of image data where it differs from the model's: nchw or nhwc.
    #[arg(long, value_parser = ["nchw", "nhwc"])]
    pub(crate) layout: Option<String>,
    /// Subtracted from every input: one value, or one per channel; an artifact's own where it is not given.
    #[arg(long, value_name = "X[,X…]", value_delimiter = ',', allow_negative_numbers = true)]
    pub(crate) mean: Vec<f32>,
    /// Divides every input after that: one value, or one per channel; an artifact's own where it is not given. `--std
    /// 255` scales bytes.
    #[arg(long, value_name = "X[,X…]", value_delimiter = ',')]
    pub(crate) std: Vec<f32>,
    /// Scale images of other sizes to the model's.
    #[arg(long)]
    pub(crate) resize: bool,
}

/// How float weights and activations become integers. What is not given is as the recipe says, or the default.
#[derive(Debug, Default, Clone, ClapArgs)]
pub(crate) struct QuantizeArgs {
    /// Bits of the weights of integer layers: 8, 4, 3 or 2; 8 if not given. The first and the last layer keep 8.
    #[arg(long, value_parser = weight_bits)]
    pub(crate) weight_bits: Option<u8>,
    /// Significant bits of the scales of integer layers, 4 to 24; 24, all of f32, if not given. With 8 `siskin pack` makes files
    /// smaller by 2 bytes for each output channel.
    #[arg(long, value_parser = scale_bits)]
    pub(crate) scale_bits: Option<u8>,
    /// How weights are rounded: nearest, each for itself; descent, together, so that what the layer computes changes least; adaround,
    /// each up or down by a choice that is learned, slower and to compare with. Nearest if not given.
    #[arg(long)]
    pub(crate) rounding: Option<Rounding>,
    /// Scale channels between layers so that both sides quantize well; `--equalize=false` where the recipe says so.
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub(crate) equalize: Option<bool>,
    /// How ranges of activations are chosen: minmax, percentile:99.99, mse or entropy; minmax if not given.
    #[arg(long)]
    pub(crate) method: Option<Method>,
    /// Leave biases as they are instead of making up for what rounding the weights shifts.
    #[arg(long)]
    pub(crate) no_bias_correction: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Compress {
    /// The ONNX model.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// Where the artifact goes.
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// Data to choose ranges from: .npz, .npy, .csv, or a folder of images by class. `FILE.npz:train` takes x_train.
    #[arg(long, value_name = "DATA")]
    pub(crate) calib: Option<String>,
    /// Labelled data to compare the artifact with the float model on.
    #[arg(long, value_name = "DATA")]
    pub(crate) eval: Option<String>,
    /// How weights are stored: i8, f16 or f32.
    #[arg(long, default_value = "i8")]
    pub(crate) weights: Weights,
    /// Choose the bits of each layer so that limits are kept: `flash=40KB` of the file as stored, `arena=64KB` of memory,
    /// `drop=1.0` points below the float model on --eval or, without it, of agreement on a fifth of --calib that is kept apart. KB
    /// are 1024 bytes, kB 1000. With flash the artifact is the most faithful that fits, else the smallest. Calibration data decide;
    /// --eval says whether the drop is met, and nothing else. Exit code 3 if the limits cannot be kept. Rounds by descent unless told
    /// otherwise. What was measured is kept in OUTPUT.budget until the end, so that a run that was killed goes on.
    #[arg(long, value_name = "LIMIT=VALUE,…", requires = "calib", conflicts_with = "weight_bits")]
    pub(crate) budget: Option<Limits>,
    #[command(flatten)]
    pub(crate) quantize: QuantizeArgs,
    /// An input that is kept between runs, and the output that it becomes: `--state h_in=h_out`.
    #[arg(long = "state", value_name = "INPUT=OUTPUT", value_parser = pair)]
    pub(crate) states: Vec<(String, String)>,
    /// Class names, one per line, in the order of the output.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) labels: Option<PathBuf>,
    /// Decisions in a file, as `siskin recipe init` writes it: `[quantize]` is what options say that are not given here, and the
    /// bits of single layers; `[input]` tells how inputs are made from pictures or sound, and goes into the artifact.
    #[arg(long, value_name = "FILE.toml", value_hint = ValueHint::FilePath)]
    pub(crate) recipe: Option<PathBuf>,
    /// The number of golden vectors that the artifact carries, at most 64: each is run on every load of `siskin verify`.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=64))]
    pub(crate) goldens: u32,
    /// Take channels out until this part of the operations is left, and refit layers by least squares on `--calib`: `ops=0.5`;
    /// `ops=0.5,multiple=4` keeps widths at multiples of 4 instead of 8.
    #[arg(long, value_name = "ops=PART", requires = "calib", conflicts_with = "budget")]
    pub(crate) prune: Option<PruneOptions>,
    /// Data to train the pruned model on, by the whole one as its teacher; labels, if there are any, count for a tenth.
    #[arg(long, value_name = "DATA", requires = "prune")]
    pub(crate) train: Option<String>,
    /// How often training sees each sample.
    #[arg(long, default_value_t = 30, requires = "train")]
    pub(crate) epochs: usize,
    /// The greatest learning rate of training.
    #[arg(long, default_value_t = 1e-3, value_parser = distil::positive, requires = "train")]
    pub(crate) rate: f32,
    /// Decides the order of samples and their variations in training.
    #[arg(long, default_value_t = 0, requires = "train")]
    pub(crate) seed: u64,
    /// In training, move samples along an axis of the input by up to so many elements: `--shift 1=2`; the batch is axis 0.
    #[arg(long, value_name = "AXIS=MOST", value_parser = distil::shift, requires = "train")]
    pub(crate) shift: Vec<(usize, u32)>,
    /// In training, mirror half of the samples along an axis of the input.
    #[arg(long, value_name = "AXIS", requires = "train")]
    pub(crate) flip: Vec<usize>,
    /// Put a monitor into the artifact, with `--calib` in its order as the reference: `arl=100000` inferences between
    /// false alarms; `coverage=0.9` of prediction sets, `abstain=0.5` below this confidence, `stride=4` for streams that
    /// repeat themselves, `minimal` memory.
    #[arg(long, value_name = "WORD=VALUE,…", requires = "calib")]
    pub(crate) monitor: Option<monitor::Options>,
    /// What `--eval` measures: top1, mse or auc; by the labels if not given.
    #[arg(long)]
    pub(crate) metric: Option<Metric>,
    /// Write what it cost as one HTML page: classes, confusion matrices, bytes, and what a budget tried.
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Convert {
    /// The file.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// Where the other form goes.
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Eval {
    /// The model, .onnx or .siskin.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// The labelled data.
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,
    /// top1, mse or auc; by the labels if not given.
    #[arg(long)]
    pub(crate) metric: Option<Metric>,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// The model, .onnx or .siskin.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// The input: .npz with an array for each of the model's inputs, named as it (x will do for a model of one), or .npy,
    /// .csv, or a folder of images. A leading axis counts samples; states are kept from one to the next.
    #[arg(short, long, value_name = "FILE")]
    pub(crate) input: String,
    /// Where the outputs go, .npz or .npy; printed if not given.
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
    #[command(flatten)]
    pub(crate) prepare: InputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Export {
    /// The artifact.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// Where the ONNX model goes.
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Inspect {
    /// The artifact.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// Print a C header instead: the bytes of arena and state, ports, labels, and the operators to link.
    #[arg(long)]
    pub(crate) c_header: bool,
    /// Where the header goes; printed if not given.
    #[arg(short, long, requires = "c_header", value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Also write the model's bytes as an aligned array in a C source.
    #[arg(long, value_name = "FILE.c", requires = "c_header", value_hint = ValueHint::FilePath)]
    pub(crate) c_model: Option<PathBuf>,
    /// What the names in C begin with, so that two models fit one program: `--c-prefix KWS` gives KWS_ARENA_BYTES.
    #[arg(long, value_name = "PREFIX", requires = "c_header", default_value = "SISKIN", value_parser = c_prefix)]
    pub(crate) c_prefix: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Monitor {
    /// Replay a stream through an artifact's monitor; exit code 3 if it raises an alarm.
    Replay(Replay),
    /// Add the reports of several devices up.
    Merge(Merge),
    /// Show a report: as a table, or in the form of another tool.
    Show(Show),
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Merge {
    /// Reports of one artifact.
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(crate) reports: Vec<PathBuf>,
    /// Where the sum goes.
    #[arg(short, long, value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Show {
    /// The report, of a device or merged.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) report: PathBuf,
    /// The artifact that it belongs to: the reference and the features' names.
    #[arg(long, value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// A table, JSON, Prometheus' text, OpenTelemetry's JSON, or the JSON of Evidently's drift table.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
}

/// How a report is shown.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Prometheus,
    Otlp,
    Evidently,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    /// The artifact, compressed with --monitor.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// The stream, in its order; several follow one another.
    #[arg(long, value_name = "DATA", required = true)]
    pub(crate) data: Vec<String>,
    /// Where the report goes: bytes as a device would send them.
    #[arg(long, value_name = "FILE.rep", value_hint = ValueHint::FilePath)]
    pub(crate) report: Option<PathBuf>,
    /// Where a report with plots goes: evidence, confidence, histograms, alarms.
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// The model, .onnx or .siskin.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// Explain one answer: to this input, .npy, .npz or what else is data.
    #[arg(long, value_name = "DATA", required_unless_present = "data", conflicts_with_all = ["data", "global", "repeats"])]
    pub(crate) input: Option<String>,
    /// Which sample of --input.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) sample: usize,
    /// The class whose score is explained; the model's answer if not given.
    #[arg(long, value_name = "N", requires = "input")]
    pub(crate) class: Option<u32>,
    /// Hide one region after another, estimate Shapley values, or take the last linear layer apart.
    #[arg(long, value_enum, default_value = "occlusion", requires = "input")]
    pub(crate) method: ExplainMethod,
    /// Runs of the model that may be spent on a sample's map: as many regions as that allows. 257 by default, 2050 for
    /// kernel-shap, 65 for --global.
    #[arg(long, value_name = "RUNS")]
    pub(crate) budget: Option<u32>,
    /// Explain accuracy: over this labelled data set.
    #[arg(long, value_name = "DATA", requires = "global")]
    pub(crate) data: Option<String>,
    /// Measure which regions the model needs over the whole of --data: permutation importance and mean occlusion.
    #[arg(long, requires = "data")]
    pub(crate) global: bool,
    /// How often each region is shuffled for --global.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) repeats: u32,
    /// What stands where a region is hidden: zero, or the mean of the monitor's reference; that if the artifact has a
    /// monitor.
    #[arg(long, value_enum)]
    pub(crate) baseline: Option<ExplainBaseline>,
    /// Of what is drawn by chance: coalitions, shuffles, random orders.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Where a report with pictures goes.
    #[arg(long, value_name = "FILE.html", value_hint = ValueHint::FilePath)]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) prepare: InputArgs,
}

/// How one answer is explained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExplainMethod {
    Occlusion,
    KernelShap,
    LastLayer,
}

/// What stands where a region is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExplainBaseline {
    Zero,
    Reference,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct LabelQueue {
    /// The model, .onnx or .siskin.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// The pool: samples without labels.
    #[arg(long, value_name = "DATA")]
    pub(crate) data: String,
    /// How many samples can be labelled.
    #[arg(long, value_name = "LABELS", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) budget: u32,
    /// Where the list goes: .csv, the most urgent first.
    #[arg(short, long, value_name = "FILE.csv", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// What makes a sample urgent: two classes nearly as likely, probability spread over classes, a second model that
    /// disagrees, or chance. Margin, or disagreement where there is a second model.
    #[arg(long, value_enum)]
    pub(crate) by: Option<LabelBy>,
    /// Another model of the same input and classes, to disagree with.
    #[arg(long, value_name = "OTHER", value_hint = ValueHint::FilePath, required_if_eq("by", "disagreement"))]
    pub(crate) second: Option<PathBuf>,
    /// Of --by random.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) input: InputArgs,
}

/// What makes a sample urgent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LabelBy {
    Margin,
    Entropy,
    Disagreement,
    Random,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Verify {
    /// The artifact.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Bench {
    /// The model, .onnx or .siskin.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// How long to measure.
    #[arg(long, default_value_t = 2.0, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) seconds: f64,
    #[command(flatten)]
    pub(crate) import: ImportArgs,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Firmware {
    /// The artifact.
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) model: PathBuf,
    /// The core.
    #[arg(long)]
    pub(crate) target: Target,
    /// A crate, or C with CMake.
    #[arg(long, default_value = "rust")]
    pub(crate) lang: Lang,
    /// Where the project goes: a new folder, MODEL-TARGET if not given.
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) output: Option<PathBuf>,
    /// The folder `runtime` of a checkout, for a project that takes siskin from there and not by its version.
    #[arg(long, value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub(crate) siskin: Option<PathBuf>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Demo {
    /// Where the artifact goes.
    #[arg(short, long, default_value = "digits.siskin", value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

fn pair(s: &str) -> Result<(String, String), String> {
    let (name, value) = s.split_once('=').ok_or("NAME=VALUE expected")?;
    if name.is_empty() || value.is_empty() {
        return Err("NAME=VALUE expected".into());
    }
    Ok((name.into(), value.into()))
}

fn scale_bits(s: &str) -> Result<u8, String> {
    s.parse().ok().filter(|n| (4..=24).contains(n)).ok_or_else(|| "a whole number from 4 to 24 expected".into())
}

fn weight_bits(s: &str) -> Result<u8, String> {
    match s {
        "8" => Ok(8),
        "4" => Ok(4),
        "3" => Ok(3),
        "2" => Ok(2),
        _ => Err("8, 4, 3 or 2".into()),
    }
}

fn length(s: &str) -> Result<(String, u32), String> {
    let (name, value) = pair(s)?;
    let length: u32 = value.parse().map_err(|_| format!("'{value}' is no length"))?;
    if length == 0 { Err("a length of 0 computes nothing".into()) } else { Ok((name, length)) }
}

fn c_prefix(s: &str) -> Result<String, String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if s.starts_with(|c: char| c.is_ascii_alphabetic()) && s.chars().all(word) {
        Ok(s.to_ascii_uppercase())
    } else {
        Err("letters, digits and underscores, beginning with a letter".into())
    }
}

fn seconds(s: &str) -> Result<f64, String> {
    let v: f64 = s.parse().map_err(|_| format!("'{s}' is no number of seconds"))?;
    if v.is_finite() && v > 0.0 && v <= 3600.0 { Ok(v) } else { Err("between 0 and 3600 seconds".into()) }
}
