//! Operators over several operands that are broadcast to one shape: how their rows are walked.
//!
//! Axes along which every operand lies in one piece, or repeats, are joined first, so that a row is as long as it can
//! be: operands of equal shapes are one row. Within a row an operand either runs along or stands still.

use super::number::{ByType, Number};
use super::types::Types;
use crate::strided::{Strides, broadcast, broadcast_shape, inner, walk};
use crate::{Axes, DType, Io, MAX_RANK, Refusal, Shape, Sig, Type};
use core::ops::Range;

/// The most operands of a walk.
const OPERANDS: usize = 3;

/// A walk over the rows of up to three operands.
pub(super) struct Walk {
    shape: Shape,
    /// An operand that is not there stands still.
    strides: [Strides; OPERANDS],
}

/// One operand in one row.
#[derive(Clone, Copy)]
pub(super) struct At {
    /// Where its row begins.
    pub(super) start: usize,
    /// How far its elements lie apart; 0 if one element serves the whole row, which broadcasting has instead of 1.
    pub(super) step: usize,
}

impl At {
    /// The position of the row's element `i`.
    pub(super) fn of(self, i: usize) -> usize {
        self.start.wrapping_add(self.step.wrapping_mul(i))
    }
}

impl Walk {
    /// A walk over these operands, each of which broadcasts to `to`.
    pub(super) fn new(to: &[u32], operands: &[&[u32]]) -> Walk {
        let mut strides = [[0; MAX_RANK]; OPERANDS];
        strides.iter_mut().zip(operands).for_each(|(strides, s)| *strides = broadcast(s, to));
        joined(to, strides)
    }

    /// A walk over one operand with these strides.
    pub(super) fn one(shape: &[u32], strides: Strides) -> Walk {
        joined(shape, [strides, [0; MAX_RANK], [0; MAX_RANK]])
    }

    /// Calls `row` with the range of each row in the output and the place of each operand.
    pub(super) fn each(&self, row: &mut dyn FnMut(Range<usize>, [At; OPERANDS])) {
        let len = self.shape.dim(self.shape.rank().saturating_sub(1)) as usize;
        let steps = self.strides.map(|s| inner(&self.shape, &s).cast_unsigned());
        let mut start = 0usize;
        walk(&self.shape, &mut [0; OPERANDS], &self.strides, &mut |at| {
            let end = start.wrapping_add(len);
            let mut places = steps.map(|step| At { start: 0, step });
            places.iter_mut().zip(at).for_each(|(place, at)| place.start = at.cast_unsigned());
            row(start..end, places);
            start = end;
        });
    }
}

/// Joins neighbouring axes that every operand walks as one.
fn joined(shape: &[u32], strides: [Strides; OPERANDS]) -> Walk {
    let mut dims = [1u32; MAX_RANK];
    let mut out = [[0; MAX_RANK]; OPERANDS];
    // Filled from the last slot towards the first, then counted.
    let mut slot = MAX_RANK;
    for axis in (0..shape.rank()).rev().filter(|&axis| shape.dim(axis) != 1) {
        let stride = |s: &Strides, i: usize| s.get(i).copied().unwrap_or(0);
        let span = dims.get(slot).copied().unwrap_or(0) as isize;
        let joins = |n: &Strides, o: &Strides| stride(n, axis) == stride(o, slot).wrapping_mul(span);
        if slot == MAX_RANK || !strides.iter().zip(&out).all(|(n, o)| joins(n, o)) {
            slot = slot.saturating_sub(1);
            for (n, o) in strides.iter().zip(&mut out) {
                if let Some(o) = o.get_mut(slot) {
                    *o = stride(n, axis);
                }
            }
        }
        if let Some(dim) = dims.get_mut(slot) {
            *dim = dim.wrapping_mul(shape.dim(axis));
        }
    }
    let rank = MAX_RANK.saturating_sub(slot);
    let shape = dims.get(slot..).and_then(Shape::new).unwrap_or(Shape::SCALAR);
    let strides = out.map(|o| {
        core::array::from_fn(|i| if i < rank { o.get(slot.wrapping_add(i)).copied().unwrap_or(0) } else { 0 })
    });
    Walk { shape, strides }
}

/// `a, b -> broadcast(a, b)`, both of one of these types.
pub(super) fn same_types(sig: &Sig<'_>, types: Types) -> Result<Type, Refusal> {
    let (a, b) = (sig.ty(0)?, sig.ty(1)?);
    if a.dtype != b.dtype || !types.has(a.dtype) {
        return Err(Refusal::DType);
    }
    Ok(Type::new(a.dtype, both(sig)?))
}

/// The shape that the two operands broadcast to.
pub(super) fn both(sig: &Sig<'_>) -> Result<Shape, Refusal> {
    sig.at_most(2)?;
    broadcast_shape(sig.ty(0)?.shape, sig.ty(1)?.shape).ok_or(Refusal::Shape)
}

/// Whether the output, of the type of the first operand and broadcast, is like operand `input`.
pub(super) fn same_as_output(sig: &Sig<'_>, input: usize) -> bool {
    let y = sig.ty(0).and_then(|a| Ok(Type::new(a.dtype, both(sig)?)));
    input < 2 && y.ok().as_ref().map(Type::view) == sig.opt(input)
}

/// The second operand's part of a row.
pub(super) enum Right<'a> {
    Run(&'a [f32]),
    One(f32),
}

impl<'a> Right<'a> {
    fn new(x: &'a [f32], at: At, first: usize) -> Right<'a> {
        if at.step == 0 {
            return Right::One(x.get(at.start).copied().unwrap_or(0.0));
        }
        Right::Run(x.get(at.of(first)..).unwrap_or(&[]))
    }
}

/// A function of two numbers, in a loop: `y[i] = f(y[i], b[i])`.
pub(super) type Pairs = fn(&mut [f32], Right<'_>);

/// A function of two numbers as [`Pairs`].
macro_rules! pairs {
    (|$a:ident, $b:ident| $f:expr) => {
        |y, right| match right {
            $crate::op::broadcast::Right::Run(b) => {
                for (y, &$b) in y.iter_mut().zip(b) {
                    let $a = *y;
                    *y = $f;
                }
            }
            $crate::op::broadcast::Right::One($b) => {
                for y in y {
                    let $a = *y;
                    *y = $f;
                }
            }
        }
    };
}
pub(super) use pairs;

/// Elements that make room in the output for the first operand, if the second stands there.
const BUFFER: usize = 128;

/// Elements that are copied before they are computed: few enough to stay in a cache.
const LONG: usize = 1024;

/// `y = f(a, b)` over `f32`.
fn zip(io: &mut Io<'_>, f: Pairs) {
    let (taken, xa, xb) = (io.in_place(), io.input::<f32>(0), io.input::<f32>(1));
    let walk = Walk::new(io.out_shape(0), &[io.shape(0), io.shape(1)]);
    let y = io.output::<f32>(0);
    let mut buffer = [0.0; BUFFER];
    walk.each(&mut |range, [a, b, _]| {
        let y = y.get_mut(range).unwrap_or(&mut []);
        match taken {
            Some(0) => f(y, Right::new(xb, b, 0)),
            Some(_) => {
                for (i, y) in y.chunks_mut(BUFFER).enumerate() {
                    let own = buffer.get_mut(..y.len()).unwrap_or(&mut []);
                    own.iter_mut().zip(y.iter()).for_each(|(own, &y)| *own = y);
                    load(y, xa, a, i.wrapping_mul(BUFFER));
                    f(y, Right::Run(own));
                }
            }
            None => {
                for (i, y) in y.chunks_mut(LONG).enumerate() {
                    load(y, xa, a, i.wrapping_mul(LONG));
                    f(y, Right::new(xb, b, i.wrapping_mul(LONG)));
                }
            }
        }
    });
}

/// The row's elements from `first` on.
fn load(y: &mut [f32], x: &[f32], at: At, first: usize) {
    let x = x.get(at.of(first)..).unwrap_or(&[]);
    match x.first() {
        Some(&one) if at.step == 0 => y.fill(one),
        _ => y.iter_mut().zip(x).for_each(|(y, &x)| *y = x),
    }
}

/// Arithmetic: `y = f(a, b)` over `f32`, as in [`zip`], or by type.
pub(super) fn arithmetic(io: &mut Io<'_>, f: Pairs, table: &ByType) {
    if io.out_ty(0).is_some_and(|t| t.dtype == DType::F32) {
        zip(io, f);
    } else {
        zip_any(io, &|a, b| table.apply(a, b));
    }
}

/// `y = f(a, b)` over any types.
pub(super) fn zip_any(io: &mut Io<'_>, f: &dyn Fn(Number, Number) -> Number) {
    let (taken, bytes) = (io.in_place(), [io.bytes(0), io.bytes(1)]);
    let dtypes = [0, 1].map(|i| io.ty(i).map_or(DType::F32, |t| t.dtype));
    let Some(to) = io.out_ty(0) else { return };
    let walk = Walk::new(to.shape, &[io.shape(0), io.shape(1)]);
    let y = io.output_bytes(0);
    walk.each(&mut |range, [a, b, _]| {
        for (i, at) in range.enumerate() {
            let ([x0, x1], [d0, d1]) = (bytes, dtypes);
            let n0 = Number::load(d0, if taken == Some(0) { y } else { x0 }, a.of(i));
            let n1 = Number::load(d1, if taken == Some(1) { y } else { x1 }, b.of(i));
            if let Some((n0, n1)) = n0.zip(n1) {
                f(n0, n1).store(to.dtype, y, at);
            }
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    extern crate std;
    use super::*;

    fn joined_dims(to: &[u32], a: &[u32], b: &[u32]) -> Walk {
        let [to, a, b] = [to, a, b].map(|d| Shape::new(d).unwrap());
        Walk::new(&to, &[&a, &b])
    }

    #[test]
    fn axes_join_where_all_operands_allow() {
        assert_eq!(joined_dims(&[2, 3, 4], &[2, 3, 4], &[2, 3, 4]).shape.dims(), [24]);
        assert_eq!(joined_dims(&[2, 3, 4], &[2, 3, 4], &[]).shape.dims(), [24]);
        let channels = joined_dims(&[1, 3, 4, 5], &[1, 3, 4, 5], &[3, 1, 1]);
        assert_eq!(channels.shape.dims(), [3, 20]);
        assert_eq!(channels.strides[1][..2], [1, 0]);
        assert_eq!(joined_dims(&[2, 3, 4, 5], &[2, 3, 4, 5], &[5]).shape.dims(), [24, 5]);
        assert_eq!(joined_dims(&[2, 3], &[2, 1], &[1, 3]).shape.dims(), [2, 3]);
        assert_eq!(joined_dims(&[1, 1], &[1], &[1, 1]).shape.dims(), []);
        assert_eq!(joined_dims(&[2, 0, 3], &[2, 0, 3], &[1]).shape.elements(), 0);
    }

    #[test]
    fn rows_name_every_element_once() {
        let mut seen = std::vec::Vec::new();
        joined_dims(&[2, 3, 2], &[2, 1, 2], &[3, 1]).each(&mut |range, [a, b, _]| {
            for (i, at) in range.enumerate() {
                seen.push([at, a.of(i), b.of(i)]);
            }
        });
        let want = [
            [0, 0, 0],
            [1, 1, 0],
            [2, 0, 1],
            [3, 1, 1],
            [4, 0, 2],
            [5, 1, 2],
            [6, 2, 0],
            [7, 3, 0],
            [8, 2, 1],
            [9, 3, 1],
            [10, 2, 2],
            [11, 3, 2],
        ];
        assert_eq!(seen, want);
    }
}
