//! What a model is, as JSON.
//!
//! Floats are their bits, since printing one links tables of several kilobytes.

use alloc::format;
use alloc::string::String;
use siskin::format::{Card, Place};
use siskin::{Model, Port, Preparation, Step};

/// `{"name", "producer", "recipe", "labels", "bytes": {"weights", "arena", "state"}, "preparation", "inputs": [port],
/// "outputs": [port], "steps": [step]}`; a port is `{"name", "shape", "dtype", "stored", "scale", "zeroPoint",
/// "operator"}`, with the bits of the scale as a number, and for outputs the name of the operator that writes it; a
/// step is `{"operator", "shape", "dtype", "weights", "macs"}`; the preparation, of input 0, is its kind and the words
/// of its record.
pub(crate) fn describe(model: &Model<'_>) -> String {
    let card = Card::decode(model.artifact().card()).unwrap_or_default();
    let labels = list(card.labels.iter().map(|label| quoted(label)));
    let inputs = list(model.inputs().map(|p| port(&p, "")));
    let outputs = list(model.outputs().enumerate().map(|(i, p)| port(&p, writer(model, i))));
    let steps = list(model.steps().filter_map(|step| described(model, &step)));
    format!(
        "{{\"name\":{},\"producer\":{},\"recipe\":{},\"labels\":{labels},\"bytes\":{{\"weights\":{},\"arena\":{},\"state\":{}}},\"preparation\":{},\"inputs\":{inputs},\"outputs\":{outputs},\"steps\":{steps}}}",
        quoted(&card.name),
        quoted(&card.producer),
        quoted(&card.recipe),
        model.artifact().weights().len(),
        model.arena_len(),
        model.state_len(),
        preparation(model)
    )
}

fn preparation(model: &Model<'_>) -> String {
    let (kind, record) = match &model.preparation(0) {
        None => return String::from("null"),
        Some(Preparation::Image(record)) => ("image", words(record)),
        Some(Preparation::Audio(record)) => ("audio", words(record)),
    };
    format!("[\"{kind}\",{record}]")
}

fn words<T: bytemuck::Pod>(record: &T) -> String {
    let words: &[u32] = bytemuck::try_cast_slice(core::slice::from_ref(record)).unwrap_or(&[]);
    list(words.iter().map(|w| format!("{w}")))
}

fn described(model: &Model<'_>, step: &Step<'_>) -> Option<String> {
    let ty = step.ty(*step.outputs().first()?)?;
    let constants = step
        .inputs()
        .iter()
        .filter(|&&t| model.artifact().tensor(t).is_some_and(|record| record.place() == Some(Place::Weights)));
    let weights: u32 = constants.filter_map(|&t| step.ty(t)?.checked_bytes()).fold(0, u32::saturating_add);
    Some(format!(
        "{{\"operator\":\"{}\",\"shape\":{},\"dtype\":\"{}\",\"weights\":{weights},\"macs\":{}}}",
        step.entry.name,
        list(ty.shape.dims().iter().map(|d| format!("{d}"))),
        ty.dtype.name(),
        step.macs()
    ))
}

fn port(port: &Port<'_>, operator: &str) -> String {
    let Port { name, shape, dtype, outer, scale, zero_point } = port;
    let shape = list(shape.dims().iter().map(|d| format!("{d}")));
    format!(
        "{{\"name\":{},\"shape\":{shape},\"dtype\":\"{}\",\"stored\":\"{}\",\"scale\":{},\"zeroPoint\":{zero_point},\"operator\":\"{operator}\"}}",
        quoted(name),
        outer.name(),
        dtype.name(),
        scale.to_bits()
    )
}

/// The name of the last operator that writes output `i`.
fn writer(model: &Model<'_>, i: usize) -> &'static str {
    let Some(io) = model.artifact().outputs().nth(i) else { return "" };
    let writes = model.steps().filter(|step| step.outputs().contains(&io.tensor));
    writes.last().map_or("", |step| step.entry.name)
}

fn list(items: impl Iterator<Item = String>) -> String {
    let mut text = String::from("[");
    for item in items {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&item);
    }
    text.push(']');
    text
}

/// A string as JSON writes it.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\0'..'\x20' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_valid_json() {
        assert_eq!(quoted("a\"b\\c\n\0é"), r#""a\"b\\c\u000a\u0000é""#);
        assert_eq!(list([quoted("x"), quoted("")].into_iter()), r#"["x",""]"#);
        assert_eq!(list(core::iter::empty()), "[]");
    }
}
