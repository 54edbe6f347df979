//! What is wrong with a graph.

use siskin::Type;

/// What is wrong with a graph. Nodes are named as in the source model.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum IrError {
    /// An operator's rule refuses its operands.
    #[error("node '{node}' ({op}): {reason}; inputs: {inputs}")]
    Refused {
        /// The node's name.
        node: String,
        /// The operator.
        op: &'static str,
        /// The rule's answer.
        reason: String,
        /// The inputs' types.
        inputs: String,
    },
    /// A node's recorded output type is not what its operator says.
    #[error("node '{node}' ({op}): output {output} is {found}, but the operator gives {expected}")]
    OutputType {
        /// The node's name.
        node: String,
        /// The operator.
        op: &'static str,
        /// Which output.
        output: usize,
        /// The recorded type.
        found: Type,
        /// The type by the rule.
        expected: Type,
    },
    /// The nodes form a cycle.
    #[error("node '{0}' depends on its own output")]
    Cycle(String),
    /// A value's definition is not consistent.
    #[error("value '{0}' is defined inconsistently")]
    Definition(String),
    /// A text is not a graph.
    #[error("line {line}: {reason}")]
    Text {
        /// The line, from 1.
        line: usize,
        /// What was expected.
        reason: String,
    },
}
