//! `AveragePool`: the mean of each window of each channel.
//!
//! ```text
//! y[n, o, c] = Σ_k x[n, o · stride + k · dilation - pad_begin, c] / count      x, y: [N, spatial…, C]
//! ```
//!
//! `count` is the number of taps within the input, or, with `count_include_pad`, within input and padding. A global
//! average is a window over everything.

use super::window::{self, Window};
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig};
use siskin_kernels::{Axis, Pool};

crate::attrs! {
    /// Attributes of [`AveragePool`]. Entries belong to the last three axes before the channels; those of absent axes
    /// are 1, or 0 for padding.
    pub struct AveragePoolAttrs {
        /// Taps.
        pub kernel: [u32; 3],
        /// Steps of `x` per step of `y`.
        pub stride: [u32; 3],
        /// Steps of `x` per tap.
        pub dilation: [u32; 3],
        /// Elements of padding before the first.
        pub pad_begin: [u32; 3],
        /// Elements of padding after the last.
        pub pad_end: [u32; 3],
        /// Whether taps in the padding count.
        pub count_include_pad: bool,
        /// The last so many elements of `pad_end` never count: they are there for a window that ends beyond the
        /// padding, as with ONNX's `ceil_mode`.
        pub uncounted: [u32; 3],
    }
}

impl AveragePoolAttrs {
    fn geometry(&self, x: &[u32]) -> Result<(Pool, Shape), Refusal> {
        let AveragePoolAttrs { kernel, stride, dilation, pad_begin, pad_end, .. } = self;
        if self.uncounted.iter().zip(pad_end).any(|(u, p)| u > p) {
            return Err(Refusal::Attrs);
        }
        window::pool(x, &Window { kernel, stride, dilation, pad_begin, pad_end })
    }

    /// The axes whose taps count.
    fn counted(&self, pool: &Pool) -> [Axis; 3] {
        let mut axes = pool.axes;
        for ((axis, &end), &uncounted) in axes.iter_mut().zip(&self.pad_end).zip(&self.uncounted) {
            if self.count_include_pad {
                let after = end.saturating_sub(uncounted) as usize;
                *axis = Axis { input: axis.input.saturating_add(axis.pad).saturating_add(after), pad: 0, ..*axis };
            }
        }
        axes
    }
}

/// See the module.
pub struct AveragePool;

impl Op for AveragePool {
    const CODE: Code = Code(23);
    const NAME: &'static str = "AveragePool";
    type Attrs = AveragePoolAttrs;

    fn infer(attrs: &AveragePoolAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let (_, shape) = attrs.geometry(sig.shape(0, DType::F32)?)?;
        out.dims(DType::F32, &shape)
    }

    fn run<K: Kernels>(attrs: &AveragePoolAttrs, io: &mut Io<'_>) {
        let Ok((pool, _)) = attrs.geometry(io.shape(0)) else { return };
        K::average_pool_f32(&pool, &attrs.counted(&pool), io.input(0), io.output(0));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    const THREE: AveragePoolAttrs = AveragePoolAttrs {
        kernel: [1, 1, 3],
        stride: [1, 1, 2],
        dilation: [1; 3],
        pad_begin: [0, 0, 1],
        pad_end: [0, 0, 1],
        count_include_pad: false,
        uncounted: [0; 3],
    };

    #[test]
    fn counts_what_it_should() {
        let x = Tensor::of(&[1, 4, 1], &[3f32, 6., 9., 12.]);
        let one = |attrs: AveragePoolAttrs, want: [f32; 2]| {
            assert_eq!(run::<AveragePool>(&attrs, &[&x]).unwrap(), Tensor::of(&[1, 2, 1], &want));
        };
        one(THREE, [4.5, 9.0]);
        one(AveragePoolAttrs { count_include_pad: true, ..THREE }, [3.0, 9.0]);
        let more = AveragePoolAttrs { pad_begin: [0; 3], pad_end: [0, 0, 2], ..THREE };
        one(more, [6.0, 10.5]);
        one(AveragePoolAttrs { count_include_pad: true, ..more }, [6.0, 7.0]);
        one(AveragePoolAttrs { count_include_pad: true, uncounted: [0, 0, 1], ..more }, [6.0, 7.0]);
        one(AveragePoolAttrs { count_include_pad: true, uncounted: [0, 0, 2], ..more }, [6.0, 10.5]);
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let x = Tensor::of(&[1, 4, 1], &[3f32, 6., 9., 12.]);
        let refused = |attrs, error| assert_eq!(run::<AveragePool>(&attrs, &[&x]), Err(error), "{attrs:?}");
        refused(AveragePoolAttrs { uncounted: [0, 0, 2], ..THREE }, Refusal::Attrs);
        refused(AveragePoolAttrs { dilation: [1, 1, 9], ..THREE }, Refusal::Shape);
        assert_eq!(run::<AveragePool>(&THREE, &[&Tensor::of(&[1, 4, 1], &[1i8; 4])]), Err(Refusal::DType));
    }
}
