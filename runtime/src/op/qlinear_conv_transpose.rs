//! `QLinearConvTranspose`: a transposed two-dimensional convolution of `i8`, channels last.
//!
//! ```text
//! y[n,i,j,o] = clamp(round_half_even(f32(acc) · scale[o]) + y_zero, min, max)
//! acc        = bias[o] + Σ (x[n,a,b,c] - x_zero) · w[o,k,l,c],  over all a, b, k, l, c with
//!              a·s + k·d = i + top  and  b·s' + l·d' = j + left
//! oh         = (H - 1)·s + (kh - 1)·d + 1 + output_padding - top - bottom
//! ```
//!
//! Source: ONNX `ConvTranspose` between `DequantizeLinear` and `QuantizeLinear`. There are no groups.

use super::qlinear::{self, Window};
use super::qlinear_conv::operands;
use crate::attrs::{Quad, SignedQuad};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::Conv;

crate::attrs! {
    /// Attributes of [`QLinearConvTranspose`].
    pub struct QLinearConvTransposeAttrs {
        /// `[stride_h, stride_w, dilation_h, dilation_w]`
        pub window: Quad,
        /// `[top, left, bottom, right]`: what is cut off the output.
        pub pads: Quad,
        /// `[height, width, 0, 0]`: what is added to the output's end.
        pub output_padding: Quad,
        /// `[x_zero, y_zero, min, max]`
        pub zeros: SignedQuad,
    }
}

/// `x [N,H,W,C], w [O,kh,kw,C], bias i32 [O], scale f32 [O] -> [N,oh,ow,O]`; see the module.
pub struct QLinearConvTranspose;

impl Op for QLinearConvTranspose {
    const CODE: Code = Code(269);
    const NAME: &'static str = "QLinearConvTranspose";
    type Attrs = QLinearConvTransposeAttrs;

    fn infer(attrs: &QLinearConvTransposeAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let g = geometry(attrs, sig.shape(0, DType::I8)?, sig.shape(1, DType::I8)?)?;
        qlinear::requantizes(sig, g.out_channels as u32)?;
        qlinear::image(&g, out)
    }

    /// Every input pixel meets every weight; what is cut off counts too.
    fn macs(attrs: &QLinearConvTransposeAttrs, sig: &Sig<'_>) -> u64 {
        let (Ok(x), Ok(w)) = (sig.ty(0), sig.ty(1)) else { return 0 };
        let weights = w.shape.elements();
        geometry(attrs, x.shape, w.shape).map_or(0, |g| {
            let [_, rows, cols] = g.axes;
            qlinear::count(&[g.batch, rows.input, cols.input, weights])
        })
    }

    fn run<K: Kernels>(attrs: &QLinearConvTransposeAttrs, io: &mut Io<'_>) {
        if let Ok(g) = geometry(attrs, io.shape(0), io.shape(1)) {
            K::conv_transpose_i8(&operands(io, g, attrs.zeros), io.output(0));
        }
    }
}

fn geometry(attrs: &QLinearConvTransposeAttrs, x: &[u32], w: &[u32]) -> Result<Conv, Refusal> {
    let [batch, height, width, channels] = qlinear::axes(x)?;
    let [outs, kernel_h, kernel_w, ins] = qlinear::axes(w)?;
    let [down, across, unused @ ..] = attrs.output_padding.0;
    qlinear::unused(&unused)?;
    let window = Window { window: attrs.window, pads: attrs.pads };
    let axes = window.spread([height, width], [kernel_h, kernel_w], [down, across])?;
    if ins != channels {
        return Err(Refusal::Shape);
    }
    Ok(Conv {
        batch: batch as usize,
        in_channels: channels as usize,
        out_channels: outs as usize,
        groups: 1,
        axes,
    })
}
