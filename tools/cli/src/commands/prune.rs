//! Pruning on the way of `siskin compress`: channels go, then training on the whole model's answers, if there is data for it.

use crate::Failure;
use crate::args::Compress;
use crate::output::count;
use crate::progress::Bar;
use serde_json::{Value, json};
use siskin_compiler::compress::Source;
use siskin_compiler::data::Dataset;
use siskin_compiler::prune::{self, Pruned, prune};
use siskin_train::augment::{Augment, Flip, Shift};
use siskin_train::{Loss, Options, Set, finetune, logits};
use std::path::PathBuf;
use std::sync::Arc;

/// What pruning made of a model, for the report.
pub(super) struct Outcome {
    pruned: Pruned,
    losses: Vec<f64>,
}

/// The source with fewer channels.
pub(super) fn run(
    a: &Compress,
    options: &prune::Options,
    source: &Source,
    [calib, train]: [Option<&Dataset>; 2],
    bar: &mut Bar,
) -> Result<(Source, Outcome), Failure> {
    let model = a.model.display();
    if source.is_quantized() {
        return Err(format!("{model}: came quantized: --prune needs the float model").into());
    }
    let calib = calib.ok_or("--prune needs --calib DATA")?;
    let mut pruned = prune(source.graph(), calib, options, bar).map_err(|e| format!("{model}: {e}"))?;
    let mut losses = Vec::new();
    if let Some(train) = train {
        let outputs = source.graph().ty(logits(source.graph())?).shape.elements();
        let set = Set::read(train, outputs)?;
        let trained = finetune(&pruned.graph, Some(source.graph()), &set, training(a), bar)?;
        (pruned.graph, losses) = (trained.graph, trained.losses);
    }
    Ok((source.clone().with_graph(pruned.graph.clone()), Outcome { pruned, losses }))
}

/// Where an interrupted training goes on.
pub(super) fn checkpoint(a: &Compress) -> PathBuf {
    PathBuf::from(format!("{}.checkpoint", a.output.display()))
}

fn training(a: &Compress) -> Options {
    let mut augment: Vec<Arc<dyn Augment>> = Vec::new();
    augment.extend(a.shift.iter().map(|&(axis, most)| Arc::new(Shift { axis, most }) as Arc<dyn Augment>));
    augment.extend(a.flip.iter().map(|&axis| Arc::new(Flip { axis }) as Arc<dyn Augment>));
    Options {
        loss: Loss::Distillation { labels: 0.1, temperature: 4.0 },
        epochs: a.epochs,
        rate: a.rate,
        seed: a.seed,
        augment,
        checkpoint: Some(checkpoint(a)),
        ..Options::default()
    }
}

impl Outcome {
    pub(super) fn object(&self) -> Value {
        let width = |w: &prune::Width| json!({ "layer": w.layer, "before": w.channels[0], "after": w.channels[1] });
        let widths: Vec<Value> = self.pruned.widths.iter().map(width).collect();
        json!({ "macs_before": self.pruned.macs[0], "macs": self.pruned.macs[1], "widths": widths, "losses": self.losses })
    }

    pub(super) fn text(&self) -> String {
        let [before, after] = self.pruned.macs;
        let mut text = format!(
            "pruned: {} of {} multiply-accumulates left ({:.1}%)\n",
            count(after),
            count(before),
            100.0 * after as f64 / before.max(1) as f64
        );
        for w in &self.pruned.widths {
            text += &format!("  {}: {} -> {} channels\n", w.layer, w.channels[0], w.channels[1]);
        }
        if let (Some(first), Some(last)) = (self.losses.first(), self.losses.last()) {
            text += &format!("trained: {} epochs, loss {first:.4} -> {last:.4}\n", self.losses.len());
        }
        text
    }
}
