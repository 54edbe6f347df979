//! `QLinearAdd` and `QLinearMul`: sums and products of `i8`, numpy's broadcasting.
//!
//! ```text
//! r = f32(a - a_zero) · a_scale  (+ or ·)  f32(b - b_zero) · b_scale
//! y = clamp(round_half_even(r / y_scale) + y_zero, min, max)
//! ```
//!
//! Each step is one f32 operation, so the result is exactly that of `DequantizeLinear`, `Add` or `Mul`, and
//! `QuantizeLinear`. The output may take over either operand.

use super::qlinear;
use crate::attrs::SignedQuad;
use crate::strided::{self, broadcast, broadcast_shape};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::ToI8;
use siskin_kernels::int8::BinaryI8;

crate::attrs! {
    /// Attributes of [`QLinearAdd`] and [`QLinearMul`].
    pub struct QLinearBinaryAttrs {
        /// The step of `a`.
        pub a_scale: f32,
        /// The step of `b`.
        pub b_scale: f32,
        /// The step of `y`.
        pub y_scale: f32,
        /// `[a_zero, b_zero, y_zero, 0]`
        pub zeros: SignedQuad,
        /// `[min, max, 0, 0]`
        pub limits: SignedQuad,
    }
}

/// `a [..], b [..] -> [..]`, broadcast; see the module.
pub struct QLinearAdd;

/// `a [..], b [..] -> [..]`, broadcast; see the module.
pub struct QLinearMul;

impl Op for QLinearAdd {
    const CODE: Code = Code(264);
    const NAME: &'static str = "QLinearAdd";
    type Attrs = QLinearBinaryAttrs;

    fn infer(attrs: &QLinearBinaryAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        infer(attrs, sig, out)
    }

    fn in_place(_: &QLinearBinaryAttrs, _: &Sig<'_>, input: usize) -> bool {
        input < 2
    }

    fn run<K: Kernels>(attrs: &QLinearBinaryAttrs, io: &mut Io<'_>) {
        run(attrs, io, K::add_i8);
    }
}

impl Op for QLinearMul {
    const CODE: Code = Code(265);
    const NAME: &'static str = "QLinearMul";
    type Attrs = QLinearBinaryAttrs;

    fn infer(attrs: &QLinearBinaryAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        infer(attrs, sig, out)
    }

    fn in_place(_: &QLinearBinaryAttrs, _: &Sig<'_>, input: usize) -> bool {
        input < 2
    }

    fn run<K: Kernels>(attrs: &QLinearBinaryAttrs, io: &mut Io<'_>) {
        run(attrs, io, K::mul_i8);
    }
}

fn infer(attrs: &QLinearBinaryAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
    sig.at_most(2)?;
    for scale in [attrs.a_scale, attrs.b_scale, attrs.y_scale] {
        qlinear::positive(scale)?;
    }
    qlinear::unused(attrs.zeros.0.get(3..).unwrap_or(&[]))?;
    qlinear::unused(attrs.limits.0.get(2..).unwrap_or(&[]))?;
    let y = broadcast_shape(sig.shape(0, DType::I8)?, sig.shape(1, DType::I8)?).ok_or(Refusal::Shape)?;
    out.dims(DType::I8, y.dims())
}

/// The operators commute: one operand goes into `y`, if it is not there already, and the kernel combines it with the
/// other, row by row.
fn run(attrs: &QLinearBinaryAttrs, io: &mut Io<'_>, kernel: fn(&BinaryI8, &mut [i8], &[i8])) {
    let shape = io.out_shape(0);
    // An operand as long as the output is not broadcast.
    let first = io.in_place().unwrap_or(usize::from(io.shape(0).elements() != shape.elements()));
    let second = usize::from(first == 0);
    let y = io.output::<i8>(0);
    if io.in_place().is_none() {
        strided::copy(y, io.input(first), shape, 0, &broadcast(io.shape(first), shape));
    }
    let steps = steps(attrs, first == 1);
    let b = io.input::<i8>(second);
    if b.len() == 1 || b.len() == shape.elements() {
        return kernel(&steps, y, b);
    }
    let strides = broadcast(io.shape(second), shape);
    let len = shape.last().map_or(1, |&d| d as usize);
    let own = if strided::inner(shape, &strides) == 0 { 1 } else { len };
    let mut y = y.chunks_mut(len.max(1));
    strided::rows(shape, [0], &[strides], |[at]| {
        let at = at.cast_unsigned();
        kernel(&steps, y.next().unwrap_or_default(), b.get(at..at.wrapping_add(own)).unwrap_or(&[]));
    });
}

/// The attributes as the kernel wants them, `b` first if `swap`.
fn steps(attrs: &QLinearBinaryAttrs, swap: bool) -> BinaryI8 {
    let ([a_zero, b_zero, y_zero, _], [min, max, ..]) = (attrs.zeros.0, attrs.limits.0);
    let (a, b) = ((attrs.a_scale, a_zero), (attrs.b_scale, b_zero));
    let ((a_scale, a_zero), (b_scale, b_zero)) = if swap { (b, a) } else { (a, b) };
    let output = ToI8::new(y_zero.into(), min.into(), max.into());
    BinaryI8 { a_scale, a_zero, b_scale, b_zero, y_scale: attrs.y_scale, output }
}
