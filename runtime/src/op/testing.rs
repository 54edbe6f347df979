//! Runs one operator on tensors: what the tests of operators share.

extern crate std;

use crate::session::Element;
use crate::{DType, Generic, Io, MAX_OUTPUTS, Op, Operands, Outputs, Refusal, Shape, Sig, Type, TypeRef, Values};
use std::{vec, vec::Vec};

/// An operand or a result; equal if type and bytes are.
#[derive(Clone, PartialEq)]
pub(crate) struct Tensor {
    ty: Type,
    words: Vec<u128>,
}

impl Tensor {
    /// A tensor of these axes and elements.
    pub(crate) fn of<T: Element>(dims: &[u32], elements: &[T]) -> Tensor {
        let mut tensor = Tensor::zeros(Type::new(T::DTYPE, Shape::new(dims).expect("at most MAX_RANK axes")));
        tensor.bytes_mut().copy_from_slice(bytemuck::cast_slice(elements));
        tensor
    }

    /// A tensor of booleans.
    pub(crate) fn bools(dims: &[u32], elements: &[u8]) -> Tensor {
        let mut tensor = Tensor::of(dims, elements);
        tensor.ty.dtype = DType::Bool;
        tensor
    }

    fn zeros(ty: Type) -> Tensor {
        let bytes = ty.checked_bytes().expect("fewer than 4 GiB") as usize;
        Tensor { ty, words: vec![0; bytes.div_ceil(16)] }
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.ty.checked_bytes().unwrap_or(0) as usize]
    }

    fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.ty.checked_bytes().unwrap_or(0) as usize]
    }

    /// The axes.
    pub(crate) fn dims(&self) -> &[u32] {
        self.ty.shape.dims()
    }

    /// The elements, which must be of this type.
    pub(crate) fn get<T: Element>(&self) -> &[T] {
        assert!(self.ty.dtype == T::DTYPE || self.ty.dtype == DType::Bool, "elements are {}", self.ty.dtype);
        bytemuck::cast_slice(self.bytes())
    }
}

impl core::fmt::Debug for Tensor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.ty.dtype {
            DType::F32 => write!(f, "{} {:?}", self.ty, self.get::<f32>()),
            DType::I32 => write!(f, "{} {:?}", self.ty, self.get::<i32>()),
            DType::I64 => write!(f, "{} {:?}", self.ty, self.get::<i64>()),
            _ => write!(f, "{} {:?}", self.ty, self.bytes()),
        }
    }
}

/// Operands, and which of them the output takes over.
pub(crate) struct Inputs<'a>(pub(crate) &'a [Option<&'a Tensor>], pub(crate) Option<usize>);

impl Operands for Inputs<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        Some(self.0.get(i).copied().flatten()?.ty.view())
    }
}

impl<'a> Values<'a> for Inputs<'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        if self.1 == Some(i) { None } else { Some(self.0.get(i).copied().flatten()?.bytes()) }
    }
}

/// Output 0 of an operator whose operands are all given.
pub(crate) fn run<O: Op>(attrs: &O::Attrs, inputs: &[&Tensor]) -> Result<Tensor, Refusal> {
    let inputs: Vec<_> = inputs.iter().copied().map(Some).collect();
    Ok(run_all::<O>(attrs, &inputs, None)?.swap_remove(0))
}

/// Every output of an operator; `in_place` names the operand that output 0 takes over, which the operator must allow.
pub(crate) fn run_all<O: Op>(
    attrs: &O::Attrs,
    inputs: &[Option<&Tensor>],
    in_place: Option<usize>,
) -> Result<Vec<Tensor>, Refusal> {
    let values = Inputs(inputs, in_place);
    let mut rule = Outputs::none();
    O::infer(attrs, &Sig(&values), &mut rule)?;
    let types: Vec<Type> = rule.types().collect();
    let mut tensors: Vec<Tensor> = types.iter().copied().map(Tensor::zeros).collect();
    if let Some(taken) = in_place {
        assert!(O::in_place(attrs, &Sig(&values), taken), "{} does not take over operand {taken}", O::NAME);
        let from = inputs[taken].expect("an operand that is given").bytes();
        tensors[0].bytes_mut().copy_from_slice(from);
    }
    let mut scratch = vec![0u128; (rule.scratch as usize).div_ceil(16)];
    let mut outputs = [const { None }; MAX_OUTPUTS];
    for ((slot, ty), tensor) in outputs.iter_mut().zip(&types).zip(&mut tensors) {
        *slot = Some((ty.view(), tensor.bytes_mut()));
    }
    O::run::<Generic>(attrs, &mut Io::new(&values, outputs, bytemuck::cast_slice_mut(&mut scratch), in_place));
    Ok(tensors)
}

/// Output 0 of an operator run by the kernels `K`, with packed constants and perhaps a pool.
#[cfg(feature = "threads")]
pub(crate) fn run_with<O: Op, K: crate::Kernels>(
    attrs: &O::Attrs,
    inputs: &[Option<&Tensor>],
    packed: &[u8],
    pool: Option<&dyn siskin_kernels::threads::Pool>,
) -> Tensor {
    let values = Inputs(inputs, None);
    let mut rule = Outputs::none();
    O::infer(attrs, &Sig(&values), &mut rule).expect("operands that fit");
    let ty = rule.types().next().expect("an output");
    let mut tensor = Tensor::zeros(ty);
    let mut scratch = vec![0u128; (rule.scratch as usize).div_ceil(16)];
    let mut outputs = [const { None }; MAX_OUTPUTS];
    outputs[0] = Some((ty.view(), tensor.bytes_mut()));
    let io = Io::new(&values, outputs, bytemuck::cast_slice_mut(&mut scratch), None);
    O::run::<K>(attrs, &mut io.with_packed(packed).with_pool(pool));
    tensor
}
