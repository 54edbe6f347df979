//! Folds a `Pad` with zeros into the convolution that reads it.

use crate::ir::{Graph, IrError, NodeId};
use siskin::op::{Conv, ConvAttrs, Pad};

pub(super) fn fold_pad(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.all::<Conv>() {
        changed |= fold(graph, id).is_some();
    }
    Ok(changed)
}

fn fold(graph: &mut Graph, id: NodeId) -> Option<()> {
    let conv = graph.node(id).get::<Conv>()?;
    let pad = graph.node(graph.producer(graph.node(id).input(0)?)?).clone();
    let attrs = pad.get::<Pad>()?;
    let zero = match pad.input(1) {
        Some(v) => graph.constant(v)?.to_f32().iter().all(|&v| v == 0.0),
        None => true,
    };
    let x = pad.input(0)?;
    let last = graph.dims(x).len() - 1;
    // Batch and channels cannot be padded by a convolution.
    let outer = [attrs.begin[0], attrs.end[0], attrs.begin[last], attrs.end[last]];
    let (mut begin, mut end) = (conv.pad_begin, conv.pad_end);
    for axis in 1..last {
        // Spatial axes align at the end of three.
        let slot = 3 - last + axis;
        begin[slot] = begin[slot].checked_add_signed(attrs.begin[axis]).filter(|_| attrs.begin[axis] >= 0)?;
        end[slot] = end[slot].checked_add_signed(attrs.end[axis]).filter(|_| attrs.end[axis] >= 0)?;
    }
    if !zero || outer != [0; 4] {
        return None;
    }
    let node = graph.node_mut(id);
    node.inputs[0] = Some(x);
    node.set(&ConvAttrs { pad_begin: begin, pad_end: end, ..conv });
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn pads_add_up() {
        super::super::check(
            ("fold_pad", super::fold_pad),
            "graph g\nin x: f32[1,4,1]\np: f32[1,6,1] = Pad(x) begin=[0,2,0,0,0,0,0,0] end=[0,0,0,0,0,0,0,0]\n\
             const w: f32[1,3,1] = 1 2 3\ny: f32[1,4,1] = Conv(p, w) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] group=1 min=-inf max=inf\nout y\n",
            "graph g\nin x: f32[1,4,1]\n\
             const w: f32[1,3,1] = 1 2 3\ny: f32[1,4,1] = Conv(x, w) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,2] pad_end=[0,0,0] group=1 min=-inf max=inf\nout y\n",
        );
    }
}
