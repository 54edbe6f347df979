//! Sums and products of quantized values, as [`crate::generic::add_i8`] and [`crate::generic::mul_i8`].

use super::{Four, Lanes};
use crate::generic;
use crate::int8::BinaryI8;

/// See [`generic::add_i8`].
pub(crate) fn add_i8<L: Lanes<N, U>, const N: usize, const U: usize>(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    let (y, b) = whole::<L, N, U>(steps, y, b, L::Reals::add);
    generic::add_i8(steps, y, b);
}

/// See [`generic::mul_i8`].
pub(crate) fn mul_i8<L: Lanes<N, U>, const N: usize, const U: usize>(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
    let (y, b) = whole::<L, N, U>(steps, y, b, L::Reals::mul);
    generic::mul_i8(steps, y, b);
}

/// Combines eight at a time; returns the rest. One element that meets all becomes eight first.
#[inline(always)]
fn whole<'a, L: Lanes<N, U>, const N: usize, const U: usize>(
    steps: &BinaryI8,
    y: &'a mut [i8],
    b: &'a [i8],
    f: impl Fn(L::Reals, L::Reals) -> L::Reals,
) -> (&'a mut [i8], &'a [i8]) {
    let [a_scale, b_scale, y_scale] = [steps.a_scale, steps.b_scale, steps.y_scale].map(L::Reals::splat);
    let (y, y_rest) = y.as_chunks_mut();
    let step = |y: &mut [i8; 8], b: &[i8; 8]| {
        let ([a0, a1], [b0, b1]) = (L::real(y, steps.a_zero), L::real(b, steps.b_zero));
        let one = |a: L::Reals, b: L::Reals| f(a.mul(a_scale), b.mul(b_scale)).div(y_scale);
        *y = L::round([one(a0, b0), one(a1, b1)], steps.output);
    };
    if let &[one] = b {
        y.iter_mut().for_each(|y| step(y, &[one; 8]));
        return (y_rest, b);
    }
    let (b, b_rest) = b.as_chunks();
    y.iter_mut().zip(b).for_each(|(y, b)| step(y, b));
    (y_rest, b_rest)
}
