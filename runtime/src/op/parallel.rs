//! The kernels that are worth several threads, on those of the run's pool if it has one.

use crate::{Io, Kernels};
use siskin_kernels::int8::ConvI8;
use siskin_kernels::{ConvF32, MatMulF32};

macro_rules! parallel {
    ($($(#[$doc:meta])* $name:ident, $packed:ident: $($arg:ident: $ty:ty),+;)*) => {$(
        $(#[$doc])*
        #[inline]
        pub(super) fn $name<K: Kernels>(io: &Io<'_>, $($arg: $ty),+) {
            #[cfg(feature = "threads")]
            if let Some(pool) = io.pool() {
                return siskin_kernels::threads::$name::<K>(pool, $($arg),+);
            }
            _ = io;
            K::$packed($($arg),+);
        }
    )*};
}

parallel! {
    /// See [`Kernels::packed_conv_f32`].
    conv_f32, packed_conv_f32: conv: ConvF32<'_>, packed: &[f32];
    /// See [`Kernels::packed_conv_i8`].
    conv_i8, packed_conv_i8: conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8];
    /// See [`Kernels::packed_depthwise_conv_i8`].
    depthwise_conv_i8, packed_depthwise_conv_i8: conv: &ConvI8<'_>, packed: &[u8], y: &mut [i8];
    /// See [`Kernels::packed_matmul_f32`].
    matmul_f32, packed_matmul_f32: product: MatMulF32<'_>, packed: &[f32];
}

#[cfg(all(test, feature = "threads"))]
mod tests {
    extern crate std;
    use crate::attrs::{Quad, SignedQuad};
    use crate::op::testing::{Inputs, Tensor, run_with};
    use crate::op::{Conv, ConvAttrs, MatMul, MatMulAttrs, QLinearConv, QLinearConvAttrs, QLinearDepthwiseConv};
    use crate::op::{QLinearDepthwiseConvAttrs, QLinearMatMul, QLinearMatMulAttrs};
    use crate::{Io, Kernels, MAX_OUTPUTS, Op};
    use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use siskin_kernels::threads::Pool;
    use siskin_kernels::{WithKernels, best};
    use std::{vec, vec::Vec};

    /// Does its tasks, last first, and counts its jobs.
    struct Counted(AtomicUsize);

    impl Pool for Counted {
        fn threads(&self) -> usize {
            2
        }

        fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
            self.0.fetch_add(1, SeqCst);
            (0..tasks).rev().for_each(task);
        }
    }

    struct Case<'a, O: Op>(&'a O::Attrs, &'a [&'a Tensor], Option<&'a dyn Pool>);

    impl<O: Op> WithKernels for Case<'_, O> {
        type Output = Tensor;

        fn with<K: Kernels>(self) -> Tensor {
            let Case(attrs, inputs, pool) = self;
            let inputs: Vec<_> = inputs.iter().copied().map(Some).collect();
            let values = Inputs(&inputs, None);
            let io = Io::new(&values, [const { None }; MAX_OUTPUTS], &mut [], None);
            let mut packed = vec![0u128; O::pack::<K>(attrs, &io, &mut []).div_ceil(16)];
            let packed = bytemuck::cast_slice_mut(&mut packed);
            let len = O::pack::<K>(attrs, &io, packed);
            run_with::<O, K>(attrs, &inputs, &packed[..len], pool)
        }
    }

    fn check<O: Op>(attrs: &O::Attrs, inputs: &[&Tensor]) {
        let pool = Counted(AtomicUsize::new(0));
        let (got, want) = (best(Case::<O>(attrs, inputs, Some(&pool))), best(Case::<O>(attrs, inputs, None)));
        assert_eq!(got, want, "{}", O::NAME);
        assert_eq!(pool.0.load(SeqCst), 1, "{} does not use the pool", O::NAME);
    }

    fn floats(dims: &[u32]) -> Tensor {
        let len = dims.iter().product::<u32>();
        Tensor::of(dims, &(0..len).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect::<Vec<_>>())
    }

    fn bytes(dims: &[u32]) -> Tensor {
        let len = dims.iter().product::<u32>();
        Tensor::of(dims, &(0..len).map(|i| (i * 37 % 101) as i8).collect::<Vec<_>>())
    }

    #[test]
    fn large_operators_use_the_pool() {
        let (zeros, window, pads) = (SignedQuad([3, -5, -128, 127]), Quad([1; 4]), Quad([1; 4]));
        let (bias, scale) = (Tensor::of(&[64], &[7i32; 64]), Tensor::of(&[64], &[0.0003f32; 64]));
        let (x, picture) = (floats(&[1, 40, 40, 64]), bytes(&[1, 40, 40, 64]));
        check::<Conv>(&ConvAttrs::default(), &[&x, &floats(&[64, 3, 3, 64]), &floats(&[64])]);
        check::<Conv>(&ConvAttrs { group: 64, ..ConvAttrs::default() }, &[&x, &floats(&[64, 3, 3, 1])]);
        check::<MatMul>(&MatMulAttrs::new(false), &[&floats(&[200, 64]), &floats(&[64, 90])]);
        let attrs = QLinearConvAttrs { window, pads, zeros, group: 1 };
        check::<QLinearConv>(&attrs, &[&picture, &bytes(&[64, 3, 3, 64]), &bias, &scale]);
        let attrs = QLinearDepthwiseConvAttrs { window, pads, zeros };
        check::<QLinearDepthwiseConv>(&attrs, &[&picture, &bytes(&[3, 3, 64]), &bias, &scale]);
        let attrs = QLinearMatMulAttrs { zeros };
        check::<QLinearMatMul>(&attrs, &[&bytes(&[200, 128]), &bytes(&[64, 128]), &bias, &scale]);
    }
}
