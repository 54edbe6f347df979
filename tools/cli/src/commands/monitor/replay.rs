//! `siskin monitor replay`: when the alarms come, which features they name, and how sure they are.

use super::page::Story;
use crate::args::{Args, ImportArgs, Replay};
use crate::html::Page;
use crate::model::{Opened, dataset, open};
use crate::output::{count, print, table};
use crate::progress::Bar;
use crate::{Failure, Gate};
use serde_json::{Value, json};
use siskin::Alarm;
use siskin::format::Totals;
use siskin_compiler::data::atomic;
use siskin_compiler::monitor::{Errors, Replay as Found, compare, name, replay as run};

pub(crate) fn replay(args: &Args, a: &Replay) -> Result<(), Failure> {
    let file = a.model.display();
    for path in a.report.iter().chain(&a.html) {
        atomic::check(path)?;
    }
    let mut opened = open(&a.model, &ImportArgs::default())?;
    let names: Vec<String> = match opened.loaded.model()?.artifact().baseline()? {
        Some(baseline) => baseline.features.iter().map(name).collect(),
        None => return Err(format!("{file}: {}", siskin::Error::NoMonitor).into()),
    };
    let sets: Result<Vec<_>, Failure> = a.data.iter().map(|d| dataset(d, &opened, &a.input, false)).collect();
    let sets = sets?;
    let found = run(&mut opened.loaded, &sets.iter().collect::<Vec<_>>(), &mut Bar::new(args.quiet))?;
    if let Some(path) = &a.report {
        atomic::write(path, |w| w.write_all(&found.report))?;
    }
    if let Some(path) = &a.html {
        page(a, &opened, &found, &names)?.write(path)?;
    }
    print(args.json, &object(&found, &names), &text(&found, &names))?;
    match found.alarms.first() {
        Some(first) => Err(Box::new(Gate(format!("alarm at inference {}", first.at)))),
        None => Ok(()),
    }
}

/// The report with plots.
fn page(a: &Replay, opened: &Opened, found: &Found, names: &[String]) -> Result<Page, Failure> {
    let model = opened.loaded.model()?;
    let baseline = model.artifact().baseline()?.ok_or(siskin::Error::NoMonitor)?;
    let features = compare(&baseline, &Totals::new_checked(&found.report)?).unwrap_or_default();
    let named = found.alarms.iter().map(|a| named(a, names).join(", ")).collect();
    let file = a.model.display().to_string();
    let story = Story { model: &file, data: &a.data, found, record: baseline.record, features: &features, named };
    Ok(story.page())
}

/// The names of the features of an alarm.
fn named<'a>(alarm: &Alarm, names: &'a [String]) -> Vec<&'a str> {
    let set = alarm.features;
    names.iter().enumerate().filter(|(i, _)| set >> i & 1 == 1).map(|(_, n)| n.as_str()).collect()
}

fn object(found: &Found, names: &[String]) -> Value {
    let alarms: Vec<Value> = found
        .alarms
        .iter()
        .map(|a| json!({ "at": a.at, "features": named(a, names), "evidence": a.evidence }))
        .collect();
    json!({
        "n": found.evidence.len(), "alarms": alarms, "evidence": found.evidence.last(),
        "confidence": mean(&found.confidence), "errors": found.errors.as_ref().map(errors),
    })
}

fn errors(e: &Errors) -> Value {
    json!({
        "labelled": e.labelled, "right": e.right, "ece": e.calibration, "ddm": e.ddm, "page_hinkley": e.page_hinkley,
        "adwin": e.adwin,
    })
}

fn errors_text(e: &Errors) -> String {
    let list = |at: &[u64]| {
        let first: Vec<String> = at.iter().take(5).map(|&at| count(at)).collect();
        let more = if at.len() > 5 { format!(" and {} more", at.len() - 5) } else { String::new() };
        if at.is_empty() { "never".into() } else { first.join(", ") + &more }
    };
    let rows = [
        ["errors changed, says", "at inference"].map(String::from).to_vec(),
        vec!["DDM".into(), list(&e.ddm)],
        vec!["Page-Hinkley".into(), list(&e.page_hinkley)],
        vec!["ADWIN".into(), list(&e.adwin)],
    ];
    let right = 100.0 * f64::from(e.right) / f64::from(e.labelled);
    let known = count(e.labelled);
    format!("{right:.2}% of {known} right, calibration error {:.2}%\n{}", 100.0 * e.calibration, table(&rows))
}

fn text(found: &Found, names: &[String]) -> String {
    let mut rows = vec![["alarm at", "evidence / threshold", "features"].map(String::from).to_vec()];
    for alarm in &found.alarms {
        let list = named(alarm, names).join(", ");
        rows.push(vec![count(alarm.at), format!("{:.1}", alarm.evidence), list]);
    }
    let mut out = if found.alarms.is_empty() { "no alarm\n".into() } else { table(&rows) };
    let last = found.evidence.last().copied().unwrap_or(0.0);
    out +=
        &format!("{} inferences, evidence at the end {last:.3} of the threshold", count(found.evidence.len() as u64));
    if let Some(mean) = mean(&found.confidence) {
        out += &format!(", mean confidence {mean:.3}");
    }
    out += "\n";
    out + &found.errors.as_ref().map(errors_text).unwrap_or_default()
}

fn mean(values: &[f32]) -> Option<f64> {
    let sum: f64 = values.iter().map(|&v| f64::from(v)).sum();
    (!values.is_empty()).then(|| sum / values.len() as f64)
}
