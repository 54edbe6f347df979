//! `siskin inspect`: what an artifact holds.

use crate::Failure;
use crate::args::{Args, Inspect};
use crate::model::{read, sizes};
use crate::output::{count, print, table};
use serde_json::{Value, json};
use siskin::{Model, Port, Preparation};
use siskin_compiler::format::Card;
use siskin_compiler::ledger::{Entry, ledger};
use siskin_compiler::run::Loaded;

pub(crate) fn inspect(args: &Args, a: &Inspect) -> Result<(), Failure> {
    let bytes = read(&a.model)?;
    let loaded = Loaded::new(&bytes).map_err(|e| format!("{}: {e}", a.model.display()))?;
    let model = loaded.model()?;
    if a.c_header {
        return super::c_header::c_header(args, a, &model, &bytes);
    }
    let card = Card::decode(model.artifact().card()).ok();
    let facts = Facts { model: &model, card: card.as_ref(), file_bytes: bytes.len(), ledger: ledger(&bytes, &model) };
    print(args.json, &facts.object(), &facts.text())
}

struct Facts<'a> {
    model: &'a Model<'a>,
    card: Option<&'a Card>,
    file_bytes: usize,
    ledger: Vec<Entry>,
}

impl Facts<'_> {
    fn steps(&self) -> Vec<Value> {
        let ty = |step: &siskin::Step<'_>, t: u16| step.ty(t).map_or("none".into(), |t| t.to_string());
        let list = |step: &siskin::Step<'_>, l: &[u16]| l.iter().map(|&t| ty(step, t)).collect::<Vec<_>>();
        self.model
            .steps()
            .map(|s| {
                json!({
                    "op": s.entry.name, "inputs": list(&s, s.inputs()), "outputs": list(&s, s.outputs()),
                    "attributes": Attributes(&s).to_string().trim(), "in_place": s.in_place(), "macs": s.macs(),
                })
            })
            .collect()
    }

    fn object(&self) -> Value {
        let (model, header) = (self.model, self.model.artifact().header());
        let digest: String = header.digest.iter().map(|b| format!("{b:02x}")).collect();
        let mut object = json!({
            "format": format!("{}.{}", header.major, header.minor), "digest": digest,
            "inputs": model.inputs().map(|p| port(&p)).collect::<Vec<_>>(),
            "outputs": model.outputs().map(|p| port(&p)).collect::<Vec<_>>(),
            "steps": self.steps(),
            "ledger": ledger_object(&self.ledger),
        });
        for (name, n) in sizes(model, self.file_bytes) {
            object[name] = n;
        }
        if let Ok(Some(baseline)) = model.artifact().baseline() {
            object["monitor"] = super::monitor::describe(&baseline);
        }
        if let Some(preparation) = model.preparation(0) {
            object["preparation"] = prepared(&preparation);
        }
        if let Some(card) = self.card {
            object["name"] = json!(card.name);
            object["producer"] = json!(card.producer);
            object["recipe"] = json!(card.recipe);
            object["labels"] = json!(card.labels);
            object["mean"] = json!(card.input.mean);
            object["std"] = json!(card.input.std);
        }
        object
    }

    fn text(&self) -> String {
        let object = self.object();
        let mut out = String::new();
        for key in ["name", "producer", "recipe", "format", "digest"] {
            if let Some(v) = object[key].as_str().filter(|v| !v.is_empty()) {
                out += &format!("{key:<14} {v}\n");
            }
        }
        for key in ["file_bytes", "weights_bytes", "arena_bytes", "state_bytes", "macs", "ops"] {
            out += &format!("{key:<14} {}\n", count(object[key].as_u64().unwrap_or(0)));
        }
        let ports = self.model.inputs().map(|p| ("input", p)).chain(self.model.outputs().map(|p| ("output", p)));
        for (role, p) in ports {
            let face = if p.outer == p.dtype { String::new() } else { format!(", {} to callers", p.outer) };
            out += &format!("{role:<14} {} {}{}{face}\n", p.name, p.dtype, p.shape);
        }
        if let Some(kind) = object["preparation"]["kind"].as_str() {
            out += &format!("{:<14} {kind}\n", "made from");
        }
        if let Some(bytes) = object["monitor"]["memory_bytes"].as_u64() {
            let arl = count(object["monitor"]["arl"].as_u64().unwrap_or(0));
            let n = object["monitor"]["features"].as_array().map_or(0, Vec::len);
            out += &format!("{:<14} {} bytes, {n} features, arl {arl}\n", "monitor", count(bytes));
        }
        if let Some(card) = self.card.filter(|c| !c.labels.is_empty()) {
            out += &format!("{:<14} {}\n", "labels", card.labels.join(" "));
        }
        out += &format!("\n{}", ledger_text(&self.ledger));
        let mut rows = vec![["operator", "inputs", "output", "macs"].map(String::from).to_vec()];
        for step in self.steps() {
            let cell = |v: &Value| {
                v.as_array().map_or(String::new(), |l| l.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
            };
            let name = step["op"].as_str().unwrap_or("").to_string();
            let place = if step["in_place"] == json!(true) { " (in place)" } else { "" };
            let macs = count(step["macs"].as_u64().unwrap_or(0));
            rows.push(vec![name, cell(&step["inputs"]), cell(&step["outputs"]) + place, macs]);
        }
        out + "\n" + &table(&rows)
    }
}

/// Bytes by what they are.
pub(super) fn ledger_object(ledger: &[Entry]) -> Value {
    ledger.iter().map(|e| (e.name.clone(), json!(e.bytes))).collect::<serde_json::Map<_, _>>().into()
}

fn ledger_text(ledger: &[Entry]) -> String {
    let mut rows = vec![["part of the file", "bytes"].map(String::from).to_vec()];
    rows.extend(ledger.iter().map(|e| vec![e.name.clone(), count(e.bytes)]));
    table(&rows)
}

/// How the first input is made.
fn prepared(preparation: &Preparation) -> Value {
    match preparation {
        Preparation::Image(r) => json!({
            "kind": "image", "mean": r.mean, "std": r.std, "filter": r.filter, "fit": r.fit,
            "channels_first": r.channels_first == 1, "blue_first": r.blue_first == 1,
        }),
        Preparation::Audio(r) => json!({
            "kind": "audio", "rate": r.rate, "samples": r.samples, "window": r.window, "hop": r.hop, "fft": r.fft,
            "mels": r.mels, "coefficients": r.coefficients, "low": r.low, "high": r.high, "gain": r.gain,
            "offset": r.offset, "floor": r.floor, "mean": r.mean, "std": r.std, "shape": r.shape, "power": r.power,
            "scale": r.scale, "log": r.log, "dct": r.dct, "features_first": r.features_first == 1,
        }),
    }
}

fn port(p: &Port<'_>) -> Value {
    json!({
        "name": p.name, "shape": p.shape.dims(), "dtype": p.outer.name(), "stored": p.dtype.name(),
        "scale": p.scale, "zero_point": p.zero_point,
    })
}

/// An operator's attributes in text form.
struct Attributes<'s, 'a>(&'s siskin::Step<'a>);

impl core::fmt::Display for Attributes<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0.entry.show(self.0.attrs(), f)
    }
}
