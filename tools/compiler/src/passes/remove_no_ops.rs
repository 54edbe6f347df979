//! Removes nodes that change nothing, and merges chains of `Reshape` and of `Transpose`.

use crate::ir::{Graph, IrError, NodeId, ValueId};
use siskin::op::{Concat, Expand, Identity, Pad, Reshape, Slice, Transpose, TransposeAttrs};

pub(super) fn remove_no_ops(graph: &mut Graph) -> Result<bool, IrError> {
    let mut changed = false;
    for id in graph.order() {
        if let Some(x) = unchanged(graph, id) {
            let y = graph.node(id).outputs[0];
            graph.replace(y, x);
            changed = true;
        } else {
            changed |= merge_reshape(graph, id).is_some() || merge_transpose(graph, id).is_some();
        }
    }
    Ok(changed)
}

/// The operand that the node's output equals, if it does.
fn unchanged(graph: &Graph, id: NodeId) -> Option<ValueId> {
    let node = graph.node(id);
    let (x, y) = (node.input(0)?, *node.outputs.first()?);
    let same = graph.ty(x) == graph.ty(y);
    let nothing = if node.is::<Identity>() {
        // A copy that makes an output of a constant or an input stays: ports want a tensor of their own.
        true
    } else if node.is::<Reshape>() || node.is::<Expand>() || node.is::<Concat>() && node.inputs.len() == 1 {
        same
    } else if let Some(a) = node.get::<Transpose>() {
        a.perm.iter().zip(0..).all(|(&p, i)| p == i)
    } else if let Some(a) = node.get::<Slice>() {
        same && a.step.iter().take(graph.dims(x).len()).zip(graph.dims(x)).all(|(&s, &d)| s > 0 || d == 1)
    } else if let Some(a) = node.get::<Pad>() {
        a.begin.iter().chain(&a.end).all(|&n| n == 0)
    } else {
        false
    };
    nothing.then_some(x)
}

/// `Reshape(Reshape(x))` is one `Reshape`.
fn merge_reshape(graph: &mut Graph, id: NodeId) -> Option<()> {
    let inner = graph.node(id).input(0).filter(|_| graph.node(id).is::<Reshape>())?;
    let before = graph.node(graph.producer(inner)?);
    let x = before.input(0).filter(|_| before.is::<Reshape>())?;
    graph.node_mut(id).inputs = vec![Some(x)];
    Some(())
}

/// `Transpose(Transpose(x))` is one `Transpose`.
fn merge_transpose(graph: &mut Graph, id: NodeId) -> Option<()> {
    let outer = graph.node(id).get::<Transpose>()?;
    let before = graph.node(graph.producer(graph.node(id).input(0)?)?);
    let (inner, x) = (before.get::<Transpose>()?, before.input(0)?);
    let perm = outer.perm.map(|p| inner.perm.get(p as usize).copied().unwrap_or(p));
    let node = graph.node_mut(id);
    node.inputs = vec![Some(x)];
    node.set(&TransposeAttrs { perm });
    Some(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn opposite_transposes_vanish() {
        let perm = "perm=[1,0,2,3,4,5,6,7]";
        let mut text = format!("graph g\nin x: f32[2,3]\na: f32[3,2] = Transpose(x) {perm}\n");
        text += &format!("b: f32[2,3] = Transpose(a) {perm}\nc: f32[2,3] = Relu(b)\nout c\n");
        let merged = "graph g\nin x: f32[2,3]\nb: f32[2,3] = Transpose(x) perm=[0,1,2,3,4,5,6,7]\nc: f32[2,3] = Relu(b)\nout c\n";
        let gone = "graph g\nin x: f32[2,3]\nc: f32[2,3] = Relu(x)\nout c\n";
        super::super::check(("remove_no_ops", super::remove_no_ops), &text, merged);
        super::super::check(("remove_no_ops", super::remove_no_ops), merged, gone);
    }

    #[test]
    fn reshapes_merge() {
        super::super::check(
            ("remove_no_ops", super::remove_no_ops),
            "graph g\nin x: f32[2,3]\na: f32[6] = Reshape(x) shape=[6]\nb: f32[3,2] = Reshape(a) shape=[3,2]\nout b\n",
            "graph g\nin x: f32[2,3]\nb: f32[3,2] = Reshape(x) shape=[3,2]\nout b\n",
        );
    }
}
