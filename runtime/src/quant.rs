//! The arithmetic of quantization, one definition for every operator and port.
//!
//! ```text
//! quantize(v)   = saturate(round_half_even(v / scale) + zero_point)
//! requantize(a) = saturate(round_half_even(f32(a) * scale) + zero_point)
//! ```
//!
//! Each step is one IEEE f32 operation, so every target gives the same integer.
//! Source: ONNX `QuantizeLinear`, `QLinearConv`.

pub use siskin_kernels::{quantize, requantize, round_half_even};
