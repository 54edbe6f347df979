//! `QLinearMatMul` and `QLinearBatchMatMul`: products of `i8` matrices.
//!
//! ```text
//! y[i,n] = clamp(round_half_even(f32(acc) · scale) + y_zero, min, max)
//!
//! QLinearMatMul:      acc = bias[n] + Σ_k (x[i,k] - x_zero) · w[n,k],         scale[n]
//! QLinearBatchMatMul: acc = Σ_k (a[i,k] - a_zero) · (b[k,n] - b_zero),        one scale, whole range
//! ```
//!
//! The first is a layer: `w` holds its columns as rows. The second is for two activations. `acc` is an `i32` and
//! wraps. Source: ONNX `QLinearMatMul`.

use super::{parallel, qlinear};
use super::qlinear_conv::constant;
use crate::attrs::SignedQuad;
use crate::strided::{self, broadcast, broadcast_shape};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig};
use siskin_kernels::int8::{ConvI8, MatMulI8};
use siskin_kernels::{Axis, Conv, ToI8};

crate::attrs! {
    /// Attributes of [`QLinearMatMul`].
    pub struct QLinearMatMulAttrs {
        /// `[x_zero, y_zero, min, max]`
        pub zeros: SignedQuad,
    }
}

crate::attrs! {
    /// Attributes of [`QLinearBatchMatMul`].
    pub struct QLinearBatchMatMulAttrs {
        /// `[a_zero, b_zero, y_zero, 0]`
        pub zeros: SignedQuad,
        /// `a_scale · b_scale / y_scale`
        pub scale: f32,
        /// Whether `b` is `[.., N, K]`.
        pub transpose_b: bool,
    }
}

/// `x [.., K], w [N,K], bias i32 [N], scale f32 [N] -> [.., N]`; see the module.
pub struct QLinearMatMul;

/// `a [..,M,K], b [..,K,N] -> [..,M,N]`, the axes before the last two broadcast; see the module.
pub struct QLinearBatchMatMul;

impl Op for QLinearMatMul {
    const CODE: Code = Code(262);
    const NAME: &'static str = "QLinearMatMul";
    type Attrs = QLinearMatMulAttrs;

    fn infer(_: &QLinearMatMulAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let (mut y, w) = (Shape::of(sig.shape(0, DType::I8)?), sig.shape(1, DType::I8)?);
        let [outs, depth] = qlinear::axes(w)?;
        match y.dims_mut().last_mut() {
            Some(last) if *last == depth => *last = outs,
            _ => return Err(Refusal::Shape),
        }
        qlinear::requantizes(sig, outs)?;
        out.dims(DType::I8, &y)
    }

    fn macs(_: &QLinearMatMulAttrs, sig: &Sig<'_>) -> u64 {
        let (Ok(x), Ok(w)) = (sig.ty(0), sig.ty(1)) else { return 0 };
        qlinear::count(&[x.shape.elements(), w.shape.dim(0) as usize])
    }

    fn pack<K: Kernels>(attrs: &QLinearMatMulAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        if constant(io) { K::pack_conv_i8(&product(attrs, io), out) } else { 0 }
    }

    fn run<K: Kernels>(attrs: &QLinearMatMulAttrs, io: &mut Io<'_>) {
        let y = io.output(0);
        parallel::conv_i8::<K>(io, &product(attrs, io), io.packed(), y);
    }
}

/// A convolution of one row of pixels by a window of one.
fn product<'a>(attrs: &QLinearMatMulAttrs, io: &Io<'a>) -> ConvI8<'a> {
    let [x_zero, ..] = attrs.zeros.0;
    let w = io.shape(1);
    let (outs, depth) = (w.dim(0) as usize, w.dim(1) as usize);
    let pixels = io.shape(0).elements().checked_div(depth).unwrap_or(0);
    let cols = Axis { input: pixels, output: pixels, ..Axis::UNIT };
    ConvI8 {
        geometry: Conv {
            batch: 1,
            in_channels: depth,
            out_channels: outs,
            groups: 1,
            axes: [Axis::UNIT, Axis::UNIT, cols],
        },
        x: io.input(0),
        x_zero,
        w: io.input(1),
        bias: io.input(2),
        scale: io.input(3),
        output: qlinear::output(attrs.zeros),
    }
}

impl Op for QLinearBatchMatMul {
    const CODE: Code = Code(263);
    const NAME: &'static str = "QLinearBatchMatMul";
    type Attrs = QLinearBatchMatMulAttrs;

    fn infer(attrs: &QLinearBatchMatMulAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        qlinear::positive(attrs.scale)?;
        qlinear::unused(attrs.zeros.0.get(3..).unwrap_or(&[]))?;
        let (a, b) = (sig.shape(0, DType::I8)?, sig.shape(1, DType::I8)?);
        let p = Product::new(attrs.transpose_b, a, b).ok_or(Refusal::Shape)?;
        let batch = p.batch.dims().split_last().map_or(&[][..], |(_, batch)| batch);
        let y = joined(batch, &[p.rows, p.cols]).ok_or(Refusal::Shape)?;
        out.dims(DType::I8, y.dims())
    }

    fn macs(attrs: &QLinearBatchMatMulAttrs, sig: &Sig<'_>) -> u64 {
        let (Ok(a), Ok(b)) = (sig.ty(0), sig.ty(1)) else { return 0 };
        Product::new(attrs.transpose_b, a.shape, b.shape).map_or(0, |p| {
            qlinear::count(&[p.batch.elements(), p.rows as usize, p.depth as usize, p.cols as usize])
        })
    }

    fn run<K: Kernels>(attrs: &QLinearBatchMatMulAttrs, io: &mut Io<'_>) {
        let Some(p) = Product::new(attrs.transpose_b, io.shape(0), io.shape(1)) else { return };
        let (rows, depth, cols) = (p.rows as usize, p.depth as usize, p.cols as usize);
        let (a, b) = (io.input::<i8>(0), io.input::<i8>(1));
        let mut y = io.output::<i8>(0).chunks_mut(rows.saturating_mul(cols).max(1));
        let [a_zero, b_zero, y_zero, _] = attrs.zeros.0;
        let strides = [broadcast(&p.a, &p.batch), broadcast(&p.b, &p.batch)];
        strided::rows(&p.batch, [0, 0], &strides, |[at_a, at_b]| {
            let (a, b) = (matrix(a, at_a, rows, depth), matrix(b, at_b, cols, depth));
            let product = MatMulI8 {
                depth,
                cols,
                a,
                a_zero,
                b,
                b_zero,
                transposed: attrs.transpose_b,
                scale: attrs.scale,
                output: ToI8::new(y_zero.into(), -128, 127),
            };
            K::matmul_i8(&product, y.next().unwrap_or_default());
        });
    }
}

/// Matrix `at` of those of `rows` by `cols` in `all`.
fn matrix(all: &[i8], at: isize, rows: usize, cols: usize) -> &[i8] {
    let len = rows.wrapping_mul(cols);
    let from = at.cast_unsigned().wrapping_mul(len);
    all.get(from..from.wrapping_add(len)).unwrap_or(&[])
}

/// Two stacks of matrices: each as a shape whose elements are matrices, with a last axis of 1.
struct Product {
    a: Shape,
    b: Shape,
    batch: Shape,
    rows: u32,
    depth: u32,
    cols: u32,
}

impl Product {
    /// Nothing if the matrices do not match, or one of them is empty.
    fn new(transpose_b: bool, a: &[u32], b: &[u32]) -> Option<Product> {
        let ([of_a @ .., rows, depth], [of_b @ .., p, q]) = (a, b) else { return None };
        let (deep, cols) = if transpose_b { (q, p) } else { (p, q) };
        let (a, b) = (joined(of_a, &[1])?, joined(of_b, &[1])?);
        let batch = broadcast_shape(&a, &b)?;
        let full = [rows, cols, depth].iter().all(|&&d| d > 0) && !batch.dims().contains(&0);
        (deep == depth && full).then_some(Product { a, b, batch, rows: *rows, depth: *depth, cols: *cols })
    }
}

fn joined(front: &[u32], back: &[u32]) -> Option<Shape> {
    let mut dims = [0; MAX_RANK];
    let len = front.len().checked_add(back.len())?;
    dims.get_mut(..len)?.iter_mut().zip(front.iter().chain(back)).for_each(|(to, &from)| *to = from);
    Shape::new(dims.get(..len)?)
}
