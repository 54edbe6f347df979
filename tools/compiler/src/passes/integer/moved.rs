//! Operators that only move values: the same operator, on integers.

use super::{Match, Quantized, dequantized};
use crate::ir::{Graph, IrError, ValueId};

/// The operator on the integers behind its operands, which must share the output's parameters.
pub(in super::super) fn moved(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let mut inputs = Vec::new();
    for input in &m.node.inputs {
        let q = input.and_then(|v| dequantized(graph, v));
        match q {
            Some(q) => inputs.push(Some(aligned(graph, m, q)?)),
            None => return Ok(None),
        }
    }
    Ok(Some(graph.add_entry(&m.node.name, m.node.op, m.node.attrs.clone(), &inputs)?[0]))
}

/// The integers in the output's parameters.
fn aligned(graph: &mut Graph, m: &Match<'_>, q: Quantized) -> Result<ValueId, IrError> {
    if q.scale == m.y.scale && q.zero == m.y.zero { Ok(q.value) } else { super::table::map(graph, m, q, |v| v) }
}
