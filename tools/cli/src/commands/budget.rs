//! `siskin compress --budget`: widths that keep limits, what was tried, and what weaker limits would buy.

use crate::args::Compress;
use crate::output::{count, table};
use crate::progress::Bar;
use crate::{Failure, Gate};
use serde_json::{Value, json};
use siskin_compiler::budget::{self, Candidate, Constraint, Judge, Limits, Outcome, Relief, Request};
use siskin_compiler::compress::{Options, Source, Weights};
use siskin_compiler::data::{Dataset, InputSpec, Part};
use std::path::PathBuf;

/// A search that is done, and what it was judged by.
pub(super) struct Found {
    limits: Limits,
    pub(super) outcome: Outcome,
    metric: &'static str,
    samples: usize,
}

/// Searches the artifact that keeps `limits`.
pub(super) fn search(
    a: &Compress,
    limits: Limits,
    source: &Source,
    options: &Options,
    inputs: &[InputSpec],
    bar: &mut Bar,
) -> Result<Found, Failure> {
    refuse(a, source, options)?;
    let calib = a.calib.as_deref().unwrap_or_default();
    let float = source.float()?;
    let mut fit = Dataset::open(calib, inputs)?;
    let judging = match &a.eval {
        Some(eval) => Dataset::open(eval, inputs)?,
        None => {
            fit = fit.part(Part::Rest)?;
            Dataset::open(calib, inputs)?.part(Part::Held)?
        }
    };
    let judge = match &a.eval {
        Some(_) => Judge::by_metric(&float, &judging, a.metric, bar).map_err(|e| format!("--eval: {e}"))?,
        None => Judge::by_agreement(&float, &judging)?,
    };
    let (metric, samples) = (judge.metric(), judge.samples());
    let journal = Some(PathBuf::from(format!("{}.budget", a.output.display())));
    let request = Request { source, options, limits, fit: &fit, judge, journal };
    let outcome = budget::search(&request, bar)?;
    Ok(Found { limits, outcome, metric, samples })
}

fn refuse(a: &Compress, source: &Source, options: &Options) -> Result<(), Failure> {
    if source.is_quantized() {
        let model = a.model.display();
        return Err(format!("{model}: came quantized: --budget chooses bits for a float model: leave it out").into());
    }
    if a.weights != Weights::I8 {
        return Err("--budget: only integer weights have bits to choose: leave --weights out".into());
    }
    let widths = &options.quantize.widths;
    if widths.bits < 8 || widths.ends < 8 || !widths.layers.is_empty() {
        return Err("--budget chooses bits: leave bits, ends and layers out of the recipe's [quantize]".into());
    }
    if a.eval.is_none() && !source.graph().states.is_empty() {
        return Err("--budget: a model with states sees its data as one stream, of which no part can be kept apart: give --eval DATA".into());
    }
    Ok(())
}

impl Found {
    /// The refusal, if the limits cannot be kept.
    pub(super) fn gate(&self) -> Option<Gate> {
        if self.outcome.lowered.is_some() {
            return None;
        }
        let Candidate { figures, .. } = self.outcome.candidate();
        let held = self.outcome.binds.map_or("it", Constraint::name);
        let nearest = format!(
            "the nearest takes {} bytes of flash, {} of arena and drops {:.2} points of {}",
            count(figures.bytes),
            count(figures.arena),
            figures.drop,
            self.metric
        );
        let reliefs: Vec<String> = self.outcome.reliefs.iter().map(|r| self.relief(r)).collect();
        let Found { limits, .. } = self;
        Some(Gate(format!("budget {limits}: cannot be met: {held} holds; {nearest}; {}", reliefs.join("; "))))
    }

    pub(super) fn object(&self) -> Value {
        let o = &self.outcome;
        let candidate = |c: &Candidate| {
            json!({
                "bits": c.bits, "file_bytes": c.figures.bytes, "arena_bytes": c.figures.arena, "drop": c.figures.drop,
                self.metric: c.figures.value, "predicted_loss": c.loss, "pareto": c.undominated,
            })
        };
        let relief = |r: &Relief| {
            json!({
                "constraint": r.constraint.name(), "limit": r.limit, "file_bytes": r.bytes, "predicted_loss": r.loss,
                "drop": r.drop,
            })
        };
        let Limits { flash, arena, drop } = self.limits;
        json!({
            "limits": { "flash": flash, "arena": arena, "drop": drop },
            "met": o.lowered.is_some(),
            "judged_by": self.metric,
            "samples": self.samples,
            "binds": o.binds.map(Constraint::name),
            "reliefs": o.reliefs.iter().map(relief).collect::<Vec<_>>(),
            "taken": o.taken,
            "walked": o.walked.iter().map(candidate).collect::<Vec<_>>(),
            "front": o.front.iter().map(|(bytes, loss)| json!({ "file_bytes": bytes, "predicted_loss": loss })).collect::<Vec<_>>(),
            "sensitivity": super::sensitivity::object(&o.sensitivity),
        })
    }

    pub(super) fn text(&self) -> String {
        let o = &self.outcome;
        let head = ["bits by layer", self.metric, "drop", "file bytes", "arena bytes", "predicted loss", ""];
        let mut rows = vec![head.map(String::from).to_vec()];
        for (i, c) in o.walked.iter().enumerate() {
            let marks =
                [(c.undominated, "front"), (i == o.taken, if o.lowered.is_some() { "taken" } else { "nearest" })];
            let marks: Vec<&str> = marks.iter().filter(|m| m.0).map(|m| m.1).collect();
            rows.push(vec![
                c.bits.iter().map(u8::to_string).collect(),
                format!("{:.4}", c.figures.value),
                format!("{:.2}", c.figures.drop),
                count(c.figures.bytes),
                count(c.figures.arena),
                format!("{:.5}", c.loss),
                marks.join(", "),
            ]);
        }
        let mut out = table(&rows);
        out += &format!("judged {} artifacts by {} of {} samples\n", o.walked.len(), self.metric, self.samples);
        let words = if o.lowered.is_some() { "binds" } else { "holds" };
        let binds = o.binds.map_or("no limit binds".into(), |c| format!("{} {words}", c.name()));
        out += &format!("budget {}: {binds}\n", self.limits);
        o.reliefs.iter().for_each(|r| out += &format!("  {}\n", self.relief(r)));
        out
    }

    /// What a weaker limit would buy, in words.
    fn relief(&self, r: &Relief) -> String {
        let limit = match r.constraint {
            Constraint::Drop => format!("drop={:.2}", r.limit),
            c => format!("{}={}", c.name(), r.limit),
        };
        let loss = self.outcome.candidate().loss;
        match r.drop {
            Some(drop) => format!("{limit} is met by {} bytes that drop {drop:.2} points", count(r.bytes)),
            None => format!(
                "{limit} would buy a predicted loss of {:.5} for {loss:.5}, with about {} bytes",
                r.loss,
                count(r.bytes)
            ),
        }
    }
}
