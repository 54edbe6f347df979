//! `Conv`: `y = clamp(Σ x · w + bias)` over a sliding window, channels last.
//!
//! ```text
//! x: [N, spatial…, C]   w: [O, kernel…, C/group], f32 or f16   bias: [O]   y: [N, spatial…, O]
//! y[n, o, f] = clamp(Σ_k Σ_c x[n, o · stride + k · dilation - pad_begin, group(f) · C/group + c] · w[f, k, c] + bias[f])
//! ```
//!
//! One to three spatial axes; the order of the sum is stated in `siskin_kernels::generic::conv_f32`.

use super::window::{self, Window};
use super::{pack, parallel};
use crate::{Axes, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type};
use half::f16;
use siskin_kernels::{Axis, ConvF32, Weights};

crate::attrs! {
    /// Attributes of [`Conv`]. Entries belong to the last three axes before the channels; those of absent axes are 1,
    /// or 0 for padding.
    pub struct ConvAttrs {
        /// Steps of `x` per step of `y`.
        pub stride: [u32; 3],
        /// Steps of `x` per tap.
        pub dilation: [u32; 3],
        /// Zeros before the first element.
        pub pad_begin: [u32; 3],
        /// Zeros after the last element.
        pub pad_end: [u32; 3],
        /// Groups of channels that do not see each other.
        pub group: u32,
        /// Results below are raised to this; minus infinity for no bound.
        pub min: f32,
        /// Results above are lowered to this; infinity for no bound.
        pub max: f32,
    }
}

impl Default for ConvAttrs {
    fn default() -> ConvAttrs {
        ConvAttrs {
            stride: [1; 3],
            dilation: [1; 3],
            pad_begin: [0; 3],
            pad_end: [0; 3],
            group: 1,
            min: f32::NEG_INFINITY,
            max: f32::INFINITY,
        }
    }
}

/// See the module.
pub struct Conv;

impl Op for Conv {
    const CODE: crate::Code = crate::Code(20);
    const NAME: &'static str = "Conv";
    type Attrs = ConvAttrs;

    fn infer(attrs: &ConvAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let (x, w) = (sig.shape(0, DType::F32)?, float_weights(sig)?);
        let geometry = geometry(attrs, x, w)?;
        check_bias(sig, w)?;
        check_bounds(attrs.min, attrs.max)?;
        let y = window::output(x, &geometry.axes, w.dim(0))?;
        out.scratch = scratch_bytes(&geometry)?;
        out.one(Type::new(DType::F32, y))
    }

    fn macs(attrs: &ConvAttrs, sig: &Sig<'_>) -> u64 {
        let (Some(x), Some(w)) = (sig.opt(0), sig.opt(1)) else { return 0 };
        geometry(attrs, x.shape, w.shape).map_or(0, |g| g.macs())
    }

    fn pack<K: Kernels>(attrs: &ConvAttrs, io: &Io<'_>, out: &mut [u8]) -> usize {
        let Ok(geometry) = geometry(attrs, io.shape(0), io.shape(1)) else { return 0 };
        pack::floats(out, &mut |out| K::pack_conv_f32(&geometry, weights(io), out))
    }

    fn run<K: Kernels>(attrs: &ConvAttrs, io: &mut Io<'_>) {
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
        parallel::conv_f32::<K>(io, conv, pack::read(io));
    }
}

/// The shape of operand 1, which holds `f32` or `f16`.
pub(super) fn float_weights<'s>(sig: &Sig<'s>) -> Result<&'s [u32], Refusal> {
    let w = sig.ty(1)?;
    if matches!(w.dtype, DType::F32 | DType::F16) { Ok(w.shape) } else { Err(Refusal::DType) }
}

/// The weights, as they are stored.
pub(super) fn weights<'a>(io: &Io<'a>) -> Weights<'a> {
    match io.ty(1).map(|t| t.dtype) {
        Some(DType::F16) => Weights::F16(io.input::<f16>(1)),
        _ => Weights::F32(io.input(1)),
    }
}

/// Operand 2, if given, has an `f32` for each output channel.
pub(super) fn check_bias(sig: &Sig<'_>, w: &[u32]) -> Result<(), Refusal> {
    match sig.opt(2) {
        Some(bias) if bias.dtype != DType::F32 => Err(Refusal::DType),
        Some(bias) if bias.shape != [w.dim(0)] => Err(Refusal::Shape),
        _ => Ok(()),
    }
}

/// The bounds are numbers in order.
pub(super) fn check_bounds(min: f32, max: f32) -> Result<(), Refusal> {
    if min <= max { Ok(()) } else { Err(Refusal::Attrs) }
}

/// Bytes of scratch.
pub(super) fn scratch_bytes(geometry: &siskin_kernels::Conv) -> Result<u32, Refusal> {
    u32::try_from(ConvF32::scratch_len(geometry)).ok().and_then(|n| n.checked_mul(4)).ok_or(Refusal::Shape)
}

/// The spatial axes of `[O, kernel…, C/group]`.
pub(super) fn kernel(x: &[u32], w: &[u32]) -> Result<[u32; 3], Refusal> {
    if w.rank() == x.rank() { window::spatial(w) } else { Err(Refusal::Shape) }
}

/// Samples, channels and groups around these axes; every count is at least 1, and groups divide the channels.
pub(super) fn channels(x: &[u32], w: &[u32], group: u32, axes: [Axis; 3]) -> Result<siskin_kernels::Conv, Refusal> {
    let (inputs, outputs, each) = (window::channels(x), w.dim(0), window::channels(w));
    let divides = outputs.checked_rem(group).ok_or(Refusal::Attrs)? == 0;
    if !divides || each.checked_mul(group) != Some(inputs) {
        return Err(Refusal::Shape);
    }
    Ok(siskin_kernels::Conv {
        batch: x.dim(0) as usize,
        in_channels: inputs as usize,
        out_channels: outputs as usize,
        groups: group as usize,
        axes,
    })
}

fn geometry(attrs: &ConvAttrs, x: &[u32], w: &[u32]) -> Result<siskin_kernels::Conv, Refusal> {
    let ConvAttrs { stride, dilation, pad_begin, pad_end, .. } = attrs;
    let window = Window { kernel: &kernel(x, w)?, stride, dilation, pad_begin, pad_end };
    channels(x, w, attrs.group, window.axes(x)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    /// Two pixels a row, two channels; `w` sums over a row of two taps, or takes the second channel of the first tap.
    fn operands() -> [Tensor; 3] {
        [
            Tensor::of(&[1, 2, 2, 2], &[1f32, 2., 3., 4., 5., 6., 7., 8.]),
            Tensor::of(&[2, 1, 2, 2], &[1f32, 1., 1., 1., 0., 1., 0., 0.]),
            Tensor::of(&[2], &[0.5f32, -0.5]),
        ]
    }

    #[test]
    fn pads_adds_the_bias_and_clamps() {
        let [x, w, bias] = operands();
        let attrs = ConvAttrs { pad_end: [0, 0, 1], max: 20.0, ..ConvAttrs::default() };
        let want = Tensor::of(&[1, 2, 2, 2], &[10.5f32, 1.5, 7.5, 3.5, 20.0, 5.5, 15.5, 7.5]);
        assert_eq!(run::<Conv>(&attrs, &[&x, &w, &bias]).unwrap(), want);
    }

    #[test]
    fn half_weights_give_the_same() {
        let [x, w, _] = operands();
        let half: std::vec::Vec<f16> = w.get::<f32>().iter().map(|&v| f16::from_f32(v)).collect();
        let half = Tensor::of(&[2, 1, 2, 2], &half);
        let attrs = ConvAttrs { stride: [1, 2, 1], ..ConvAttrs::default() };
        assert_eq!(run::<Conv>(&attrs, &[&x, &half]).unwrap(), Tensor::of(&[1, 1, 1, 2], &[10f32, 2.]));
        assert_eq!(run::<Conv>(&attrs, &[&x, &half]), run::<Conv>(&attrs, &[&x, &w]));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let [x, w, bias] = operands();
        let (good, n) = (ConvAttrs::default(), f32::NAN);
        for (attrs, error) in [
            (ConvAttrs { group: 2, ..good }, Refusal::Shape),
            (ConvAttrs { group: 0, ..good }, Refusal::Attrs),
            (ConvAttrs { stride: [1, 0, 1], ..good }, Refusal::Attrs),
            (ConvAttrs { stride: [2, 1, 1], ..good }, Refusal::Attrs),
            (ConvAttrs { dilation: [1, 1, 2], ..good }, Refusal::Shape),
            (ConvAttrs { min: 1.0, max: 0.0, ..good }, Refusal::Attrs),
            (ConvAttrs { max: n, ..good }, Refusal::Attrs),
        ] {
            assert_eq!(run::<Conv>(&attrs, &[&x, &w, &bias]), Err(error), "{attrs:?}");
        }
        assert_eq!(run::<Conv>(&good, &[&x, &bias]), Err(Refusal::Shape));
        assert_eq!(run::<Conv>(&good, &[&x, &w, &w]), Err(Refusal::Shape));
        assert_eq!(run_all::<Conv>(&good, &[Some(&x), None], None), Err(Refusal::Shape));
    }
}
