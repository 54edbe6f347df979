//! Turns a mean over all spatial axes into an `AveragePool` whose window is the whole image.
//!
//! `ReduceMean` over axes `1..n-1` of `[batch, …, channels]` is a global average pool, which has an integer form.

use crate::ir::{Graph, IrError, NodeId};
use siskin::op::{AveragePool, AveragePoolAttrs, ReduceMean, Reshape, ReshapeAttrs};

pub(super) fn pool_means(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<ReduceMean>() {
        changed |= pool(graph, id)?;
    }
    Ok(changed)
}

fn pool(graph: &mut Graph, id: NodeId) -> Result<bool, IrError> {
    let node = graph.node(id).clone();
    let (Some(x), Some(attrs)) = (node.input(0), crate::quantize::reduction(&node)) else { return Ok(false) };
    let rank = graph.dims(x).len();
    let spatial: u32 = (1..rank.saturating_sub(1)).map(|i| 1 << i).sum();
    if !(3..=5).contains(&rank) || attrs.axes != spatial || graph.dtype(x) != siskin::DType::F32 {
        return Ok(false);
    }
    let mut kernel = [1; 3];
    for (k, &d) in kernel.iter_mut().rev().zip(graph.dims(x)[1..rank - 1].iter().rev()) {
        *k = d;
    }
    let (ones, none) = ([1; 3], [0; 3]);
    let pool = AveragePoolAttrs {
        kernel,
        stride: ones,
        dilation: ones,
        pad_begin: none,
        pad_end: none,
        count_include_pad: false,
        uncounted: none,
    };
    let y = graph.add::<AveragePool>(&node.name, &pool, &[Some(x)])?[0];
    let shape = graph.ty(node.outputs[0]).shape;
    let y = graph.add::<Reshape>(&node.name, &ReshapeAttrs { shape }, &[Some(y)])?[0];
    graph.replace(node.outputs[0], y);
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn over_height_and_width() {
        super::super::check(
            ("pool_means", super::pool_means),
            "graph g\nin x: f32[1,4,3,2]\ny: f32[1,2] = ReduceMean(x) axes=6 keepdims=false\nout y\n",
            "graph g\nin x: f32[1,4,3,2]\np: f32[1,1,1,2] = AveragePool(x) kernel=[1,4,3] stride=[1,1,1] dilation=[1,1,1] \
             pad_begin=[0,0,0] pad_end=[0,0,0] count_include_pad=false uncounted=[0,0,0]\n\
             y: f32[1,2] = Reshape(p) shape=[1,2]\nout y\n",
        );
    }
}
