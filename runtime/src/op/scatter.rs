//! `ScatterElements`, `ScatterND`: writes at computed positions over a copy of `x`.
//!
//! ```text
//! ScatterElements: y[.., index[.., i, ..], ..] ∘= update[.., i, ..]
//! ScatterND:       y[index[i.., :].., b..]     ∘= update[i.., b..]
//! ```
//!
//! `∘` overwrites (any element type), adds, multiplies, or takes the smaller or the larger (any but booleans); integers
//! wrap. Updates follow each other in the order of the indices. Indices are `i32` or `i64`, counted from the end if
//! negative. One outside the axis, an error in ONNX, writes nothing: a run has no errors.

use super::gather::{check_elements, each_element, product, stride};
use super::indices::{Indices, index_shape};
use super::number::{ByType, Number};
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, TypeRef, bytes};

crate::choice! {
    /// How an update meets the element that it falls on.
    pub enum Reduction {
        /// It replaces it.
        None = "none",
        /// Their sum.
        Add = "add",
        /// Their product.
        Mul = "mul",
        /// The smaller one; NaN if one is.
        Min = "min",
        /// The larger one; NaN if one is.
        Max = "max",
    }
}

crate::attrs! {
    /// Attributes of [`ScatterElements`].
    pub struct ScatterElementsAttrs {
        /// The axis that indices count along.
        pub axis: u32,
        /// How updates meet elements.
        pub reduction: Reduction,
    }
}

crate::attrs! {
    /// Attributes of [`ScatterND`].
    pub struct ScatterNdAttrs {
        /// How updates meet elements.
        pub reduction: Reduction,
    }
}

/// `x, indices, updates -> y`; see the module.
pub struct ScatterElements;

/// `x, indices, updates -> y`; see the module.
pub struct ScatterND;

/// What both ask of the element types; the answer is the type of `y`.
fn check_types<'s>(sig: &Sig<'s>, reduction: Reduction) -> Result<TypeRef<'s>, Refusal> {
    sig.at_most(3)?;
    let x = sig.ty(0)?;
    let possible = reduction == Reduction::None || x.dtype != DType::Bool;
    if sig.ty(2)?.dtype == x.dtype && possible { Ok(x) } else { Err(Refusal::DType) }
}

/// Output 0, with the elements of `x`.
fn copied<'a>(io: &mut Io<'a>) -> &'a mut [u8] {
    let (x, y) = (io.bytes(0), io.output_bytes(0));
    bytes::copy(y, x);
    y
}

impl Op for ScatterElements {
    const CODE: Code = Code(168);
    const NAME: &'static str = "ScatterElements";
    type Attrs = ScatterElementsAttrs;

    /// `x, [i..], [i..] -> x`; `x` is at least as long as the indices, the axis apart.
    fn infer(attrs: &ScatterElementsAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let (x, indices) = (check_types(sig, attrs.reduction)?, index_shape(sig, 1)?);
        check_elements(x.shape, indices, attrs.axis)?;
        if sig.ty(2)?.shape == indices { out.like(x) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &ScatterElementsAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &ScatterElementsAttrs, io: &mut Io<'_>) {
        let Some(ty) = io.out_ty(0) else { return };
        let size = ty.dtype.size() as usize;
        let (indices, updates) = (Indices::new(io, 1), io.bytes(2));
        let (len, step) = (ty.shape.dim(attrs.axis as usize), stride(ty.shape, attrs.axis));
        let (of_indices, y) = (io.shape(1), copied(io));
        each_element(ty.shape, of_indices, attrs.axis, &mut |i, at| {
            let Some(index) = indices.within(i, len) else { return };
            let at = at.wrapping_add(index.wrapping_mul(step));
            meet(attrs.reduction, ty.dtype, bytes::block(y, at, size), bytes::from(updates, i, size));
        });
    }
}

impl Op for ScatterND {
    const CODE: Code = Code(169);
    const NAME: &'static str = "ScatterND";
    type Attrs = ScatterNdAttrs;

    /// `[n.., b..], [i.., |n|], [i.., b..] -> [n.., b..]`
    fn infer(attrs: &ScatterNdAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let (x, indices) = (check_types(sig, attrs.reduction)?, index_shape(sig, 1)?);
        let (&depth, outer) = indices.split_last().ok_or(Refusal::Shape)?;
        let inner = x.shape.get(depth as usize..).ok_or(Refusal::Shape)?;
        let updates = sig.ty(2)?.shape;
        if updates.iter().eq(outer.iter().chain(inner)) { out.like(x) } else { Err(Refusal::Shape) }
    }

    fn in_place(_: &ScatterNdAttrs, _: &Sig<'_>, input: usize) -> bool {
        input == 0
    }

    fn run<K: Kernels>(attrs: &ScatterNdAttrs, io: &mut Io<'_>) {
        let (Some(ty), index, of_indices) = (io.out_ty(0), Indices::new(io, 1), io.shape(1)) else { return };
        let depth = of_indices.last().map_or(0, |&d| d as usize);
        let addressed = ty.shape.get(..depth).unwrap_or(&[]);
        let inner = product(ty.shape.get(depth..).unwrap_or(&[])).wrapping_mul(ty.dtype.size() as usize);
        let (updates, y) = (io.bytes(2), copied(io));
        for (i, update) in updates.chunks_exact(inner.max(1)).enumerate() {
            let tuple = i.wrapping_mul(depth);
            let at = addressed.iter().enumerate().try_fold(0usize, |at, (k, &len)| {
                Some(at.wrapping_mul(len as usize).wrapping_add(index.within(tuple.wrapping_add(k), len)?))
            });
            if let Some(at) = at {
                meet(attrs.reduction, ty.dtype, bytes::block(y, at, inner), update);
            }
        }
    }
}

/// Updates meet the elements of `y`.
fn meet(reduction: Reduction, dtype: DType, y: &mut [u8], updates: &[u8]) {
    let table = match reduction {
        Reduction::None => return bytes::copy(y, updates),
        Reduction::Add => &ByType::SUM,
        Reduction::Mul => &ByType::PRODUCT,
        Reduction::Min => &ByType::LESSER,
        Reduction::Max => &ByType::GREATER,
    };
    for i in 0..y.len() / dtype.size().max(1) as usize {
        if let Some((old, update)) = Number::load(dtype, y, i).zip(Number::load(dtype, updates, i)) {
            table.apply(old, update).store(dtype, y, i);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    #[test]
    fn scatters_elements_in_order() {
        let x = Tensor::of(&[1, 5], &[1f32, 2., 3., 4., 5.]);
        let (i, u) = (Tensor::of(&[1, 3], &[1i64, 1, -1]), Tensor::of(&[1, 3], &[1.5f32, 2., 9.]));
        let scatter = |reduction| {
            let y = run::<ScatterElements>(&ScatterElementsAttrs { axis: 1, reduction }, &[&x, &i, &u]).unwrap();
            <[f32; 5]>::try_from(y.get::<f32>()).unwrap()
        };
        assert_eq!(scatter(Reduction::None), [1., 2., 3., 4., 9.]);
        assert_eq!(scatter(Reduction::Add), [1., 5.5, 3., 4., 14.]);
        assert_eq!(scatter(Reduction::Mul), [1., 6., 3., 4., 45.]);
        assert_eq!(scatter(Reduction::Min), [1., 1.5, 3., 4., 5.]);
        assert_eq!(scatter(Reduction::Max), [1., 2., 3., 4., 9.]);
    }

    #[test]
    fn scatters_blocks_and_drops_what_lies_outside() {
        let x = Tensor::of(&[3, 2], &[1i8, 2, 3, 4, 100, 6]);
        let (i, u) = (Tensor::of(&[3, 1], &[2i32, 3, i32::MIN]), Tensor::of(&[3, 2], &[100i8, 7, 8, 8, 9, 9]));
        let attrs = ScatterNdAttrs { reduction: Reduction::Add };
        let want = Tensor::of(&[3, 2], &[1i8, 2, 3, 4, -56, 13]);
        assert_eq!(run::<ScatterND>(&attrs, &[&x, &i, &u]).unwrap(), want);
        assert_eq!(run_all::<ScatterND>(&attrs, &[Some(&x), Some(&i), Some(&u)], Some(0)).unwrap(), [want]);
    }

    #[test]
    fn refuses_updates_of_another_shape_and_sums_of_booleans() {
        let (x, i, u) = (Tensor::of(&[3], &[0f32; 3]), Tensor::of(&[2], &[0i64; 2]), Tensor::of(&[3], &[0f32; 3]));
        let attrs = ScatterElementsAttrs { axis: 0, reduction: Reduction::Add };
        assert_eq!(run::<ScatterElements>(&attrs, &[&x, &i, &u]).unwrap_err(), Refusal::Shape);
        let nd = ScatterNdAttrs { reduction: Reduction::None };
        assert_eq!(run::<ScatterND>(&nd, &[&x, &i, &u]).unwrap_err(), Refusal::Shape);
        let b = Tensor::bools(&[3], &[0; 3]);
        let i = Tensor::of(&[3], &[0i64; 3]);
        assert_eq!(run::<ScatterElements>(&attrs, &[&b, &i, &b]).unwrap_err(), Refusal::DType);
    }
}
