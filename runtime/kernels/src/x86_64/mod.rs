//! Kernels for x86-64 processors with AVX2 and FMA.
//!
//! Integers are widened to 16 bits and multiplied by `vpmaddwd`, which is exact: `vpmaddubsw` would be twice as wide, but saturates,
//! and serves only where its operands cannot reach that. Constants are packed when a model is loaded, into
//! panels of 16 output channels.
//!
//! [`Avx2`] is private: [`best`](crate::best) hands it out where the processor has what it needs, so that code which names it
//! as a type parameter can only run there. That is what the `SAFETY` comments of the shells below rest on.
//!
//! What is absent: AVX-512 and VNNI. They would be a module and a type of their own beside this one.

mod bytes;
mod conv_f32;
mod conv_i8;
mod conv_transpose_f32;
mod depthwise_f32;
mod depthwise_i8;
mod elementwise;
mod matmul_f32;
mod matvec_i8;
mod recurrent;
mod segments;
mod store;
mod strip;
mod tile_f32;
mod tile_i8;

use crate::int8::{BinaryI8, ConvI8};
use crate::{Conv, ConvF32, GruF32, Kernels, LstmF32, MatMulF32, Weights, generic};

/// The kernels of this module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Avx2;

impl Avx2 {
    /// Whether this processor and its operating system have AVX2 and FMA.
    pub(crate) fn is_here() -> bool {
        use core::arch::x86_64::{__cpuid, __cpuid_count, _xgetbv};

        #[target_feature(enable = "xsave")]
        fn enabled() -> u64 {
            // SAFETY: the caller has checked OSXSAVE.
            unsafe { _xgetbv(0) }
        }

        const FMA_OSXSAVE_AVX: u32 = 1 << 12 | 1 << 27 | 1 << 28;
        const AVX2: u32 = 1 << 5;
        if __cpuid(0).eax < 7 || __cpuid(1).ecx & FMA_OSXSAVE_AVX != FMA_OSXSAVE_AVX {
            return false;
        }
        // SAFETY: OSXSAVE says that XGETBV is there.
        let vectors_are_saved = unsafe { enabled() } & 0b110 == 0b110;
        vectors_are_saved && __cpuid_count(7, 0).ebx & AVX2 != 0
    }
}

impl Kernels for Avx2 {
    fn pack_conv_f32(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
        if g.is_depthwise() { depthwise_f32::pack(g, w, out) } else { conv_f32::pack(g, w, out) }
    }

    fn packed_conv_f32(mut args: ConvF32<'_>, packed: &[f32]) {
        let kernel = if args.geometry.is_depthwise() { depthwise_f32::conv_f32 } else { conv_f32::conv_f32 };
        // SAFETY: the processor has AVX2 and FMA, see the module.
        if !unsafe { kernel(&mut args, packed) } {
            Self::conv_f32(args);
        }
    }

    fn pack_conv_transpose_f32(g: &Conv, w: Weights<'_>, out: &mut [f32]) -> usize {
        conv_transpose_f32::pack(g, w, out)
    }

    fn packed_conv_transpose_f32(mut args: ConvF32<'_>, packed: &[f32]) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        if !unsafe { conv_transpose_f32::conv_transpose_f32(&mut args, packed) } {
            Self::conv_transpose_f32(args);
        }
    }

    fn pack_matmul_f32(b: Weights<'_>, k: usize, n: usize, transpose_b: bool, out: &mut [f32]) -> usize {
        matmul_f32::pack(b, k, n, transpose_b, out)
    }

    fn packed_matmul_f32(mut args: MatMulF32<'_>, packed: &[f32]) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        if !unsafe { matmul_f32::packed(&mut args, packed) } {
            Self::matmul_f32(args);
        }
    }

    fn matmul_f32(mut args: MatMulF32<'_>) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        if !unsafe { matmul_f32::matmul(&mut args) } {
            generic::matmul_f32(args);
        }
    }

    fn packed_gru_f32(mut args: GruF32<'_>, packed: [&[f32]; 2]) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        if !unsafe { recurrent::gru_f32(&mut args, packed) } {
            Self::gru_f32(args);
        }
    }

    fn packed_lstm_f32(mut args: LstmF32<'_>, packed: [&[f32]; 2]) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        if !unsafe { recurrent::lstm_f32(&mut args, packed) } {
            Self::lstm_f32(args);
        }
    }

    fn pack_conv_i8(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
        conv_i8::pack(conv, out)
    }

    fn packed_conv_i8(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
        // SAFETY: the processor has AVX2, see the module.
        if !unsafe { conv_i8::conv_i8(conv, packed, y) } {
            Self::conv_i8(conv, y);
        }
    }

    fn pack_depthwise_conv_i8(conv: &ConvI8<'_>, out: &mut [u8]) -> usize {
        depthwise_i8::pack(conv, out)
    }

    fn packed_depthwise_conv_i8(conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8]) {
        // SAFETY: the processor has AVX2, see the module.
        if !unsafe { depthwise_i8::depthwise_conv_i8(conv, packed, y) } {
            Self::depthwise_conv_i8(conv, y);
        }
    }

    fn add_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
        // SAFETY: the processor has AVX2, see the module.
        unsafe { elementwise::add_i8(steps, y, b) }
    }

    fn mul_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
        // SAFETY: the processor has AVX2, see the module.
        unsafe { elementwise::mul_i8(steps, y, b) }
    }

    fn map_f32(y: &mut [f32], f: impl Fn(f32) -> f32) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        unsafe { elementwise::map_f32(y, f) }
    }

    fn softmax_f32(y: &mut [f32], len: usize, inner: usize) {
        if inner == 1 {
            // SAFETY: the processor has AVX2 and FMA, see the module.
            unsafe { elementwise::softmax_rows(y, len) }
        } else {
            generic::softmax_f32(y, len, inner);
        }
    }

    fn normalize_f32(row: &mut [f32], epsilon: f32) -> (f32, f32) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        unsafe { elementwise::normalize_f32(row, epsilon) }
    }

    fn rms_normalize_f32(row: &mut [f32], epsilon: f32) {
        // SAFETY: the processor has AVX2 and FMA, see the module.
        unsafe { elementwise::rms_normalize_f32(row, epsilon) }
    }
}
