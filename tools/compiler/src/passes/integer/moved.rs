//! Operators that only move values: the same operator, on integers.

use super::{Match, Quantized, dequantized};
use crate::ir::{Graph, IrError, ValueId};

/// The operator on the integers behind its operands, which must share the output's parameters.
pub(in super::super) fn moved(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let mut inputs = Vec::new();
    let count = crate::quantize::moved_operands(m.node);
    for input in m.node.inputs.iter().take(count) {
        let q = input.and_then(|v| dequantized(graph, v));
        match q {
            Some(q) => inputs.push(Some(aligned(graph, m, q)?)),
            None => return Ok(None),
        }
    }
    inputs.extend(m.node.inputs.iter().skip(count));
    Ok(Some(graph.add_entry(&m.node.name, m.node.op, m.node.attrs.clone(), &inputs)?[0]))
}

/// The integers in the output's parameters.
fn aligned(graph: &mut Graph, m: &Match<'_>, q: Quantized) -> Result<ValueId, IrError> {
    if q.scale == m.y.scale && q.zero == m.y.zero { Ok(q.value) } else { super::table::map(graph, m, q, |v| v) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn positions_are_no_values() {
        super::super::check(
            "in p: i8[4,3]\nconst i: i32[2] = 3 0\na: f32[4,3] = DQ(p, t, u) pair\nr: f32[2,3] = Gather(a, i) axis=0\n\
             y: i8[2,3] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in p: i8[4,3]\nconst i: i32[2] = 3 0\ny: i8[2,3] = Gather(p, i) axis=0\nout y\n",
        );
    }

    #[test]
    fn integers_move_in_the_parameters_of_the_result() {
        super::super::check(
            "in p: i8[2]\nin q: i8[3]\na: f32[2] = DQ(p, t, u) pair\nb: f32[3] = DQ(q, t, u) pair\n\
             r: f32[5] = Concat(a, b) axis=0\ny: i8[5] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in p: i8[2]\nin q: i8[3]\ny: i8[5] = Concat(p, q) axis=0\nout y\n",
        );
    }
}
