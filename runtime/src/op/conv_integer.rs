//! `ConvInteger`: a convolution of 8-bit integers with zero points, in `i32`, channels last.
//!
//! ```text
//! y[n, o, f] = Σ_k Σ_c (x[n, o · stride + k · dilation - pad_begin, c] - x_zero) · (w[f, k, c] - w_zero[f])
//! ```
//!
//! Padding counts as `x_zero`. `w_zero` holds one value or one per filter; each zero point is of its operand's type.
//! Sums wrap around, as two's complement does.

use super::byte::Bytes;
use super::conv::{channels, kernel};
use super::window::{self, Window};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::Conv as Geometry;

crate::attrs! {
    /// Attributes of [`ConvInteger`]. Entries belong to the last three axes before the channels; those of absent axes
    /// are 1, or 0 for padding.
    pub struct ConvIntegerAttrs {
        /// Steps of `x` per step of `y`.
        pub stride: [u32; 3],
        /// Steps of `x` per tap.
        pub dilation: [u32; 3],
        /// Elements of padding before the first.
        pub pad_begin: [u32; 3],
        /// Elements of padding after the last.
        pub pad_end: [u32; 3],
        /// Groups of channels that do not see each other.
        pub group: u32,
    }
}

/// `[N, spatial…, C], [O, kernel…, C/group], x_zero?, w_zero? -> [N, spatial…, O]`; see the module.
pub struct ConvInteger;

impl Op for ConvInteger {
    const CODE: Code = Code(25);
    const NAME: &'static str = "ConvInteger";
    type Attrs = ConvIntegerAttrs;

    fn infer(attrs: &ConvIntegerAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(4)?;
        let (x, w) = (sig.ty(0)?, sig.ty(1)?);
        if ![x, w].iter().all(|t| matches!(t.dtype, DType::I8 | DType::U8)) {
            return Err(Refusal::DType);
        }
        let geometry = geometry(attrs, x.shape, w.shape)?;
        check_zero(sig, 2, x.dtype, 1)?;
        check_zero(sig, 3, w.dtype, geometry.out_channels)?;
        let y = window::output(x.shape, &geometry.axes, w.shape.dim(0))?;
        out.dims(DType::I32, &y)
    }

    fn macs(attrs: &ConvIntegerAttrs, sig: &Sig<'_>) -> u64 {
        let (Some(x), Some(w)) = (sig.opt(0), sig.opt(1)) else { return 0 };
        geometry(attrs, x.shape, w.shape).map_or(0, |g| g.macs())
    }

    fn run<K: Kernels>(attrs: &ConvIntegerAttrs, io: &mut Io<'_>) {
        let Ok(g) = geometry(attrs, io.shape(0), io.shape(1)) else { return };
        let (x, w) = (Bytes::new(io, 0, 2), Bytes::new(io, 1, 3));
        let [z_axis, y_axis, x_axis] = &g.axes;
        let mut out = io.output::<i32>(0).iter_mut();
        for n in 0..g.batch {
            for z in 0..z_axis.output {
                for y in 0..y_axis.output {
                    for at in 0..x_axis.output {
                        for f in 0..g.out_channels {
                            let Some(out) = out.next() else { return };
                            *out = sum(&g, &x, &w, n, [z, y, at], f);
                        }
                    }
                }
            }
        }
    }
}

fn geometry(attrs: &ConvIntegerAttrs, x: &[u32], w: &[u32]) -> Result<Geometry, Refusal> {
    let ConvIntegerAttrs { stride, dilation, pad_begin, pad_end, group } = attrs;
    let window = Window { kernel: &kernel(x, w)?, stride, dilation, pad_begin, pad_end };
    channels(x, w, *group, window.axes(x)?)
}

/// A zero point is one value, or `n`.
fn check_zero(sig: &Sig<'_>, i: usize, dtype: DType, n: usize) -> Result<(), Refusal> {
    match sig.opt(i) {
        Some(zero) if zero.dtype != dtype => Err(Refusal::DType),
        Some(zero) if ![1, n].contains(&zero.shape.elements()) => Err(Refusal::Shape),
        _ => Ok(()),
    }
}

/// The sum of one output: filter `f` at this place of sample `n`.
fn sum(g: &Geometry, x: &Bytes<'_>, w: &Bytes<'_>, n: usize, at: [usize; 3], f: usize) -> i32 {
    let ([z_axis, y_axis, x_axis], each) = (&g.axes, g.group_in());
    let first = f.checked_div(g.group_out()).unwrap_or(0).wrapping_mul(each);
    let (x_zero, w_zero) = (x.zero(0), w.zero(f));
    let mut sum = 0i32;
    for kz in z_axis.taps(at[0]) {
        let plane = n.wrapping_mul(z_axis.input).wrapping_add(z_axis.position(at[0], kz));
        for ky in y_axis.taps(at[1]) {
            let row = plane.wrapping_mul(y_axis.input).wrapping_add(y_axis.position(at[1], ky));
            let tap_row = kz.wrapping_mul(y_axis.kernel).wrapping_add(ky).wrapping_mul(x_axis.kernel);
            for kx in x_axis.taps(at[2]) {
                let pixel = row.wrapping_mul(x_axis.input).wrapping_add(x_axis.position(at[2], kx));
                let x = x.after(pixel.wrapping_mul(g.in_channels).wrapping_add(first));
                let tap = f.wrapping_mul(g.taps()).wrapping_add(tap_row).wrapping_add(kx);
                for (x, w) in x.zip(w.after(tap.wrapping_mul(each))).take(each) {
                    // Differences of 8-bit integers: their product fits.
                    sum = sum.wrapping_add((x - x_zero) * (w - w_zero));
                }
            }
        }
    }
    sum
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    const ATTRS: ConvIntegerAttrs =
        ConvIntegerAttrs { stride: [1; 3], dilation: [1; 3], pad_begin: [0, 0, 1], pad_end: [0; 3], group: 1 };

    #[test]
    fn zero_points_are_subtracted_and_padding_is_zero() {
        let x = Tensor::of(&[1, 3, 1], &[2u8, 3, 255]);
        let w = Tensor::of(&[2, 2, 1], &[1i8, 2, -128, 4]);
        let (x_zero, w_zero) = (Tensor::of(&[], &[1u8]), Tensor::of(&[2], &[0i8, 3]));
        let want = Tensor::of(&[1, 3, 2], &[2, 1, 5, -129, 510, -8]);
        assert_eq!(run::<ConvInteger>(&ATTRS, &[&x, &w, &x_zero, &w_zero]).unwrap(), want);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (x, w) = (Tensor::of(&[1, 3, 1], &[2u8, 3, 255]), Tensor::of(&[2, 2, 1], &[0i8; 4]));
        assert_eq!(run::<ConvInteger>(&ATTRS, &[&x, &w, &Tensor::of(&[], &[1i8])]), Err(Refusal::DType));
        assert_eq!(run::<ConvInteger>(&ATTRS, &[&x, &w, &Tensor::of(&[2], &[1u8; 2])]), Err(Refusal::Shape));
        assert_eq!(run::<ConvInteger>(&ATTRS, &[&x, &Tensor::of(&[2, 5, 1], &[0i8; 10])]), Err(Refusal::Shape));
    }
}
