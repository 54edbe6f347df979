//! `siskin inspect --c-header`: an artifact as C constants, and its bytes as a C array.
//!
//! ```text
//! #define KWS_ARENA_BYTES …           what siskin_init needs
//! #define KWS_INPUT_0_SHAPE { … }     each port: name, shape, types, scale
//! kws_model_ops                       the operators to link
//! kws_model_data                      the bytes, in the C source of --c-model
//! ```
//!
//! Names begin with the prefix, macros in upper case and objects in lower case, so that two models fit one program.

use crate::Failure;
use crate::args::{Args, Inspect};
use crate::output::print;
use core::fmt::Write;
use serde_json::json;
use siskin::{Model, Port};
use siskin_compiler::data::atomic;
use siskin_compiler::format::Card;
use std::collections::BTreeSet;

/// Prints or writes the header, and writes the C source if one is named.
pub(crate) fn c_header(args: &Args, a: &Inspect, model: &Model<'_>, file: &[u8]) -> Result<(), Failure> {
    let (header, data) = texts(model, file, &a.c_prefix);
    if let Some(path) = &a.c_model {
        atomic::write(path, |w| w.write_all(data.as_bytes()))?;
    }
    let Some(path) = &a.output else {
        return print(args.json, &json!({ "c_header": header }), &header);
    };
    atomic::write(path, |w| w.write_all(header.as_bytes()))?;
    print(args.json, &json!({ "output": path.display().to_string() }), &format!("wrote {}\n", path.display()))
}

/// The header and the C source with the model's bytes. `prefix` is in upper case.
pub(super) fn texts(model: &Model<'_>, file: &[u8], prefix: &str) -> (String, String) {
    let card = Card::decode(model.artifact().card()).unwrap_or_default();
    let source = Source { model, file, card: &card, upper: prefix, lower: prefix.to_ascii_lowercase() };
    (source.header(), source.data())
}

struct Source<'a> {
    model: &'a Model<'a>,
    file: &'a [u8],
    card: &'a Card,
    upper: &'a str,
    lower: String,
}

impl Source<'_> {
    fn header(&self) -> String {
        let (upper, lower) = (self.upper, &self.lower);
        let mut out = format!(
            "/* Made by siskin inspect --c-header; do not edit. */\n\
             #ifndef {upper}_MODEL_H\n#define {upper}_MODEL_H\n\n#include <siskin.h>\n\n"
        );
        self.constants(&mut out);
        for (role, ports) in [("INPUT", ports(self.model.inputs())), ("OUTPUT", ports(self.model.outputs()))] {
            define(&mut out, &format!("{upper}_{role}S"), &ports.len().to_string());
            ports.iter().enumerate().for_each(|(i, p)| port(&mut out, &format!("{upper}_{role}_{i}"), p));
            out += "\n";
        }
        if !self.card.labels.is_empty() {
            let labels: Vec<_> = self.card.labels.iter().map(|l| quoted(l)).collect();
            out += "/* The classes, in the order of the output. */\n";
            define(&mut out, &format!("{upper}_LABEL_COUNT"), &labels.len().to_string());
            define(&mut out, &format!("{upper}_LABELS"), &format!("{{ {} }}", labels.join(", ")));
            out += "\n";
        }
        out += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
        self.ops(&mut out);
        let _ = writeln!(
            out,
            "/* The file's bytes: link the C source of --c-model, or put the file there in another way. */\n\
             extern const unsigned char {lower}_model_data[{upper}_MODEL_BYTES];"
        );
        out + "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n"
    }

    fn constants(&self, out: &mut String) {
        let (upper, model) = (self.upper, self.model);
        let header = model.artifact().header();
        let digest: String = header.digest.iter().map(|b| format!("{b:02x}")).collect();
        define(out, &format!("{upper}_MODEL_NAME"), &quoted(&self.card.name));
        define(out, &format!("{upper}_MODEL_DIGEST"), &quoted(&digest));
        define(out, &format!("{upper}_MODEL_BYTES"), &self.file.len().to_string());
        *out += "\n/* Memory of a session, each area aligned to SISKIN_ALIGN. */\n";
        define(out, &format!("{upper}_ARENA_BYTES"), &model.arena_len().to_string());
        define(out, &format!("{upper}_STATE_BYTES"), &model.state_len().to_string());
        *out += "\n";
    }

    /// The table of the operators that the model uses, each once.
    fn ops(&self, out: &mut String) {
        let names: BTreeSet<_> = self.model.steps().map(|step| step.entry.name).collect();
        let lower = &self.lower;
        // C has no array of no elements.
        let mut list: Vec<_> = names.iter().map(|name| format!("    &siskin_op_{name},\n")).collect();
        list.extend(names.is_empty().then(|| "    0,\n".to_string()));
        let _ = write!(
            out,
            "/* The operators that the model uses: only these are linked. */\n\
             static const siskin_op *const {lower}_model_op_list[] = {{\n{}}};\n\
             static const siskin_ops {lower}_model_ops = {{ {lower}_model_op_list, {} }};\n\n",
            list.concat(),
            names.len()
        );
    }

    /// A C source that defines the model's bytes.
    fn data(&self) -> String {
        let (lower, bytes) = (&self.lower, self.file.len());
        let mut out = format!(
            "/* Made by siskin inspect --c-model; do not edit. */\n#include <siskin.h>\n\n\
             extern const unsigned char {lower}_model_data[{bytes}];\n\n\
             SISKIN_ALIGNED const unsigned char {lower}_model_data[{bytes}] = {{\n"
        );
        for row in self.file.chunks(24) {
            row.iter().for_each(|byte| {
                let _ = write!(out, "{byte},");
            });
            out += "\n";
        }
        out + "};\n"
    }
}

fn ports<'a>(ports: impl Iterator<Item = Port<'a>>) -> Vec<Port<'a>> {
    ports.collect()
}

fn define(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "#define {name} {value}");
}

fn port(out: &mut String, name: &str, port: &Port<'_>) {
    let dims: Vec<_> = port.shape.dims().iter().map(u32::to_string).collect();
    let elements = port.shape.elements();
    // C has no empty initialiser either; a scalar's rank is 0 all the same.
    let shape = if dims.is_empty() { "1".into() } else { dims.join(", ") };
    let dtype = |d: siskin::DType| format!("SISKIN_DTYPE_{}", d.name().to_uppercase());
    define(out, &format!("{name}_NAME"), &quoted(port.name));
    define(out, &format!("{name}_RANK"), &dims.len().to_string());
    define(out, &format!("{name}_SHAPE"), &format!("{{ {shape} }}"));
    define(out, &format!("{name}_ELEMENTS"), &elements.to_string());
    define(out, &format!("{name}_BYTES"), &(elements * port.dtype.size() as usize).to_string());
    define(out, &format!("{name}_DTYPE"), &dtype(port.dtype));
    define(out, &format!("{name}_OUTER_DTYPE"), &dtype(port.outer));
    // The shortest decimal that reads back as the same float.
    define(out, &format!("{name}_SCALE"), &format!("{:e}f", port.scale));
    define(out, &format!("{name}_ZERO_POINT"), &port.zero_point.to_string());
}

/// A text as a C string: UTF-8, whatever it holds.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for byte in text.bytes() {
        match byte {
            // A question mark is escaped because two of them can begin a trigraph.
            b'"' | b'\\' | b'?' => out.extend(['\\', char::from(byte)]),
            b' '..=b'~' => out.push(char::from(byte)),
            // Three octal digits end by themselves; hexadecimal ones would take in what follows.
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out + "\""
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn any_text_becomes_a_c_string() {
        assert_eq!(quoted("yes/no"), "\"yes/no\"");
        assert_eq!(quoted("a\"b\\c\n1?"), r#""a\"b\\c\0121\?""#);
        assert_eq!(quoted("é"), r#""\303\251""#);
    }
}
