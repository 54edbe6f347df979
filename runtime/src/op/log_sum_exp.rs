//! `ReduceLogSumExp`: `ln Σ e^x` over some axes, computed as `max + ln Σ e^(x - max)`.

use super::number::Number::{self, F32, F64};
use super::types::Types;
use super::reduce::ReduceAttrs;
use super::reduction::{Part, each, rule};
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};

/// `[..] -> [..]`; see the module.
pub struct ReduceLogSumExp;

impl Op for ReduceLogSumExp {
    const CODE: Code = Code(140);
    const NAME: &'static str = "ReduceLogSumExp";
    type Attrs = ReduceAttrs;

    fn infer(attrs: &ReduceAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        rule(attrs, sig, Types::FLOAT, out)
    }

    fn run<K: Kernels>(attrs: &ReduceAttrs, io: &mut Io<'_>) {
        let (dtype, bytes, y) = (io.ty(0).map_or(DType::F32, |t| t.dtype), io.bytes(0), io.output_bytes(0));
        let x = |i| Number::load(dtype, bytes, i).unwrap_or(F32(0.0));
        each(attrs, io.shape(0), &mut |at, part| {
            let sum = if dtype == DType::F64 {
                F64(double(part, |i| x(i).to_f64()))
            } else {
                F32(single(part, |i| x(i).to_f32()))
            };
            sum.store(dtype, y, at);
        });
    }
}

macro_rules! log_sum_exp {
    ($name:ident, $t:ident, $exp:path, $ln:path) => {
        fn $name(part: &Part<'_>, x: impl Fn(usize) -> $t) -> $t {
            let mut max = $t::NEG_INFINITY;
            part.each(&mut |i| max = max.max(x(i)));
            // Infinities would give NaN as their own difference.
            let shift = if max.is_finite() { max } else { 0.0 };
            let mut sum = 0.0;
            part.each(&mut |i| sum += $exp(x(i) - shift));
            shift + $ln(sum)
        }
    };
}

log_sum_exp!(single, f32, siskin_kernels::math::exp, libm::logf);
log_sum_exp!(double, f64, siskin_kernels::double::exp, siskin_kernels::double::log);

#[cfg(test)]
#[allow(clippy::approx_constant, reason = "expected values stand as numpy prints them")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};
    use half::f16;

    const FIRST: ReduceAttrs = ReduceAttrs { axes: 1, keepdims: false };

    // The expected values are scipy's.
    #[test]
    fn large_numbers_do_not_overflow() {
        let x = Tensor::of(&[2, 2], &[1000.0f32, 1.0, 1000.0, 2.0]);
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&x]), Ok(Tensor::of(&[2], &[1000.6932f32, 2.3132617])));
        let x = Tensor::of(&[2], &[1000.0f64, 1001.0]);
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&x]), Ok(Tensor::of(&[], &[1001.3132616875182f64])));
        let x = Tensor::of(&[2], &[f16::from_f32(0.0), f16::from_f32(0.0)]);
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&x]), Ok(Tensor::of(&[], &[f16::from_f32(0.6931472)])));
    }

    #[test]
    fn infinities_and_nothing() {
        let least = Ok(Tensor::of(&[], &[f32::NEG_INFINITY]));
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&Tensor::of(&[0], &[0.0f32; 0])]), least);
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&Tensor::of(&[2], &[f32::NEG_INFINITY; 2])]), least);
        let x = Tensor::of(&[2], &[f32::INFINITY, 1.0]);
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&x]), Ok(Tensor::of(&[], &[f32::INFINITY])));
        assert_eq!(run::<ReduceLogSumExp>(&FIRST, &[&Tensor::of(&[1], &[1u8])]), Err(Refusal::DType));
    }
}
