//! Arithmetic of two operands: `y = f(a, b)`, broadcast as in numpy, in place where the plan allows.
//!
//! Integers wrap; an integer divided by 0 gives 0, and so does its remainder.

use super::broadcast::{arithmetic, both, pairs, same_as_output, same_types, zip_any};
use super::number::Number::{self, F32, F64, Signed, Unsigned};
use super::number::ByType;
use super::types::Types;
use crate::attrs::NoAttrs;
use crate::{Code, Refusal, Io, Kernels, Op, Outputs, Sig, Type};
use siskin_kernels::double;

crate::attrs! {
    /// Attributes of [`Mod`].
    pub struct ModAttrs {
        /// Whether the remainder has the dividend's sign, as in C; otherwise the divisor's. Must be set for floats.
        pub fmod: bool,
    }
}

/// `name = code, f over f32, f by type;`
macro_rules! arithmetic {
    ($($(#[$doc:meta])* $name:ident = $code:literal, |$a:ident, $b:ident| $single:expr, $table:expr;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl Op for $name {
            const CODE: Code = Code($code);
            const NAME: &'static str = stringify!($name);
            type Attrs = NoAttrs;

            fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
                out.one(same_types(sig, Types::NUMERIC)?)
            }

            fn in_place(_: &NoAttrs, sig: &Sig<'_>, input: usize) -> bool {
                same_as_output(sig, input)
            }

            fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
                arithmetic(io, pairs!(|$a, $b| $single), &$table);
            }
        }
    )*};
}

arithmetic! {
    /// `a + b`.
    Add = 100, |a, b| a + b, ByType::SUM;
    /// `a - b`.
    Sub = 101, |a, b| a - b, DIFFERENCE;
    /// `a · b`.
    Mul = 102, |a, b| a * b, ByType::PRODUCT;
    /// `a / b`; integers truncate.
    Div = 103, |a, b| a / b, QUOTIENT;
    /// The lesser, NaN if either is NaN.
    Min = 106, |a, b| if a < b || a.is_nan() { a } else { b }, ByType::LESSER;
    /// The greater, NaN if either is NaN.
    Max = 107, |a, b| if a > b || a.is_nan() { a } else { b }, ByType::GREATER;
}

const DIFFERENCE: ByType =
    ByType { single: |a, b| a - b, double: |a, b| a - b, signed: i64::wrapping_sub, unsigned: u64::wrapping_sub };

const QUOTIENT: ByType = ByType {
    single: |a, b| a / b,
    double: |a, b| a / b,
    signed: |a, b| if b == 0 { 0 } else { a.wrapping_div(b) },
    unsigned: |a, b| a.checked_div(b).unwrap_or(0),
};

/// `x`, or `slope · x` below 0; the slope broadcasts to `x`.
pub struct PRelu;

impl Op for PRelu {
    const CODE: Code = Code(108);
    const NAME: &'static str = "PRelu";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let y = same_types(sig, Types::NUMERIC)?;
        if *y.shape == *sig.ty(0)?.shape { out.one(y) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &NoAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        const TABLE: ByType = ByType {
            single: |x, slope| if x < 0.0 { slope * x } else { x },
            double: |x, slope| if x < 0.0 { slope * x } else { x },
            signed: |x, slope| if x < 0 { slope.wrapping_mul(x) } else { x },
            unsigned: |x, _| x,
        };
        arithmetic(io, pairs!(|x, slope| if x < 0.0 { slope * x } else { x }), &TABLE);
    }
}

/// The remainder of `a / b`.
pub struct Mod;

impl Op for Mod {
    const CODE: Code = Code(105);
    const NAME: &'static str = "Mod";
    type Attrs = ModAttrs;

    fn infer(attrs: &ModAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let y = same_types(sig, Types::NUMERIC)?;
        if y.dtype.is_float() && !attrs.fmod { Err(Refusal::Attrs) } else { out.one(y) }
    }

    fn in_place(_: &ModAttrs, sig: &Sig<'_>, input: usize) -> bool {
        same_as_output(sig, input)
    }

    fn run<K: Kernels>(attrs: &ModAttrs, io: &mut Io<'_>) {
        let table = ByType {
            single: |a, b| real_remainder(a.into(), b.into()) as f32,
            double: real_remainder,
            signed: if attrs.fmod { remainder } else { modulo },
            unsigned: |a, b| a.checked_rem(b).unwrap_or(0),
        };
        zip_any(io, &|a, b| table.apply(a, b));
    }
}

/// Exact, so the same wherever it is computed, and for single precision too. `libm::fmod` would bring a check for
/// division by zero.
#[inline(never)]
fn real_remainder(a: f64, b: f64) -> f64 {
    double::remainder(a, b)
}

fn remainder(a: i64, b: i64) -> i64 {
    if b == 0 { 0 } else { a.wrapping_rem(b) }
}

fn modulo(a: i64, b: i64) -> i64 {
    let r = remainder(a, b);
    if r != 0 && (r < 0) != (b < 0) { r.wrapping_add(b) } else { r }
}

/// `a` to the power `b`, of `a`'s type; `b` may be of another one.
pub struct Pow;

impl Op for Pow {
    const CODE: Code = Code(104);
    const NAME: &'static str = "Pow";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let dtypes = (sig.ty(0)?.dtype, sig.ty(1)?.dtype);
        let numbers = Types::NUMERIC.has(dtypes.0) && Types::NUMERIC.has(dtypes.1);
        if numbers { out.one(Type::new(dtypes.0, both(sig)?)) } else { Err(Refusal::DType) }
    }

    fn in_place(_: &NoAttrs, sig: &Sig<'_>, input: usize) -> bool {
        same_as_output(sig, input)
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        zip_any(io, &power);
    }
}

fn power(base: Number, exponent: Number) -> Number {
    match (base, exponent) {
        (F32(b), e) => F32(double::pow(b.into(), e.to_f64()) as f32),
        (Signed(b), Signed(e)) => Signed(whole_power(b, e)),
        (Unsigned(b), Signed(e)) => Unsigned(whole_power(b.cast_signed(), e).cast_unsigned()),
        (Signed(b), Unsigned(e)) => Signed(whole_power(b, i64::try_from(e).unwrap_or(i64::MAX))),
        (Unsigned(b), Unsigned(e)) => {
            Unsigned(whole_power(b.cast_signed(), i64::try_from(e).unwrap_or(i64::MAX)).cast_unsigned())
        }
        (F64(b), e) => F64(double::pow(b, e.to_f64())),
        (Signed(_), e) => Signed(double::pow(base.to_f64(), e.to_f64()) as i64),
        (Unsigned(_), e) => Unsigned(double::pow(base.to_f64(), e.to_f64()) as u64),
    }
}

/// `base^exponent` by squaring, modulo 2^64; below 0 the reciprocal, truncated.
fn whole_power(base: i64, exponent: i64) -> i64 {
    if exponent < 0 {
        let odd = exponent & 1 == 1;
        return if base == 1 || (base == -1 && !odd) { 1 } else { i64::from(base == -1).wrapping_neg() };
    }
    let (mut result, mut square, mut rest) = (1i64, base, exponent);
    while rest > 0 {
        if rest & 1 == 1 {
            result = result.wrapping_mul(square);
        }
        square = square.wrapping_mul(square);
        rest >>= 1;
    }
    result
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    const NONE: NoAttrs = NoAttrs {};

    #[test]
    fn broadcasts_either_side_in_place_or_not() {
        let x = Tensor::of(&[2, 3], &[10.0f32, 20.0, 30.0, 40.0, 50.0, 60.0]);
        let row = Tensor::of(&[3], &[1.0f32, 2.0, 3.0]);
        let column = Tensor::of(&[2, 1], &[1.0f32, 2.0]);
        let one = Tensor::of(&[], &[1.0f32]);
        for (b, want) in [
            (&x, [0.0, 0.0, 0.0, 0.0, 0.0, 0.0]),
            (&row, [9.0, 18.0, 27.0, 39.0, 48.0, 57.0]),
            (&column, [9.0, 19.0, 29.0, 38.0, 48.0, 58.0]),
            (&one, [9.0, 19.0, 29.0, 39.0, 49.0, 59.0]),
        ] {
            let y = Tensor::of(&[2, 3], &want);
            assert_eq!(run::<Sub>(&NONE, &[&x, b]).unwrap(), y);
            assert_eq!(run_all::<Sub>(&NONE, &[Some(&x), Some(b)], Some(0)).unwrap()[0], y);
            let negative = Tensor::of(&[2, 3], &want.map(|w: f32| 0.0 - w));
            assert_eq!(run::<Sub>(&NONE, &[b, &x]).unwrap(), negative);
            assert_eq!(run_all::<Sub>(&NONE, &[Some(b), Some(&x)], Some(1)).unwrap()[0], negative);
        }
        let y = run::<Mul>(&NONE, &[&column, &row]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[1.0f32, 2.0, 3.0, 2.0, 4.0, 6.0]));
    }

    #[test]
    fn long_rows_go_piece_by_piece() {
        let x: [f32; 2500] = core::array::from_fn(|i| i as f32);
        let (one, row) = (Tensor::of(&[], &[0.5f32]), Tensor::of(&[2500], &x.map(|x| x * 3.0)));
        let twice = Tensor::of(&[2, 1], &[0.5f32, 0.5]);
        let x = Tensor::of(&[2500], &x);
        let want = |f: fn(f32) -> f32| Tensor::of(&[2500], &core::array::from_fn::<f32, 2500, _>(|i| f(i as f32)));
        for (a, b, y) in [
            (&x, &row, want(|x| x - x * 3.0)),
            (&row, &x, want(|x| x * 3.0 - x)),
            (&x, &one, want(|x| x - 0.5)),
            (&one, &x, want(|x| 0.5 - x)),
        ] {
            assert_eq!(run::<Sub>(&NONE, &[a, b]).unwrap(), y);
            for taken in [0, 1].into_iter().filter(|&i| [a, b][i].dims() == [2500]) {
                assert_eq!(run_all::<Sub>(&NONE, &[Some(a), Some(b)], Some(taken)).unwrap()[0], y);
            }
        }
        let both = run::<Sub>(&NONE, &[&twice, &x]).unwrap();
        assert_eq!(both.get::<f32>().split_at(2500), (want(|x| 0.5 - x).get(), want(|x| 0.5 - x).get()));
    }

    #[test]
    fn integers_wrap_and_division_by_zero_gives_zero() {
        let (a, b) = (Tensor::of(&[4], &[i8::MIN, 100, 7, -7]), Tensor::of(&[4], &[-1i8, 100, 0, 2]));
        let want = |v: [i8; 4]| Ok(Tensor::of(&[4], &v));
        assert_eq!(run::<Add>(&NONE, &[&a, &b]), want([127, -56, 7, -5]));
        assert_eq!(run::<Mul>(&NONE, &[&a, &b]), want([-128, 16, 0, -14]));
        assert_eq!(run::<Div>(&NONE, &[&a, &b]), want([-128, 1, 0, -3]));
        assert_eq!(run::<Mod>(&ModAttrs { fmod: false }, &[&a, &b]), want([0, 0, 0, 1]));
        assert_eq!(run::<Mod>(&ModAttrs { fmod: true }, &[&a, &b]), want([0, 0, 0, -1]));
        let y = run_all::<Sub>(&NONE, &[Some(&a), Some(&b)], Some(1)).unwrap();
        assert_eq!(y, [Tensor::of(&[4], &[-127i8, 0, 7, -9])]);
        let (a, b) = (Tensor::of(&[2], &[u64::MAX, 5]), Tensor::of(&[], &[2u64]));
        assert_eq!(run::<Div>(&NONE, &[&a, &b]), Ok(Tensor::of(&[2], &[u64::MAX / 2, 2])));
    }

    #[test]
    fn powers_keep_the_type_of_the_base() {
        let (a, b) = (Tensor::of(&[4], &[2i32, -3, -1, 5]), Tensor::of(&[4], &[10i64, 3, -3, -1]));
        assert_eq!(run::<Pow>(&NONE, &[&a, &b]), Ok(Tensor::of(&[4], &[1024i32, -27, -1, 0])));
        let roots = Tensor::of(&[], &[0.5f32]);
        let squares = Tensor::of(&[2], &[9i64, 16]);
        assert_eq!(run::<Pow>(&NONE, &[&squares, &roots]), Ok(Tensor::of(&[2], &[3i64, 4])));
        assert_eq!(run::<Pow>(&NONE, &[&roots, &Tensor::of(&[], &[2u8])]), Ok(Tensor::of(&[], &[0.25f32])));
    }

    #[test]
    fn not_a_number_wins() {
        let (a, b) = (Tensor::of(&[3], &[f32::NAN, 1.0, 2.0]), Tensor::of(&[3], &[1.0, f32::NAN, 1.0f32]));
        for y in [run::<Max>(&NONE, &[&a, &b]).unwrap(), run::<Min>(&NONE, &[&a, &b]).unwrap()] {
            assert!(y.get::<f32>()[0].is_nan() && y.get::<f32>()[1].is_nan() && !y.get::<f32>()[2].is_nan());
        }
    }

    #[test]
    fn refuses_what_does_not_go_together() {
        let (a, b) = (Tensor::of(&[2], &[1.0f32; 2]), Tensor::of(&[3], &[1.0f32; 3]));
        assert_eq!(run::<Add>(&NONE, &[&a, &b]), Err(Refusal::Shape));
        assert_eq!(run::<Add>(&NONE, &[&a, &Tensor::of(&[2], &[1i32; 2])]), Err(Refusal::DType));
        assert_eq!(run::<Mod>(&ModAttrs { fmod: false }, &[&a, &a]), Err(Refusal::Attrs));
        assert_eq!(run::<PRelu>(&NONE, &[&a, &Tensor::of(&[3, 1], &[1.0f32; 3])]), Err(Refusal::Shape));
        let slope = Tensor::of(&[1], &[0.5f32]);
        let y = run::<PRelu>(&NONE, &[&Tensor::of(&[2], &[-2.0f32, 2.0]), &slope]);
        assert_eq!(y, Ok(Tensor::of(&[2], &[-1.0f32, 2.0])));
    }
}
