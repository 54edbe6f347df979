//! `siskin compress`: an ONNX file in, an artifact out, and a table of what that cost.

use super::budget;
use super::monitor::Watch;
use super::prune;
use super::report::Report;
use crate::args::{Args, Compress, InputArgs};
use crate::model::{Stored, image, import_options, prepared, sizes};
use crate::output::{count, print, table};
use crate::progress::Bar;
use crate::{Failure, Gate};
use core::time::Duration;
use serde_json::{Map, Value, json};
use siskin::{Model, Step};
use siskin_compiler::bench::{Timing, bench};
use siskin_compiler::compress::{Options, Source, Weights};
use siskin_compiler::data::{Dataset, atomic};
use siskin_compiler::eval::{Evaluation, Metric, evaluate};
use siskin_compiler::format::InputRecipe;
use siskin_compiler::ledger::{Entry, ledger};
use siskin_compiler::lower::Lowered;
use siskin_compiler::quantize::{self, Rounding};
use siskin_compiler::recipe::Recipe;
use siskin_compiler::run::Loaded;
use std::collections::BTreeMap;

/// How long each version is timed for the table.
const TIMING: Duration = Duration::from_millis(500);

pub(crate) fn compress(args: &Args, a: &Compress) -> Result<(), Failure> {
    refuse_to_overwrite(a)?;
    atomic::check(&a.output)?;
    a.report.as_deref().map(atomic::check).transpose()?;
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
    let (mut lowered, found) = match a.budget {
        None => (smaller.compress(&options, calib.as_ref(), &mut bar)?, None),
        Some(limits) => {
            let found = budget::search(a, limits, &source, &options, &inputs, &mut bar)?;
            if let Some(gate) = found.gate() {
                print(args.json, &json!({ "budget": found.object() }), &found.text())?;
                return Err(gate.into());
            }
            (found.outcome.lowered.clone().ok_or("no artifact was made")?, Some(found))
        }
    };
    let before = lowered.file.len();
    let watch = match (&a.monitor, &calib) {
        (Some(options), Some(calib)) => Some(Watch::add(&mut lowered, options, calib, eval.as_ref(), &mut bar)?),
        _ => None,
    };
    refuse_monitor(a, before, lowered.file.len())?;
    let versions = versions(a, &source, &lowered, eval.as_ref(), &mut bar)?;
    atomic::write(&a.output, |w| w.write_all(&lowered.file))?;
    let (mut object, mut text) = (object(a, &lowered, &versions), text(a, &lowered, &versions));
    if let Some(found) = &found {
        object["budget"] = found.object();
        text = found.text() + &text;
    }
    if let Some(pruned) = pruned {
        // The artifact is there: nothing is left to go on from.
        if a.train.is_some() {
            let _ = std::fs::remove_file(prune::checkpoint(a));
        }
        object["prune"] = pruned.object();
        text = pruned.text() + &text;
    }
    if let Some(path) = &a.report {
        let report = Report { asked: a, options: &options, versions: &versions, budget: found.as_ref() };
        report.write(path)?;
        text += &format!("wrote {}\n", path.display());
    }
    if let Some(watch) = watch {
        object["monitor"] = watch.object();
        text += &watch.text();
    }
    print(args.json, &object, &text)
}

/// The float model, if there is one to be compared with, then the artifact.
fn versions(
    a: &Compress,
    source: &Source,
    lowered: &Lowered,
    eval: Option<&Dataset>,
    bar: &mut Bar,
) -> Result<Vec<Version>, Failure> {
    let mut versions = Vec::new();
    // A model that came quantized has no float version.
    if eval.is_some() && !source.is_quantized() {
        versions.push(Version::measure("float", &source.float()?, eval, a.metric, bar)?);
    }
    versions.push(Version::measure(kind(a, source), lowered, eval, a.metric, bar)?);
    Ok(versions)
}

/// The artifact may not take the place of what it is made from.
fn refuse_to_overwrite(a: &Compress) -> Result<(), Failure> {
    if a.report.as_deref() == Some(a.output.as_path()) {
        return Err(
            format!("{}: cannot be artifact and report at once: name another --report", a.output.display()).into()
        );
    }
    let Ok(output) = a.output.canonicalize() else { return Ok(()) };
    let data = [&a.calib, &a.eval, &a.train].into_iter().flatten().map(std::path::PathBuf::from);
    for input in [a.model.clone()].into_iter().chain(data) {
        if input.canonicalize().is_ok_and(|i| i == output) {
            return Err(format!("{}: is an input of this command: name another --output", a.output.display()).into());
        }
    }
    Ok(())
}

/// A budget counts the file as it is stored, with its monitor.
fn refuse_monitor(a: &Compress, before: usize, after: usize) -> Result<(), Failure> {
    let limit = a.budget.and_then(|b| b.flash).filter(|&flash| after as u64 > flash);
    match limit {
        Some(flash) => Err(Gate(format!(
            "budget flash={flash}B: cannot be met: the artifact has {before} bytes and its monitor {} more: give flash those less for the \
             weights and add them again, or leave --monitor out",
            after - before
        ))
        .into()),
        None => Ok(()),
    }
}

fn kind(a: &Compress, source: &Source) -> &'static str {
    match a.weights {
        _ if source.is_quantized() => "as given",
        Weights::I8 => "int8",
        Weights::F16 => "f16",
        Weights::F32 => "f32",
    }
}

fn options(a: &Compress) -> Result<Options, Failure> {
    let recipe = a.recipe.as_deref().map(Recipe::read).transpose()?.unwrap_or_default();
    let quantize = quantize_options(a, &recipe);
    if quantize.widths.bits < 8 && a.weights != Weights::I8 {
        let bits = quantize.widths.bits;
        return Err(format!("--weight-bits {bits}: only integer weights have fewer bits: leave --weights out").into());
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
        recipe: channels(a) + &decisions(a.weights, &quantize),
        quantize,
        import: import_options(&a.import)?,
        states: a.states.clone(),
        labels,
        input: input_recipe(&a.input),
        prepare: recipe.input,
        goldens: a.goldens,
    })
}

/// What was typed, else what the recipe says, else the default.
fn quantize_options(a: &Compress, recipe: &Recipe) -> quantize::Options {
    let (typed, mut options) = (&a.quantize, recipe.quantize.options());
    // A budget gives some layers few bits, which the nearest levels would waste.
    if a.budget.is_some() && recipe.quantize.rounding.is_none() {
        options.rounding = Rounding::Descent;
    }
    options.widths.bits = typed.weight_bits.unwrap_or(options.widths.bits);
    options.scale_bits = typed.scale_bits.unwrap_or(options.scale_bits);
    options.rounding = typed.rounding.unwrap_or(options.rounding);
    options.equalize = typed.equalize.unwrap_or(options.equalize);
    options.method = typed.method.unwrap_or(options.method);
    options.bias_correction &= !typed.no_bias_correction;
    options
}

/// What was decided of channels, as [`decisions`].
fn channels(a: &Compress) -> String {
    let Some(prune) = a.prune else { return String::new() };
    let mut words = format!("prune ops={},multiple={} ", prune.ops, prune.multiple);
    if a.train.is_some() {
        words += &format!("epochs={} rate={} seed={} ", a.epochs, a.rate, a.seed);
        a.shift.iter().for_each(|(axis, most)| words += &format!("shift{axis}={most} "));
        a.flip.iter().for_each(|axis| words += &format!("flip={axis} "));
    }
    words
}

/// What was decided, in few bytes: they lie in flash.
pub(super) fn decisions(weights: Weights, quantize: &quantize::Options) -> String {
    match weights {
        Weights::I8 => {
            let widths = &quantize.widths;
            let bias = if quantize.bias_correction { " bias" } else { "" };
            let bits = if widths.bits < 8 { format!(" w{}", widths.bits) } else { String::new() };
            let ends = if widths.ends < 8 { format!(" ends{}", widths.ends) } else { String::new() };
            let named: String = widths.layers.iter().map(|(name, bits)| format!(" {name}={bits}")).collect();
            let rounding = match quantize.rounding {
                Rounding::Nearest => String::new(),
                other => format!(" {}", other.word()),
            };
            let equalize = if quantize.equalize { " equalize" } else { "" };
            let scales = if quantize.scale_bits < 24 { format!(" s{}", quantize.scale_bits) } else { String::new() };
            format!("i8 {}{bias}{bits}{ends}{named}{rounding}{equalize}{scales}", quantize.method)
        }
        Weights::F16 => "f16".into(),
        Weights::F32 => "f32".into(),
    }
}

fn input_recipe(a: &InputArgs) -> InputRecipe {
    InputRecipe { layout: a.layout.clone().unwrap_or_default(), mean: a.mean.clone(), std: a.std.clone() }
}

/// One version of the model, measured.
pub(super) struct Version {
    pub(super) name: &'static str,
    pub(super) evaluation: Option<Evaluation>,
    pub(super) timing: Timing,
    pub(super) sizes: Map<String, Value>,
    pub(super) ledger: Vec<Entry>,
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
        let ledger = ledger(&lowered.file, &model);
        Ok(Version { name, evaluation, timing, sizes, ledger, floats })
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
        object.insert("ledger".into(), super::inspect::ledger_object(&self.ledger));
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
