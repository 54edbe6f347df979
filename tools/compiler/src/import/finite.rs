//! Which constants may not be finite.
//!
//! Not a number is an operand of nothing but what asks for it. An infinity has its use in a mask, a limit or a comparison, but
//! not as a weight: one of those makes every output infinite or not a number.

use crate::ir::Tensor;
use siskin::DType;

/// Operators that ask whether a value is a number, or choose among values without computing.
const ASKS: [&str; 2] = ["IsNaN", "Where"];

/// Operators that multiply by their constants.
const WEIGHS: [&str; 18] = [
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "DequantizeLinear",
    "Div",
    "GRU",
    "Gemm",
    "GroupNormalization",
    "InstanceNormalization",
    "LSTM",
    "LayerNormalization",
    "MatMul",
    "Mul",
    "PRelu",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "RNN",
];

/// The first element of a constant operand that the operator has no use for, and where it is.
pub(super) fn misfit(op: &str, tensor: &Tensor) -> Option<(usize, f32)> {
    if !matches!(tensor.ty().dtype, DType::F32 | DType::F16 | DType::F64) {
        return None;
    }
    let (asks, weighs) = (ASKS.contains(&op), WEIGHS.contains(&op));
    let misfits = |v: &f32| v.is_nan() && !asks || v.is_infinite() && weighs;
    tensor.to_f32().into_iter().enumerate().find(|(_, v)| misfits(v))
}
