//! Shapes and types of tensors, as small `Copy` values.
//!
//! Every operator asks these questions several times, and none of them while it computes: they are calls, not inlined.

use crate::DType;
use core::fmt;

/// The most axes that a tensor can have.
pub const MAX_RANK: usize = 8;

/// The lengths of a tensor's axes, outermost first; a scalar has none.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape {
    rank: u8,
    dims: [u32; MAX_RANK],
}

impl Shape {
    /// The shape of a scalar.
    pub const SCALAR: Shape = Shape { rank: 0, dims: [1; MAX_RANK] };

    /// The shape with these axes, or nothing if there are more than [`MAX_RANK`].
    #[must_use]
    #[inline(never)]
    pub fn new(dims: &[u32]) -> Option<Shape> {
        let mut shape = Shape { rank: u8::try_from(dims.len()).ok()?, dims: [1; MAX_RANK] };
        shape.dims.get_mut(..dims.len())?.copy_from_slice(dims);
        Some(shape)
    }

    /// The axes, outermost first.
    #[must_use]
    pub fn dims(&self) -> &[u32] {
        self.dims.get(..self.rank()).unwrap_or(&[])
    }

    /// The axes, to be changed in place; their number stays.
    pub fn dims_mut(&mut self) -> &mut [u32] {
        let rank = self.rank();
        self.dims.get_mut(..rank).unwrap_or(&mut [])
    }

    /// The number of axes.
    #[must_use]
    pub const fn rank(&self) -> usize {
        #[expect(clippy::as_conversions, reason = "u8 to usize is lossless; From is not const")]
        {
            self.rank as usize
        }
    }

    /// The length of axis `i`, 1 beyond the last.
    #[must_use]
    #[inline(never)]
    pub fn dim(&self, i: usize) -> u32 {
        self.dims().get(i).copied().unwrap_or(1)
    }

    /// The number of elements, or nothing if that exceeds `u32`.
    #[must_use]
    #[inline(never)]
    pub fn checked_elements(&self) -> Option<u32> {
        self.dims().iter().try_fold(1u32, |n, &d| n.checked_mul(d))
    }

    /// The number of elements of a shape that [`Shape::checked_elements`] accepted.
    #[must_use]
    #[inline(never)]
    pub fn elements(&self) -> usize {
        let n = self.dims().iter().fold(1u32, |n, &d| n.wrapping_mul(d));
        usize::try_from(n).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[")?;
        for (i, d) in self.dims().iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{d}")?;
        }
        f.write_str("]")
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What a tensor holds: element type and shape.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Type {
    /// The type of each element.
    pub dtype: DType,
    /// The lengths of the axes.
    pub shape: Shape,
}

impl Type {
    /// A type of these parts.
    #[must_use]
    pub const fn new(dtype: DType, shape: Shape) -> Type {
        Type { dtype, shape }
    }

    /// Bytes of the whole tensor, or nothing if that exceeds `u32`.
    #[must_use]
    #[inline(never)]
    pub fn checked_bytes(&self) -> Option<u32> {
        self.shape.checked_elements()?.checked_mul(self.dtype.size())
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}
