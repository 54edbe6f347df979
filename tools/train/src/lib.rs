//! Training on siskin's graphs: fine-tuning, quantization-aware training, distillation, transfer.
//!
//! ```text
//! graph, teacher? -> Trainer -> fit(set) -> Trained { graph, codes, ranges } -> quantize -> lower
//! ```
//!
//! A graph is trained as it ships: one sample at a time, forward by the runtime's own operators, backward by one rule an operator
//! (`op/`). Batch norm was folded on import, so nothing depends on the batch.
//!
//! Invariants: the same graph, data, options and seed give the same bytes, with any number of threads and after any number of
//! interruptions. Sums over a batch are made in a fixed order: samples within parts, then parts.
//!
//! What is absent: models of several inputs, data larger than memory, training on other devices than this processor.
#![forbid(unsafe_code)]

pub mod augment;
#[cfg(test)]
mod check;
mod checkpoint;
mod error;
mod fake;
mod init;
mod loss;
mod op;
mod optimizer;
mod options;
mod program;
mod quantization;
mod set;
mod trained;
mod trainer;

pub use error::TrainError;
pub use fake::Grid;
pub use init::he;
pub use loss::Loss;
pub use optimizer::Optimizer;
pub use options::Options;
pub use quantization::{Codes, Quantization, Range, layers};
pub use set::Set;
pub use trained::Trained;
pub use trainer::{Trainer, finetune, logits};
