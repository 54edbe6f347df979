//! `Transpose`: `y[i_perm[0], …] = x[i_0, …]`, any element type.
//!
//! Where rows of `y` are columns of `x`, strips of a few columns go one after another, so that each line of a
//! cache is read once.

use crate::strided::{Strides, copy_bytes, row_major, rows};
use crate::{Axes, Code, Refusal, Io, Kernels, MAX_RANK, Op, Outputs, Shape, Sig, bytes};

crate::attrs! {
    /// Attributes of [`Transpose`].
    pub struct TransposeAttrs {
        /// `perm[i]` is the axis of `x` that becomes axis `i` of `y`; beyond the rank it is the axis itself.
        pub perm: [u32; MAX_RANK],
    }
}

impl TransposeAttrs {
    /// The attributes that put the axes in this order; nothing if there are more than [`MAX_RANK`].
    #[must_use]
    pub fn new(order: &[u32]) -> Option<TransposeAttrs> {
        let mut perm = core::array::from_fn(|i| i as u32);
        perm.get_mut(..order.len())?.iter_mut().zip(order).for_each(|(p, &o)| *p = o);
        Some(TransposeAttrs { perm })
    }
}

/// See the module.
pub struct Transpose;

impl Op for Transpose {
    const CODE: Code = Code(2);
    const NAME: &'static str = "Transpose";
    type Attrs = TransposeAttrs;

    /// `[d_0, …, d_n] -> [d_perm[0], …, d_perm[n]]`
    fn infer(attrs: &TransposeAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        let (mut shape, mut seen) = (Shape::of(x.shape), 0u32);
        for (dim, &axis) in shape.dims_mut().iter_mut().zip(&attrs.perm) {
            if axis as usize >= x.shape.rank() {
                return Err(Refusal::Attrs);
            }
            *dim = x.shape.dim(axis as usize);
            seen |= 1u32.wrapping_shl(axis);
        }
        if seen.count_ones() as usize == x.shape.rank() {
            out.dims(x.dtype, &shape)
        } else {
            Err(Refusal::Attrs)
        }
    }

    fn run<K: Kernels>(attrs: &TransposeAttrs, io: &mut Io<'_>) {
        let strides = permuted(io.shape(0), &attrs.perm);
        let shape = io.out_shape(0);
        let (x, width) = (io.bytes(0), bytes::width(io));
        let y = io.output_bytes(0);
        match columns(shape, &strides) {
            Some(axis) => in_strips(y, x, width, shape, axis, &strides),
            None => copy_bytes(y, x, width, shape, 0, &strides),
        }
    }
}

/// The axis of `y` along which neighbours in `x` stand, if rows of `y` run across them.
fn columns(shape: &[u32], strides: &Strides) -> Option<usize> {
    let last = shape.rank().checked_sub(1)?;
    let axis = shape.iter().zip(strides).position(|(&dim, &stride)| dim > 1 && stride == 1)?;
    (axis < last && shape.dim(last) > 1).then_some(axis)
}

/// Columns in a strip.
const STRIP: usize = 32;

/// Columns that are written one after another rather than row by row: a picture's planes become its pixels.
const FEW: usize = 4;

/// As [`copy_bytes`], strip by strip of the last axis of `y` down `axis`, whose elements are neighbours in `x`.
fn in_strips(y: &mut [u8], x: &[u8], width: usize, shape: &[u32], axis: usize, strides: &Strides) {
    let own = row_major(shape);
    let last = shape.rank().wrapping_sub(1);
    let (height, columns) = (shape.dim(axis) as usize, shape.dim(last) as usize);
    let (down, across) = (own.get(axis).copied().unwrap_or(0), strides.get(last).copied().unwrap_or(0));
    let mut outer = Shape::of(shape);
    for (i, dim) in outer.dims_mut().iter_mut().enumerate() {
        *dim = if i == axis || i == last { 1 } else { *dim };
    }
    rows(&outer, [0, 0], &[own, *strides], |[to, from]| {
        if columns <= FEW && down == columns as isize {
            let to = to.cast_unsigned();
            for column in 0..columns {
                let y = y.get_mut(to.wrapping_add(column).wrapping_mul(width)..).unwrap_or(&mut []);
                let from = from.wrapping_add(across.wrapping_mul(column as isize));
                let x = bytes::from(x, from.cast_unsigned(), width).get(..height.wrapping_mul(width));
                bytes::spread(y, x.unwrap_or(&[]), width, columns);
            }
            return;
        }
        for left in (0..columns).step_by(STRIP) {
            let strip = STRIP.min(columns.wrapping_sub(left)).wrapping_mul(width);
            for i in 0..height as isize {
                let from = from.wrapping_add(i).wrapping_add(across.wrapping_mul(left as isize));
                let to = to.wrapping_add(down.wrapping_mul(i)).wrapping_add(left as isize);
                let start = to.cast_unsigned().wrapping_mul(width);
                let row = y.get_mut(start..start.wrapping_add(strip)).unwrap_or(&mut []);
                bytes::spaced(row, x, width, from, across);
            }
        }
    });
}

fn permuted(shape: &[u32], perm: &[u32; MAX_RANK]) -> Strides {
    let own = row_major(shape);
    core::array::from_fn(|i| perm.get(i).and_then(|&axis| own.get(axis as usize)).copied().unwrap_or(0))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;

    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn permutes_any_element_type() {
        let perm = TransposeAttrs::new(&[2, 0, 1]).unwrap();
        let x = Tensor::of(&[1, 2, 3], &[1u8, 2, 3, 4, 5, 6]);
        assert_eq!(run::<Transpose>(&perm, &[&x]).unwrap(), Tensor::of(&[3, 1, 2], &[1u8, 4, 2, 5, 3, 6]));
        let x = Tensor::of(&[1, 2, 3], &[1i64, 2, 3, 4, 5, 6]);
        assert_eq!(run::<Transpose>(&perm, &[&x]).unwrap(), Tensor::of(&[3, 1, 2], &[1i64, 4, 2, 5, 3, 6]));
    }

    #[test]
    fn strips_equal_elements_one_by_one() {
        let dims = [3, 21, 2, 35];
        let x: std::vec::Vec<u16> = (0..3 * 21 * 2 * 35).collect();
        let tensor = Tensor::of(&dims, &x);
        for order in [[0, 3, 1, 2], [3, 2, 1, 0], [1, 3, 0, 2], [0, 2, 3, 1], [0, 1, 3, 2], [1, 0, 3, 2]] {
            let y = run::<Transpose>(&TransposeAttrs::new(&order).unwrap(), &[&tensor]).unwrap();
            let to: [u32; 4] = order.map(|axis| dims[axis as usize]);
            for (i, &v) in y.get::<u16>().iter().enumerate() {
                let mut rest = i as u32;
                let mut at = [0; 4];
                for k in (0..4).rev() {
                    at[order[k] as usize] = rest % to[k];
                    rest /= to[k];
                }
                let from = at.iter().zip(&dims).fold(0, |n, (&i, &d)| n * d + i);
                assert_eq!(v, x[from as usize], "{order:?}");
            }
        }
    }

    #[test]
    fn refuses_an_order_that_repeats_an_axis() {
        let perm = TransposeAttrs::new(&[0, 0]).unwrap();
        assert_eq!(run::<Transpose>(&perm, &[&Tensor::of(&[1, 1], &[0f32])]).unwrap_err(), Refusal::Attrs);
    }
}
