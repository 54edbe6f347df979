//! What a model is, as JSON.
//!
//! Floats are their bits, since printing one links tables of several kilobytes.

use alloc::format;
use alloc::string::String;
use siskin::format::Card;
use siskin::{Model, Port};

/// `{"name", "labels", "state", "inputs": [port], "outputs": [port]}`; a port is
/// `{"name", "shape", "dtype", "stored", "scale", "zeroPoint", "operator"}`, with the bits of the scale as a number, and
/// for outputs the name of the operator that writes it.
pub(crate) fn describe(model: &Model<'_>) -> String {
    let card = Card::decode(model.artifact().card()).unwrap_or_default();
    let labels = list(card.labels.iter().map(|label| quoted(label)));
    let inputs = list(model.inputs().map(|p| port(&p, "")));
    let outputs = list(model.outputs().enumerate().map(|(i, p)| port(&p, writer(model, i))));
    format!(
        "{{\"name\":{},\"labels\":{labels},\"state\":{},\"inputs\":{inputs},\"outputs\":{outputs}}}",
        quoted(&card.name),
        model.state_len()
    )
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
