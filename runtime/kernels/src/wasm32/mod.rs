//! Kernels for WebAssembly with `simd128`; with `relaxed-simd` too, products of real values are rounded with their sum.
//!
//! Activations and weights are widened to 16 bits once, then multiplied by `i32x4.dot_i16x8_s`, which is exact.
//!
//! What is absent: products of bytes by `i32x4.relaxed_dot_i8x16_i7x16_add_s`. It is the same everywhere only if one operand has
//! 7 bits, so 8-bit weights take two of them, `w = (127 + min(w, 0)) + max(w, 0) - 127`. That is exact, but without VNNI an
//! engine makes five instructions of each: in Chromium on AVX2 the keyword spotter took 1.5 times as long, the image classifier 1.8.
//! By count, no other split does better there: sixteen products take four instructions here; five as `w = 2h + l` with `l` one bit,
//! four and the widening of 16-bit sums as `w = 16h + l`.

mod simd128;

use crate::lanes::set;

set! {
    /// The kernels for `simd128`.
    pub Simd128: simd128::Simd, 8, 2
}
