//! `siskin bench`: how long one inference takes here.

use crate::Failure;
use crate::args::{Args, Bench};
use crate::model::{open, sizes};
use crate::output::{count, print, table};
use core::time::Duration;
use serde_json::json;

pub(crate) fn bench(args: &Args, a: &Bench) -> Result<(), Failure> {
    let mut opened = open(&a.model, &a.import)?;
    let timing = siskin_compiler::bench::bench(&mut opened.loaded, Duration::from_secs_f64(a.seconds))?;
    let model = opened.loaded.model()?;
    let macs: u64 = model.steps().map(|s| s.macs()).sum();
    let mut object = sizes(&model, opened.file_bytes);
    object.insert("median_us".into(), json!(timing.median_us));
    object.insert("p95_us".into(), json!(timing.p95_us));
    object.insert("n".into(), json!(timing.rounds));
    let rows = [
        ["median µs", "p95 µs", "multiply-accumulates", "per µs", "rounds"].map(String::from).to_vec(),
        vec![
            format!("{:.1}", timing.median_us),
            format!("{:.1}", timing.p95_us),
            count(macs),
            format!("{:.0}", macs as f64 / timing.median_us),
            count(timing.rounds as u64),
        ],
    ];
    print(args.json, &object.into(), &table(&rows))
}
