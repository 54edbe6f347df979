//! Random geometries and operands.

use core::ops::RangeInclusive;
use proptest::prelude::*;
use siskin_kernels::int8::{ConvI8, MatMulI8};
use siskin_kernels::{Axis, Conv, ToI8};

/// A geometry, a seed for operands, and the numbers of a quantization.
#[derive(Debug, Clone)]
pub(crate) struct ConvCase {
    pub(crate) geometry: Conv,
    pub(crate) weights: usize,
    seed: u64,
    zeros: (i8, i8),
    limits: (i8, i8),
    after: [usize; 2],
}

/// Operands of a case.
pub(crate) struct Operands {
    x: Vec<i8>,
    w: Vec<i8>,
    bias: Vec<i32>,
    scale: Vec<f32>,
}

/// An axis on which the window fits, and the padding after the last element.
fn axis() -> impl Strategy<Value = (Axis, usize)> {
    (1usize..9, 1usize..5, 1usize..4, 1usize..4, 0usize..5, 0usize..5).prop_map(
        |(input, kernel, stride, dilation, pad, after)| {
            let reach = (kernel - 1) * dilation + 1;
            let input = input.max(reach.saturating_sub(pad + after));
            let output = (input + pad + after - reach) / stride + 1;
            (Axis { input, output, kernel, stride, dilation, pad }, after)
        },
    )
}

/// Channels that reach every block length of the kernels and their tails.
fn channels() -> impl Strategy<Value = usize> {
    prop_oneof![3 => 1usize..12, 1 => 12usize..45, 1 => 120usize..140]
}

pub(crate) fn conv_case(groups: RangeInclusive<usize>) -> impl Strategy<Value = ConvCase> {
    let sizes = (1usize..3, channels(), prop_oneof![1usize..9, 14usize..20, 30usize..35], groups, axis(), axis());
    (sizes, any::<u64>(), any::<(i8, i8)>(), (-128i8..=0, 0i8..=127)).prop_map(
        |((batch, ins, outs, groups, (rows, bottom), (cols, right)), seed, zeros, limits)| ConvCase {
            geometry: Conv {
                batch,
                in_channels: ins * groups,
                out_channels: outs * groups,
                groups,
                axes: [Axis::UNIT, rows, cols],
            },
            weights: 0,
            seed,
            zeros,
            limits,
            after: [bottom, right],
        },
    )
}

/// A geometry whose parts contradict each other.
pub(crate) fn hostile_conv() -> impl Strategy<Value = ConvCase> {
    let any_size = || prop_oneof![5 => 0usize..7, 1 => Just(usize::MAX), 1 => Just(1usize << 31), 1 => any::<usize>()];
    let axis = move || {
        (any_size(), any_size(), 0usize..7, any_size(), any_size(), any_size()).prop_map(
            |(input, output, kernel, stride, dilation, pad)| Axis { input, output, kernel, stride, dilation, pad },
        )
    };
    let sizes = (any_size(), 0usize..40, 0usize..40, 0usize..4);
    (sizes, axis(), axis(), 0usize..300, any::<u64>(), any::<(i8, i8)>(), any::<(i8, i8)>()).prop_map(
        |((batch, in_channels, out_channels, groups), rows, cols, weights, seed, zeros, limits)| ConvCase {
            geometry: Conv { batch, in_channels, out_channels, groups, axes: [Axis::UNIT, rows, cols] },
            weights,
            seed,
            zeros,
            limits,
            after: [0, 0],
        },
    )
}

impl ConvCase {
    /// The same windows with as many channels out as in.
    pub(crate) fn depthwise(mut self) -> ConvCase {
        let g = &mut self.geometry;
        (g.out_channels, g.groups) = (g.in_channels, g.in_channels);
        self
    }

    /// The same channels, one pixel and a window of one; weights beyond -128 are for the others.
    pub(crate) fn one_pixel(mut self) -> ConvCase {
        (self.geometry.batch, self.geometry.axes) = (1, [Axis::UNIT; 3]);
        self
    }

    /// The same windows, transposed: outputs are what a convolution's inputs would be.
    pub(crate) fn transposed(mut self) -> ConvCase {
        for (axis, after) in self.geometry.axes[1..].iter_mut().zip(self.after) {
            let reach = (axis.input - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
            axis.pad = axis.pad.min(reach - 1);
            axis.output = (reach - axis.pad).saturating_sub(after).max(1);
        }
        self
    }

    pub(crate) fn dense_weights(&self) -> usize {
        let g = &self.geometry;
        g.out_channels * g.axes[1].kernel * g.axes[2].kernel * g.in_channels / g.groups
    }

    pub(crate) fn depthwise_weights(&self) -> usize {
        self.geometry.in_channels * self.geometry.axes[1].kernel * self.geometry.axes[2].kernel
    }

    /// An output of the right length; a short one if the geometry is absurd.
    pub(crate) fn output(&self) -> Vec<i8> {
        let [_, rows, cols] = self.geometry.axes;
        let sizes = [self.geometry.batch, rows.output, cols.output, self.geometry.out_channels];
        let len = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(50);
        vec![99; if len > 1 << 20 { 50 } else { len }]
    }

    pub(crate) fn operands(&self, weights: usize) -> Operands {
        let g = &self.geometry;
        let mut random = Random(self.seed | 1);
        let sizes = [g.batch, g.axes[1].input, g.axes[2].input, g.in_channels];
        let len = sizes.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).unwrap_or(50);
        let depth = (weights / g.out_channels.max(1)).max(1) as f32;
        Operands {
            x: random.bytes(if len > 1 << 20 { 50 } else { len }),
            w: random.bytes(weights),
            bias: (0..g.out_channels).map(|_| (random.next() as i32) >> 17).collect(),
            scale: (0..g.out_channels).map(|_| (random.next() % 1000) as f32 * 4e-5 / depth.sqrt()).collect(),
        }
    }
}

impl Operands {
    pub(crate) fn conv(&self, case: &ConvCase) -> ConvI8<'_> {
        ConvI8 {
            geometry: case.geometry,
            x: &self.x,
            x_zero: case.zeros.0,
            w: &self.w,
            bias: &self.bias,
            scale: &self.scale,
            output: ToI8::new(case.zeros.1.into(), case.limits.0.into(), case.limits.1.into()),
        }
    }
}

/// Two matrices.
#[derive(Debug, Clone)]
pub(crate) struct MatMulCase {
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    depth: usize,
    a: Vec<i8>,
    b: Vec<i8>,
    zeros: (i8, i8, i8),
    transposed: bool,
}

pub(crate) fn matmul_case() -> impl Strategy<Value = MatMulCase> {
    (1usize..10, prop_oneof![1usize..20, 30usize..70], channels(), any::<u64>(), any::<(i8, i8, i8)>(), any::<bool>())
        .prop_map(|(rows, cols, depth, seed, zeros, transposed)| {
            let mut random = Random(seed | 1);
            let (a, b) = (random.bytes(rows * depth), random.bytes(depth * cols));
            MatMulCase { rows, cols, depth, a, b, zeros, transposed }
        })
}

impl MatMulCase {
    pub(crate) fn product(&self) -> MatMulI8<'_> {
        MatMulI8 {
            depth: self.depth,
            cols: self.cols,
            a: &self.a,
            a_zero: self.zeros.0,
            b: &self.b,
            b_zero: self.zeros.1,
            transposed: self.transposed,
            scale: 0.02 / self.depth as f32,
            output: ToI8::new(self.zeros.2.into(), -128, 127),
        }
    }

    /// Matrices of lengths that have nothing to do with their sizes.
    pub(crate) fn hostile<'a>(case: &ConvCase, operands: &'a Operands, scale: f32, transposed: bool) -> MatMulI8<'a> {
        MatMulI8 {
            depth: case.geometry.axes[1].kernel,
            cols: case.geometry.axes[2].kernel,
            a: &operands.x,
            a_zero: case.zeros.0,
            b: &operands.w,
            b_zero: case.zeros.1,
            transposed,
            scale,
            output: ToI8::new(0, case.limits.0.into(), case.limits.1.into()),
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32
    }

    fn bytes(&mut self, n: usize) -> Vec<i8> {
        (0..n).map(|_| (self.next() >> 7) as i8).collect()
    }
}
