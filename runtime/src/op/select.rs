//! `Where`: `y = x0` where the condition holds, `x1` elsewhere, any element type, broadcast as in numpy.

use super::broadcast::Walk;
use crate::attrs::NoAttrs;
use crate::strided::broadcast_shape;
use crate::{Code, DType, Error, Io, Kernels, Op, Outputs, Sig, Type};
use bytemuck::Pod;

/// `condition, x0, x1 -> y`; see the module.
pub struct Where;

impl Op for Where {
    const CODE: Code = Code(130);
    const NAME: &'static str = "Where";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>) -> Result<Outputs, Error> {
        sig.at_most(3)?;
        let (condition, x0, x1) = (sig.shape(0, DType::Bool)?, sig.ty(1)?, sig.ty(2)?);
        if x0.dtype != x1.dtype {
            return Err(Error::DTYPE);
        }
        let shape = broadcast_shape(&x0.shape, &x1.shape).and_then(|s| broadcast_shape(&s, &condition));
        Ok(Outputs::one(Type::new(x0.dtype, shape.ok_or(Error::SHAPE)?)))
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let size = io.out_ty(0).map_or(1, |t| t.dtype.size());
        if size == 4 {
            choose::<u32>(io, 1);
        } else {
            choose::<u8>(io, size as usize);
        }
    }
}

/// Copies elements of `width` `T`s.
fn choose<T: Pod>(io: &mut Io<'_>, width: usize) {
    let walk = Walk::new(&io.out_shape(0), [io.shape(0), io.shape(1), io.shape(2)]);
    let (condition, x0, x1) = (io.bytes(0), view::<T>(io.bytes(1)), view::<T>(io.bytes(2)));
    let y: &mut [T] = bytemuck::try_cast_slice_mut(io.output_bytes(0)).unwrap_or(&mut []);
    let element = |at: usize| at.wrapping_mul(width)..at.wrapping_mul(width).wrapping_add(width);
    walk.each(&mut |range, [c, a, b]| {
        for (i, at) in range.enumerate() {
            let holds = condition.get(c.of(i)).is_some_and(|&c| c != 0);
            let x = if holds { x0.get(element(a.of(i))) } else { x1.get(element(b.of(i))) };
            let pair = y.get_mut(element(at)).zip(x);
            pair.into_iter().flat_map(|(y, x)| y.iter_mut().zip(x)).for_each(|(y, &x)| *y = x);
        }
    });
}

fn view<T: Pod>(bytes: &[u8]) -> &[T] {
    bytemuck::try_cast_slice(bytes).unwrap_or(&[])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    #[test]
    fn chooses_elements_and_broadcasts() {
        let condition = Tensor::bools(&[2, 1], &[1, 0]);
        let (x0, x1) = (Tensor::of(&[3], &[1i64, 2, 3]), Tensor::of(&[], &[9i64]));
        let y = run::<Where>(&NoAttrs {}, &[&condition, &x0, &x1]);
        assert_eq!(y, Ok(Tensor::of(&[2, 3], &[1i64, 2, 3, 9, 9, 9])));
        assert_eq!(run::<Where>(&NoAttrs {}, &[&x0, &x0, &x1]), Err(Error::DTYPE));
        assert_eq!(run::<Where>(&NoAttrs {}, &[&condition, &x0, &condition]), Err(Error::DTYPE));
        let two = Tensor::of(&[2], &[1i64, 2]);
        assert_eq!(run::<Where>(&NoAttrs {}, &[&condition, &x0, &two]), Err(Error::SHAPE));
    }
}
