//! `Where`: `y = x0` where the condition holds, `x1` elsewhere, any element type, broadcast as in numpy.

use super::broadcast::Walk;
use crate::attrs::NoAttrs;
use crate::strided::broadcast_shape;
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig, Type, bytes};

/// `condition, x0, x1 -> y`; see the module.
pub struct Where;

impl Op for Where {
    const CODE: Code = Code(130);
    const NAME: &'static str = "Where";
    type Attrs = NoAttrs;

    fn infer(_: &NoAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        let (condition, x0, x1) = (sig.shape(0, DType::Bool)?, sig.ty(1)?, sig.ty(2)?);
        if x0.dtype != x1.dtype {
            return Err(Refusal::DType);
        }
        let shape = broadcast_shape(x0.shape, x1.shape).and_then(|s| broadcast_shape(&s, condition));
        out.one(Type::new(x0.dtype, shape.ok_or(Refusal::Shape)?))
    }

    fn run<K: Kernels>(_: &NoAttrs, io: &mut Io<'_>) {
        let walk = Walk::new(io.out_shape(0), &[io.shape(0), io.shape(1), io.shape(2)]);
        let (width, condition, x0, x1) = (bytes::width(io), io.bytes(0), io.bytes(1), io.bytes(2));
        let y = io.output_bytes(0);
        walk.each(&mut |range, [c, a, b]| {
            let part = range.start.wrapping_mul(width)..range.end.wrapping_mul(width);
            let row = y.get_mut(part).unwrap_or(&mut []);
            bytes::spaced(row, x1, width, b.start.cast_signed(), b.step.cast_signed());
            for i in 0..range.len() {
                if condition.get(c.of(i)).is_some_and(|&c| c != 0) {
                    bytes::spaced(bytes::block(row, i, width), x0, width, a.of(i).cast_signed(), 0);
                }
            }
        });
    }
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
        assert_eq!(run::<Where>(&NoAttrs {}, &[&x0, &x0, &x1]), Err(Refusal::DType));
        assert_eq!(run::<Where>(&NoAttrs {}, &[&condition, &x0, &condition]), Err(Refusal::DType));
        let two = Tensor::of(&[2], &[1i64, 2]);
        assert_eq!(run::<Where>(&NoAttrs {}, &[&condition, &x0, &two]), Err(Refusal::Shape));
    }
}
