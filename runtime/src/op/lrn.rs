//! `LRN`: local response normalization across channels, which are the last axis.
//!
//! ```text
//! y[.., c] = x[.., c] / (bias + alpha / size · Σ_j x[.., j]²)^beta,   c - ⌊(size-1)/2⌋ <= j <= c + ⌈(size-1)/2⌉
//! ```

use crate::pairs::pairs;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::math;

crate::attrs! {
    /// Attributes of [`LRN`].
    pub struct LrnAttrs {
        /// Channels in a sum.
        pub size: u32,
        /// The weight of a sum.
        pub alpha: f32,
        /// The exponent.
        pub beta: f32,
        /// What is added to a sum.
        pub bias: f32,
    }
}

/// `[.., C] -> [.., C]`; see the module.
pub struct LRN;

impl Op for LRN {
    const CODE: Code = Code(33);
    const NAME: &'static str = "LRN";
    type Attrs = LrnAttrs;

    fn infer(attrs: &LrnAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.shape(0, DType::F32)?;
        if attrs.size == 0 {
            return Err(Refusal::Attrs);
        }
        if x.rank() == 0 { Err(Refusal::Shape) } else { out.dims(DType::F32, x) }
    }

    fn run<K: Kernels>(attrs: &LrnAttrs, io: &mut Io<'_>) {
        let channels = io.shape(0).last().map_or(1, |&d| d as usize).max(1);
        let (x, y) = (io.input::<f32>(0), io.output::<f32>(0));
        let before = attrs.size.saturating_sub(1).div_euclid(2) as usize;
        let after = (attrs.size as usize).saturating_sub(before);
        let weight = attrs.alpha / attrs.size as f32;
        for (x, y) in pairs(x.chunks_exact(channels), y.chunks_exact_mut(channels)) {
            for (c, (y, v)) in y.iter_mut().zip(x).enumerate() {
                let near = x.get(c.saturating_sub(before)..c.saturating_add(after).min(channels)).unwrap_or(&[]);
                let squares: f32 = near.iter().map(|v| v * v).sum();
                *y = v / math::pow(attrs.bias + weight * squares, attrs.beta);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn divides_by_the_neighbourhood() {
        let x = Tensor::of(&[1, 4], &[1f32, 2., 3., 4.]);
        let attrs = LrnAttrs { size: 2, alpha: 2.0, beta: 1.0, bias: 1.0 };
        let want = [1.0 / 6.0, 2.0 / 14.0, 3.0 / 26.0, 4.0 / 17.0f32];
        let y = run::<LRN>(&attrs, &[&x]).unwrap();
        assert!(y.get::<f32>().iter().zip(want).all(|(y, w)| (y - w).abs() < 1e-6), "{y:?}");
        assert_eq!(run::<LRN>(&LrnAttrs { size: 0, ..attrs }, &[&x]), Err(Refusal::Attrs));
    }
}
