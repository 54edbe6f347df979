//! The graph between import and artifact: typed values, operators of the runtime's catalogue.
//!
//! A node is an entry of the runtime's catalogue, its attribute words and its operands. There is no second list of
//! operators: inference, checking, constant folding and the text form all ask the runtime's own entry, so what
//! the compiler believes of an operator is what the device does.
//!
//! Invariants, checked by [`Graph::verify`] after every pass:
//! 1. every operand exists, and the nodes form no cycle;
//! 2. every value is defined once: as an input, a constant, or an output of one node;
//! 3. the types of a node's outputs are what its operator's rule says of its inputs;
//! 4. a constant's bytes are as long as its type says.
//!
//! Nodes that no output needs are dead: no walk sees them and nothing is emitted for them.

mod error;
mod graph;
mod tensor;
mod text;
mod verify;

pub use error::IrError;
pub use graph::{Def, Graph, Node, NodeId, Port, Quant, State, Value, ValueId};
pub use tensor::{Scalar, Tensor};
pub use text::parse;

use siskin::{Generic, OpSet};

/// The catalogue that graphs refer to.
#[must_use]
pub fn catalogue() -> OpSet {
    siskin::op::all::<Generic>()
}
