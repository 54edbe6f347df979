//! `siskin monitor show`: a report for people, and in the forms of the tools that collect such things.

use super::formats::{View, evidently, json, otlp, prometheus};
use crate::Failure;
use crate::args::{Args, Format, Show};
use crate::model::read;
use crate::output::{count, print, table};
use siskin::format::Totals;
use siskin_compiler::monitor::{compare, estimate};
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
    let view = View { report: &report, features: &features, estimate: estimate(&baseline, &report) };
    let object = json(&view);
    match if args.json { Format::Json } else { a.format } {
        Format::Text => print(false, &object, &text(&view)),
        Format::Json => print(true, &object, ""),
        Format::Prometheus => print(false, &object, &prometheus(&view)),
        Format::Otlp => print(true, &otlp(&view), ""),
        Format::Evidently => print(true, &evidently(&view), ""),
    }
}

fn text(view: &View<'_>) -> String {
    let (head, health) = (view.report.head(), view.report.health());
    let mut rows =
        vec![["feature", "mean", "σ", "PSI", "limit", "KS", "", "reference", "now"].map(String::from).to_vec()];
    for f in view.features {
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
    let mut out = format!(
        "{} devices, {} inferences, {} alarms, {} devices with an alarm, {} abstained, {} unlike the reference\n",
        head.devices,
        count(head.seen),
        head.alarms,
        head.alarmed,
        count(health.abstained),
        count(health.unlike),
    );
    for (by, share) in view.estimates() {
        let [value, error] = [share.value, share.error].map(|v| 100.0 * v);
        out += &format!("accuracy by {by}: {value:.1}% ± {error:.1}\n");
    }
    out + "\n" + &table(&rows)
}

/// A histogram in a line.
fn bars(fractions: &[f64]) -> String {
    let most = fractions.iter().fold(1e-9f64, |m, &f| m.max(f));
    let level = |f: &f64| ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'][((f / most * 7.0).round() as usize).min(7)];
    fractions.iter().map(level).collect()
}
