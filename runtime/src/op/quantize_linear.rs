//! `QuantizeLinear` and `DequantizeLinear`: between real values and integers.
//!
//! ```text
//! QuantizeLinear:   y = saturate(round_half_even(x / scale) + zero_point)
//! DequantizeLinear: y = (x - zero_point) * scale
//! ```
//!
//! `scale` and `zero_point` hold one value, one per element of an axis, or one per block of an axis: then they have
//! the shape of `x` with that axis divided by the block's length, rounded up.

use super::number::Number;
use crate::{Axes, Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig};
use core::ops::Range;

crate::attrs! {
    /// Attributes of [`QuantizeLinear`].
    pub struct QuantizeAttrs {
        /// The axis along which scales differ; of no meaning if there is one scale.
        pub axis: u32,
        /// Elements of the axis that share a scale; 0 if there is one scale, or one per element.
        pub block: u32,
        /// The element type of the output.
        pub dtype: DType,
    }
}

crate::attrs! {
    /// Attributes of [`DequantizeLinear`].
    pub struct DequantizeAttrs {
        /// The axis along which scales differ; of no meaning if there is one scale.
        pub axis: u32,
        /// Elements of the axis that share a scale; 0 if there is one scale, or one per element.
        pub block: u32,
    }
}

/// `[..], scale, zero_point? -> [..]`; see the module.
pub struct QuantizeLinear;

/// `[..], scale, zero_point? -> [..]`; see the module. The output has the scale's element type.
pub struct DequantizeLinear;

impl Op for QuantizeLinear {
    const CODE: Code = Code(3);
    const NAME: &'static str = "QuantizeLinear";
    type Attrs = QuantizeAttrs;

    fn infer(attrs: &QuantizeAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let x = sig.ty(0)?;
        let real = matches!(x.dtype, DType::F32 | DType::F16 | DType::I32);
        check_parameters(sig, attrs.axis, attrs.block, attrs.dtype)?;
        if real && is_quantized(attrs.dtype) { out.dims(attrs.dtype, x.shape) } else { Err(Refusal::DType) }
    }

    fn run<K: Kernels>(attrs: &QuantizeAttrs, io: &mut Io<'_>) {
        let steps = Steps::new(io, attrs.axis, attrs.block);
        let (from, x, reals) = (io.ty(0).map_or(DType::F32, |t| t.dtype), io.bytes(0), io.input::<f32>(0));
        let y = io.output_bytes(0);
        steps.each(&mut |range, scale, zero| match (from, attrs.dtype) {
            (DType::F32, DType::I8) => spread(y, reals, range, |v| level(v, scale, zero).clamp(-128, 127) as i8),
            (DType::F32, DType::U8) => spread(y, reals, range, |v| level(v, scale, zero).clamp(0, 255) as u8),
            (_, to) => {
                // `clamp` would check its bounds.
                let (min, max) = limits(to);
                for i in range {
                    let v = Number::load(from, x, i).map_or(0.0, Number::to_f32);
                    Number::Signed(level(v, scale, zero).max(min).min(max).into()).store(to, y, i);
                }
            }
        });
    }
}

impl Op for DequantizeLinear {
    const CODE: Code = Code(4);
    const NAME: &'static str = "DequantizeLinear";
    type Attrs = DequantizeAttrs;

    fn infer(attrs: &DequantizeAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        let x = sig.ty(0)?;
        check_parameters(sig, attrs.axis, attrs.block, x.dtype)?;
        let integer = is_quantized(x.dtype) || x.dtype == DType::I32;
        if integer { out.dims(sig.ty(1)?.dtype, x.shape) } else { Err(Refusal::DType) }
    }

    fn run<K: Kernels>(attrs: &DequantizeAttrs, io: &mut Io<'_>) {
        let steps = Steps::new(io, attrs.axis, attrs.block);
        let Some((from, to)) = io.ty(0).zip(io.out_ty(0)).map(|(x, y)| (x.dtype, y.dtype)) else { return };
        let (x, signed, unsigned) = (io.bytes(0), io.input::<i8>(0), io.input::<u8>(0));
        let y = io.output_bytes(0);
        steps.each(&mut |range, scale, zero| match (from, to) {
            (DType::I8, DType::F32) => spread(y, signed, range, |v| i32::from(v).wrapping_sub(zero) as f32 * scale),
            (DType::U8, DType::F32) => spread(y, unsigned, range, |v| i32::from(v).wrapping_sub(zero) as f32 * scale),
            _ => {
                for i in range {
                    // In 64 bits the difference cannot overflow, whatever an i32 holds.
                    let v = integer(from, x, i).wrapping_sub(zero.into()) as f32;
                    Number::F32(v * scale).store(to, y, i);
                }
            }
        });
    }
}

fn is_quantized(dtype: DType) -> bool {
    matches!(dtype, DType::I8 | DType::U8 | DType::I16 | DType::U16)
}

fn limits(dtype: DType) -> (i32, i32) {
    match dtype {
        DType::I8 => (-128, 127),
        DType::U8 => (0, 255),
        DType::I16 => (-32_768, 32_767),
        _ => (0, 65_535),
    }
}

/// `round_half_even(v / scale) + zero`, or a value as far outside 16 bits.
#[inline]
fn level(v: f32, scale: f32, zero: i32) -> i32 {
    // No zero point brings back what lies beyond this, and below it adding 1.5 * 2^23 rounds, without a branch.
    const FAR: f32 = 2_097_152.0;
    const MAGIC: f32 = 12_582_912.0;
    let steps = v / scale;
    let steps = if steps < -FAR { -FAR } else { steps };
    let steps = if steps > FAR { FAR } else { steps };
    (((steps + MAGIC) - MAGIC) as i32).wrapping_add(zero)
}

/// Scales are floats, of one of the three shapes; the zero point has the scale's shape and the quantized type.
fn check_parameters(sig: &Sig<'_>, axis: u32, block: u32, dtype: DType) -> Result<(), Refusal> {
    sig.at_most(3)?;
    let (x, scale) = (sig.ty(0)?.shape, sig.ty(1)?);
    if !matches!(scale.dtype, DType::F32 | DType::F16) {
        return Err(Refusal::DType);
    }
    if !fits(x, scale.shape, axis as usize, block) {
        return Err(Refusal::Shape);
    }
    match sig.opt(2) {
        Some(zero) if zero.dtype != dtype => Err(Refusal::DType),
        Some(zero) if zero.shape.elements() != scale.shape.elements() => Err(Refusal::Shape),
        _ => Ok(()),
    }
}

fn fits(x: &[u32], scale: &[u32], axis: usize, block: u32) -> bool {
    if block == 0 {
        let per_axis = scale.rank() == 1 && axis < x.rank() && scale.dim(0) == x.dim(axis);
        return scale.elements() == 1 || per_axis;
    }
    let mut blocks = Shape::of(x);
    let Some(dim) = blocks.dims_mut().get_mut(axis) else { return false };
    *dim = dim.div_ceil(block);
    *blocks == *scale
}

/// Element `i` of an integer tensor; 0 beyond the end.
fn integer(dtype: DType, bytes: &[u8], i: usize) -> i64 {
    match Number::load(dtype, bytes, i) {
        Some(Number::Signed(v)) => v,
        Some(Number::Unsigned(v)) => v.cast_signed(),
        _ => 0,
    }
}

/// Scale and zero point by element.
struct Steps<'a> {
    scales: (DType, &'a [u8]),
    zeros: (DType, &'a [u8]),
    /// Elements of the tensor.
    len: usize,
    /// Neighbours that share a scale.
    run: usize,
    /// Elements per step of the axis, steps of the axis, steps per block; the axis has one step if there is one scale.
    inner: usize,
    steps: usize,
    block: usize,
}

impl<'a> Steps<'a> {
    fn new(io: &Io<'a>, axis: u32, block: u32) -> Steps<'a> {
        let shape = io.shape(0);
        let operand = |i| (io.ty(i).map_or(DType::F32, |t| t.dtype), io.bytes(i));
        let after = shape.iter().skip(axis as usize).skip(1).fold(1u32, |n, &d| n.wrapping_mul(d)) as usize;
        let single = block == 0 && io.shape(1).elements() == 1;
        let len = shape.elements();
        let (inner, steps) = if single { (len, 1) } else { (after, shape.dim(axis as usize) as usize) };
        let run = if block == 0 { inner } else { 1 };
        Steps {
            scales: operand(1),
            zeros: operand(2),
            len,
            run: run.max(1),
            inner,
            steps,
            block: block as usize,
        }
    }

    /// Which scale element `i` has.
    fn index(&self, i: usize) -> Option<usize> {
        let step = i.checked_div(self.inner)?;
        let along = step.checked_rem(self.steps)?;
        if self.block == 0 {
            return Some(along);
        }
        let outer = step.checked_div(self.steps)?;
        let block = outer.wrapping_mul(self.steps.div_ceil(self.block)).wrapping_add(along.checked_div(self.block)?);
        Some(block.wrapping_mul(self.inner).wrapping_add(i.checked_rem(self.inner)?))
    }

    /// Calls `f` with the elements that share a scale, the scale and the zero point.
    fn each(&self, f: &mut dyn FnMut(Range<usize>, f32, i32)) {
        let mut start = 0;
        while start < self.len {
            let end = start.saturating_add(self.run).min(self.len);
            let k = self.index(start).unwrap_or(0);
            let scale = Number::load(self.scales.0, self.scales.1, k).map_or(1.0, Number::to_f32);
            let zero = integer(self.zeros.0, self.zeros.1, k);
            f(start..end, scale, zero as i32);
            start = end;
        }
    }
}

/// `y[i] = f(x[i])` for the elements of `range`.
fn spread<T: bytemuck::Pod, U: bytemuck::Pod>(y: &mut [u8], x: &[T], range: Range<usize>, f: impl Fn(T) -> U) {
    let y: &mut [U] = bytemuck::try_cast_slice_mut(y).unwrap_or(&mut []);
    let pair = y.get_mut(range.clone()).zip(x.get(range));
    for (y, &x) in pair.into_iter().flat_map(|(y, x)| y.iter_mut().zip(x)) {
        *y = f(x);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run};

    const PLAIN: QuantizeAttrs = QuantizeAttrs { axis: 0, block: 0, dtype: DType::U8 };

    #[test]
    fn quantizes_half_to_even_and_saturates() {
        let x = Tensor::of(&[6], &[0.0f32, 2.0, 3.0, 1000.0, -254.0, -1000.0]);
        let (scale, zero) = (Tensor::of(&[], &[2.0f32]), Tensor::of(&[], &[128u8]));
        let y = run::<QuantizeLinear>(&PLAIN, &[&x, &scale, &zero]).unwrap();
        assert_eq!(y, Tensor::of(&[6], &[128u8, 129, 130, 255, 1, 0]));
        let back = run::<DequantizeLinear>(&DequantizeAttrs { axis: 0, block: 0 }, &[&y, &scale, &zero]).unwrap();
        assert_eq!(back, Tensor::of(&[6], &[0.0f32, 2.0, 4.0, 254.0, -254.0, -256.0]));
    }

    #[test]
    fn scales_per_axis_and_per_block() {
        let x = Tensor::of(&[2, 3], &[2.0f32, 4.0, 6.0, 8.0, 10.0, 12.0]);
        let halves = Tensor::of(&[2], &[half::f16::from_f32(2.0), half::f16::from_f32(4.0)]);
        let attrs = QuantizeAttrs { dtype: DType::I16, ..PLAIN };
        let y = run::<QuantizeLinear>(&attrs, &[&x, &halves]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[1i16, 2, 3, 2, 2, 3]));
        let blocks = Tensor::of(&[2, 2], &[2.0f32, 1.0, 4.0, 3.0]);
        let zeros = Tensor::of(&[2, 2], &[0i8, 1, 2, 3]);
        let attrs = QuantizeAttrs { axis: 1, block: 2, dtype: DType::I8 };
        let y = run::<QuantizeLinear>(&attrs, &[&x, &blocks, &zeros]).unwrap();
        assert_eq!(y, Tensor::of(&[2, 3], &[1i8, 2, 7, 4, 4, 7]));
    }

    #[test]
    fn an_i32_far_from_its_zero_point_does_not_wrap() {
        let x = Tensor::of(&[2], &[i32::MIN, i32::MAX]);
        let (scale, zero) = (Tensor::of(&[], &[1.0f32]), Tensor::of(&[], &[i32::MAX]));
        let y = run::<DequantizeLinear>(&DequantizeAttrs { axis: 0, block: 0 }, &[&x, &scale, &zero]);
        assert_eq!(y, Ok(Tensor::of(&[2], &[-4_294_967_295.0f32, 0.0])));
    }

    #[test]
    fn refuses_scales_that_do_not_fit() {
        let (x, scale) = (Tensor::of(&[2, 3], &[0.0f32; 6]), Tensor::of(&[2], &[1.0f32; 2]));
        let zero = Tensor::of(&[2], &[0i8; 2]);
        assert_eq!(run::<QuantizeLinear>(&QuantizeAttrs { axis: 1, ..PLAIN }, &[&x, &scale]), Err(Refusal::Shape));
        assert_eq!(run::<QuantizeLinear>(&QuantizeAttrs { block: 2, ..PLAIN }, &[&x, &scale]), Err(Refusal::Shape));
        assert_eq!(run::<QuantizeLinear>(&PLAIN, &[&x, &scale, &zero]), Err(Refusal::DType));
    }
}
