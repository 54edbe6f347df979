//! What the tests of real-valued kernels draw: values and shapes, for the tests beside the kernels as for those outside.

use proptest::prelude::*;
use siskin_kernels::{Axis, Conv};

/// Reproducible values in -1..1.
pub(crate) fn values(n: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 8_388_608.0 - 1.0
    };
    (0..n).map(|_| next()).collect()
}

/// How far sums of so many products in -1..1 may lie apart that were added in different orders.
pub(crate) fn rounding(products: usize) -> f32 {
    1e-6 * (products.max(100) as f32).sqrt()
}

/// A window that goes over its input at least once.
pub(crate) fn axis() -> impl Strategy<Value = Axis> {
    (1usize..12, 1usize..5, 1usize..4, 1usize..3, 0usize..3).prop_map(|(input, kernel, stride, dilation, pad)| {
        let reach = (kernel - 1) * dilation + 1;
        let input = input.max(reach.saturating_sub(2 * pad));
        Axis { input, output: (input + 2 * pad - reach) / stride + 1, kernel, stride, dilation, pad }
    })
}

/// A convolution in two dimensions; a third of its axes are pointwise.
pub(crate) fn conv() -> impl Strategy<Value = Conv> {
    let channels = || prop_oneof![3 => 1usize..20, 1 => 20usize..70];
    let axis = || prop_oneof![2 => axis(), 1 => (1usize..40).prop_map(|n| Axis { input: n, output: n, ..Axis::UNIT })];
    (1usize..3, channels(), channels(), 1usize..4, axis(), axis()).prop_map(|(batch, ins, outs, groups, rows, cols)| {
        Conv { batch, in_channels: ins * groups, out_channels: outs * groups, groups, axes: [Axis::UNIT, rows, cols] }
    })
}
