//! Functions of one value: a table of 256 integers, computed with the shipped float operator.

use super::{Match, Quantized, dequantized};
use crate::ir::{Graph, IrError, Tensor, ValueId};
use crate::run::eval;
use siskin::attrs::NoAttrs;
use siskin::op::Lut;

/// `QuantizeLinear(f(DequantizeLinear(x)))` for every `x`, where `f` is an operator of one computed value.
pub(in super::super) fn table(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let supported = crate::quantize::TABLED.contains(&m.node.op.name);
    let Some(x) = m.node.input(0).filter(|_| supported).and_then(|v| dequantized(graph, v)) else { return Ok(None) };
    let mut operands = vec![Tensor::vector(&steps(&x))];
    for extra in m.node.inputs.iter().skip(1) {
        match extra.map(|v| graph.constant(v).cloned()) {
            Some(Some(tensor)) => operands.push((*tensor).clone()),
            Some(None) => return Ok(None),
            None => return Ok(None),
        }
    }
    let refs: Vec<_> = operands.iter().map(Some).collect();
    let Ok(results) = eval(m.node.op, &m.node.attrs, &refs) else { return Ok(None) };
    let Some(values) = results.first().and_then(|t| t.get::<f32>()) else { return Ok(None) };
    let entries: Vec<i8> = values.iter().map(|&v| m.y.quantize(v)).collect();
    Ok(Some(add(graph, m, x, &entries)?))
}

/// A pair of DQ and Q with other parameters.
pub(in super::super) fn requantize(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let Some(x) = dequantized(graph, m.node.outputs[0]) else { return Ok(None) };
    if x.scale == m.y.scale && x.zero == m.y.zero {
        return Ok(Some(x.value));
    }
    Ok(Some(map(graph, m, x, |v| v)?))
}

/// The table of `f`.
pub(super) fn map(graph: &mut Graph, m: &Match<'_>, x: Quantized, f: fn(f32) -> f32) -> Result<ValueId, IrError> {
    let entries: Vec<i8> = steps(&x).iter().map(|&v| m.y.quantize(f(v))).collect();
    add(graph, m, x, &entries)
}

/// The real value of each integer, from -128 on.
fn steps(x: &Quantized) -> Vec<f32> {
    (-128..128).map(|q| (q - x.zero) as f32 * x.scale).collect()
}

fn add(graph: &mut Graph, m: &Match<'_>, x: Quantized, entries: &[i8]) -> Result<ValueId, IrError> {
    let table = graph.add_const("table", Tensor::vector(entries));
    Ok(graph.add::<Lut>(&m.node.name, &NoAttrs {}, &[Some(x.value), Some(table)])?[0])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use crate::ir::Graph;

    /// The table of `body`, which makes `y` of `q`, for the integers from -128 on.
    fn table(body: &str) -> Vec<i8> {
        let text = format!(
            "graph g\nin q: i8[2]\nconst s: f32[] = 0.5\nconst z: i8[] = 1\nconst t: f32[] = 0.25\nconst u: i8[] = -2\n\
             x: f32[2] = DequantizeLinear(q, s, z) axis=0 block=0\n{body}out y\n"
        );
        let mut graph: Graph = crate::ir::parse(&text).unwrap();
        assert!(super::super::super::fuse_qdq::fuse_qdq(&mut graph).unwrap());
        let lut = graph.node(graph.producer(graph.outputs[0].value).unwrap()).clone();
        assert!(lut.is::<siskin::op::Lut>());
        graph.constant(lut.input(1).unwrap()).unwrap().get::<i8>().unwrap().to_vec()
    }

    #[test]
    fn a_function_of_one_value_becomes_its_table() {
        let entries = table("r: f32[2] = Abs(x)\ny: i8[2] = QuantizeLinear(r, t, u) axis=0 block=0 dtype=i8\n");
        let expected = |q: i32| (((q - 1) as f32 * 0.5).abs() / 0.25 - 2.0).min(127.0) as i8;
        assert_eq!(entries, (-128..128).map(expected).collect::<Vec<_>>());
    }

    #[test]
    fn other_parameters_are_a_table() {
        let entries = table("y: i8[2] = QuantizeLinear(x, t, u) axis=0 block=0 dtype=i8\n");
        assert_eq!(entries, (-128..128).map(|q| ((q - 1) * 2 - 2).clamp(-128, 127) as i8).collect::<Vec<_>>());
    }
}
