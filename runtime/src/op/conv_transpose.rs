//! `ConvTranspose`: what a convolution does to gradients; spreads each element of `x` over a window of `y`.
//!
//! ```text
//! x: [N, spatial…, C]   w: [O, kernel…, C/group], f32 or f16   bias: [O]   y: [N, spatial…, O]
//! y[n, i · stride + k · dilation - pad_begin, f] += Σ_c x[n, i, group(f) · C/group + c] · w[f, k, c]
//! spatial of y = stride · (x - 1) + (kernel - 1) · dilation + 1 + output_padding - pad_begin - pad_end
//! ```
//!
//! Then the bias is added and the result clamped. Weights lie as those of `Conv` do, unlike ONNX's.

use super::conv::{channels, check_bias, check_bounds, float_weights, kernel, scratch_bytes, weights};
use super::pack;
use super::window::{self, reach};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type};
use siskin_kernels::{Axis, ConvF32};

crate::attrs! {
    /// Attributes of [`ConvTranspose`]. Entries belong to the last three axes before the channels; those of absent axes
    /// are 1, or 0 for padding.
    pub struct ConvTransposeAttrs {
        /// Steps of `y` per step of `x`.
        pub stride: [u32; 3],
        /// Steps of `y` per tap.
        pub dilation: [u32; 3],
        /// Elements cut off before the first.
        pub pad_begin: [u32; 3],
        /// Elements cut off after the last.
        pub pad_end: [u32; 3],
        /// Elements added after the last.
        pub output_padding: [u32; 3],
        /// Groups of channels that do not see each other.
        pub group: u32,
        /// Results below are raised to this; minus infinity for no bound.
        pub min: f32,
        /// Results above are lowered to this; infinity for no bound.
        pub max: f32,
    }
}

/// See the module.
pub struct ConvTranspose;

impl Op for ConvTranspose {
    const CODE: Code = Code(21);
    const NAME: &'static str = "ConvTranspose";
    type Attrs = ConvTransposeAttrs;

    fn infer(attrs: &ConvTransposeAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let (x, w) = (sig.shape(0, DType::F32)?, float_weights(sig)?);
        let geometry = geometry(attrs, x, w)?;
        check_bias(sig, w)?;
        check_bounds(attrs.min, attrs.max)?;
        let y = window::output(x, &geometry.axes, w.dim(0))?;
        out.scratch = scratch_bytes(&geometry)?;
        out.one(Type::new(DType::F32, y))
    }

    fn macs(_: &ConvTransposeAttrs, sig: &Sig<'_>) -> u64 {
        let (Some(x), Some(w)) = (sig.opt(0), sig.opt(1)) else { return 0 };
        let channels = u64::from(window::channels(x.shape));
        let pixels = (x.shape.elements() as u64).checked_div(channels).unwrap_or(0);
        pixels.saturating_mul(w.shape.elements() as u64)
    }

    fn pack<K: Kernels>(attrs: &ConvTransposeAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        let Ok(geometry) = geometry(attrs, io.shape(0), io.shape(1)) else { return 0 };
        pack::floats(out, &mut |out| K::pack_conv_transpose_f32(&geometry, weights(io), out))
    }

    fn run<K: Kernels>(attrs: &ConvTransposeAttrs, io: &mut Io<'_>) {
        let Ok(geometry) = geometry(attrs, io.shape(0), io.shape(1)) else { return };
        let conv = ConvF32 {
            geometry,
            x: io.input(0),
            w: weights(io),
            bias: io.input(2),
            clamp: (attrs.min, attrs.max),
            scratch: io.scratch(),
            y: io.output(0),
        };
        K::packed_conv_transpose_f32(conv, pack::read(io));
    }
}

fn geometry(attrs: &ConvTransposeAttrs, x: &[u32], w: &[u32]) -> Result<siskin_kernels::Conv, Refusal> {
    let mut axes = [Axis::UNIT; 3];
    let (input, kernel) = (window::spatial(x)?, kernel(x, w)?);
    for (i, axis) in axes.iter_mut().enumerate() {
        let at = |v: &[u32; 3]| v.get(i).copied().unwrap_or(1);
        let pads = (at(&attrs.pad_begin), at(&attrs.pad_end), at(&attrs.output_padding));
        *axis = one_axis(at(&input), at(&kernel), at(&attrs.stride), at(&attrs.dilation), pads)?;
    }
    window::unused_are_neutral(x, &axes)?;
    channels(x, w, attrs.group, axes)
}

fn one_axis(
    input: u32,
    kernel: u32,
    stride: u32,
    dilation: u32,
    (begin, end, more): (u32, u32, u32),
) -> Result<Axis, Refusal> {
    if stride == 0 {
        return Err(Refusal::Attrs);
    }
    let starts = u64::from(input).saturating_sub(1).saturating_mul(stride.into());
    let full = starts.saturating_add(reach(kernel, dilation)?).saturating_add(more.into());
    if full.saturating_add(begin.into()) > window::MAX_LEN {
        return Err(Refusal::Attrs);
    }
    let cut = u64::from(begin).saturating_add(end.into());
    let output = full.checked_sub(cut).filter(|&n| n > 0).ok_or(Refusal::Shape)?;
    Ok(Axis {
        input: input as usize,
        output: output as usize,
        kernel: kernel as usize,
        stride: stride as usize,
        dilation: dilation as usize,
        pad: begin as usize,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    const TWO: ConvTransposeAttrs = ConvTransposeAttrs {
        stride: [1, 1, 2],
        dilation: [1; 3],
        pad_begin: [0; 3],
        pad_end: [0; 3],
        output_padding: [0; 3],
        group: 1,
        min: f32::NEG_INFINITY,
        max: 150.0,
    };

    #[test]
    fn spreads_and_adds() {
        let (x, w) = (Tensor::of(&[1, 3, 1], &[1f32, 10., 100.]), Tensor::of(&[1, 3, 1], &[1f32, 2., 3.]));
        let one = |attrs, want: &[f32]| {
            let want = Tensor::of(&[1, want.len() as u32, 1], want);
            assert_eq!(run::<ConvTranspose>(&attrs, &[&x, &w, &Tensor::of(&[1], &[0.5f32])]).unwrap(), want);
        };
        one(TWO, &[1.5, 2.5, 13.5, 20.5, 130.5, 150., 150.]);
        one(ConvTransposeAttrs { pad_begin: [0, 0, 1], output_padding: [0, 0, 1], ..TWO }, &[
            2.5, 13.5, 20.5, 130.5, 150., 150., 0.5,
        ]);
        one(ConvTransposeAttrs { pad_end: [0, 0, 5], ..TWO }, &[1.5, 2.5]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (x, w) = (Tensor::of(&[1, 3, 1], &[1f32, 10., 100.]), Tensor::of(&[1, 3, 1], &[1f32, 2., 3.]));
        for (attrs, error) in [
            (ConvTransposeAttrs { stride: [1, 1, 0], ..TWO }, Refusal::Attrs),
            (ConvTransposeAttrs { stride: [1, 2, 2], ..TWO }, Refusal::Attrs),
            (ConvTransposeAttrs { stride: [1, 1, u32::MAX], ..TWO }, Refusal::Attrs),
            (ConvTransposeAttrs { pad_end: [0, 0, 7], ..TWO }, Refusal::Shape),
            (ConvTransposeAttrs { group: 3, ..TWO }, Refusal::Shape),
        ] {
            assert_eq!(run::<ConvTranspose>(&attrs, &[&x, &w]), Err(error), "{attrs:?}");
        }
    }
}
