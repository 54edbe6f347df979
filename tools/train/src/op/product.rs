//! Matrix products by the kernels that ship.
//!
//! On a Zen 3 core they reach 16 to 27 GMAC/s on a convolution's products, where the crate `matrixmultiply` reaches 3 to 8; the
//! crate `gemm` would have every third-party crate of the importer built a second time.

use siskin::kernels::{ConvF32, Kernels, MatMulF32, Weights, WithKernels, best};

/// The second factor of a product: `[k, n]`, or `[n, k]` with `transpose`.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a> {
    pub(super) b: &'a [f32],
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) transpose: bool,
}

struct Pack<'a>(Factor<'a>);

impl WithKernels for Pack<'_> {
    type Output = Vec<f32>;

    fn with<K: Kernels>(self) -> Vec<f32> {
        let Factor { b, k, n, transpose } = self.0;
        let len = K::pack_matmul_f32(Weights::F32(b), k, n, transpose, &mut []);
        let mut packed = vec![0.0; len];
        K::pack_matmul_f32(Weights::F32(b), k, n, transpose, &mut packed);
        packed
    }
}

/// The factor as its kernel wants it; empty if it wants nothing else.
pub(super) fn pack(factor: Factor<'_>) -> Vec<f32> {
    best(Pack(factor))
}

struct Multiply<'a> {
    a: &'a [f32],
    factor: Factor<'a>,
    packed: &'a [f32],
    y: &'a mut [f32],
}

impl WithKernels for Multiply<'_> {
    type Output = ();

    fn with<K: Kernels>(self) {
        let Factor { b, k, n, transpose } = self.factor;
        let (min, max) = (f32::NEG_INFINITY, f32::INFINITY);
        let (a, b, y) = (self.a, Weights::F32(b), self.y);
        K::packed_matmul_f32(MatMulF32 { a, b, bias: &[], y, k, n, transpose_b: transpose, min, max }, self.packed);
    }
}

/// `y = a · b`, `a` of `k` columns, with what [`pack`] made of `b`.
pub(super) fn multiply_packed(a: &[f32], factor: Factor<'_>, packed: &[f32], y: &mut [f32]) {
    best(Multiply { a, factor, packed, y });
}

/// As [`multiply_packed`] with a factor that is used once: packed where enough rows pay for it.
pub(super) fn multiply(a: &[f32], factor: Factor<'_>, y: &mut [f32]) {
    let rows = y.len() / factor.n.max(1);
    let packed = if rows >= 8 { pack(factor) } else { Vec::new() };
    multiply_packed(a, factor, &packed, y);
}

struct PackConv<'a>(&'a siskin::kernels::Conv, &'a [f32]);

impl WithKernels for PackConv<'_> {
    type Output = Vec<f32>;

    fn with<K: Kernels>(self) -> Vec<f32> {
        let len = K::pack_conv_transpose_f32(self.0, Weights::F32(self.1), &mut []);
        let mut packed = vec![0.0; len];
        K::pack_conv_transpose_f32(self.0, Weights::F32(self.1), &mut packed);
        packed
    }
}

/// The weights of a transposed convolution, `[out, taps, in / groups]`, as its kernel wants them, after the weights themselves.
pub(super) fn pack_conv_transpose(geometry: &siskin::kernels::Conv, w: Vec<f32>) -> Vec<f32> {
    let packed = best(PackConv(geometry, &w));
    [w, packed].concat()
}

/// A convolution, or a transposed one, without bias or bounds.
pub(super) struct Convolve<'a> {
    pub(super) geometry: siskin::kernels::Conv,
    pub(super) x: &'a [f32],
    pub(super) w: &'a [f32],
    pub(super) packed: &'a [f32],
    pub(super) transposed: bool,
    pub(super) scratch: &'a mut [f32],
    pub(super) y: &'a mut [f32],
}

impl WithKernels for Convolve<'_> {
    type Output = ();

    fn with<K: Kernels>(self) {
        let Convolve { geometry, x, w, packed, transposed, scratch, y } = self;
        let clamp = (f32::NEG_INFINITY, f32::INFINITY);
        let conv = ConvF32 { geometry, x, w: Weights::F32(w), bias: &[], clamp, scratch, y };
        if transposed { K::packed_conv_transpose_f32(conv, packed) } else { K::packed_conv_f32(conv, packed) }
    }
}

impl Convolve<'_> {
    /// Computes `y`.
    pub(super) fn run(self) {
        best(self);
    }
}
