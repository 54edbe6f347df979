//! `siskin diff`: what changes if one model takes the place of another.

use super::compress::value;
use crate::args::{Args, Diff, Gates};
use crate::model::{Opened, dataset, open, sizes};
use crate::output::{count, print, table};
use crate::progress::Bar;
use crate::{Failure, Gate};
use core::time::Duration;
use serde_json::{Value, json};
use siskin_compiler::bench::bench;
use siskin_compiler::compare::{self, Comparison};
use siskin_compiler::data::Dataset;
use siskin_compiler::eval::{Evaluation, Metric, evaluate};

/// Both are timed in turns, so that a machine that slows down slows both.
const TURNS: usize = 5;
const TURN: Duration = Duration::from_millis(100);

pub(crate) fn diff(args: &Args, a: &Diff) -> Result<(), Failure> {
    let mut bar = Bar::new(args.quiet);
    let [mut before, mut after] = [open(&a.before, &a.import)?, open(&a.after, &a.import)?];
    let name = || format!("{} and {}", a.before.display(), a.after.display());
    compare::comparable(&before.loaded.model()?, &after.loaded.model()?).map_err(|e| format!("{}: {e}", name()))?;
    let data = [dataset(&a.data, &before, &a.input, true)?, dataset(&a.data, &after, &a.input, true)?];
    refuse(a, &data[0])?;
    let comparison = compare::compare([&mut before.loaded, &mut after.loaded], [&data[0], &data[1]], &mut bar)?;
    let [median_before, median_after] = times([&mut before, &mut after])?;
    let sides = [
        Side::measure(&mut before, &data[0], a, median_before, &mut bar)?,
        Side::measure(&mut after, &data[1], a, median_after, &mut bar)?,
    ];
    let found = Found { sides, comparison, labels: labels(&before, &after) };
    let said_no = found.gates(&a.gates);
    let mut object = found.object();
    object["gates"] = json!(said_no);
    print(args.json, &object, &found.text(a))?;
    if said_no.is_empty() { Ok(()) } else { Err(Gate(said_no.join("; ")).into()) }
}

/// A gate that nothing can be held against would always let pass.
fn refuse(a: &Diff, data: &Dataset) -> Result<(), Failure> {
    let accuracy = [("--max-drop", a.gates.max_drop), ("--max-class-drop", a.gates.max_class_drop)];
    match accuracy.into_iter().find(|(_, gate)| gate.is_some()) {
        Some((option, _)) if !data.is_labelled() && a.metric != Some(Metric::Mse) => Err(format!(
            "{option}: {} has no labels to measure accuracy by: add an array y, or give --min-agreement",
            data.place()
        )
        .into()),
        _ => Ok(()),
    }
}

/// The median time of each.
fn times([a, b]: [&mut Opened; 2]) -> Result<[f64; 2], Failure> {
    let (mut of_a, mut of_b) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        of_a.push(bench(&mut a.loaded, TURN)?.median_us);
        of_b.push(bench(&mut b.loaded, TURN)?.median_us);
    }
    Ok([of_a, of_b].map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[TURNS / 2]
    }))
}

/// Names of classes, from whichever has more of them.
fn labels(before: &Opened, after: &Opened) -> Vec<String> {
    let [a, b] = [&before.stored.labels, &after.stored.labels];
    if a.len() > b.len() { a.clone() } else { b.clone() }
}

/// One of the two.
struct Side {
    /// Nothing if the data have no labels.
    evaluation: Option<Evaluation>,
    file_bytes: u64,
    arena_bytes: u64,
    state_bytes: u64,
    median_us: f64,
}

impl Side {
    fn measure(opened: &mut Opened, data: &Dataset, a: &Diff, median_us: f64, bar: &mut Bar) -> Result<Side, Failure> {
        let measured = data.is_labelled() || a.metric.is_some();
        let evaluation = measured.then(|| evaluate(&mut opened.loaded, data, a.metric, bar)).transpose();
        let evaluation = evaluation.map_err(|e| format!("{}: {e}", opened.path.display()))?;
        let sizes = sizes(&opened.loaded.model()?, opened.file_bytes);
        let size = |name: &str| sizes.get(name).and_then(Value::as_u64).unwrap_or(0);
        let [file_bytes, arena_bytes, state_bytes] = ["file_bytes", "arena_bytes", "state_bytes"].map(size);
        Ok(Side { evaluation, file_bytes, arena_bytes, state_bytes, median_us })
    }

    fn object(&self) -> Value {
        let Side { file_bytes, arena_bytes, state_bytes, median_us, .. } = self;
        let mut object = json!({
            "file_bytes": file_bytes, "arena_bytes": arena_bytes, "state_bytes": state_bytes, "median_us": median_us,
        });
        if let Some(e) = &self.evaluation {
            object[e.metric.name()] = json!(e.value);
        }
        object
    }
}

/// A class before and after.
struct ClassChange {
    name: String,
    n: usize,
    /// Fractions that were right.
    recall: [f64; 2],
}

impl ClassChange {
    /// Points lost.
    fn drop(&self) -> f64 {
        100.0 * (self.recall[0] - self.recall[1])
    }
}

struct Found {
    /// Before, after.
    sides: [Side; 2],
    comparison: Comparison,
    labels: Vec<String>,
}

impl Found {
    fn evaluations(&self) -> Option<[&Evaluation; 2]> {
        let [a, b] = &self.sides;
        Some([a.evaluation.as_ref()?, b.evaluation.as_ref()?])
    }

    /// Points of accuracy lost, or percent that the error grew by.
    fn drop(&self) -> Option<f64> {
        let [a, b] = self.evaluations()?;
        Some(match a.metric {
            Metric::Mse => 100.0 * (b.value / a.value.max(f64::MIN_POSITIVE) - 1.0),
            Metric::Top1 | Metric::Auc => 100.0 * (a.value - b.value),
        })
    }

    /// Every class that has samples; none where classes are not what is measured.
    fn classes(&self) -> Vec<ClassChange> {
        let Some([a, b]) = self.evaluations().filter(|[a, _]| a.metric == Metric::Top1) else { return Vec::new() };
        let count = a.classes().max(b.classes());
        let pairs = a.by_class(count).into_iter().zip(b.by_class(count)).enumerate();
        let change = pairs.filter_map(|(c, (x, y))| {
            let name = self.labels.get(c).cloned().unwrap_or_else(|| c.to_string());
            Some(ClassChange { name, n: x.n, recall: [x.recall()?, y.recall()?] })
        });
        change.collect()
    }

    fn agreement(&self) -> f64 {
        100.0 * self.comparison.same_class as f64 / self.comparison.n.max(1) as f64
    }

    /// What each gate that says no has to say.
    fn gates(&self, gates: &Gates) -> Vec<String> {
        let [before, after] = &self.sides;
        let mut said = Vec::new();
        let mut above = |option: &str, limit: Option<f64>, found: Option<f64>, what: &str| {
            if let (Some(limit), Some(found)) = (limit, found)
                && (found > limit || found.is_nan())
            {
                said.push(format!("{option} {limit}: {what} {found:.2}"));
            }
        };
        let unit = self.evaluations().map_or(Metric::Top1, |[a, _]| a.metric);
        let lost = if unit == Metric::Mse { "mse grew by percent" } else { "points lost" };
        above("--max-drop", gates.max_drop, self.drop(), lost);
        let classes = self.classes();
        let worst = classes.iter().max_by(|a, b| a.drop().total_cmp(&b.drop()));
        let what = worst.map_or(String::new(), |w| format!("points that class '{}' lost", w.name));
        above("--max-class-drop", gates.max_class_drop, worst.map(ClassChange::drop), &what);
        let bytes = |n: Option<u64>| n.map(|n| n as f64);
        above("--max-bytes", bytes(gates.max_bytes), Some(after.file_bytes as f64), "bytes of file");
        above("--max-arena", bytes(gates.max_arena), Some(after.arena_bytes as f64), "bytes of arena");
        above("--max-time", gates.max_time, Some(after.median_us / before.median_us.max(1e-3)), "times the time");
        if let Some(least) = gates.min_agreement.filter(|&least| self.agreement() < least) {
            said.push(format!("--min-agreement {least}: both say the same class of {:.2} percent", self.agreement()));
        }
        said
    }

    fn object(&self) -> Value {
        let [before, after] = &self.sides;
        let Comparison { n, same_class, same_output, first_other, greatest, mean } = self.comparison;
        let class = |c: &ClassChange| json!({ "class": c.name, "n": c.n, "before": c.recall[0], "after": c.recall[1] });
        json!({
            "before": before.object(), "after": after.object(), "drop": self.drop(),
            "classes": self.classes().iter().map(class).collect::<Vec<_>>(),
            "n": n, "same_class": same_class, "same_output": same_output, "first_other": first_other,
            "greatest_difference": greatest, "mean_difference": mean,
            "time_ratio": after.median_us / before.median_us.max(1e-3),
        })
    }

    fn text(&self, a: &Diff) -> String {
        let metric = self.evaluations().map_or("", |[e, _]| e.metric.name());
        let head = ["", metric, "file bytes", "arena bytes", "state bytes", "median µs"];
        let mut rows = vec![head.map(String::from).to_vec()];
        for (path, side) in [&a.before, &a.after].into_iter().zip(&self.sides) {
            rows.push(vec![
                path.display().to_string(),
                side.evaluation.as_ref().map_or(String::new(), value),
                count(side.file_bytes),
                count(side.arena_bytes),
                count(side.state_bytes),
                format!("{:.1}", side.median_us),
            ]);
        }
        let mut out = table(&rows);
        let classes = self.classes();
        if !classes.is_empty() {
            let mut rows = vec![["class", "samples", "before", "after", "points"].map(String::from).to_vec()];
            rows.extend(classes.iter().map(|c| {
                let [x, y] = c.recall.map(|r| format!("{:.2}%", 100.0 * r));
                vec![c.name.clone(), c.n.to_string(), x, y, format!("{:+.2}", 0.0 - c.drop())]
            }));
            out += &format!("\n{}", table(&rows));
        }
        let c = &self.comparison;
        out += &format!("\nsame class on {:.2}% of {}, the same output on {}\n", self.agreement(), c.n, c.same_output);
        if let Some(first) = c.first_other {
            let (greatest, mean) = (c.greatest, c.mean);
            out += &format!("outputs differ first at sample {first}, by at most {greatest:.6}, on average {mean:.6}\n");
        }
        out
    }
}
