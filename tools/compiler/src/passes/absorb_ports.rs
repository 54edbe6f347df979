//! Lets ports quantize: an input that is only quantized becomes integers, an output that is dequantized stays integers.
//!
//! The port keeps its `f32` face: callers write and read real values, and the port converts as `QuantizeLinear` and
//! `DequantizeLinear` would. The arena holds the integers alone.

use super::integer::{dequantized, quantized};
use crate::ir::{Graph, IrError, Port, Quant};
use siskin::DType;
use siskin::op::QuantizeLinear;

pub(super) fn absorb_ports(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for i in 0..graph.inputs.len() {
        changed |= absorb_input(graph, i).is_some();
    }
    for i in 0..graph.outputs.len() {
        let port = &graph.outputs[i];
        if port.quant.is_none()
            && let Some(q) = dequantized(graph, port.value)
        {
            let quant = Some(Quant { scale: q.scale, zero_point: q.zero });
            graph.outputs[i] = Port { value: q.value, quant, name: port.name.clone() };
            changed = true;
        }
    }
    Ok(changed)
}

fn absorb_input(graph: &mut Graph, i: usize) -> Option<()> {
    let port = graph.inputs[i].clone();
    let users = graph.users(port.value);
    let quantizes = |&(node, _): &(_, usize)| graph.node(node).is::<QuantizeLinear>();
    let first = graph.node(users.first()?.0).clone();
    let alike = users
        .iter()
        .all(|u| quantizes(u) && graph.node(u.0).inputs == first.inputs && graph.node(u.0).attrs == first.attrs);
    if !alike || graph.is_output(port.value) || graph.dtype(first.outputs[0]) != DType::I8 {
        return None;
    }
    let q = quantized(graph, first.outputs[0])?;
    let old: Vec<_> = users.iter().map(|&(node, _)| graph.node(node).outputs[0]).collect();
    let ty = graph.ty(first.outputs[0]);
    graph.value_mut(port.value).ty = ty;
    graph.inputs[i].quant = Some(Quant { scale: q.scale, zero_point: q.zero });
    for value in old {
        graph.replace(value, port.value);
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    #[test]
    fn both_ends_become_integers() {
        let text = "graph g\nin x: f32[2]\nconst s: f32[1] = 0.5\nconst z: i8[1] = 3\n\
             q: i8[2] = QuantizeLinear(x, s, z) axis=0 block=0 dtype=i8\ny: f32[2] = DequantizeLinear(q, s, z) axis=0 block=0\nout y\n";
        let text = text.replace("f32[1]", "f32[]").replace("i8[1]", "i8[]");
        let mut graph = crate::ir::parse(&text).unwrap();
        assert!(super::absorb_ports(&mut graph).unwrap());
        graph.verify().unwrap();
        assert_eq!(graph.to_string(), "graph g\nin %0: i8[2]\nout %0\n");
        assert_eq!(graph.inputs[0].quant, graph.outputs[0].quant);
        assert_eq!(graph.inputs[0].quant.unwrap().zero_point, 3);
    }
}
