//! `ArgMax` and `ArgMin`: where along an axis the greatest or the least element lies. NaN counts as either.

use super::gather::after;
use super::number::Number;
use super::types::Types;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig};
use core::cmp::Ordering;

crate::attrs! {
    /// Attributes of [`ArgMax`] and [`ArgMin`].
    pub struct ArgAttrs {
        /// The axis.
        pub axis: u32,
        /// Whether it stays, with length 1.
        pub keepdims: bool,
        /// Whether the last of equal elements is meant, not the first.
        pub last: bool,
    }
}

/// `[.., n, ..] -> [.., 1, ..] of i64`; see the module.
pub struct ArgMax;

/// `[.., n, ..] -> [.., 1, ..] of i64`; see the module.
pub struct ArgMin;

impl Op for ArgMax {
    const CODE: Code = Code(142);
    const NAME: &'static str = "ArgMax";
    type Attrs = ArgAttrs;

    fn infer(attrs: &ArgAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        rule(attrs, sig, out)
    }

    fn run<K: Kernels>(attrs: &ArgAttrs, io: &mut Io<'_>) {
        find(attrs, io, Ordering::Greater);
    }
}

impl Op for ArgMin {
    const CODE: Code = Code(143);
    const NAME: &'static str = "ArgMin";
    type Attrs = ArgAttrs;

    fn infer(attrs: &ArgAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        rule(attrs, sig, out)
    }

    fn run<K: Kernels>(attrs: &ArgAttrs, io: &mut Io<'_>) {
        find(attrs, io, Ordering::Less);
    }
}

fn rule(attrs: &ArgAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
    sig.at_most(1)?;
    let (x, axis) = (sig.ty(0)?, attrs.axis as usize);
    if !Types::NUMERIC.has(x.dtype) {
        return Err(Refusal::DType);
    }
    if axis >= x.shape.rank() {
        return Err(Refusal::Attrs);
    }
    // Nothing has no greatest element.
    if x.shape.dim(axis) == 0 {
        return Err(Refusal::Shape);
    }
    let mut shape = Shape::of(x.shape);
    if let Some(dim) = shape.dims_mut().get_mut(axis) {
        *dim = 1;
    }
    if attrs.keepdims {
        return out.dims(DType::I64, &shape);
    }
    let mut dims = [0; crate::MAX_RANK];
    let left = shape.iter().enumerate().filter(|&(i, _)| i != axis);
    dims.iter_mut().zip(left).for_each(|(d, (_, &len))| *d = len);
    out.dims(DType::I64, dims.get(..shape.rank().saturating_sub(1)).unwrap_or(&[]))
}

fn find(attrs: &ArgAttrs, io: &mut Io<'_>, wins: Ordering) {
    let (shape, axis) = (io.shape(0), attrs.axis as usize);
    let (dtype, x) = (io.ty(0).map_or(DType::F32, |t| t.dtype), io.bytes(0));
    let len = shape.dim(axis) as usize;
    let inner = after(shape, attrs.axis);
    for (i, y) in io.output::<i64>(0).iter_mut().enumerate() {
        let (outer, lane) = (i.checked_div(inner).unwrap_or(0), i.checked_rem(inner).unwrap_or(0));
        let start = outer.wrapping_mul(len).wrapping_mul(inner).wrapping_add(lane);
        let mut best: Option<Number> = None;
        for k in 0..len {
            let Some(v) = Number::load(dtype, x, start.wrapping_add(k.wrapping_mul(inner))) else { break };
            if best.is_none_or(|b| beats(v, b, wins, attrs.last)) {
                (best, *y) = (Some(v), k as i64);
            }
        }
    }
}

/// Whether a later element takes the place of the best one so far.
fn beats(later: Number, best: Number, wins: Ordering, last: bool) -> bool {
    let order = match later.order(best) {
        Some(order) => order,
        // NaN wins over numbers, whatever is looked for.
        None if later.is_nan() && !best.is_nan() => wins,
        None if later.is_nan() => Ordering::Equal,
        None => wins.reverse(),
    };
    order == wins || (last && order == Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    fn attrs(axis: u32, keepdims: bool, last: bool) -> ArgAttrs {
        ArgAttrs { axis, keepdims, last }
    }

    #[test]
    fn first_or_last_of_equal_elements() {
        let x = Tensor::of(&[2, 3], &[2.0f32, 2.0, 1.0, 3.0, 10.0, 10.0]);
        assert_eq!(run::<ArgMax>(&attrs(1, true, false), &[&x]), Ok(Tensor::of(&[2, 1], &[0i64, 1])));
        assert_eq!(run::<ArgMax>(&attrs(1, false, true), &[&x]), Ok(Tensor::of(&[2], &[1i64, 2])));
        assert_eq!(run::<ArgMin>(&attrs(0, false, false), &[&x]), Ok(Tensor::of(&[3], &[0i64, 0, 0])));
        assert_eq!(run::<ArgMax>(&attrs(0, false, false), &[&x]), Ok(Tensor::of(&[3], &[1i64, 1, 1])));
    }

    #[test]
    fn not_a_number_wins() {
        let x = Tensor::of(&[4], &[1.0f32, f32::NAN, 5.0, f32::NAN]);
        assert_eq!(run::<ArgMax>(&attrs(0, false, false), &[&x]), Ok(Tensor::of(&[], &[1i64])));
        assert_eq!(run::<ArgMin>(&attrs(0, false, true), &[&x]), Ok(Tensor::of(&[], &[3i64])));
    }

    #[test]
    fn refuses_axes_without_elements() {
        let x = Tensor::of(&[2, 0], &[0u8; 0]);
        assert_eq!(run::<ArgMax>(&attrs(1, true, false), &[&x]), Err(Refusal::Shape));
        assert_eq!(run::<ArgMax>(&attrs(2, true, false), &[&x]), Err(Refusal::Attrs));
    }
}
