//! `MaxPool`: the greatest element of each window of each channel, and where it lies.
//!
//! ```text
//! y[n, o, c] = max_k x[n, o · stride + k · dilation - pad_begin, c]      x, y: [N, spatial…, C]
//! ```
//!
//! Padding never wins, nor does NaN. Output 1, if asked for, holds the position of each first greatest element,
//! counted as ONNX does: in a tensor `[N, C, spatial…]`, whose spatial axes lie row by row or column by column.

use super::number::Number;
use super::window::{self, Window};
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Shape, Sig, Type};
use core::cmp::Ordering;
use siskin_kernels::Pool;
use siskin_kernels::generic::each_tap;

crate::attrs! {
    /// Attributes of [`MaxPool`]. Entries belong to the last three axes before the channels; those of absent axes are
    /// 1, or 0 for padding.
    pub struct MaxPoolAttrs {
        /// Taps.
        pub kernel: [u32; 3],
        /// Steps of `x` per step of `y`.
        pub stride: [u32; 3],
        /// Steps of `x` per tap.
        pub dilation: [u32; 3],
        /// Elements of padding before the first.
        pub pad_begin: [u32; 3],
        /// Elements of padding after the last.
        pub pad_end: [u32; 3],
        /// Whether there is an output 1: positions as `i64`.
        pub indices: bool,
        /// Whether positions count the first spatial axis fastest instead of the last.
        pub column_major: bool,
    }
}

impl MaxPoolAttrs {
    fn geometry(&self, x: &[u32]) -> Result<(Pool, Shape), Refusal> {
        let MaxPoolAttrs { kernel, stride, dilation, pad_begin, pad_end, .. } = self;
        window::pool(x, &Window { kernel, stride, dilation, pad_begin, pad_end })
    }
}

/// See the module.
pub struct MaxPool;

impl Op for MaxPool {
    const CODE: Code = Code(22);
    const NAME: &'static str = "MaxPool";
    type Attrs = MaxPoolAttrs;

    fn infer(attrs: &MaxPoolAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        let x = sig.ty(0)?;
        if !matches!(x.dtype, DType::F32 | DType::F16 | DType::I8 | DType::U8) {
            return Err(Refusal::DType);
        }
        let (_, shape) = attrs.geometry(x.shape)?;
        let types = [Type::new(x.dtype, shape), Type::new(DType::I64, shape)];
        if attrs.indices { out.many(&types) } else { out.one(types[0]) }
    }

    fn run<K: Kernels>(attrs: &MaxPoolAttrs, io: &mut Io<'_>) {
        let Ok((pool, _)) = attrs.geometry(io.shape(0)) else { return };
        match io.ty(0).map(|t| t.dtype) {
            Some(DType::F32) if !attrs.indices => K::max_pool::<f32>(&pool, io.input(0), io.output(0)),
            Some(DType::I8) if !attrs.indices => K::max_pool::<i8>(&pool, io.input(0), io.output(0)),
            Some(dtype) => one_by_one(&pool, attrs.column_major, dtype, io),
            None => {}
        }
    }
}

/// The slow way, for any element type, with positions.
fn one_by_one(pool: &Pool, column_major: bool, dtype: DType, io: &mut Io<'_>) {
    let (x, values, places) = (io.bytes(0), io.output_bytes(0), io.output::<i64>(1));
    let [z_axis, y_axis, x_axis] = &pool.axes;
    let volume = [z_axis, y_axis, x_axis].iter().fold(1usize, |n, a| n.wrapping_mul(a.input));
    let outputs = [z_axis, y_axis, x_axis].iter().fold(1usize, |n, a| n.wrapping_mul(a.output));
    let least = Number::least(dtype);
    // The first position of each plane: what a window that lies in the padding answers.
    let plane = |sample: usize, c: usize| sample.wrapping_mul(pool.channels).wrapping_add(c).wrapping_mul(volume);
    let mut i = 0usize;
    for output in 0..outputs.wrapping_mul(pool.batch) {
        let sample = output.checked_div(outputs).unwrap_or(0);
        for c in 0..pool.channels {
            least.store(dtype, values, i);
            places.get_mut(i).into_iter().for_each(|p| *p = plane(sample, c) as i64);
            i = i.wrapping_add(1);
        }
    }
    let mut last = usize::MAX;
    each_tap(pool, &mut |tap| {
        let [z, y, w] = tap.at;
        let row = z.wrapping_mul(y_axis.input).wrapping_add(y).wrapping_mul(x_axis.input).wrapping_add(w);
        let column = w.wrapping_mul(y_axis.input).wrapping_add(y).wrapping_mul(z_axis.input).wrapping_add(z);
        let (here, first) = (if column_major { column } else { row }, tap.output != last);
        last = tap.output;
        for c in 0..pool.channels {
            let i = tap.output.wrapping_mul(pool.channels).wrapping_add(c);
            let v = Number::load(dtype, x, tap.input.wrapping_mul(pool.channels).wrapping_add(c)).unwrap_or(least);
            let greater = v.order(Number::load(dtype, values, i).unwrap_or(v)) == Some(Ordering::Greater);
            if greater {
                v.store(dtype, values, i);
            }
            if greater || first {
                places.get_mut(i).into_iter().for_each(|p| *p = plane(tap.sample, c).wrapping_add(here) as i64);
            }
        }
    });
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    const TWO: MaxPoolAttrs = MaxPoolAttrs {
        kernel: [1, 2, 2],
        stride: [1; 3],
        dilation: [1; 3],
        pad_begin: [0; 3],
        pad_end: [0; 3],
        indices: false,
        column_major: false,
    };

    #[test]
    fn takes_the_greatest_of_each_channel() {
        let x = Tensor::of(&[1, 2, 3, 2], &[1i8, -9, 2, -8, 3, -7, 4, -6, 5, -5, 6, -128]);
        assert_eq!(run::<MaxPool>(&TWO, &[&x]).unwrap(), Tensor::of(&[1, 1, 2, 2], &[5i8, -5, 6, -5]));
        let padded = MaxPoolAttrs { pad_begin: [0, 1, 0], stride: [1, 2, 2], ..TWO };
        assert_eq!(run::<MaxPool>(&padded, &[&x]).unwrap(), Tensor::of(&[1, 1, 1, 2], &[2i8, -8]));
    }

    #[test]
    fn positions_count_channel_by_channel() {
        let x = Tensor::of(&[1, 2, 2, 2], &[f32::NAN, 4., 5., 3., 2., 7., 5., 7.]);
        for (column_major, places) in [(false, [1i64, 4 + 2]), (true, [2, 4 + 1])] {
            let attrs = MaxPoolAttrs { indices: true, column_major, ..TWO };
            let want = [Tensor::of(&[1, 1, 1, 2], &[5f32, 7.]), Tensor::of(&[1, 1, 1, 2], &places)];
            assert_eq!(run_all::<MaxPool>(&attrs, &[Some(&x)], None).unwrap(), want);
        }
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let x = Tensor::of(&[1, 2, 2, 1], &[1f32, 2., 3., 4.]);
        let refused = |attrs, error| assert_eq!(run::<MaxPool>(&attrs, &[&x]), Err(error), "{attrs:?}");
        refused(MaxPoolAttrs { kernel: [1, 3, 1], ..TWO }, Refusal::Shape);
        refused(MaxPoolAttrs { kernel: [2, 1, 1], pad_end: [1, 0, 0], ..TWO }, Refusal::Attrs);
        refused(MaxPoolAttrs { stride: [1, 1, 0], ..TWO }, Refusal::Attrs);
        assert_eq!(run::<MaxPool>(&TWO, &[&Tensor::of(&[1, 2, 2, 1], &[1i32; 4])]), Err(Refusal::DType));
    }
}
