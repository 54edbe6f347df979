//! Moves `QuantizeLinear` above an operator that only moves values.
//!
//! `QuantizeLinear(move(x)) = move(QuantizeLinear(x))`, exactly, since it rounds each value alone and keeps their order: so
//! the quantization reaches the operator that computes `x`, which [`super::fuse_qdq`] then makes integer, and a quarter of
//! the bytes are moved. An average stays float where its integer form would round otherwise. Below a `DequantizeLinear` it is [`super::delay_dequantize`]'s turn.

use super::integer::{dequantized, pool, quantized};
use crate::ir::{Graph, IrError, NodeId};
use siskin::op::{AveragePool, QuantizeLinear};

pub(super) fn advance_quantize(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<QuantizeLinear>() {
        changed |= advance(graph, id)?;
    }
    Ok(changed)
}

fn advance(graph: &mut Graph, id: NodeId) -> Result<bool, IrError> {
    let quantize = graph.node(id).clone();
    let old = quantize.outputs[0];
    let (Some(y), Some(parameters)) = (quantize.input(0), quantized(graph, old)) else { return Ok(false) };
    let Some(mover) = graph.producer(y).map(|n| graph.node(n).clone()) else { return Ok(false) };
    let [Some(x)] = mover.inputs[..] else { return Ok(false) };
    // A value that others read stays float beside its integers, which saves nothing.
    let alone = |v| graph.use_count(v) == 1 && !graph.is_output(v);
    if !crate::quantize::moves(&mover) || !alone(x) || !alone(y) || dequantized(graph, x).is_some() {
        return Ok(false);
    }
    let average = graph.producer(x).map(|n| graph.node(n)).filter(|n| n.is::<AveragePool>());
    if average.is_some_and(|n| !pool::rounds_alike(graph, n, parameters.scale)) {
        return Ok(false);
    }
    let mut inputs = quantize.inputs.clone();
    inputs[0] = Some(x);
    let integers = graph.add_entry(&quantize.name, quantize.op, quantize.attrs, &inputs)?[0];
    let moved = graph.add_entry(&mover.name, mover.op, mover.attrs, &[Some(integers)])?[0];
    graph.replace(old, moved);
    Ok(true)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    const PASS: super::super::Pass = ("advance_quantize", super::advance_quantize);
    const HEAD: &str = "graph g\nin x: f32[2,3]\nconst s: f32[] = 0.5\nconst z: i8[] = 1\n";

    #[test]
    fn integers_are_moved() {
        super::super::check(
            PASS,
            &format!(
                "{HEAD}a: f32[2,3] = Relu(x)\nr: f32[6] = Reshape(a) shape=[6]\n\
                 q: i8[6] = QuantizeLinear(r, s, z) axis=0 block=0 dtype=i8\nout q\n"
            ),
            "graph g\nin x: f32[2,3]\na: f32[2,3] = Relu(x)\nconst s: f32[] = 0.5\nconst z: i8[] = 1\n\
             q: i8[2,3] = QuantizeLinear(a, s, z) axis=0 block=0 dtype=i8\nr: i8[6] = Reshape(q) shape=[6]\nout r\n",
        );
    }

    #[test]
    fn an_average_that_would_round_otherwise_stays() {
        let average = |side: u32, step: &str| {
            format!(
                "graph g\nin i: i8[1,{side},1,2]\nconst s: f32[] = 0.5\nconst z: i8[] = 1\nconst t: f32[] = {step}\n\
                 x: f32[1,{side},1,2] = DequantizeLinear(i, s, z) axis=0 block=0\n\
                 a: f32[1,1,1,2] = AveragePool(x) kernel=[1,{side},1] stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] \
                 pad_end=[0,0,0] count_include_pad=false uncounted=[0,0,0]\nr: f32[1,2] = Reshape(a) shape=[1,2]\n\
                 q: i8[1,2] = QuantizeLinear(r, t, z) axis=0 block=0 dtype=i8\nout q\n"
            )
        };
        let moves = |text: &str| super::advance_quantize(&mut crate::ir::parse(text).unwrap()).unwrap();
        assert!(moves(&average(5, "0.5")));
        assert!(!moves(&average(4, "0.5")), "four elements can tie");
        assert!(!moves(&average(5, "0.25")), "steps differ");
        assert!(!moves(&average(175, "0.5")), "too many for the float sum");
    }

    #[test]
    fn a_value_that_others_read_stays() {
        let text = format!(
            "{HEAD}a: f32[2,3] = Relu(x)\nr: f32[6] = Reshape(a) shape=[6]\n\
             q: i8[6] = QuantizeLinear(r, s, z) axis=0 block=0 dtype=i8\nb: f32[2,3] = Relu(a)\nout q\nout b\n"
        );
        super::super::check(PASS, &text, &text);
    }
}
