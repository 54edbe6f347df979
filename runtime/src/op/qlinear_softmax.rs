//! `QLinearSoftmax`: the softmax of `i8` over the last axis.
//!
//! ```text
//! e_i = Π powers[k] over the bits k of max - x_i,  powers[k] = exp(-2^k · x_scale)
//! y_i = clamp(round_half_even(e_i / Σ e / y_scale) + y_zero, min, max)
//! ```
//!
//! The powers are made by the compiler, so a device needs no exponential; products and sum run in order. `x_zero` cancels.
//! Source: ONNX `Softmax` between `DequantizeLinear` and `QuantizeLinear`.

use super::qlinear;
use crate::attrs::SignedQuad;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::int8::SoftmaxI8;

crate::attrs! {
    /// Attributes of [`QLinearSoftmax`].
    pub struct QLinearSoftmaxAttrs {
        /// The step of `y`.
        pub y_scale: f32,
        /// `[0, y_zero, min, max]`
        pub zeros: SignedQuad,
    }
}

/// `x [..], powers f32 [8] -> [..]`; see the module.
pub struct QLinearSoftmax;

impl Op for QLinearSoftmax {
    const CODE: Code = Code(267);
    const NAME: &'static str = "QLinearSoftmax";
    type Attrs = QLinearSoftmaxAttrs;

    fn infer(attrs: &QLinearSoftmaxAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        qlinear::positive(attrs.y_scale)?;
        qlinear::unused(attrs.zeros.0.get(..1).unwrap_or(&[]))?;
        let (x, powers) = (sig.shape(0, DType::I8)?, sig.shape(1, DType::F32)?);
        if x.rank() > 0 && powers == [8] { out.dims(DType::I8, x) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &QLinearSoftmaxAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &QLinearSoftmaxAttrs, io: &mut Io<'_>) {
        let softmax = SoftmaxI8 {
            powers: io.input(1),
            row: io.out_shape(0).last().map_or(1, |&d| d as usize),
            y_scale: attrs.y_scale,
            output: qlinear::output(attrs.zeros),
        };
        K::softmax_i8(&softmax, qlinear::taken_over(io));
    }
}
