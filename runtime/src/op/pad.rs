//! `Pad`: adds elements of one value around `x`, or crops; any element type.
//!
//! ```text
//! y[i_0, …] = x[i_0 - begin_0, …] where that exists, else value
//! ```
//!
//! The value is a scalar operand, 0 if absent. The modes that repeat elements of `x` (edge, reflect, wrap) are no part
//! of this operator: a compiler writes them as `Gather`, one an axis.

use crate::strided::{Strides, row_major, rows};
use crate::{Axes, Code, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig, bytes};

crate::attrs! {
    /// Attributes of [`Pad`].
    pub struct PadAttrs {
        /// Elements added before the first of each axis; negative to crop.
        pub begin: [i32; MAX_RANK],
        /// Elements added after the last of each axis; negative to crop.
        pub end: [i32; MAX_RANK],
    }
}

/// `x, value? -> y`; see the module.
pub struct Pad;

impl Op for Pad {
    const CODE: Code = Code(164);
    const NAME: &'static str = "Pad";
    type Attrs = PadAttrs;

    fn infer(attrs: &PadAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(2)?;
        let x = sig.ty(0)?;
        match sig.opt(1) {
            Some(value) if value.dtype != x.dtype => return Err(Refusal::DType),
            Some(value) if value.shape.elements() != 1 => return Err(Refusal::Shape),
            _ => {}
        }
        let mut shape = Shape::of(x.shape);
        for ((dim, &begin), &end) in shape.dims_mut().iter_mut().zip(&attrs.begin).zip(&attrs.end) {
            let padded = i64::from(*dim).wrapping_add(begin.into()).wrapping_add(end.into());
            *dim = u32::try_from(padded).map_err(|_| Refusal::Attrs)?;
        }
        out.dims(x.dtype, &shape)
    }

    fn run<K: Kernels>(attrs: &PadAttrs, io: &mut Io<'_>) {
        pad(attrs, io);
    }
}

fn pad(attrs: &PadAttrs, io: &mut Io<'_>) {
    let (value, width) = (io.bytes(1), bytes::width(io));
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    let (from, to) = (row_major(io.shape(0)), row_major(io.out_shape(0)));
    bytes::fill(y, if value.is_empty() { &[0] } else { value });
    let Some((kept, offsets)) = overlap(attrs, io.shape(0), io.out_shape(0), [&from, &to]) else { return };
    let row = kept.rank().checked_sub(1).map_or(1, |axis| kept.dim(axis) as usize).wrapping_mul(width);
    rows(&kept, offsets, &[from, to], |at| {
        let [from, to] = at.map(|at| at.cast_unsigned().wrapping_mul(width));
        let part = y.get_mut(to..to.wrapping_add(row)).unwrap_or(&mut []);
        bytes::copy(part, x.get(from..).unwrap_or(&[]));
    });
}

/// The part of `x` that `y` keeps, and where it begins in both; nothing if it is empty.
fn overlap(attrs: &PadAttrs, x: &[u32], y: &[u32], strides: [&Strides; 2]) -> Option<(Shape, [isize; 2])> {
    let (mut kept, mut offsets) = (Shape::of(x), [0isize; 2]);
    for (axis, dim) in kept.dims_mut().iter_mut().enumerate() {
        let begin = i64::from(*attrs.begin.get(axis)?);
        let from = begin.wrapping_neg().max(0);
        let to = begin.max(0);
        let left = i64::from(*dim).wrapping_sub(from).min(i64::from(y.dim(axis)).wrapping_sub(to));
        *dim = u32::try_from(left).ok()?;
        for ((offset, strides), start) in offsets.iter_mut().zip(strides).zip([from, to]) {
            *offset = offset.wrapping_add(strides.get(axis)?.wrapping_mul(start as isize));
        }
    }
    Some((kept, offsets))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    fn attrs(begin: [i32; 2], end: [i32; 2]) -> PadAttrs {
        let mut attrs = PadAttrs { begin: [0; 8], end: [0; 8] };
        attrs.begin[..2].copy_from_slice(&begin);
        attrs.end[..2].copy_from_slice(&end);
        attrs
    }

    #[test]
    fn adds_and_crops() {
        let x = Tensor::of(&[2, 2], &[1i8, 2, 3, 4]);
        let y = run::<Pad>(&attrs([1, -1], [0, 2]), &[&x, &Tensor::of(&[], &[9i8])]).unwrap();
        assert_eq!(y, Tensor::of(&[3, 3], &[9i8, 9, 9, 2, 9, 9, 4, 9, 9]));
        let y = run::<Pad>(&attrs([3, 0], [-3, 0]), &[&x]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 2], &[0i8; 4]));
    }

    #[test]
    fn refuses_to_crop_more_than_there_is() {
        let x = Tensor::of(&[2, 2], &[0f32; 4]);
        assert_eq!(run::<Pad>(&attrs([-2, 0], [-1, 0]), &[&x]).unwrap_err(), Refusal::Attrs);
        assert_eq!(run::<Pad>(&attrs([1, 0], [0, 0]), &[&x, &Tensor::of(&[], &[0i8])]).unwrap_err(), Refusal::DType);
    }
}
