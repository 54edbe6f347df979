//! `siskin sensitivity`: what each width of each layer's weights costs.

use crate::Failure;
use crate::args::{Args, Sensitivity as Sensed};
use crate::model::{Stored, import_options, prepared};
use crate::output::{count, print, table};
use crate::progress::Bar;
use serde_json::{Value, json};
use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::Dataset;
use siskin_compiler::quantize::{self, Cost, LayerCosts, Sensitivity};

pub(crate) fn sensitivity(args: &Args, a: &Sensed) -> Result<(), Failure> {
    let quantize = quantize::Options { method: a.method, rounding: a.rounding, ..Default::default() };
    let options = Options { import: import_options(&a.import)?, quantize, ..Options::default() };
    let source = Source::open(&a.model, &options)?;
    if source.is_quantized() {
        return Err(format!("{}: came quantized: sensitivity is measured of the float model", a.model.display()).into());
    }
    let inputs = prepared(&a.model, source.input_specs(), &a.input, &Stored::default())?;
    let calib = Dataset::open(&a.calib, &inputs)?;
    let found = source.sensitivity(&options.quantize, &calib, &mut Bar::new(args.quiet))?;
    print(args.json, &object(&found), &text(&found))
}

fn cost(c: &Cost) -> Value {
    json!({ "bits": c.bits, "sqnr_db": c.sqnr, "loss": c.loss, "bytes": c.bytes, "arena_bytes": c.arena })
}

/// What was measured, for programs.
pub(super) fn object(found: &Sensitivity) -> Value {
    let layer = |l: &LayerCosts| {
        let cause = |c: &quantize::Cause| json!({ "cause": c.name(), "detail": c.to_string(), "fix": c.fix() });
        json!({
            "name": l.name,
            "weights": l.weights,
            "widths": l.costs.iter().map(cost).collect::<Vec<_>>(),
            "causes": l.causes.iter().map(cause).collect::<Vec<_>>(),
        })
    };
    json!({
        "measure": found.measure.name(),
        "loss": found.loss,
        "layers": found.layers.iter().map(layer).collect::<Vec<_>>(),
    })
}

fn text(found: &Sensitivity) -> String {
    let name = found.measure.name();
    let few = || Sensitivity::WIDTHS.iter().skip(1);
    let mut head = vec!["layer".to_string(), "weights".into()];
    head.extend(Sensitivity::WIDTHS.iter().map(|b| format!("dB at {b}")));
    head.extend(few().map(|b| format!("{name} at {b}")));
    head.extend(few().map(|b| format!("bytes at {b}")));
    head.push("arena".into());
    let row = |l: &LayerCosts| {
        let mut row = vec![l.name.clone(), count(l.weights as u64)];
        row.extend(l.costs.iter().map(|c| c.sqnr.map_or("-".into(), |v| format!("{v:.1}"))));
        row.extend(l.costs.iter().skip(1).map(|c| format!("{:.5}", c.loss)));
        row.extend(l.costs.iter().skip(1).map(|c| c.bytes.to_string()));
        row.push(count(l.costs.iter().map(|c| c.arena).max().unwrap_or(0)));
        row
    };
    let rows: Vec<_> = [head].into_iter().chain(found.layers.iter().map(row)).collect();
    let mut out = table(&rows);
    out += &format!(
        "all layers at 8 bits: {name} {:.5} from the float model; each row is that layer alone, beside it\n",
        found.loss
    );
    for layer in &found.layers {
        for cause in &layer.causes {
            out += &format!("{}: {cause}: {}\n", layer.name, cause.fix());
        }
    }
    out
}
