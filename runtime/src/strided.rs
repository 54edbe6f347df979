//! Walks over tensors by strides: the one loop behind broadcasting, transposing, slicing and expanding.
//!
//! ```text
//! element (i0, …, ik) of operand n lies at offset[n] + Σ i·stride[n]
//! ```
//!
//! A stride of 0 repeats an axis (broadcasting), a negative one runs backwards.

use crate::{Axes, MAX_RANK, Shape, bytes};
use bytemuck::Pod;

/// One step per axis, in elements.
pub type Strides = [isize; MAX_RANK];

/// Row-major strides of a shape; unused axes are 0.
#[must_use]
pub fn row_major(shape: &[u32]) -> Strides {
    let mut strides = [0; MAX_RANK];
    let mut step = 1isize;
    for (stride, &dim) in strides.iter_mut().zip(shape).rev_by(shape.rank()) {
        *stride = step;
        step = step.wrapping_mul(dim as isize);
    }
    strides
}

/// Strides of `from` as it is broadcast to `to`, numpy's way: axes align at the last, lengths of 1 repeat.
#[must_use]
pub fn broadcast(from: &[u32], to: &[u32]) -> Strides {
    let own = row_major(from);
    let shift = to.rank().wrapping_sub(from.rank());
    core::array::from_fn(|axis| {
        let at = axis.wrapping_sub(shift);
        if axis >= to.rank() || at >= from.rank() || from.dim(at) == 1 { 0 } else { own.get(at).copied().unwrap_or(0) }
    })
}

/// The shape that both broadcast to, numpy's way; nothing if they do not.
#[must_use]
pub fn broadcast_shape(a: &[u32], b: &[u32]) -> Option<Shape> {
    let rank = a.rank().max(b.rank());
    let mut dims = [1; MAX_RANK];
    for (axis, dim) in dims.iter_mut().enumerate().take(rank) {
        // Counted from the last axis; beyond the first an axis has length 1.
        let from_end = rank.wrapping_sub(axis);
        let of = |s: &[u32]| s.rank().checked_sub(from_end).map_or(1, |at| s.dim(at));
        *dim = match (of(a), of(b)) {
            (x, y) if x == y => x,
            (1, y) => y,
            (x, 1) => x,
            _ => return None,
        };
    }
    Shape::new(dims.get(..rank)?)
}

/// Calls `row` for each row of `shape`, in row-major order, with the position of the row's first element in each operand.
/// A row is the last axis; a scalar is one row of one element.
pub fn rows<const N: usize>(
    shape: &[u32],
    offsets: [isize; N],
    strides: &[Strides; N],
    mut row: impl FnMut([isize; N]),
) {
    let mut at = offsets;
    walk(shape, &mut at, strides, &mut |at| {
        if let Ok(at) = at.try_into() {
            row(at);
        }
    });
}

/// As [`rows`], for any number of operands; they begin at `at`.
pub(crate) fn walk(shape: &[u32], at: &mut [isize], strides: &[Strides], row: &mut dyn FnMut(&[isize])) {
    let outer = shape.rank().saturating_sub(1);
    let mut index = [0u32; MAX_RANK];
    if shape.elements() == 0 {
        return;
    }
    loop {
        row(at);
        let mut axis = outer;
        loop {
            let Some(before) = axis.checked_sub(1) else { return };
            axis = before;
            let Some(i) = index.get_mut(axis) else { return };
            *i = i.wrapping_add(1);
            let wrapped = *i == shape.dim(axis);
            let back = if wrapped { core::mem::take(i) as isize } else { 0 };
            for (at, strides) in at.iter_mut().zip(strides) {
                let stride = strides.get(axis).copied().unwrap_or(0);
                let steps = if wrapped { 1isize.wrapping_sub(back) } else { 1 };
                *at = at.wrapping_add(stride.wrapping_mul(steps));
            }
            if !wrapped {
                break;
            }
        }
    }
}

/// The stride of the last axis of `shape`.
#[must_use]
pub fn inner(shape: &[u32], strides: &Strides) -> isize {
    shape.rank().checked_sub(1).and_then(|axis| strides.get(axis)).copied().unwrap_or(0)
}

/// `y[i] = x[offset + Σ i·stride]` over `shape` in row-major order, elements of one type.
pub fn copy<T: Pod>(y: &mut [T], x: &[T], shape: &[u32], offset: isize, strides: &Strides) {
    let x = bytemuck::try_cast_slice(x).unwrap_or(&[]);
    let y = bytemuck::try_cast_slice_mut(y).unwrap_or(&mut []);
    copy_bytes(y, x, size_of::<T>(), shape, offset, strides);
}

/// As [`copy`], elements of `width` bytes.
pub fn copy_bytes(y: &mut [u8], x: &[u8], width: usize, shape: &[u32], offset: isize, strides: &Strides) {
    let len = if shape.rank() == 0 { 1 } else { shape.dim(shape.rank().wrapping_sub(1)) as usize };
    let step = inner(shape, strides);
    let mut parts = y.chunks_exact_mut(len.wrapping_mul(width).max(1));
    rows(shape, [offset], &[*strides], |[at]| {
        let row = parts.next().unwrap_or_default();
        if step == 1 {
            bytes::copy(row, bytes::from(x, at.cast_unsigned(), width));
        } else {
            bytes::spaced(row, x, width, at, step);
        }
    });
}

/// `Iterator::rev` for the first `n` items of a zip whose sides differ in length.
trait RevBy: Sized {
    fn rev_by(self, n: usize) -> core::iter::Rev<core::iter::Take<Self>>;
}

impl<I: DoubleEndedIterator + ExactSizeIterator> RevBy for I {
    fn rev_by(self, n: usize) -> core::iter::Rev<core::iter::Take<Self>> {
        self.take(n).rev()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn transposes_and_reverses() {
        let x = [1, 2, 3, 4, 5, 6];
        let mut y = [0i32; 6];
        copy(&mut y, &x, &Shape::new(&[3, 2]).unwrap(), 0, &[1, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(y, [1, 4, 2, 5, 3, 6]);
        copy(&mut y, &x, &Shape::new(&[6]).unwrap(), 5, &[-1, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(y, [6, 5, 4, 3, 2, 1]);
    }

    #[test]
    fn broadcasts_like_numpy() {
        let (a, b) = (Shape::new(&[2, 1, 3]).unwrap(), Shape::new(&[4, 1]).unwrap());
        let to = broadcast_shape(&a, &b).unwrap();
        assert_eq!(to.dims(), [2, 4, 3]);
        assert_eq!(broadcast(&a, &to)[..3], [3, 0, 1]);
        assert_eq!(broadcast(&b, &to)[..3], [0, 1, 0]);
        let mut seen = 0;
        rows(&to, [0, 0], &[broadcast(&a, &to), broadcast(&b, &to)], |[a, b]| {
            assert_eq!((a, b), [(0, 0), (0, 1), (0, 2), (0, 3), (3, 0), (3, 1), (3, 2), (3, 3)][seen]);
            seen += 1;
        });
        assert_eq!(seen, 8);
        assert_eq!(broadcast_shape(&a, &Shape::new(&[2]).unwrap()), None);
    }
}
