//! `siskin compress`: an ONNX file in, an artifact out, and a table of what that cost.

use super::monitor::Watch;
use super::prune;
use crate::Failure;
use crate::args::{Args, Compress, InputArgs};
use crate::model::{Stored, image, import_options, prepared, sizes};
use crate::output::{count, print, table};
use crate::progress::Bar;
use core::time::Duration;
use serde_json::{Map, Value, json};
use siskin::{Model, Step};
use siskin_compiler::bench::{Timing, bench};
use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::{Dataset, atomic};
use siskin_compiler::eval::{Evaluation, Metric, evaluate};
use siskin_compiler::format::InputRecipe;
use siskin_compiler::lower::Lowered;
use siskin_compiler::quantize;
use siskin_compiler::recipe::Recipe;
use siskin_compiler::run::Loaded;
use std::collections::BTreeMap;

/// How long each version is timed for the table.
const TIMING: Duration = Duration::from_millis(500);

pub(crate) fn compress(args: &Args, a: &Compress) -> Result<(), Failure> {
    refuse_to_overwrite(a)?;
    atomic::check(&a.output)?;
    let options = options(a)?;
    let mut bar = Bar::new(args.quiet);
    let source = Source::open(&a.model, &options)?;
    let preparation = source.preparation(&options)?;
    let stored = Stored { picture: image(preparation), labels: options.labels.clone(), ..Stored::default() };
    let inputs = prepared(&a.model, source.input_specs(), &a.input, &stored)?;
    let open = |data: &Option<String>| -> Result<Option<Dataset>, Failure> {
        Ok(data.as_ref().map(|d| Dataset::open(d, &inputs)).transpose()?)
    };
    if source.is_quantized() && a.calib.is_some() {
        let model = a.model.display();
        eprintln!(
            "note: {model} came quantized and keeps its own numbers: --calib and all that says how to quantize decide nothing"
        );
    }
    // Both are opened first: a typing error should not cost a calibration.
    let (calib, eval) = (open(&a.calib)?, open(&a.eval)?);
    let train = open(&a.train)?;
    let (smaller, pruned) = match &a.prune {
        Some(prune) => {
            let (smaller, outcome) = prune::run(a, prune, &source, [calib.as_ref(), train.as_ref()], &mut bar)?;
            (smaller, Some(outcome))
        }
        None => (source.clone(), None),
    };
    let mut lowered = smaller.compress(&options, calib.as_ref(), &mut bar)?;
    let watch = match (&a.monitor, &calib) {
        (Some(options), Some(calib)) => Some(Watch::add(&mut lowered, options, calib, eval.as_ref(), &mut bar)?),
        _ => None,
    };
    let mut versions = Vec::new();
    // A model that came quantized has no float version to be compared with.
    if eval.is_some() && !source.is_quantized() {
        versions.push(Version::measure("float", &source.float()?, eval.as_ref(), a.metric, &mut bar)?);
    }
    versions.push(Version::measure(kind(a, &source), &lowered, eval.as_ref(), a.metric, &mut bar)?);
    atomic::write(&a.output, |w| w.write_all(&lowered.file))?;
    let (mut object, mut text) = (object(a, &lowered, &versions), text(a, &lowered, &versions));
    if let Some(pruned) = pruned {
        // The artifact is there: nothing is left to go on from.
        let _ = std::fs::remove_file(prune::checkpoint(a));
        object["prune"] = pruned.object();
        text = pruned.text() + &text;
    }
    if let Some(watch) = watch {
        object["monitor"] = watch.object();
        text += &watch.text();
    }
    print(args.json, &object, &text)
}

/// The artifact may not take the place of what it is made from.
fn refuse_to_overwrite(a: &Compress) -> Result<(), Failure> {
    let Ok(output) = a.output.canonicalize() else { return Ok(()) };
    let data = [&a.calib, &a.eval, &a.train].into_iter().flatten().map(std::path::PathBuf::from);
    for input in [a.model.clone()].into_iter().chain(data) {
        if input.canonicalize().is_ok_and(|i| i == output) {
            return Err(format!("{}: is an input of this command: name another --output", a.output.display()).into());
        }
    }
    Ok(())
}

fn kind(a: &Compress, source: &Source) -> &'static str {
    use siskin_compiler::compress::Weights;
    match a.weights {
        _ if source.is_quantized() => "as given",
        Weights::I8 => "int8",
        Weights::F16 => "f16",
        Weights::F32 => "f32",
    }
}

fn options(a: &Compress) -> Result<Options, Failure> {
    if a.weight_bits < 8 && a.weights != siskin_compiler::compress::Weights::I8 {
        return Err(format!(
            "--weight-bits {}: only integer weights have fewer bits: leave --weights out",
            a.weight_bits
        )
        .into());
    }
    let labels = match &a.labels {
        Some(path) => {
            let text = std::fs::read_to_string(path).map_err(|e| format!("{}: cannot be read: {e}", path.display()))?;
            text.lines().map(|l| l.trim().to_string()).filter(|l| !l.is_empty()).collect()
        }
        None => Vec::new(),
    };
    Ok(Options {
        weights: a.weights,
        quantize: quantize::Options {
            method: a.method,
            bias_correction: !a.no_bias_correction,
            rounding: a.rounding,
            widths: quantize::Widths { bits: a.weight_bits, ..quantize::Widths::default() },
            equalize: a.equalize,
            ..Default::default()
        },
        import: import_options(&a.import)?,
        states: a.states.clone(),
        labels,
        input: input_recipe(&a.input),
        recipe: recipe(a),
        prepare: a.recipe.as_deref().map(Recipe::read).transpose()?.unwrap_or_default().input,
        goldens: a.goldens,
    })
}

/// What was decided, in few bytes: they lie in flash.
fn recipe(a: &Compress) -> String {
    let trained = if a.train.is_some() { " trained" } else { "" };
    let pruned = a.prune.map_or(String::new(), |p| format!("prune {}{trained} ", p.ops));
    pruned + &numbers(a)
}

/// How numbers are stored.
fn numbers(a: &Compress) -> String {
    use siskin_compiler::compress::Weights;
    let bias = if a.no_bias_correction { "" } else { " bias" };
    match a.weights {
        Weights::I8 => {
            let bits = if a.weight_bits < 8 { format!(" w{}", a.weight_bits) } else { String::new() };
            let rounding = if a.rounding == quantize::Rounding::Descent { " descent" } else { "" };
            let equalize = if a.equalize { " equalize" } else { "" };
            format!("i8 {}{bias}{bits}{rounding}{equalize}", a.method)
        }
        Weights::F16 => "f16".into(),
        Weights::F32 => "f32".into(),
    }
}

fn input_recipe(a: &InputArgs) -> InputRecipe {
    InputRecipe { layout: a.layout.clone().unwrap_or_default(), mean: a.mean.clone(), std: a.std.clone() }
}

/// One version of the model, measured.
struct Version {
    name: &'static str,
    evaluation: Option<Evaluation>,
    timing: Timing,
    sizes: Map<String, Value>,
    /// The operators that compute in floating point, with how many there are.
    floats: BTreeMap<&'static str, u64>,
}

/// The operators that compute in floating point; borders and copies are no computation.
fn floats(model: &Model<'_>) -> BTreeMap<&'static str, u64> {
    let border = [
        "QuantizeLinear",
        "DequantizeLinear",
        "Identity",
        "Reshape",
        "Concat",
        "Transpose",
        "Slice",
        "Expand",
        "Gather",
        "Pad",
    ];
    let float = |step: &Step<'_>| step.outputs().iter().any(|&t| step.ty(t).is_some_and(|ty| ty.dtype.is_float()));
    let mut found = BTreeMap::new();
    for step in model.steps().filter(|s| float(s) && !border.contains(&s.entry.name)) {
        *found.entry(step.entry.name).or_default() += 1;
    }
    found
}

impl Version {
    fn measure(
        name: &'static str,
        lowered: &Lowered,
        data: Option<&Dataset>,
        metric: Option<Metric>,
        bar: &mut Bar,
    ) -> Result<Version, Failure> {
        let mut loaded = Loaded::new(&lowered.file)?;
        let evaluation = data.map(|d| evaluate(&mut loaded, d, metric, bar)).transpose();
        let evaluation = evaluation.map_err(|e| format!("--eval: {e}"))?;
        let timing = bench(&mut loaded, TIMING)?;
        let model = loaded.model()?;
        let (sizes, floats) = (sizes(&model, lowered.file.len()), floats(&model));
        Ok(Version { name, evaluation, timing, sizes, floats })
    }

    fn object(&self) -> Value {
        let mut object = self.sizes.clone();
        if let Some(e) = &self.evaluation {
            object.insert(e.metric.name().into(), json!(e.value));
            object.insert("n".into(), json!(e.n));
        }
        object.insert("median_us".into(), json!(self.timing.median_us));
        object.insert("p95_us".into(), json!(self.timing.p95_us));
        object.insert("float_ops".into(), json!(self.floats));
        Value::Object(object)
    }
}

/// The fraction of samples on which both versions predict the same class, where classes are what is measured.
fn agreement(versions: &[Version]) -> Option<f64> {
    match versions {
        [a, b] => {
            let (a, b) = (a.evaluation.as_ref()?, b.evaluation.as_ref()?);
            (a.metric == Metric::Top1).then(|| a.agreement(b))
        }
        _ => None,
    }
}

fn object(a: &Compress, lowered: &Lowered, versions: &[Version]) -> Value {
    let mut object = Map::new();
    if let Some(own) = versions.last().map(Version::object) {
        object.extend(own.as_object().cloned().unwrap_or_default());
    }
    if let [float, _] = versions {
        object.insert("float".into(), float.object());
    }
    if let Some(same) = agreement(versions) {
        object.insert("agreement".into(), json!(same));
    }
    object.insert("output".into(), json!(a.output.display().to_string()));
    object.insert("arena_floor_bytes".into(), json!(lowered.floor));
    object.insert("planner".into(), json!(lowered.planner));
    Value::Object(object)
}

fn text(a: &Compress, lowered: &Lowered, versions: &[Version]) -> String {
    let metric = versions.iter().find_map(|v| v.evaluation.as_ref()).map_or("", |e| e.metric.name());
    let mut rows = vec![["version", metric, "file bytes", "arena bytes", "median µs"].map(String::from).to_vec()];
    for v in versions {
        let value = v.evaluation.as_ref().map_or(String::new(), value);
        let size = |name: &str| count(v.sizes.get(name).and_then(Value::as_u64).unwrap_or(0));
        rows.push(vec![
            v.name.into(),
            value,
            size("file_bytes"),
            size("arena_bytes"),
            format!("{:.1}", v.timing.median_us),
        ]);
    }
    let mut out = table(&rows);
    if let Some(same) = agreement(versions) {
        out += &format!("same class as float on {:.2}%\n", 100.0 * same);
    }
    // Where integers were asked for, what did not become integers costs time and memory.
    if let Some(own) = versions.last().filter(|v| matches!(v.name, "int8" | "as given") && !v.floats.is_empty()) {
        let list: Vec<String> = own.floats.iter().map(|(name, n)| format!("{name} ×{n}")).collect();
        out += &format!("stays in float: {}\n", list.join(", "));
    }
    out + &format!("wrote {} ({} planner)\n", a.output.display(), lowered.planner)
}

/// A metric's value as people read it.
pub(super) fn value(e: &Evaluation) -> String {
    match e.metric {
        Metric::Top1 => format!("{:.2}% of {}", 100.0 * e.value, e.n),
        _ => format!("{:.6} on {}", e.value, e.n),
    }
}
