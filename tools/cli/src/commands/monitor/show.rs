//! `siskin monitor show`: a report for people, and in the forms of the tools that collect such things.

use super::formats::{evidently, json, otlp, prometheus};
use crate::Failure;
use crate::args::{Args, Format, Show};
use crate::model::read;
use crate::output::{count, print, table};
use siskin::format::Totals;
use siskin_compiler::monitor::{Comparison, compare};
use siskin_compiler::run::Loaded;

pub(crate) fn show(args: &Args, a: &Show) -> Result<(), Failure> {
    let file = a.report.display();
    let bytes = read(&a.report)?;
    let report = Totals::new_checked(&bytes).map_err(|e| format!("{file}: {e}"))?;
    let model = read(&a.model)?;
    let loaded = Loaded::new(&model).map_err(|e| format!("{}: {e}", a.model.display()))?;
    let baseline = loaded.model()?.artifact().baseline()?.ok_or(siskin::Error::NoMonitor);
    let baseline = baseline.map_err(|e| format!("{}: {e}", a.model.display()))?;
    let features = compare(&baseline, &report)
        .ok_or_else(|| format!("{file}: the report of another artifact than {}", a.model.display()))?;
    let object = json(&report, &features);
    match if args.json { Format::Json } else { a.format } {
        Format::Text => print(false, &object, &text(&report, &features)),
        Format::Json => print(true, &object, ""),
        Format::Prometheus => print(false, &object, &prometheus(&report, &features)),
        Format::Otlp => print(true, &otlp(&report, &features), ""),
        Format::Evidently => print(true, &evidently(&report, &features), ""),
    }
}

fn text(report: &Totals<'_>, features: &[Comparison]) -> String {
    let head = report.head();
    let mut rows =
        vec![["feature", "mean", "σ", "PSI", "limit", "KS", "", "reference", "now"].map(String::from).to_vec()];
    for f in features {
        rows.push(vec![
            f.name.clone(),
            format!("{:.1}", f.mean),
            format!("{:.1}", f.deviation),
            format!("{:.3}", f.psi),
            format!("{:.3}", f.limit),
            format!("{:.3}", f.ks),
            if f.has_drifted() { "drifted" } else { "" }.into(),
            bars(&f.reference),
            bars(&f.current),
        ]);
    }
    format!(
        "{} devices, {} inferences, {} alarms, {} devices with an alarm, {} abstained\n\n{}",
        head.devices,
        count(head.seen),
        head.alarms,
        head.alarmed,
        count(report.health().abstained),
        table(&rows)
    )
}

/// A histogram in a line.
fn bars(fractions: &[f64]) -> String {
    let most = fractions.iter().fold(1e-9f64, |m, &f| m.max(f));
    let level = |f: &f64| ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][((f / most * 7.0).round() as usize).min(7)];
    fractions.iter().map(level).collect()
}
