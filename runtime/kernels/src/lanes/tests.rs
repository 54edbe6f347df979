//! Every set of kernels on lanes against the portable kernels, on random shapes: equal in integers, near in real values.

#[path = "../../tests/int8/cases.rs"]
#[allow(dead_code, unreachable_pub, reason = "it is shared with the tests against the formulas")]
mod cases;

use super::portable;
use crate::drawn::{conv, rounding, values};
use crate::int8::{BinaryI8, ConvI8};
use crate::{Axis, Conv, ConvF32, Generic, Kernels, MatMulF32, ToI8, Weights};
use cases::{ConvCase, MatMulCase, conv_case, hostile_conv, matmul_case};
use proptest::prelude::*;

super::set! {
    /// The kernels on arrays.
    Portable: portable::Portable, 8, 2
}

/// Calls a generic function with every set of kernels on lanes that this processor has.
macro_rules! each_set {
    ($check:ident($($arg:expr),*)) => {
        $check::<Portable>($($arg),*);
        #[cfg(target_arch = "wasm32")]
        $check::<crate::Native>($($arg),*);
        #[cfg(target_arch = "aarch64")]
        {
            $check::<crate::Neon>($($arg),*);
            if std::arch::is_aarch64_feature_detected!("dotprod") {
                $check::<crate::Dotprod>($($arg),*);
            }
        }
    };
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 300 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conv_i8(case in conv_case(1..=3)) {
        each_set!(check_conv_i8(&case));
    }

    #[test]
    fn depthwise_conv_i8(case in conv_case(1..=1)) {
        let case = case.depthwise();
        each_set!(check_depthwise_conv_i8(&case));
    }

    /// Rows of several stretches, as no image has them.
    #[test]
    fn deep_conv_i8(mut case in conv_case(1..=1), ins in 200usize..1600) {
        case.geometry.in_channels = ins;
        each_set!(check_conv_i8(&case));
    }

    #[test]
    fn matmul_i8(case in matmul_case()) {
        each_set!(check_matmul_i8(&case));
    }

    #[test]
    fn add_and_mul_i8(a in proptest::collection::vec(any::<i8>(), 0..70), b: [i8; 70], one: bool, zeros: (i8, i8, i8), scales in [0.001f32..0.2, 0.001f32..0.2, 0.001f32..0.2], low in -128i8..0, high: i8) {
        let ([a_scale, b_scale, y_scale], (a_zero, b_zero, zero)) = (scales, zeros);
        let steps = BinaryI8 { a_scale, a_zero, b_scale, b_zero, y_scale, output: ToI8::new(zero.into(), low.into(), high.into()) };
        each_set!(check_binary_i8(&steps, &a, if one { &b[..1] } else { &b[..a.len()] }));
    }

    /// Operands that do not match their geometry: wrong numbers are fine, panics and endless loops are not.
    #[test]
    fn total(case in hostile_conv(), scale: f32, transposed: bool) {
        each_set!(run_hostile(&case, scale, transposed));
    }

    /// A window over rows of more pixels than any output has.
    #[test]
    fn endless_rows(mut case in hostile_conv(), scale: f32) {
        let g = &mut case.geometry;
        (g.in_channels, g.out_channels, g.groups) = (16, 8, 1);
        g.axes[1] = Axis { input: usize::MAX, kernel: 2, ..Axis::UNIT };
        g.axes[2] = Axis { input: usize::MAX, output: usize::MAX, kernel: 3, stride: 0, ..Axis::UNIT };
        each_set!(run_hostile(&case, scale, false));
    }

    #[test]
    fn conv_f32(g in conv(), bias: bool) {
        each_set!(check_conv_f32(g, bias));
    }

    #[test]
    fn depthwise_conv_f32(mut g in conv(), bias: bool) {
        (g.out_channels, g.groups) = (g.in_channels, g.in_channels);
        each_set!(check_conv_f32(g, bias));
    }

    #[test]
    fn matmul_f32(m in 1usize..20, k in 1usize..200, n in 1usize..50, transpose_b: bool, bias: bool) {
        each_set!(check_matmul_f32(m, k, n, transpose_b, bias));
    }
}

fn check_conv_i8<K: Kernels>(case: &ConvCase) {
    equal(case, case.dense_weights(), K::conv_i8, Generic::conv_i8);
    let packed = |conv: &ConvI8<'_>, y: &mut [i8]| {
        with_packed(|out| K::pack_conv_i8(conv, out), |packed| K::packed_conv_i8(conv, packed, y));
    };
    equal(case, case.dense_weights(), packed, Generic::conv_i8);
}

fn check_depthwise_conv_i8<K: Kernels>(case: &ConvCase) {
    equal(case, case.depthwise_weights(), K::depthwise_conv_i8, Generic::depthwise_conv_i8);
    let packed = |conv: &ConvI8<'_>, y: &mut [i8]| {
        with_packed(|out| K::pack_depthwise_conv_i8(conv, out), |packed| K::packed_depthwise_conv_i8(conv, packed, y));
    };
    equal(case, case.depthwise_weights(), packed, Generic::depthwise_conv_i8);
}

type ConvKernel = fn(&ConvI8<'_>, &mut [i8]);

fn equal(case: &ConvCase, weights: usize, kernel: impl Fn(&ConvI8<'_>, &mut [i8]), oracle: ConvKernel) {
    let operands = case.operands(weights);
    let (mut y, mut want) = (case.output(), case.output());
    kernel(&operands.conv(case), &mut y);
    oracle(&operands.conv(case), &mut want);
    assert_eq!(y, want, "{case:?}");
}

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[expect(dead_code, reason = "it is memory")] [u8; 64]);

/// Runs `kernel` on what `pack` packs, aligned as models have it.
fn with_packed(pack: impl Fn(&mut [u8]) -> usize, kernel: impl FnOnce(&[u8])) {
    let mut lines = vec![Line([0xa5; 64]); pack(&mut []).div_ceil(64)];
    // SAFETY: lines are bytes, one after the other.
    let bytes = unsafe { core::slice::from_raw_parts_mut(lines.as_mut_ptr().cast::<u8>(), 64 * lines.len()) };
    let len = pack(bytes);
    kernel(&bytes[..len]);
}

fn check_matmul_i8<K: Kernels>(case: &MatMulCase) {
    let [y, want] = [K::matmul_i8, Generic::matmul_i8].map(|kernel| {
        let mut y = vec![0; case.rows * case.cols];
        kernel(&case.product(), &mut y);
        y
    });
    assert_eq!(y, want, "{case:?}");
}

type BinaryKernel = fn(&BinaryI8, &mut [i8], &[i8]);

fn check_binary_i8<K: Kernels>(steps: &BinaryI8, a: &[i8], b: &[i8]) {
    let kernels: [[BinaryKernel; 2]; 2] = [[K::add_i8, Generic::add_i8], [K::mul_i8, Generic::mul_i8]];
    for pair in kernels {
        let [y, want] = pair.map(|kernel| {
            let mut y = a.to_vec();
            kernel(steps, &mut y, b);
            y
        });
        assert_eq!(y, want);
    }
}

fn run_hostile<K: Kernels>(case: &ConvCase, scale: f32, transposed: bool) {
    let operands = case.operands(case.weights);
    let conv = operands.conv(case);
    K::conv_i8(&conv, &mut case.output());
    K::depthwise_conv_i8(&conv, &mut case.output());
    let memory = vec![0x5a; 4096];
    K::packed_conv_i8(&conv, &memory, &mut case.output());
    K::packed_depthwise_conv_i8(&conv, &memory, &mut case.output());
    K::pack_conv_i8(&conv, &mut memory.clone());
    K::pack_depthwise_conv_i8(&conv, &mut memory.clone());
    K::matmul_i8(&MatMulCase::hostile(case, &operands, scale, transposed), &mut case.output());
}

fn check_conv_f32<K: Kernels>(g: Conv, bias: bool) {
    let pixels = |of: fn(&Axis) -> usize| g.axes.iter().map(of).product::<usize>() * g.batch;
    let (x, w) = (values(pixels(|a| a.input) * g.in_channels, 1), values(g.filter_len() * g.out_channels, 2));
    let bias = values(if bias { g.out_channels } else { 0 }, 3);
    let [y, want] = [K::conv_f32, Generic::conv_f32].map(|kernel| {
        let mut y = vec![f32::NAN; pixels(|a| a.output) * g.out_channels];
        let mut scratch = vec![0.0; ConvF32::scratch_len(&g)];
        let (w, clamp) = (Weights::F32(&w), (-1.5, 2.0));
        kernel(ConvF32 { geometry: g, x: &x, w, bias: &bias, clamp, scratch: &mut scratch, y: &mut y });
        y
    });
    near(&y, &want, rounding(g.filter_len()), &format!("{g:?}"));
}

fn check_matmul_f32<K: Kernels>(m: usize, k: usize, n: usize, transpose_b: bool, bias: bool) {
    let (a, b, bias) = (values(m * k, 1), values(k * n, 2), values(if bias { n } else { 0 }, 3));
    let halves: Vec<_> = b.iter().map(|&b| half::f16::from_f32(b)).collect();
    for b in [Weights::F32(&b), Weights::F16(&halves)] {
        let [y, want] = [K::matmul_f32, Generic::matmul_f32].map(|kernel| {
            let mut y = vec![f32::NAN; m * n];
            kernel(MatMulF32 { a: &a, b, bias: &bias, y: &mut y, k, n, transpose_b, min: -1.0, max: 3.0 });
            y
        });
        near(&y, &want, rounding(k), &format!("{m} {k} {n} {transpose_b}"));
    }
}

/// Sums of products are added in another order, or rounded once less.
fn near(y: &[f32], want: &[f32], tolerance: f32, case: &str) {
    let close = y.iter().zip(want).all(|(y, w)| (y - w).abs() <= tolerance * w.abs().max(1.0));
    assert!(close && y.len() == want.len(), "{case}\n{y:?}\n{want:?}");
}
