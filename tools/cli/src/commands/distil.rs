//! `siskin distil`: a small model learns from a large one's answers, and becomes an artifact.

use super::compress::decisions;
use crate::Failure;
use crate::args::{Args, Distil};
use crate::model::{Stored, import_options, prepared};
use crate::output::{count, print};
use crate::progress::Bar;
use serde_json::json;
use siskin_compiler::compress::{Options as Compress, Source, Weights};
use siskin_compiler::data::{Dataset, atomic};
use siskin_compiler::eval::evaluate;
use siskin_compiler::ir::Graph;
use siskin_compiler::quantize::{QuantizeError, Widths};
use siskin_compiler::recipe::Recipe;
use siskin_compiler::run::Loaded;
use siskin_train::augment::{Augment, Flip, Gain, Noise, Shift};
use siskin_train::{Loss, Options, Quantization, Set, Trained, Trainer, he, layers, logits};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) fn distil(args: &Args, a: &Distil) -> Result<(), Failure> {
    atomic::check(&a.output)?;
    let mut compress = artifact(a)?;
    let student = Source::open(&a.student, &compress)?;
    let teacher = Source::open(&a.teacher, &compress)?;
    for (path, source) in [(&a.student, &student), (&a.teacher, &teacher)] {
        if source.is_quantized() {
            return Err(format!("{}: came quantized: training needs the float model", path.display()).into());
        }
    }
    let inputs = prepared(&a.student, student.input_specs(), &a.input, &Stored::default())?;
    let open = |data: &str| Dataset::open(data, &inputs);
    let train = open(&a.train)?;
    let calib = a.calib.as_deref().map(open).transpose()?;
    let eval = a.eval.as_deref().map(open).transpose()?;

    let mut bar = Bar::new(args.quiet);
    let mut graph = student.graph().clone();
    if let Some(seed) = a.init {
        he(&mut graph, seed);
    }
    let outputs = graph.ty(logits(&graph)?).shape.elements();
    let checkpoint = PathBuf::from(format!("{}.checkpoint", a.output.display()));
    let mut options = options(a, checkpoint.clone());
    options.quantization = quantization(&graph, &compress)?;
    let mut trainer = Trainer::new(graph, Some(teacher.graph()), options)?;
    trainer.fit(&Set::read(&train, outputs)?, &mut bar)?;
    let trained = trainer.finish();
    compress.quantize.chosen = trained.chosen();

    let lowered = student.with_graph(trained.graph.clone()).compress(
        &compress,
        Some(calib.as_ref().unwrap_or(&train)),
        &mut bar,
    )?;
    atomic::write(&a.output, |w| w.write_all(&lowered.file))?;
    // The artifact is there: nothing is left to go on from.
    let _ = std::fs::remove_file(checkpoint);
    let found = eval.map(|data| evaluate(&mut Loaded::new(&lowered.file)?, &data, None, &mut bar)).transpose()?;
    report(args, a, &trained, lowered.file.len(), found.as_ref())
}

/// How the trained graph becomes an artifact.
fn artifact(a: &Distil) -> Result<Compress, Failure> {
    let recipe = a.recipe.as_deref().map(Recipe::read).transpose()?.unwrap_or_default();
    let mut quantize = recipe.quantize.options();
    quantize.widths.bits = a.weight_bits.unwrap_or(quantize.widths.bits);
    quantize.scale_bits = a.scale_bits.unwrap_or(quantize.scale_bits);
    Ok(Compress {
        import: import_options(&a.import)?,
        weights: a.weights,
        recipe: format!("distilled, {}", decisions(a.weights, &quantize)),
        quantize,
        prepare: recipe.input,
        ..Compress::default()
    })
}

/// What training simulates: the bits of the artifact, if any layer has few.
fn quantization(graph: &Graph, compress: &Compress) -> Result<Quantization, QuantizeError> {
    let widths = &compress.quantize.widths;
    if compress.weights != Weights::I8 || !widths.pack() {
        return Ok(Quantization::default());
    }
    known(graph, widths)?;
    Ok(Quantization::of(graph, widths))
}

/// Refuses bits for layers that are not there before training, not after.
fn known(graph: &Graph, widths: &Widths) -> Result<(), QuantizeError> {
    let layers: Vec<String> = layers(graph).iter().map(|&id| graph.node(id).name.clone()).collect();
    match widths.layers.keys().find(|name| !layers.contains(name)) {
        Some(name) => Err(QuantizeError::NoLayer { name: name.clone(), layers }),
        None => Ok(()),
    }
}

fn options(a: &Distil, checkpoint: PathBuf) -> Options {
    let mut augment: Vec<Arc<dyn Augment>> = Vec::new();
    augment.extend(a.shift.iter().map(|&(axis, most)| Arc::new(Shift { axis, most }) as Arc<dyn Augment>));
    augment.extend(a.flip.iter().map(|&axis| Arc::new(Flip { axis }) as Arc<dyn Augment>));
    augment.extend(a.gain.map(|most| Arc::new(Gain { most }) as Arc<dyn Augment>));
    augment.extend(a.noise.map(|most| Arc::new(Noise { most }) as Arc<dyn Augment>));
    Options {
        loss: Loss::Distillation { labels: a.label_weight, temperature: a.temperature },
        epochs: a.epochs,
        batch: a.batch,
        rate: a.rate,
        seed: a.seed,
        augment,
        mixup: a.mixup,
        checkpoint: Some(checkpoint),
        ..Options::default()
    }
}

fn report(
    args: &Args,
    a: &Distil,
    trained: &Trained,
    file_bytes: usize,
    found: Option<&siskin_compiler::eval::Evaluation>,
) -> Result<(), Failure> {
    let output = a.output.display();
    let mut object = json!({ "output": output.to_string(), "file_bytes": file_bytes, "losses": trained.losses });
    let ends = [trained.losses.first(), trained.losses.last()].map(|l| l.copied().unwrap_or(0.0));
    let mut text = format!("{} epochs, loss {:.4} -> {:.4}\n", trained.losses.len(), ends[0], ends[1]);
    if let Some(e) = found {
        object[e.metric.name()] = json!(e.value);
        object["n"] = json!(e.n);
        text += &format!("{} {}\n", e.metric.name(), super::compress::value(e));
    }
    text += &format!("wrote {output}, {} bytes\n", count(file_bytes as u64));
    print(args.json, &object, &text)
}
