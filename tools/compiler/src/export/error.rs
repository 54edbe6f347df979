//! Why an artifact cannot be exported.

/// Each names the file, and the operator if there is one.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file is no artifact, or a damaged one.
    #[error("{file}: {source}")]
    Artifact {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: siskin::Error,
    },
    /// The model remembers from one run to the next.
    #[error("{file}: keeps a state from one run to the next, which an ONNX graph does not: export a model without")]
    State {
        /// The file.
        file: String,
    },
    /// An operator that is not exported.
    #[error("{file}: operator {index} ({operator}) cannot be exported: {reason}")]
    Operator {
        /// The file.
        file: String,
        /// The operator's name.
        operator: &'static str,
        /// Its place among the operators, from 0.
        index: usize,
        /// Why.
        reason: String,
    },
    /// An input or output that is not exported.
    #[error("{file}: '{port}' cannot be exported: {reason}")]
    Port {
        /// The file.
        file: String,
        /// The name of the input or output.
        port: String,
        /// Why.
        reason: String,
    },
}
