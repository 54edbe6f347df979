//! The text form of a graph: what tests print and read.
//!
//! ```text
//! graph name
//! in x: f32[1,4]
//! const w: f32[2,4] = 1 2 3 4 5 6 7 8
//! y: f32[1,2] = MatMul(x, w) transpose=true
//! out y
//! ```
//!
//! Names are `%` and a number when printed; when read, any word serves. A constant gives its elements, or one
//! element for all of them. `_` stands for an optional operand that is not given. Long constants are printed
//! shortened with `…`, and such a text cannot be read back.

use super::{Graph, IrError, NodeId, Tensor, ValueId};
use core::fmt;
use half::f16;
use siskin::attrs::Word;
use siskin::{DType, Shape, Type};
use std::collections::HashMap;

/// Elements of a constant that are printed.
const SHOWN: usize = 32;

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}", self.name)?;
        for port in &self.inputs {
            writeln!(f, "in {}: {}", port.value, self.ty(port.value))?;
        }
        let order = self.order();
        let mut shown = std::collections::HashSet::new();
        for &id in &order {
            for &value in self.node(id).inputs.iter().flatten() {
                if let Some(tensor) = self.constant(value)
                    && shown.insert(value)
                {
                    show_const(f, value, tensor)?;
                }
            }
            self.show_node(f, id)?;
        }
        for port in &self.outputs {
            writeln!(f, "out {}", port.value)?;
        }
        Ok(())
    }
}

impl Graph {
    fn show_node(&self, f: &mut fmt::Formatter<'_>, id: NodeId) -> fmt::Result {
        let node = self.node(id);
        for (i, &out) in node.outputs.iter().enumerate() {
            write!(f, "{}{out}: {}", if i == 0 { "" } else { ", " }, self.ty(out))?;
        }
        write!(f, " = {}(", node.op.name)?;
        for (i, input) in node.inputs.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { ", " })?;
            match input {
                Some(v) => write!(f, "{v}")?,
                None => f.write_str("_")?,
            }
        }
        f.write_str(")")?;
        node.op.show(&node.attrs, f)?;
        writeln!(f)
    }
}

fn show_const(f: &mut fmt::Formatter<'_>, value: ValueId, tensor: &Tensor) -> fmt::Result {
    write!(f, "const {value}: {} =", tensor.ty())?;
    let elements: Vec<String> = match tensor.to_i64() {
        Some(ints) => ints.iter().map(ToString::to_string).collect(),
        None => tensor.to_f32().iter().map(ToString::to_string).collect(),
    };
    let same = elements.iter().all(|e| Some(e) == elements.first());
    let count = if same { 1 } else { SHOWN };
    for e in elements.iter().take(count) {
        write!(f, " {e}")?;
    }
    writeln!(f, "{}", if !same && elements.len() > SHOWN { " …" } else { "" })
}

/// Reads the text form.
///
/// # Errors
/// [`IrError::Text`] with the line, or what [`Graph::add_entry`] says of a node.
pub fn parse(text: &str) -> Result<Graph, IrError> {
    let mut reader = Reader { graph: Graph::default(), names: HashMap::new() };
    for (i, line) in text.lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            reader.line(line).map_err(|reason| match reason {
                Reason::Text(reason) => IrError::Text { line: i + 1, reason },
                Reason::Ir(e) => e,
            })?;
        }
    }
    Ok(reader.graph)
}

enum Reason {
    Text(String),
    Ir(IrError),
}

impl From<&str> for Reason {
    fn from(s: &str) -> Reason {
        Reason::Text(s.into())
    }
}

struct Reader {
    graph: Graph,
    names: HashMap<String, ValueId>,
}

impl Reader {
    fn line(&mut self, line: &str) -> Result<(), Reason> {
        let (head, rest) = line.split_once(' ').ok_or("a statement expected")?;
        match head {
            "graph" => self.graph.name = rest.into(),
            "in" => {
                let (name, ty) = typed(rest)?;
                let id = self.graph.add_input(name, ty);
                self.names.insert(name.into(), id);
            }
            "out" => {
                let id = self.value(rest.trim())?;
                self.graph.add_output(rest.trim(), id);
            }
            "const" => {
                let (decl, elements) = rest.split_once('=').ok_or("'=' expected")?;
                let (name, ty) = typed(decl)?;
                let tensor = constant(ty, elements)?;
                let id = self.graph.add_const(name, tensor);
                self.names.insert(name.into(), id);
            }
            _ => self.node(line)?,
        }
        Ok(())
    }

    fn node(&mut self, line: &str) -> Result<(), Reason> {
        let (decls, call) = line.split_once(" = ").ok_or("' = ' expected")?;
        let (op, rest) = call.split_once('(').ok_or("'(' expected")?;
        let (args, attrs) = rest.split_once(')').ok_or("')' expected")?;
        let entry = super::catalogue().by_name(op).ok_or_else(|| Reason::Text(format!("no operator '{op}'")))?;
        let mut words = Vec::new();
        entry
            .parse(attrs, &mut |w| words.push(w))
            .ok_or_else(|| Reason::Text(format!("attributes of {op}: '{attrs}'")))?;
        let mut inputs = Vec::new();
        for arg in args.split(',').map(str::trim).filter(|a| !a.is_empty()) {
            inputs.push(if arg == "_" { None } else { Some(self.value(arg)?) });
        }
        // A comma inside a type's brackets is no separator between outputs.
        let decls: Vec<(&str, Type)> = decls.split(", ").map(typed).collect::<Result<_, _>>()?;
        let name = decls.first().map_or("", |d| d.0);
        let outputs = self.graph.add_entry(name, entry, words, &inputs).map_err(Reason::Ir)?;
        for ((name, ty), id) in decls.into_iter().zip(outputs) {
            if self.graph.ty(id) != ty {
                return Err(Reason::Text(format!("{name} is {}, not {ty}", self.graph.ty(id))));
            }
            self.names.insert(name.into(), id);
        }
        Ok(())
    }

    fn value(&self, name: &str) -> Result<ValueId, Reason> {
        self.names.get(name).copied().ok_or_else(|| Reason::Text(format!("no value '{name}'")))
    }
}

fn typed(decl: &str) -> Result<(&str, Type), Reason> {
    let (name, ty) = decl.split_once(':').ok_or("'name: type' expected")?;
    let ty = ty.trim();
    let bracket = ty.find('[').ok_or("'[' expected")?;
    let dtype = DType::ALL.into_iter().find(|d| d.name() == &ty[..bracket]).ok_or("an element type expected")?;
    let shape = Shape::parse(&mut &ty[bracket..]).ok_or("'[axis,axis]' expected")?;
    Ok((name.trim(), Type::new(dtype, shape)))
}

fn constant(ty: Type, elements: &str) -> Result<Tensor, Reason> {
    let words: Vec<f64> =
        elements.split_whitespace().map(str::parse).collect::<Result<_, _>>().map_err(|_| "numbers expected")?;
    let n = ty.shape.elements();
    let words = if words.len() == 1 { vec![words[0]; n] } else { words };
    if words.len() != n {
        return Err(Reason::Text(format!("{n} elements expected, {} found", words.len())));
    }
    let mut tensor = Tensor::zeros(ty);
    macro_rules! fill {
        ($($d:ident: $t:ty, $f:expr;)*) => {
            match ty.dtype { $(DType::$d => if let Some(out) = tensor.get_mut::<$t>() {
                out.iter_mut().zip(&words).for_each(|(o, &w)| *o = $f(w));
            },)* _ => return Err("this element type has no text form".into()) }
        };
    }
    fill! {
        F32: f32, |w| w as f32; F16: f16, f16::from_f64; F64: f64, |w| w;
        I8: i8, |w| w as i8; U8: u8, |w| w as u8; I16: i16, |w| w as i16; U16: u16, |w| w as u16;
        I32: i32, |w| w as i32; U32: u32, |w| w as u32; I64: i64, |w| w as i64; U64: u64, |w| w as u64;
        Bool: u8, |w| u8::from(w != 0.0);
    }
    Ok(tensor)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_reads_back() {
        let text = "graph g\nin %0: f32[1,2]\n%1: f32[1,2] = Identity(%0)\nout %1\n";
        assert_eq!(parse(text).unwrap().to_string(), text);
    }

    #[test]
    fn errors_name_the_line() {
        let e = parse("graph g\nin x: f32[2]\ny: f32[3] = Identity(x)\n").unwrap_err();
        assert_eq!(e, IrError::Text { line: 3, reason: "y is f32[2], not f32[3]".into() });
    }
}
