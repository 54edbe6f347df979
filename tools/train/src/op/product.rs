//! Matrix products and convolutions by the kernels that ship.
//!
//! On a Zen 3 core they reach 16 to 27 GMAC/s on a convolution's products, where the crate `matrixmultiply` reaches 3 to 11; the
//! crate `gemm` would have every third-party crate of the importer built a second time.

use siskin::kernels::{Conv, ConvF32, Kernels, MatMulF32, Weights, WithKernels, best};
use std::sync::OnceLock;

/// The second factor of a product: `[k, n]`, or `[n, k]` with `transpose`.
#[derive(Clone, Copy)]
pub(super) struct Factor<'a> {
    pub(super) b: &'a [f32],
    pub(super) k: usize,
    pub(super) n: usize,
    pub(super) transpose: bool,
}

/// This machine's kernels. They are asked for once: asking the processor takes longer than a small product.
struct Table {
    pack: fn(Factor<'_>) -> Vec<f32>,
    multiply: fn(&[f32], Factor<'_>, &[f32], &mut [f32]),
    pack_conv: fn(&Conv, &[f32]) -> Vec<f32>,
    convolve: fn(Convolve<'_>),
}

struct Choose;

impl WithKernels for Choose {
    type Output = Table;

    fn with<K: Kernels>(self) -> Table {
        Table {
            pack: pack_by::<K>,
            multiply: multiply_by::<K>,
            pack_conv: pack_conv_by::<K>,
            convolve: convolve_by::<K>,
        }
    }
}

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| best(Choose))
}

fn pack_by<K: Kernels>(Factor { b, k, n, transpose }: Factor<'_>) -> Vec<f32> {
    let len = K::pack_matmul_f32(Weights::F32(b), k, n, transpose, &mut []);
    let mut packed = vec![0.0; len];
    K::pack_matmul_f32(Weights::F32(b), k, n, transpose, &mut packed);
    packed
}

fn multiply_by<K: Kernels>(a: &[f32], Factor { b, k, n, transpose }: Factor<'_>, packed: &[f32], y: &mut [f32]) {
    let (min, max, b) = (f32::NEG_INFINITY, f32::INFINITY, Weights::F32(b));
    K::packed_matmul_f32(MatMulF32 { a, b, bias: &[], y, k, n, transpose_b: transpose, min, max }, packed);
}

fn pack_conv_by<K: Kernels>(geometry: &Conv, w: &[f32]) -> Vec<f32> {
    let len = K::pack_conv_f32(geometry, Weights::F32(w), &mut []);
    let mut packed = vec![0.0; len];
    K::pack_conv_f32(geometry, Weights::F32(w), &mut packed);
    packed
}

fn convolve_by<K: Kernels>(Convolve { geometry, x, w, packed, scratch, y }: Convolve<'_>) {
    let clamp = (f32::NEG_INFINITY, f32::INFINITY);
    K::packed_conv_f32(ConvF32 { geometry, x, w: Weights::F32(w), bias: &[], clamp, scratch, y }, packed);
}

/// The factor as its kernel wants it; empty if it wants nothing else.
pub(super) fn pack(factor: Factor<'_>) -> Vec<f32> {
    (table().pack)(factor)
}

/// `y = a · b`, `a` of `k` columns, with what [`pack`] made of `b`.
pub(super) fn multiply_packed(a: &[f32], factor: Factor<'_>, packed: &[f32], y: &mut [f32]) {
    (table().multiply)(a, factor, packed, y);
}

/// As [`multiply_packed`] with a factor that is used once: packed where enough rows pay for it.
pub(super) fn multiply(a: &[f32], factor: Factor<'_>, y: &mut [f32]) {
    let rows = y.len() / factor.n.max(1);
    let packed = if rows >= 8 { pack(factor) } else { Vec::new() };
    multiply_packed(a, factor, &packed, y);
}

/// The weights of a convolution, then as its kernel wants them.
pub(super) fn pack_conv(geometry: &Conv, w: Vec<f32>) -> Vec<f32> {
    let packed = (table().pack_conv)(geometry, &w);
    [w, packed].concat()
}

/// A convolution without bias or bounds.
pub(super) struct Convolve<'a> {
    pub(super) geometry: Conv,
    pub(super) x: &'a [f32],
    pub(super) w: &'a [f32],
    pub(super) packed: &'a [f32],
    pub(super) scratch: &'a mut [f32],
    pub(super) y: &'a mut [f32],
}

impl Convolve<'_> {
    /// Computes `y`.
    pub(super) fn run(self) {
        (table().convolve)(self);
    }
}
