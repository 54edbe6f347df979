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
