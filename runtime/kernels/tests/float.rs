//! The float kernels of this processor, constants packed, against the portable ones: within a tolerance, at every tail.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod drawn;

use drawn::{conv, rounding, values};
use proptest::prelude::*;
use siskin_kernels::{
    Activation, Axis, Conv, ConvF32, Function, Generic, GruF32, Kernels, LstmF32, MatMulF32, Weights, WithKernels, best,
};

/// Sums in another order, and without a rounding between product and sum.
fn near(got: &[f32], want: &[f32], tolerance: f32) -> bool {
    got.len() == want.len() && got.iter().zip(want).all(|(g, w)| (g - w).abs() <= tolerance * w.abs().max(1.0))
}

struct Convolution<'a>(Conv, &'a [f32], &'a [f32], &'a [f32]);

impl WithKernels for Convolution<'_> {
    type Output = Vec<f32>;

    fn with<K: Kernels>(self) -> Vec<f32> {
        let Convolution(geometry, x, w, bias) = self;
        let mut packed = vec![0.0; K::pack_conv_f32(&geometry, Weights::F32(w), &mut [])];
        K::pack_conv_f32(&geometry, Weights::F32(w), &mut packed);
        let outputs = geometry.axes.iter().map(|a| a.output).product::<usize>() * geometry.batch;
        let mut y = vec![f32::NAN; outputs * geometry.out_channels];
        let mut scratch = vec![0.0; ConvF32::scratch_len(&geometry)];
        let w = Weights::F32(w);
        let args = ConvF32 { geometry, x, w, bias, clamp: (-1.5, 2.0), scratch: &mut scratch, y: &mut y };
        K::packed_conv_f32(args, &packed);
        y
    }
}

fn check_conv(g: Conv, bias: bool) {
    let pixels = g.axes.iter().map(|a| a.input).product::<usize>() * g.batch;
    let (x, w) = (values(pixels * g.in_channels, 1), values(g.filter_len() * g.out_channels, 2));
    let bias = values(if bias { g.out_channels } else { 0 }, 3);
    let (got, want) = (best(Convolution(g, &x, &w, &bias)), Convolution(g, &x, &w, &bias).with::<Generic>());
    assert!(near(&got, &want, rounding(g.filter_len())), "{g:?}\n{got:?}\n{want:?}");
}

struct Transposed<'a>(Conv, &'a [f32], &'a [f32], &'a [f32]);

impl WithKernels for Transposed<'_> {
    type Output = Vec<f32>;

    fn with<K: Kernels>(self) -> Vec<f32> {
        let Transposed(geometry, x, w, bias) = self;
        let mut packed = vec![0.0; K::pack_conv_transpose_f32(&geometry, Weights::F32(w), &mut [])];
        K::pack_conv_transpose_f32(&geometry, Weights::F32(w), &mut packed);
        let outputs = geometry.axes.iter().map(|a| a.output).product::<usize>() * geometry.batch;
        let mut y = vec![f32::NAN; outputs * geometry.out_channels];
        let mut scratch = vec![0.0; ConvF32::scratch_len(&geometry)];
        let w = Weights::F32(w);
        let args = ConvF32 { geometry, x, w, bias, clamp: (-1.5, 2.0), scratch: &mut scratch, y: &mut y };
        K::packed_conv_transpose_f32(args, &packed);
        y
    }
}

struct Product<'a> {
    a: &'a [f32],
    b: &'a [f32],
    bias: &'a [f32],
    k: usize,
    n: usize,
    transpose_b: bool,
    pack: bool,
}

impl WithKernels for Product<'_> {
    type Output = Vec<f32>;

    fn with<K: Kernels>(self) -> Vec<f32> {
        let Product { a, b, bias, k, n, transpose_b, pack } = self;
        let len = if pack { K::pack_matmul_f32(Weights::F32(b), k, n, transpose_b, &mut []) } else { 0 };
        let (mut packed, mut y) = (vec![0.0; len], vec![f32::NAN; a.len() / k * n]);
        K::pack_matmul_f32(Weights::F32(b), k, n, transpose_b, &mut packed);
        let args = MatMulF32 { a, b: Weights::F32(b), bias, y: &mut y, k, n, transpose_b, min: -1.0, max: 3.0 };
        K::packed_matmul_f32(args, &packed);
        y
    }
}

/// A few steps of both cells.
struct Cells<'a> {
    x: &'a [f32],
    w: &'a [f32],
    r: &'a [f32],
    bias: &'a [f32],
    hidden: usize,
    function: Function,
}

impl WithKernels for Cells<'_> {
    type Output = Vec<f32>;

    fn with<K: Kernels>(self) -> Vec<f32> {
        let (n, inputs) = (self.hidden, self.x.len());
        let mut all = Vec::new();
        for gates in [3, 4] {
            let rows = gates * n;
            let (w, r) = (Weights::F32(&self.w[..rows * inputs]), Weights::F32(&self.r[..rows * n]));
            let packed = [(w, inputs), (r, n)].map(|(matrix, k)| {
                let mut packed = vec![0.0; K::pack_matmul_f32(matrix, k, rows, true, &mut [])];
                K::pack_matmul_f32(matrix, k, rows, true, &mut packed);
                packed
            });
            let packed = [&packed[0][..], &packed[1][..]];
            let (bias, scratch, clip) = (&self.bias[..2 * rows], &mut vec![0.0; 2 * rows], f32::INFINITY);
            let (mut h, mut c) = (vec![0.1; n], vec![0.2; n]);
            let [f, tanh] = [self.function, Function::Tanh].map(Activation::plain);
            for _ in 0..3 {
                let (x, h) = (self.x, &mut h[..]);
                if gates == 3 {
                    let activations = [f, tanh];
                    let cell = GruF32 { x, h, w, r, bias, activations, linear_before_reset: true, clip, scratch };
                    K::packed_gru_f32(cell, packed);
                } else {
                    let (activations, c) = ([f, tanh, tanh], &mut c[..]);
                    let peepholes = &[][..];
                    let cell =
                        LstmF32 { x, h, c, w, r, bias, peepholes, activations, input_forget: false, clip, scratch };
                    K::packed_lstm_f32(cell, packed);
                }
            }
            all.extend(h);
            all.extend(c);
        }
        all
    }
}

/// Windows side by side, now and then overlapping or apart.
fn spread() -> impl Strategy<Value = Axis> {
    (1usize..9, 1usize..4, prop_oneof![4 => Just(0usize), 1 => Just(1)]).prop_map(|(input, stride, more)| {
        let kernel = stride + more;
        Axis { input, output: stride * (input - 1) + kernel, kernel, stride, dilation: 1, pad: 0 }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn dense_conv(g in conv(), bias: bool) {
        check_conv(g, bias);
    }

    #[test]
    fn conv_transpose(rows in spread(), cols in spread(), batch in 1usize..3, ins in 1usize..40, outs in 1usize..40) {
        let axes = [Axis::UNIT, rows, cols];
        let g = Conv { batch, in_channels: ins, out_channels: outs, groups: 1, axes };
        let x = values(batch * rows.input * cols.input * ins, 1);
        let (w, bias) = (values(g.filter_len() * outs, 2), values(outs, 3));
        let (got, want) = (best(Transposed(g, &x, &w, &bias)), Transposed(g, &x, &w, &bias).with::<Generic>());
        prop_assert!(near(&got, &want, 1e-5), "{g:?}");
    }

    #[test]
    fn depthwise_conv(mut g in conv(), bias: bool) {
        (g.out_channels, g.groups) = (g.in_channels, g.in_channels);
        check_conv(g, bias);
    }

    #[test]
    fn matmul(m in 1usize..20, k in 1usize..600, n in 1usize..50, transpose_b: bool, pack: bool, with_bias: bool) {
        let (a, b, bias) = (values(m * k, 1), values(k * n, 2), values(if with_bias { n } else { 0 }, 3));
        let product = || Product { a: &a, b: &b, bias: &bias, k, n, transpose_b, pack };
        let (got, want) = (best(product()), product().with::<Generic>());
        prop_assert!(near(&got, &want, 2e-5), "{:?}\n{:?}", got, want);
    }

    #[test]
    fn recurrent_cells(inputs in 1usize..20, hidden in 1usize..40, usual: bool) {
        let (x, w, r) = (values(inputs, 1), values(4 * hidden * inputs, 2), values(4 * hidden * hidden, 3));
        let bias = values(8 * hidden, 4);
        let function = if usual { Function::Sigmoid } else { Function::HardSigmoid };
        let cells = || Cells { x: &x, w: &w, r: &r, bias: &bias, hidden, function };
        let (got, want) = (best(cells()), cells().with::<Generic>());
        prop_assert!(near(&got, &want, 1e-5), "{:?}\n{:?}", got, want);
    }
}
