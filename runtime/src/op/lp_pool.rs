//! `LpPool`: the p-norm of each window of each channel.
//!
//! ```text
//! y[n, o, c] = (Σ_k |x[n, o · stride + k · dilation - pad_begin, c]|^p)^(1/p)      x, y: [N, spatial…, C]
//! ```

use super::window::{self, Window};
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig};
use siskin_kernels::generic::pool;
use siskin_kernels::{Pool, math};

crate::attrs! {
    /// Attributes of [`LpPool`]. Entries belong to the last three axes before the channels; those of absent axes are
    /// 1, or 0 for padding.
    pub struct LpPoolAttrs {
        /// Taps.
        pub kernel: [u32; 3],
        /// Steps of `x` per step of `y`.
        pub stride: [u32; 3],
        /// Steps of `x` per tap.
        pub dilation: [u32; 3],
        /// Zeros before the first element.
        pub pad_begin: [u32; 3],
        /// Zeros after the last element.
        pub pad_end: [u32; 3],
        /// The exponent, positive.
        pub p: f32,
    }
}

impl LpPoolAttrs {
    fn geometry(&self, x: &[u32]) -> Result<(Pool, Shape), Refusal> {
        let LpPoolAttrs { kernel, stride, dilation, pad_begin, pad_end, .. } = self;
        window::pool(x, &Window { kernel, stride, dilation, pad_begin, pad_end })
    }
}

/// See the module.
pub struct LpPool;

impl Op for LpPool {
    const CODE: Code = Code(24);
    const NAME: &'static str = "LpPool";
    type Attrs = LpPoolAttrs;

    fn infer(attrs: &LpPoolAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let (_, shape) = attrs.geometry(sig.shape(0, DType::F32)?)?;
        if attrs.p > 0.0 && attrs.p.is_finite() {
            out.dims(DType::F32, &shape)
        } else {
            Err(Refusal::Attrs)
        }
    }

    fn run<K: Kernels>(attrs: &LpPoolAttrs, io: &mut Io<'_>) {
        let Ok((g, _)) = attrs.geometry(io.shape(0)) else { return };
        let (p, x, y) = (attrs.p, io.input::<f32>(0), io.output::<f32>(0));
        let root = 1.0 / p;
        let step = |a: f32, x: f32| {
            a + match p {
                1.0 => x.abs(),
                2.0 => x * x,
                _ => math::pow(x.abs(), p),
            }
        };
        let finish = |a: f32| match p {
            1.0 => a,
            2.0 => libm::sqrtf(a),
            _ => math::pow(a, root),
        };
        pool(&g, x, y, 0.0, step);
        y.iter_mut().for_each(|y| *y = finish(*y));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn is_the_norm() {
        let x = Tensor::of(&[1, 3, 1], &[3f32, -4., 0.]);
        let attrs = |p| LpPoolAttrs {
            kernel: [1, 1, 2],
            stride: [1; 3],
            dilation: [1; 3],
            pad_begin: [0; 3],
            pad_end: [0; 3],
            p,
        };
        for (p, want) in [(1.0, [7.0, 4.0]), (2.0, [5.0, 4.0]), (3.0, [4.497_941_5f32, 4.0])] {
            let y = run::<LpPool>(&attrs(p), &[&x]).unwrap();
            assert!(y.get::<f32>().iter().zip(want).all(|(y, w)| (y - w).abs() < 1e-5), "{p}: {y:?}");
        }
        for p in [0.0, -1.0, f32::NAN, f32::INFINITY] {
            assert_eq!(run::<LpPool>(&attrs(p), &[&x]), Err(Refusal::Attrs));
        }
    }
}
