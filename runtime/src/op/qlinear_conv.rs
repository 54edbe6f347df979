//! `QLinearConv` and `QLinearDepthwiseConv`: two-dimensional convolutions of `i8`, channels last.
//!
//! ```text
//! y[n,i,j,o] = clamp(round_half_even(f32(acc) · scale[o]) + y_zero, min, max)
//! acc        = bias[o] + Σ_{k,l,c} (x[n, i·s+k·d-p, j·s'+l·d'-p', c] - x_zero) · w[o,k,l,c]
//! ```
//!
//! `acc` is an `i32` and wraps; padding is made of `x_zero`. Depthwise, output channel `c` sees input channel `c` only
//! and `w` is `[k,l,c]`. `scale` is `x_scale · w_scale[o] / y_scale`. Source: ONNX `QLinearConv`.

use super::parallel;
use super::qlinear::{self, Window};
use crate::attrs::{Quad, SignedQuad};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::Conv;
use siskin_kernels::int8::ConvI8;

crate::attrs! {
    /// Attributes of [`QLinearConv`].
    pub struct QLinearConvAttrs {
        /// `[stride_h, stride_w, dilation_h, dilation_w]`
        pub window: Quad,
        /// `[top, left, bottom, right]`
        pub pads: Quad,
        /// `[x_zero, y_zero, min, max]`
        pub zeros: SignedQuad,
        /// Groups of channels that see each other only.
        pub group: u32,
    }
}

crate::attrs! {
    /// Attributes of [`QLinearDepthwiseConv`].
    pub struct QLinearDepthwiseConvAttrs {
        /// `[stride_h, stride_w, dilation_h, dilation_w]`
        pub window: Quad,
        /// `[top, left, bottom, right]`
        pub pads: Quad,
        /// `[x_zero, y_zero, min, max]`
        pub zeros: SignedQuad,
    }
}

/// `x [N,H,W,C], w [O,kh,kw,C/group], bias i32 [O], scale f32 [O] -> [N,oh,ow,O]`; see the module.
pub struct QLinearConv;

/// `x [N,H,W,C], w [kh,kw,C], bias i32 [C], scale f32 [C] -> [N,oh,ow,C]`; see the module.
pub struct QLinearDepthwiseConv;

impl Op for QLinearConv {
    const CODE: Code = Code(260);
    const NAME: &'static str = "QLinearConv";
    type Attrs = QLinearConvAttrs;

    fn infer(attrs: &QLinearConvAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let g = dense(attrs, sig.shape(0, DType::I8)?, sig.shape(1, DType::I8)?)?;
        qlinear::requantizes(sig, g.out_channels as u32)?;
        qlinear::image(&g, out)
    }

    fn macs(attrs: &QLinearConvAttrs, sig: &Sig<'_>) -> u64 {
        let (Ok(x), Ok(w)) = (sig.ty(0), sig.ty(1)) else { return 0 };
        let weights = w.shape.elements();
        dense(attrs, x.shape, w.shape).map_or(0, |g| qlinear::count(&[g.batch, pixels(&g), weights]))
    }

    fn pack<K: Kernels>(attrs: &QLinearConvAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        let geometry = dense(attrs, io.shape(0), io.shape(1)).ok().filter(|_| constant(io));
        geometry.map_or(0, |g| K::pack_conv_i8(&operands(io, g, attrs.zeros), out))
    }

    fn run<K: Kernels>(attrs: &QLinearConvAttrs, io: &mut Io<'_>) {
        if let Ok(g) = dense(attrs, io.shape(0), io.shape(1)) {
            let y = io.output(0);
            parallel::conv_i8::<K>(io, &operands(io, g, attrs.zeros), io.packed(), y);
        }
    }
}

impl Op for QLinearDepthwiseConv {
    const CODE: Code = Code(261);
    const NAME: &'static str = "QLinearDepthwiseConv";
    type Attrs = QLinearDepthwiseConvAttrs;

    fn infer(attrs: &QLinearDepthwiseConvAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let g = depthwise(attrs, sig.shape(0, DType::I8)?, sig.shape(1, DType::I8)?)?;
        qlinear::requantizes(sig, g.out_channels as u32)?;
        qlinear::image(&g, out)
    }

    fn macs(attrs: &QLinearDepthwiseConvAttrs, sig: &Sig<'_>) -> u64 {
        let (Ok(x), Ok(w)) = (sig.ty(0), sig.ty(1)) else { return 0 };
        let weights = w.shape.elements();
        depthwise(attrs, x.shape, w.shape).map_or(0, |g| qlinear::count(&[g.batch, pixels(&g), weights]))
    }

    fn pack<K: Kernels>(attrs: &QLinearDepthwiseConvAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        let geometry = depthwise(attrs, io.shape(0), io.shape(1)).ok().filter(|_| constant(io));
        geometry.map_or(0, |g| K::pack_depthwise_conv_i8(&operands(io, g, attrs.zeros), out))
    }

    fn run<K: Kernels>(attrs: &QLinearDepthwiseConvAttrs, io: &mut Io<'_>) {
        if let Ok(g) = depthwise(attrs, io.shape(0), io.shape(1)) {
            let y = io.output(0);
            parallel::depthwise_conv_i8::<K>(io, &operands(io, g, attrs.zeros), io.packed(), y);
        }
    }
}

fn dense(attrs: &QLinearConvAttrs, x: &[u32], w: &[u32]) -> Result<Conv, Refusal> {
    let [batch, height, width, channels] = qlinear::axes(x)?;
    let [outs, kernel_h, kernel_w, ins] = qlinear::axes(w)?;
    let axes = Window { window: attrs.window, pads: attrs.pads }.slide([height, width], [kernel_h, kernel_w])?;
    if ins.checked_mul(attrs.group) != Some(channels) || outs.checked_rem(attrs.group) != Some(0) {
        return Err(Refusal::Shape);
    }
    Ok(Conv {
        batch: batch as usize,
        in_channels: channels as usize,
        out_channels: outs as usize,
        groups: attrs.group as usize,
        axes,
    })
}

fn depthwise(attrs: &QLinearDepthwiseConvAttrs, x: &[u32], w: &[u32]) -> Result<Conv, Refusal> {
    let [batch, height, width, channels] = qlinear::axes(x)?;
    let [kernel_h, kernel_w, of] = qlinear::axes(w)?;
    let axes = Window { window: attrs.window, pads: attrs.pads }.slide([height, width], [kernel_h, kernel_w])?;
    if of != channels {
        return Err(Refusal::Shape);
    }
    let channels = channels as usize;
    Ok(Conv { batch: batch as usize, in_channels: channels, out_channels: channels, groups: channels, axes })
}

/// Whether weights, bias and scale are all there before a run.
pub(super) fn constant(io: &Io<'_>) -> bool {
    (1..4).all(|i| !io.bytes(i).is_empty())
}

/// Output pixels of one sample.
fn pixels(g: &Conv) -> usize {
    let [_, rows, cols] = g.axes;
    rows.output.saturating_mul(cols.output)
}

/// The operands of a convolution: inputs `x, w, bias, scale`.
pub(super) fn operands<'a>(io: &Io<'a>, geometry: Conv, zeros: SignedQuad) -> ConvI8<'a> {
    let [x_zero, ..] = zeros.0;
    ConvI8 {
        geometry,
        x: io.input(0),
        x_zero,
        w: io.input(1),
        bias: io.input(2),
        scale: io.input(3),
        output: qlinear::output(zeros),
    }
}
