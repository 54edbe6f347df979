//! Checks the invariants that the module `ir` lists.

use super::graph::{Def, NodeId};
use super::{Graph, IrError};
use std::collections::HashMap;

impl Graph {
    /// Checks every invariant of a graph.
    ///
    /// # Errors
    /// The first one that does not hold, with the node or value that breaks it.
    pub fn verify(&self) -> Result<(), IrError> {
        let order = self.order();
        let place: HashMap<NodeId, usize> = order.iter().enumerate().map(|(i, &n)| (n, i)).collect();
        for (i, &id) in order.iter().enumerate() {
            let node = self.node(id);
            let operands = node.inputs.iter().flatten().filter_map(|&v| self.producer(v));
            if operands.map(|n| place.get(&n)).any(|p| p.is_none_or(|&p| p >= i)) {
                return Err(IrError::Cycle(node.name.clone()));
            }
            self.verify_node(id)?;
        }
        for (_, value) in self.values() {
            if let Def::Const(tensor) = &value.def
                && tensor.ty() != value.ty
            {
                return Err(IrError::Definition(value.name.clone()));
            }
        }
        Ok(())
    }

    fn verify_node(&self, id: NodeId) -> Result<(), IrError> {
        let node = self.node(id);
        let rule = self.infer(&node.name, node.op, &node.attrs, &node.inputs)?;
        for (i, (&value, expected)) in node.outputs.iter().zip(rule.types()).enumerate() {
            let found = self.ty(value);
            if found != expected {
                return Err(IrError::OutputType {
                    node: node.name.clone(),
                    op: node.op.name,
                    output: i,
                    found,
                    expected,
                });
            }
            if !matches!(self.value(value).def, Def::Node(n, k) if n == id && k == i) {
                return Err(IrError::Definition(self.value(value).name.clone()));
            }
        }
        if node.outputs.len() == rule.types().count() { Ok(()) } else { Err(IrError::Definition(node.name.clone())) }
    }
}
