//! `y[i] = f(x[i])`: what every function of one element shares.
//!
//! `f32` runs in a loop of its own; other types go element by element through [`Number`], `f16` as an `f32`.

use super::number::Number;
use super::types::Types;
use crate::{Axes, DType, Io, Outputs, Refusal, Sig};

/// Declares operators, in place where the plan allows:
/// `name = code, attributes, element types, |attributes, x| f(x) as f32 [, wide |x| f(x) as Number];`
macro_rules! unary {
    (@wide) => { |n| n };
    (@wide |$n:ident| $wide:expr) => { |$n| $wide };
    ($($(#[$doc:meta])* $name:ident = $code:literal, $attrs:ty, $types:ident,
        |$a:pat_param, $x:ident| $real:expr $(, wide |$n:ident| $wide:expr)?;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl $crate::Op for $name {
            const CODE: $crate::Code = $crate::Code($code);
            const NAME: &'static str = stringify!($name);
            type Attrs = $attrs;

            fn infer(_: &$attrs, sig: &$crate::Sig<'_>, out: &mut $crate::Outputs) -> Result<(), $crate::Refusal> {
                $crate::op::map::same_type(sig, $crate::op::types::Types::$types, out)
            }

            fn in_place(_: &$attrs, _: &$crate::Sig<'_>, input: usize) -> bool {
                input == 0
            }

            fn run<K: $crate::Kernels>(attrs: &$attrs, io: &mut $crate::Io<'_>) {
                let real = |$x: f32| {
                    let $a = attrs;
                    $real
                };
                let row = |y: &mut [f32]| K::map_f32(y, real);
                $crate::op::map::map(io, &row, $crate::op::map::unary!(@wide $(|$n| $wide)?));
            }
        }
    )*};
}

pub(super) use unary;

/// `[..] -> [..]` of one of these types.
pub(super) fn same_type(sig: &Sig<'_>, types: Types, out: &mut Outputs) -> Result<(), Refusal> {
    sig.at_most(1)?;
    let x = sig.ty(0)?;
    if types.has(x.dtype) { out.like(x) } else { Err(Refusal::DType) }
}

/// `y[i] = f(x[i])`: `real` takes a row of `f32`, and halves one by one, `wide` what is neither.
pub(super) fn map(io: &mut Io<'_>, real: &dyn Fn(&mut [f32]), wide: fn(Number) -> Number) {
    if io.out_ty(0).is_some_and(|t| t.dtype == DType::F32) {
        let y = io.output::<f32>(0);
        // Empty if the elements stand in `y` already.
        y.iter_mut().zip(io.input::<f32>(0)).for_each(|(y, &x)| *y = x);
        return real(y);
    }
    map_any(io, &|n| match n {
        Number::F32(mut x) => {
            real(core::slice::from_mut(&mut x));
            Number::F32(x)
        }
        other => wide(other),
    });
}

/// `y[i] = f(x[i])` over any type.
pub(super) fn map_any(io: &mut Io<'_>, f: &dyn Fn(Number) -> Number) {
    let (Some(from), Some(to)) = (io.ty(0), io.out_ty(0)) else { return };
    let (taken, x, y) = (io.in_place() == Some(0), io.bytes(0), io.output_bytes(0));
    for i in 0..to.shape.elements() {
        let Some(n) = Number::load(from.dtype, if taken { y } else { x }, i) else { return };
        f(n).store(to.dtype, y, i);
    }
}

/// `f` of an `f64`; another number stays.
pub(super) fn wide(n: Number, f: fn(f64) -> f64) -> Number {
    if let Number::F64(v) = n { Number::F64(f(v)) } else { n }
}
