//! Shapes and types of tensors, as small `Copy` values.
//!
//! Every operator asks these questions several times, and none of them while it computes: they are calls, not inlined.

use crate::DType;
use core::fmt;
use core::ops::Deref;

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

    /// The shape with these axes; those beyond [`MAX_RANK`], which a checked file does not have, are lost.
    #[must_use]
    pub fn of(dims: &[u32]) -> Shape {
        dims.get(..MAX_RANK).map_or_else(|| Shape::new(dims), Shape::new).unwrap_or(Shape::SCALAR)
    }

    /// The axes, outermost first.
    #[must_use]
    pub fn dims(&self) -> &[u32] {
        self.dims.get(..self.rank.into()).unwrap_or(&[])
    }

    /// The axes, to be changed in place; their number stays.
    pub fn dims_mut(&mut self) -> &mut [u32] {
        self.dims.get_mut(..self.rank.into()).unwrap_or(&mut [])
    }

    /// See [`Axes::rank`].
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank.into()
    }

    /// See [`Axes::dim`].
    #[must_use]
    pub fn dim(&self, i: usize) -> u32 {
        Axes::dim(self.dims(), i)
    }

    /// See [`Axes::checked_elements`].
    #[must_use]
    pub fn checked_elements(&self) -> Option<u32> {
        Axes::checked_elements(self.dims())
    }

    /// See [`Axes::elements`].
    #[must_use]
    pub fn elements(&self) -> usize {
        Axes::elements(self.dims())
    }
}

impl Deref for Shape {
    type Target = [u32];

    fn deref(&self) -> &[u32] {
        self.dims()
    }
}

/// A shape as a slice of the lengths of its axes, wherever they stand.
pub trait Axes {
    /// The number of axes.
    fn rank(&self) -> usize;

    /// The length of axis `i`, 1 beyond the last.
    fn dim(&self, i: usize) -> u32;

    /// The number of elements, or nothing if that exceeds `u32`.
    fn checked_elements(&self) -> Option<u32>;

    /// The number of elements of a shape that [`Axes::checked_elements`] accepted.
    fn elements(&self) -> usize;
}

impl Axes for [u32] {
    fn rank(&self) -> usize {
        self.len()
    }

    #[inline(never)]
    fn dim(&self, i: usize) -> u32 {
        self.get(i).copied().unwrap_or(1)
    }

    #[inline(never)]
    fn checked_elements(&self) -> Option<u32> {
        self.iter().try_fold(1u32, |n, &d| n.checked_mul(d))
    }

    #[inline(never)]
    fn elements(&self) -> usize {
        let n = self.iter().fold(1u32, |n, &d| n.wrapping_mul(d));
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
    pub fn checked_bytes(&self) -> Option<u32> {
        self.view().checked_bytes()
    }
}

/// A [`Type`] whose axes stand elsewhere: in a file, or in a [`Type`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TypeRef<'a> {
    /// The type of each element.
    pub dtype: DType,
    /// The lengths of the axes.
    pub shape: &'a [u32],
}

impl Type {
    /// The type, borrowed.
    #[must_use]
    pub fn view(&self) -> TypeRef<'_> {
        TypeRef { dtype: self.dtype, shape: &self.shape }
    }
}

impl TypeRef<'_> {
    /// The type, with axes of its own.
    #[must_use]
    pub fn owned(self) -> Type {
        Type::new(self.dtype, Shape::of(self.shape))
    }

    /// Bytes of the whole tensor, or nothing if that exceeds `u32`.
    #[must_use]
    #[inline(never)]
    pub fn checked_bytes(&self) -> Option<u32> {
        self.shape.checked_elements()?.checked_mul(self.dtype.size())
    }
}

impl fmt::Display for TypeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.owned().fmt(f)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.dtype, self.shape)
    }
}
