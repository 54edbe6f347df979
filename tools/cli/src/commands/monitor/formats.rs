//! A report in the forms of other tools. All hold the same numbers.

use serde_json::{Value, json};
use siskin::format::Totals;
use siskin_compiler::monitor::{Comparison, Estimate, Share};

/// A report and what is made of it.
pub(super) struct View<'a> {
    pub report: &'a Totals<'a>,
    pub features: &'a [Comparison],
    pub estimate: Estimate,
}

impl View<'_> {
    /// The estimates of accuracy by what they rest on.
    pub(super) fn estimates(&self) -> Vec<(&'static str, Share)> {
        let Estimate { by_confidence, by_threshold, by_labels } = self.estimate;
        let all = [("confidence", by_confidence), ("threshold", by_threshold), ("labels", by_labels)];
        all.into_iter().filter_map(|(name, share)| Some((name, share?))).collect()
    }
}

/// Everything, by the names that every command's JSON has.
pub(super) fn json(view: &View<'_>) -> Value {
    let View { report, features, .. } = view;
    let (head, health) = (report.head(), report.health());
    let each = |(i, f): (usize, &Comparison)| {
        json!({
            "name": f.name, "counts": report.feature(i).counts, "mean": f.mean, "std": f.deviation, "psi": f.psi,
            "psi_limit": f.limit, "ks": f.ks, "wasserstein": f.wasserstein, "drifted": f.has_drifted(),
            "reference": f.reference,
        })
    };
    let estimates: serde_json::Map<String, Value> = view
        .estimates()
        .into_iter()
        .map(|(by, share)| (by.into(), json!({ "top1": share.value, "standard_error": share.error })))
        .collect();
    json!({
        "accuracy": estimates, "unlike": health.unlike,
        "identity": identity(report), "devices": head.devices, "alarmed": head.alarmed, "alarms": head.alarms,
        "n": head.seen, "abstained": health.abstained, "self_tests_passed": health.passed,
        "self_tests_failed": health.failed, "latency": health.latency, "kpis": health.kpis,
        "features": features.iter().enumerate().map(each).collect::<Vec<_>>(),
    })
}

fn identity(report: &Totals<'_>) -> String {
    format!("{:08x}", report.head().identity)
}

/// A counter or a gauge with its value for each set of labels.
struct Metric {
    name: &'static str,
    help: &'static str,
    /// Whether it only grows.
    counter: bool,
    values: Vec<(Vec<(&'static str, String)>, f64)>,
}

fn metrics(view: &View<'_>) -> Vec<Metric> {
    let View { report, features, .. } = view;
    let (head, health) = (report.head(), report.health());
    let single = |name, help, counter, v: f64| Metric { name, help, counter, values: vec![(Vec::new(), v)] };
    let feature = |f: &Comparison| vec![("feature", f.name.clone())];
    let counts = features.iter().enumerate().flat_map(|(i, f)| {
        let counts = report.feature(i).counts;
        let bin = move |b: usize| (vec![("feature", f.name.clone()), ("bin", b.to_string())], f64::from(counts[b]));
        (0..f.current.len()).map(bin)
    });
    vec![
        single("siskin_inferences_total", "Inferences.", true, head.seen as f64),
        single("siskin_devices", "Devices that reported.", false, head.devices.into()),
        single("siskin_devices_alarmed", "Devices on which an alarm stands.", false, head.alarmed.into()),
        single("siskin_alarms_total", "Drift alarms.", true, head.alarms.into()),
        single("siskin_abstained_total", "Inferences of too little confidence.", true, health.abstained.into()),
        single("siskin_unlike_total", "Inferences far from everything in the reference.", true, health.unlike.into()),
        Metric {
            name: "siskin_accuracy",
            help: "The share of right answers: by labels, or estimated.",
            counter: false,
            values: view.estimates().into_iter().map(|(by, s)| (vec![("by", by.into())], s.value)).collect(),
        },
        single("siskin_self_tests_failed_total", "Self-tests that failed.", true, health.failed.into()),
        Metric {
            name: "siskin_feature_observations_total",
            help: "Observations by feature and bin.",
            counter: true,
            values: counts.collect(),
        },
        Metric {
            name: "siskin_feature_psi",
            help: "Population stability index against the reference.",
            counter: false,
            values: features.iter().map(|f| (feature(f), f.psi)).collect(),
        },
        Metric {
            name: "siskin_feature_psi_limit",
            help: "What the index stays below if nothing has changed.",
            counter: false,
            values: features.iter().map(|f| (feature(f), f.limit)).collect(),
        },
    ]
}

/// The text exposition format of Prometheus, 0.0.4.
pub(super) fn prometheus(view: &View<'_>) -> String {
    let mut out = String::new();
    for m in metrics(view) {
        let kind = if m.counter { "counter" } else { "gauge" };
        out += &format!("# HELP {0} {1}\n# TYPE {0} {kind}\n", m.name, m.help);
        for (labels, value) in &m.values {
            let mut all = vec![format!("identity=\"{}\"", identity(view.report))];
            all.extend(labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")));
            out += &format!("{}{{{}}} {value}\n", m.name, all.join(","));
        }
    }
    out
}

/// OpenTelemetry's metrics as JSON (`ExportMetricsServiceRequest`). Without times: a report has none.
pub(super) fn otlp(view: &View<'_>) -> Value {
    let text = |k: &str, v: &str| json!({ "key": k, "value": { "stringValue": v } });
    let metric = |m: Metric| {
        let points: Vec<Value> = m
            .values
            .iter()
            .map(|(labels, v)| {
                let attributes: Vec<Value> = labels.iter().map(|(k, v)| text(k, v)).collect();
                json!({ "attributes": attributes, "asDouble": v })
            })
            .collect();
        if m.counter {
            // 2 is CUMULATIVE.
            let sum = json!({ "dataPoints": points, "aggregationTemporality": 2, "isMonotonic": true });
            json!({ "name": m.name, "description": m.help, "sum": sum })
        } else {
            json!({ "name": m.name, "description": m.help, "gauge": { "dataPoints": points } })
        }
    };
    let resource =
        json!({ "attributes": [text("service.name", "siskin"), text("siskin.identity", &identity(view.report))] });
    let metrics: Vec<Value> = metrics(view).into_iter().map(metric).collect();
    json!({ "resourceMetrics": [{
        "resource": resource,
        "scopeMetrics": [{ "scope": { "name": "siskin.monitor" }, "metrics": metrics }],
    }] })
}

/// The shape of Evidently's report with one `DataDriftTable`.
pub(super) fn evidently(view: &View<'_>) -> Value {
    let View { report, features, .. } = view;
    let drifted = features.iter().filter(|f| f.has_drifted()).count();
    let share = drifted as f64 / features.len().max(1) as f64;
    let bins = |fractions: &[f64]| json!({ "small_distribution": { "x": (0..=fractions.len()).collect::<Vec<_>>(), "y": fractions } });
    let column = |f: &Comparison| {
        let kind = if f.name == "class" { "cat" } else { "num" };
        let value = json!({
            "column_name": f.name, "column_type": kind, "stattest_name": "PSI", "stattest_threshold": f.limit,
            "drift_score": f.psi, "drift_detected": f.has_drifted(), "current": bins(&f.current),
            "reference": bins(&f.reference),
        });
        (f.name.clone(), value)
    };
    let columns: serde_json::Map<String, Value> = features.iter().map(column).collect();
    json!({ "metrics": [{
        "metric": "DataDriftTable",
        "result": {
            "number_of_columns": features.len(), "number_of_drifted_columns": drifted, "share_of_drifted_columns": share,
            "dataset_drift": report.head().alarmed > 0, "drift_by_columns": columns,
        },
    }] })
}
