//! Lets equal nodes be one: same operator, attributes and operands.

use crate::ir::{Graph, IrError};
use std::collections::HashMap;

pub(super) fn share_repeated(graph: &mut Graph) -> Result<bool, IrError> {
    let mut seen: HashMap<_, Vec<_>> = HashMap::new();
    let mut changed = false;
    for id in graph.order() {
        let node = graph.node(id).clone();
        let key = (node.op.code, node.attrs, node.inputs);
        match seen.get(&key) {
            Some(first) => {
                for (&old, &new) in node.outputs.iter().zip(first) {
                    graph.replace(old, new);
                }
                changed = true;
            }
            None => {
                seen.insert(key, node.outputs);
            }
        }
    }
    Ok(changed)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_second_reads_the_first() {
        super::super::check(
            ("share_repeated", super::share_repeated),
            "graph g\nin x: f32[2]\na: f32[2] = Relu(x)\nb: f32[2] = Relu(x)\nc: f32[2] = Add(a, b)\nout c\n",
            "graph g\nin x: f32[2]\na: f32[2] = Relu(x)\nc: f32[2] = Add(a, a)\nout c\n",
        );
    }
}
