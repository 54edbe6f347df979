//! Why a model cannot be imported.

use crate::ir::IrError;

/// Why a model cannot be imported: each names the file and, where there is one, the node, and the way out.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Read {
        /// The file.
        file: String,
        /// The system's reason.
        reason: String,
    },
    /// The file is no ONNX model.
    #[error("{file}: not a whole ONNX model ({reason}): export it again, or check that the download is complete")]
    Decode {
        /// The file.
        file: String,
        /// The decoder's reason.
        reason: String,
    },
    /// A tensor of the file cannot be loaded.
    #[error("{file}: tensor '{tensor}': {reason}")]
    Tensor {
        /// The file.
        file: String,
        /// The tensor's name.
        tensor: String,
        /// What is wrong.
        reason: String,
    },
    /// An operator that siskin does not have.
    #[error("{file}: node '{node}': operator {op} (domain '{domain}', opset {opset}) is not supported: {way_out}")]
    Unsupported {
        /// The file.
        file: String,
        /// The node's name.
        node: String,
        /// The operator.
        op: String,
        /// Its domain; empty for ONNX's own.
        domain: String,
        /// The opset version of that domain.
        opset: i64,
        /// What to do.
        way_out: String,
    },
    /// A node that is not as ONNX says, or beyond what siskin does.
    #[error("{file}: node '{node}' ({op}, opset {opset}): {reason}")]
    Node {
        /// The file.
        file: String,
        /// The node's name.
        node: String,
        /// The operator.
        op: String,
        /// The opset version.
        opset: i64,
        /// What is wrong and the way out.
        reason: String,
    },
    /// An input of the model whose type is not fixed or not supported.
    #[error("{file}: input '{input}': {reason}")]
    Input {
        /// The file.
        file: String,
        /// The input's name.
        input: String,
        /// What is wrong and the way out.
        reason: String,
    },
    /// The graph as a whole.
    #[error("{file}: {reason}")]
    Graph {
        /// The file.
        file: String,
        /// What is wrong and the way out.
        reason: String,
    },
}

impl ImportError {
    pub(crate) fn graph(file: &str, reason: impl Into<String>) -> ImportError {
        ImportError::Graph { file: file.into(), reason: reason.into() }
    }

    pub(crate) fn ir(file: &str, e: &IrError) -> ImportError {
        ImportError::Graph { file: file.into(), reason: e.to_string() }
    }
}
