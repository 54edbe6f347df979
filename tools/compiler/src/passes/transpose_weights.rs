//! Lets a `MatMul` by constant weights read features in the order in which they lie.
//!
//! ```text
//! x [n,h,w,c] -> Transpose -> Reshape [n, c·h·w] -> MatMul(W)   becomes   x -> Reshape [n, h·w·c] -> MatMul(W')
//! ```
//!
//! `W'` is `W` with its rows in the other order: the transpose is paid once, here.

use crate::ir::{Graph, IrError, NodeId, ValueId};
use siskin::Shape;
use siskin::op::{DequantizeLinear, MatMul, Reshape, ReshapeAttrs, Transpose, TransposeAttrs};

pub(super) fn transpose_weights(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<MatMul>() {
        if let Some(found) = find(graph, id) {
            rewrite(graph, id, &found)?;
            changed = true;
        }
    }
    Ok(changed)
}

struct Found {
    /// What is transposed.
    x: ValueId,
    /// The axes behind the batch, in the order of the transpose, counted without the batch.
    order: Vec<u32>,
    /// The lengths of those axes.
    lengths: Vec<u32>,
}

fn find(graph: &Graph, id: NodeId) -> Option<Found> {
    let node = graph.node(id);
    let attrs = node.get::<MatMul>()?;
    let flat = node.input(0)?;
    let reshape = graph.node(graph.producer(flat)?);
    let transpose = graph.node(graph.producer(reshape.input(0).filter(|_| reshape.is::<Reshape>())?)?);
    let perm = transpose.get::<Transpose>()?.perm;
    let x = transpose.input(0)?;
    let dims = graph.dims(x);
    let [batch, features] = *graph.dims(flat) else { return None };
    if perm[0] != 0 || dims.is_empty() {
        return None;
    }
    let flattens = batch == dims[0] && features == dims.iter().skip(1).product::<u32>();
    let order: Vec<u32> = perm.iter().take(dims.len()).skip(1).map(|p| p.wrapping_sub(1)).collect();
    let lengths = order.iter().map(|&p| dims[p as usize + 1]).collect();
    let constant = weights(graph, node.input(1)?).is_some();
    (flattens && constant && !attrs.transpose_b).then_some(Found { x, order, lengths })
}

/// The constant behind the weights, dequantized along the outputs or not at all.
fn weights(graph: &Graph, w: ValueId) -> Option<(ValueId, Option<NodeId>)> {
    if graph.constant(w).is_some() {
        return (graph.dims(w).len() == 2).then_some((w, None));
    }
    let id = graph.producer(w)?;
    let attrs = graph.node(id).get::<DequantizeLinear>()?;
    let scales = graph.ty(graph.node(id).input(1)?).shape.elements();
    let q = graph.node(id).input(0).filter(|&q| graph.constant(q).is_some())?;
    (scales == 1 || attrs.axis == 1 && attrs.block == 0).then_some((q, Some(id)))
}

fn rewrite(graph: &mut Graph, id: NodeId, found: &Found) -> Result<(), IrError> {
    let node = graph.node(id).clone();
    let flat_ty = node.input(0).map(|v| graph.ty(v));
    let (Some(flat_ty), Some((w, dequantize))) = (flat_ty, node.input(1).and_then(|w| weights(graph, w))) else {
        return Ok(());
    };
    let name = node.name.as_str();
    let flat = graph.add::<Reshape>(name, &ReshapeAttrs { shape: flat_ty.shape }, &[Some(found.x)])?[0];
    // Rows [c, h, w] to [h, w, c]: the inverse of the transpose.
    let (rows, outs) = (graph.ty(w).shape, graph.dims(w)[1]);
    let mut split = found.lengths.clone();
    split.push(outs);
    let mut inverse: Vec<u32> = vec![0; found.order.len()];
    found.order.iter().zip(0..).for_each(|(&p, i)| inverse[p as usize] = i);
    inverse.push(found.order.len() as u32);
    let broken = || IrError::Definition(name.into());
    let split = ReshapeAttrs { shape: Shape::new(&split).ok_or_else(broken)? };
    let w = graph.add::<Reshape>(name, &split, &[Some(w)])?[0];
    let w = graph.add::<Transpose>(name, &TransposeAttrs::new(&inverse).ok_or_else(broken)?, &[Some(w)])?[0];
    let mut w = graph.add::<Reshape>(name, &ReshapeAttrs { shape: rows }, &[Some(w)])?[0];
    if let Some(d) = dequantize {
        let d = graph.node(d).clone();
        let mut inputs = d.inputs.clone();
        inputs[0] = Some(w);
        w = graph.add_entry(&d.name, d.op, d.attrs, &inputs)?[0];
    }
    let inputs = &mut graph.node_mut(id).inputs;
    (inputs[0], inputs[1]) = (Some(flat), Some(w));
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use crate::passes::{SIMPLIFY, run};

    #[test]
    fn a_transpose_that_moves_the_batch_stays() {
        let text = "graph g\nin x: f32[2,3]\nt: f32[3,2] = Transpose(x) perm=[1,0,2,3,4,5,6,7]\n\
                    f: f32[3,2] = Reshape(t) shape=[3,2]\nconst w: f32[2,1] = 1 2\n\
                    y: f32[3,1] = MatMul(f, w) transpose_b=false min=-inf max=inf\nout y\n";
        crate::passes::check(("transpose_weights", super::transpose_weights), text, text);
    }

    #[test]
    fn rows_follow_the_features() {
        let text = "graph g\nin x: f32[1,2,3]\nt: f32[1,3,2] = Transpose(x) perm=[0,2,1,3,4,5,6,7]\n\
                    f: f32[1,6] = Reshape(t) shape=[1,6]\nconst w: f32[6,1] = 1 2 3 4 5 6\n\
                    y: f32[1,1] = MatMul(f, w) transpose_b=false min=-inf max=inf\nout y\n";
        let mut graph = crate::ir::parse(text).unwrap();
        run(&mut graph, SIMPLIFY).unwrap();
        assert!(!graph.to_string().contains("Transpose"), "{graph}");
        assert!(graph.to_string().contains("= 1 3 5 2 4 6"), "{graph}");
    }
}
