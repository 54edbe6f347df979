//! ONNX to the IR, and what export writes to ONNX: the only place that names tract.
//!
//! tract decodes the protobuf and loads tensors, external data included. The graph itself is translated here, node by
//! node, from the protobuf: tract's own graph would fold the quantized weights to float and rewrite what the IR wants
//! to see as it was written. One file per family of operators; each lists its operators with a translator.
//!
//! Constants are folded while importing, with the shipped kernels, since shapes hang on them; `DequantizeLinear` of a
//! constant is kept, because its integers are the weights.
//!
//! What is absent: control flow (`If`, `Loop`, `Scan`), sequences, strings, symbolic shapes.

mod context;
mod encode;
mod error;
mod finite;
mod model;
mod proto;
#[cfg(test)]
mod testing;
mod window;

pub use context::NodeContext;
pub(crate) use encode::encode;
pub use error::ImportError;
pub use model::{NodeSummary, Options, Summary, import, summarize};
pub(crate) use proto::element_code;
pub use proto::read_tensor;

/// Translates one node; returns its outputs in ONNX's order, `None` for one that is not computed.
pub(crate) type Translate = fn(&mut NodeContext<'_>) -> Result<Vec<Option<crate::ir::ValueId>>, ImportError>;

macro_rules! families {
    ($($module:ident),* $(,)?) => {
        $(mod $module;)*

        /// The translator of an operator.
        fn translator(op: &str) -> Option<Translate> {
            let families: &[&[(&str, Translate)]] = &[$($module::OPERATORS),*];
            families.iter().copied().flatten().find(|(name, _)| *name == op).map(|&(_, t)| t)
        }

        /// The names of ONNX's operators that models may use, sorted.
        pub fn operators() -> Vec<&'static str> {
            let families: &[&[(&str, Translate)]] = &[$($module::OPERATORS),*];
            let mut names: Vec<_> = families.iter().copied().flatten().map(|&(name, _)| name).collect();
            names.sort_unstable();
            names
        }
    };
}

// The one list. A new family of operators adds its line.
families! {
    binary,
    constant,
    conv,
    conv_transpose,
    einsum,
    fourier,
    gathering,
    generate,
    matmul,
    norm,
    pool,
    qlinear,
    quantize,
    recurrent,
    reduce,
    resize,
    sampling,
    scattering,
    selection,
    shape,
    slicing,
    unary,
}
