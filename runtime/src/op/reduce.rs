//! Reductions: `y = finish(Σ map(x))` over some axes, one operator each; `Σ` stands for a sum, a product, a maximum.
//!
//! Nothing reduced gives what an empty sum or product is: 0, 1, an infinity; integers saturate there.
//! Integers are summed in 64 bits and wrap; `f16` is summed in `f32`.

use super::number::Number::{self, F32, F64, Signed, Unsigned};
use super::number::ByType;
use super::types::Types;
use super::reduction::{Reduction, reduce, rule};
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::double;

crate::attrs! {
    /// Attributes of every reduction.
    pub struct ReduceAttrs {
        /// The axes that are reduced: bit `i` for axis `i`.
        pub axes: u32,
        /// Whether they stay, with length 1.
        pub keepdims: bool,
    }
}

macro_rules! reductions {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $types:expr, $how:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Op for $name {
            const CODE: Code = Code($code);
            const NAME: &'static str = stringify!($name);
            type Attrs = ReduceAttrs;

            fn infer(attrs: &ReduceAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
                rule(attrs, sig, $types, out)
            }

            fn run<K: Kernels>(attrs: &ReduceAttrs, io: &mut Io<'_>) {
                reduce(&const { $how }, attrs, io);
            }
        }
    )*};
}

reductions! {
    /// `Σ x`.
    ReduceSum = 132, Types::NUMERIC, SUM;
    /// `Σ x / n`.
    ReduceMean = 133, Types::NUMERIC, Reduction { finish: mean, ..SUM };
    /// The greatest element, NaN if there is one.
    ReduceMax = 134, Types::NUMERIC.and(Types::BOOL), Reduction {
        fold: |sums, row| sums.fold(row, |a, b| if a > b || a.is_nan() { a } else { b }),
        join: ByType::GREATER,
        empty: Number::least,
        ..SUM
    };
    /// The least element, NaN if there is one.
    ReduceMin = 135, Types::NUMERIC.and(Types::BOOL), Reduction {
        fold: |sums, row| sums.fold(row, |a, b| if a < b || a.is_nan() { a } else { b }),
        join: ByType::LESSER,
        empty: Number::greatest,
        ..SUM
    };
    /// `Π x`.
    ReduceProd = 136, Types::NUMERIC, Reduction {
        fold: |sums, row| sums.fold(row, |product, x| product * x),
        join: ByType::PRODUCT,
        empty: |dtype| Number::small(dtype, 1),
        ..SUM
    };
    /// `Σ |x|`.
    ReduceL1 = 137, Types::NUMERIC, Reduction {
        fold: |sums, row| sums.fold(row, |sum, x| sum + x.abs()),
        map: magnitude,
        ..SUM
    };
    /// `√Σ x²`.
    ReduceL2 = 138, Types::FLOAT, Reduction { finish: root, ..SQUARES };
    /// `ln Σ x`.
    ReduceLogSum = 139, Types::FLOAT, Reduction { finish: logarithm, ..SUM };
    /// `Σ x²`.
    ReduceSumSquare = 141, Types::NUMERIC, SQUARES;
}

const SUM: Reduction = Reduction {
    fold: |sums, row| sums.fold(row, |sum, x| sum + x),
    join: ByType::SUM,
    map: |x| x,
    empty: |dtype| Number::small(dtype, 0),
    finish: |sum, _| sum,
};

const SQUARES: Reduction = Reduction {
    fold: |sums, row| sums.fold(row, |sum, x| sum + x * x),
    map: |x| ByType::PRODUCT.apply(x, x),
    ..SUM
};

fn mean(sum: Number, count: usize) -> Number {
    match sum {
        F32(v) => F32(v / count as f32),
        F64(v) => F64(v / count as f64),
        Signed(v) => Signed(v.checked_div(count as i64).unwrap_or(0)),
        Unsigned(v) => Unsigned(v.checked_div(count as u64).unwrap_or(0)),
    }
}

fn magnitude(x: Number) -> Number {
    match x {
        F32(v) => F32(v.abs()),
        F64(v) => F64(v.abs()),
        Signed(v) => Signed(v.wrapping_abs()),
        Unsigned(v) => Unsigned(v),
    }
}

fn root(sum: Number, _: usize) -> Number {
    match sum {
        F64(v) => F64(libm::sqrt(v)),
        other => F32(libm::sqrtf(other.to_f32())),
    }
}

fn logarithm(sum: Number, _: usize) -> Number {
    match sum {
        F64(v) => F64(double::log(v)),
        other => F32(libm::logf(other.to_f32())),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};
    use half::f16;

    const ALL: ReduceAttrs = ReduceAttrs { axes: 0b111, keepdims: false };

    fn near<O: Op<Attrs = ReduceAttrs>>(axes: u32, dims: &[u32], want: &[f32]) {
        let x = Tensor::of(&[2, 3, 2], &[1.0f32, 2.0, 3.0, 4.0, 5.0, 6.0, -1.0, -2.0, -3.0, -4.0, -5.0, 60.0]);
        let y = run::<O>(&ReduceAttrs { axes, keepdims: dims.len() == 3 }, &[&x]).unwrap();
        assert_eq!(y.dims(), dims, "{}", O::NAME);
        for (y, w) in y.get::<f32>().iter().zip(want) {
            assert!((y - w).abs() <= 1e-5 * w.abs().max(1.0), "{} is {y}, not {w}", O::NAME);
        }
    }

    // The expected values are numpy's.
    #[test]
    fn any_axes_are_reduced() {
        near::<ReduceSum>(0b001, &[3, 2], &[0.0, 0.0, 0.0, 0.0, 0.0, 66.0]);
        near::<ReduceSum>(0b010, &[2, 1, 2], &[9.0, 12.0, -9.0, 54.0]);
        near::<ReduceSum>(0b100, &[2, 3], &[3.0, 7.0, 11.0, -3.0, -7.0, 55.0]);
        near::<ReduceSum>(0b101, &[3], &[0.0, 0.0, 66.0]);
        near::<ReduceSum>(0b111, &[1, 1, 1], &[66.0]);
        near::<ReduceSum>(0b000, &[2, 3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn every_reduction() {
        near::<ReduceMean>(0b110, &[2], &[3.5, 7.5]);
        near::<ReduceMax>(0b110, &[2], &[6.0, 60.0]);
        near::<ReduceMin>(0b110, &[2], &[1.0, -5.0]);
        near::<ReduceProd>(0b110, &[2], &[720.0, -7200.0]);
        near::<ReduceL1>(0b110, &[2], &[21.0, 75.0]);
        near::<ReduceL2>(0b110, &[2], &[9.539392, 60.456596]);
        near::<ReduceLogSum>(0b110, &[2], &[3.0445225, 3.8066626]);
        near::<ReduceSumSquare>(0b110, &[2], &[91.0, 3655.0]);
    }

    #[test]
    fn nothing_gives_the_neutral_element() {
        let none = Tensor::of(&[2, 0, 3], &[0.0f32; 0]);
        let attrs = ReduceAttrs { axes: 0b110, keepdims: false };
        let two = |v: f32| Ok(Tensor::of(&[2], &[v, v]));
        assert_eq!(run::<ReduceSum>(&attrs, &[&none]), two(0.0));
        assert_eq!(run::<ReduceProd>(&attrs, &[&none]), two(1.0));
        assert_eq!(run::<ReduceMax>(&attrs, &[&none]), two(f32::NEG_INFINITY));
        assert_eq!(run::<ReduceMin>(&ALL, &[&Tensor::of(&[1, 1, 0], &[0i8; 0])]), Ok(Tensor::of(&[], &[127i8])));
    }

    #[test]
    fn other_types() {
        let x = Tensor::of(&[3, 1, 1], &[100i8, 100, -128]);
        assert_eq!(run::<ReduceSum>(&ALL, &[&x]), Ok(Tensor::of(&[], &[72i8])));
        assert_eq!(run::<ReduceMean>(&ALL, &[&x]), Ok(Tensor::of(&[], &[24i8])));
        assert_eq!(run::<ReduceMax>(&ALL, &[&Tensor::bools(&[2, 1, 1], &[0, 1])]), Ok(Tensor::bools(&[], &[1])));
        let x = Tensor::of(&[2, 1, 1], &[f16::from_f32(3.0), f16::from_f32(-4.0)]);
        assert_eq!(run::<ReduceL2>(&ALL, &[&x]), Ok(Tensor::of(&[], &[f16::from_f32(5.0)])));
    }

    #[test]
    fn refuses_axes_and_types_that_do_not_suit() {
        let x = Tensor::of(&[2], &[1.0f32, 2.0]);
        assert_eq!(run::<ReduceSum>(&ReduceAttrs { axes: 0b10, keepdims: true }, &[&x]), Err(Refusal::Attrs));
        assert_eq!(run::<ReduceLogSum>(&ALL, &[&Tensor::of(&[2], &[1i32, 2])]), Err(Refusal::DType));
        assert_eq!(run::<ReduceSum>(&ALL, &[&Tensor::bools(&[1], &[1])]), Err(Refusal::DType));
    }
}
