//! What `siskin compress --monitor` puts into an artifact, and how good it is on `--eval`.

use crate::Failure;
use crate::output::{count, table};
use crate::progress::Bar;
use serde_json::{Value, json};
use siskin::format::Baseline;
use siskin_compiler::data::Dataset;
use siskin_compiler::lower::Lowered;
use siskin_compiler::monitor::{Attached, Judgement, Options, attach, collect, judge, name};
use siskin_compiler::run::Loaded;

/// The monitor of an artifact.
pub(in crate::commands) struct Watch {
    attached: Attached,
    judgement: Option<Judgement>,
}

impl Watch {
    /// Puts a monitor into the artifact and judges its confidence on `eval`.
    pub(in crate::commands) fn add(
        lowered: &mut Lowered,
        options: &Options,
        calib: &Dataset,
        eval: Option<&Dataset>,
        bar: &mut Bar,
    ) -> Result<Watch, Failure> {
        let attached = attach(&lowered.file, options, calib, bar).map_err(|e| format!("--monitor: {e}"))?;
        lowered.file.clone_from(&attached.file);
        let mut judgement = None;
        if let Some(eval) = eval.filter(|e| e.is_labelled() && attached.calibrated) {
            let seen = collect(&mut Loaded::new(&attached.file)?, eval, bar).map_err(|e| format!("--eval: {e}"))?;
            let (gain, quantile) = (attached.record.gain.into(), attached.record.quantile.into());
            judgement = Some(judge(&seen.scored, attached.given, gain, quantile));
        }
        Ok(Watch { attached, judgement })
    }

    pub(in crate::commands) fn object(&self) -> Value {
        let mut object = record(&self.attached.record);
        object["features"] = json!(self.attached.features.iter().map(name).collect::<Vec<_>>());
        if let Some(j) = self.judgement {
            object["eval"] = json!({
                "n": j.n, "top1": j.accuracy, "ece_uncalibrated": j.uncalibrated, "ece": j.calibrated,
                "coverage": j.coverage, "set_len": j.set_len,
            });
        }
        object
    }

    pub(in crate::commands) fn text(&self) -> String {
        let r = &self.attached.record;
        let mut out = format!(
            "monitor: {} features, {} bytes of memory, one false alarm in {} inferences, reference of {} samples worth {}",
            r.features,
            count(r.memory_len),
            count(r.arl),
            count(r.samples),
            count(r.effective),
        );
        if r.stride > 1 {
            out += &format!(", looks at every {}th", r.stride);
        }
        out += "\n";
        if let Some(j) = self.judgement {
            let percent = |v: f64| format!("{:.2}%", 100.0 * v);
            let head = ["confidence on --eval", "calibration error", "before", "sets hold the class", "classes a set"];
            let row = [
                format!("temperature {:.3}", r.temperature),
                percent(j.calibrated),
                percent(j.uncalibrated),
                format!("{} of {}", percent(j.coverage), percent(r.coverage.into())),
                format!("{:.2}", j.set_len),
            ];
            out += &table(&[head.map(String::from).to_vec(), row.to_vec()]);
        }
        out
    }
}

/// What an artifact says of its monitor.
pub(in crate::commands) fn describe(baseline: &Baseline<'_>) -> Value {
    let mut object = record(baseline.record);
    object["features"] = json!(baseline.features.iter().map(name).collect::<Vec<_>>());
    object["identity"] = json!(format!("{:08x}", baseline.identity));
    object
}

fn record(r: &siskin::format::MonitorRecord) -> Value {
    json!({
        "memory_bytes": r.memory_len, "arl": r.arl, "stride": r.stride, "samples": r.samples, "effective": r.effective,
        "threshold": r.threshold, "temperature": r.temperature, "coverage": r.coverage, "quantile": r.quantile,
        "abstain": r.abstain,
    })
}
