//! What an operator sees: types when it is checked, slices when it runs.
//!
//! Every operator asks these questions several times, and none of them while it computes: they are calls, not inlined.

use crate::{DType, Refusal, Shape, Type, TypeRef};
use bytemuck::Pod;
#[cfg(feature = "threads")]
use siskin_kernels::threads::Pool;

/// The types of an operator's inputs.
pub trait Operands {
    /// The number of inputs, absent ones included.
    fn count(&self) -> usize;

    /// The type of input `i`; nothing if it is absent.
    fn ty(&self, i: usize) -> Option<TypeRef<'_>>;
}

/// The bytes of an operator's inputs.
pub trait Values<'a>: Operands {
    /// The bytes of input `i`; nothing if it is absent or was taken over by the output.
    fn bytes(&self, i: usize) -> Option<&'a [u8]>;
}

/// The inputs' types, with the questions that rules ask.
pub struct Sig<'s>(pub &'s dyn Operands);

impl<'s> Sig<'s> {
    /// The number of inputs, absent ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count()
    }

    /// The type of an input that must be there.
    ///
    /// # Errors
    /// [`Refusal::Shape`] if it is absent.
    #[inline(never)]
    pub fn ty(&self, i: usize) -> Result<TypeRef<'s>, Refusal> {
        self.0.ty(i).ok_or(Refusal::Shape)
    }

    /// The type of an input that may be absent.
    #[must_use]
    pub fn opt(&self, i: usize) -> Option<TypeRef<'s>> {
        self.0.ty(i)
    }

    /// The shape of an input that must be there and of this element type.
    ///
    /// # Errors
    /// [`Refusal::Shape`] if it is absent, [`Refusal::DType`] if its elements differ.
    #[inline(never)]
    pub fn shape(&self, i: usize, dtype: DType) -> Result<&'s [u32], Refusal> {
        let ty = self.ty(i)?;
        if ty.dtype == dtype { Ok(ty.shape) } else { Err(Refusal::DType) }
    }

    /// Checks that there are no more than `n` inputs.
    ///
    /// # Errors
    /// [`Refusal::Shape`] if there are more.
    #[inline(never)]
    pub fn at_most(&self, n: usize) -> Result<(), Refusal> {
        if self.count() <= n { Ok(()) } else { Err(Refusal::Shape) }
    }
}

/// The most outputs of an operator, scratch apart.
pub const MAX_OUTPUTS: usize = 4;

/// What a rule answers: the outputs' types and the bytes of scratch that a run needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outputs {
    types: [Option<Type>; MAX_OUTPUTS],
    /// Bytes of scratch; 0 for none.
    pub scratch: u32,
}

impl Outputs {
    /// No outputs yet.
    #[must_use]
    pub const fn none() -> Outputs {
        Outputs { types: [None; MAX_OUTPUTS], scratch: 0 }
    }

    /// One output.
    ///
    /// # Errors
    /// None: that it has the form of a rule's answer makes rules short.
    #[inline(never)]
    pub fn one(&mut self, ty: Type) -> Result<(), Refusal> {
        self.many(&[ty])
    }

    /// One output of this element type and these axes.
    ///
    /// # Errors
    /// [`Refusal::Shape`] if there are more than [`crate::MAX_RANK`] axes.
    #[inline(never)]
    pub fn dims(&mut self, dtype: DType, dims: &[u32]) -> Result<(), Refusal> {
        self.one(Type::new(dtype, Shape::new(dims).ok_or(Refusal::Shape)?))
    }

    /// One output, of the type of an input.
    ///
    /// # Errors
    /// As [`Outputs::dims`].
    pub fn like(&mut self, ty: TypeRef<'_>) -> Result<(), Refusal> {
        self.dims(ty.dtype, ty.shape)
    }

    /// Several outputs, at most [`MAX_OUTPUTS`].
    ///
    /// # Errors
    /// [`Refusal::Shape`] if there are more.
    #[inline(never)]
    pub fn many(&mut self, list: &[Type]) -> Result<(), Refusal> {
        if list.len() > MAX_OUTPUTS {
            return Err(Refusal::Shape);
        }
        for (slot, &ty) in self.types.iter_mut().zip(list) {
            *slot = Some(ty);
        }
        Ok(())
    }

    /// The outputs' types, in order.
    pub fn types(&self) -> impl Iterator<Item = Type> + '_ {
        self.types.iter().map_while(|t| *t)
    }
}

/// One run of an operator: inputs to read, outputs to write.
///
/// Every slice is total: an operand that is absent or of another element type reads as empty.
pub struct Io<'a> {
    inputs: &'a dyn Values<'a>,
    outputs: [Option<(TypeRef<'a>, &'a mut [u8])>; MAX_OUTPUTS],
    scratch: &'a mut [u8],
    in_place: Option<usize>,
    #[cfg(feature = "pack")]
    packed: &'a [u8],
    #[cfg(feature = "threads")]
    pool: Option<&'a dyn Pool>,
}

impl<'a> Io<'a> {
    /// A run over these operands. `in_place` names the input whose bytes output 0 already holds.
    pub fn new(
        inputs: &'a dyn Values<'a>,
        outputs: [Option<(TypeRef<'a>, &'a mut [u8])>; MAX_OUTPUTS],
        scratch: &'a mut [u8],
        in_place: Option<usize>,
    ) -> Io<'a> {
        Io {
            inputs,
            outputs,
            scratch,
            in_place,
            #[cfg(feature = "pack")]
            packed: &[],
            #[cfg(feature = "threads")]
            pool: None,
        }
    }

    /// The same run with the operator's constants packed, see [`crate::Op::pack`].
    #[cfg(feature = "pack")]
    #[must_use]
    pub const fn with_packed(self, packed: &'a [u8]) -> Io<'a> {
        Io { packed, ..self }
    }

    /// The same run with the threads of a pool, see [`crate::Model::with_pool`].
    #[cfg(feature = "threads")]
    #[must_use]
    pub const fn with_pool(self, pool: Option<&'a dyn Pool>) -> Io<'a> {
        Io { pool, ..self }
    }

    /// The threads that may help, if any.
    #[cfg(feature = "threads")]
    #[must_use]
    pub const fn pool(&self) -> Option<&'a dyn Pool> {
        self.pool
    }

    /// What [`crate::Op::pack`] made of the constants; empty if nothing was packed.
    #[must_use]
    pub const fn packed(&self) -> &'a [u8] {
        #[cfg(feature = "pack")]
        return self.packed;
        #[cfg(not(feature = "pack"))]
        &[]
    }

    /// The number of inputs, absent ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inputs.count()
    }

    /// The type of input `i`.
    #[must_use]
    pub fn ty(&self, i: usize) -> Option<TypeRef<'a>> {
        self.inputs.ty(i)
    }

    /// The shape of input `i`; a scalar's if it is absent.
    #[must_use]
    #[inline(never)]
    pub fn shape(&self, i: usize) -> &'a [u32] {
        self.ty(i).map_or(&[], |t| t.shape)
    }

    /// The elements of input `i`.
    #[must_use]
    #[inline(never)]
    pub fn input<T: Pod>(&self, i: usize) -> &'a [T] {
        bytemuck::try_cast_slice(self.bytes(i)).unwrap_or(&[])
    }

    /// The bytes of input `i`.
    #[must_use]
    #[inline(never)]
    pub fn bytes(&self, i: usize) -> &'a [u8] {
        self.inputs.bytes(i).unwrap_or(&[])
    }

    /// The input whose bytes output 0 already holds, if any.
    #[must_use]
    pub const fn in_place(&self) -> Option<usize> {
        self.in_place
    }

    /// The type of output `i`.
    #[must_use]
    #[inline(never)]
    pub fn out_ty(&self, i: usize) -> Option<TypeRef<'a>> {
        self.outputs.get(i).and_then(Option::as_ref).map(|(ty, _)| *ty)
    }

    /// The shape of output `i`; a scalar's if there is none.
    #[must_use]
    #[inline(never)]
    pub fn out_shape(&self, i: usize) -> &'a [u32] {
        self.out_ty(i).map_or(&[], |t| t.shape)
    }

    /// Takes the elements of output `i`; a second call finds nothing.
    #[inline(never)]
    pub fn output<T: Pod>(&mut self, i: usize) -> &'a mut [T] {
        bytemuck::try_cast_slice_mut(self.output_bytes(i)).unwrap_or(&mut [])
    }

    /// Takes the bytes of output `i`; a second call finds nothing.
    #[inline(never)]
    pub fn output_bytes(&mut self, i: usize) -> &'a mut [u8] {
        self.outputs.get_mut(i).and_then(Option::as_mut).map_or(&mut [], |(_, b)| core::mem::take(b))
    }

    /// Takes the scratch, aligned for any element; a second call finds nothing.
    #[inline(never)]
    pub fn scratch<T: Pod>(&mut self) -> &'a mut [T] {
        bytemuck::try_cast_slice_mut(core::mem::take(&mut self.scratch)).unwrap_or(&mut [])
    }
}
