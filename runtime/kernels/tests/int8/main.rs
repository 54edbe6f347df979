//! The integer kernels against their formulas, written naively: any set of kernels must pass.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

mod best;
mod cases;
mod oracle;

use cases::{ConvCase, MatMulCase, Operands, conv_case, hostile_conv, matmul_case};
use proptest::prelude::*;
use siskin_kernels::int8::{AveragePoolI8, BinaryI8, SoftmaxI8};
use siskin_kernels::{Generic, Kernels, ToI8, requantize, round_half_even};

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn conv(case in conv_case(1..=3)) {
        check_conv(&case, Generic::conv_i8, oracle::conv, case.dense_weights());
        check_conv(&case, best::conv, oracle::conv, case.dense_weights());
    }

    /// A layer for one pixel.
    #[test]
    fn matvec(case in conv_case(1..=1)) {
        let case = case.one_pixel();
        check_conv(&case, best::conv, oracle::conv, case.dense_weights());
    }

    #[test]
    fn depthwise_conv(case in conv_case(1..=1)) {
        let case = case.depthwise();
        check_conv(&case, Generic::depthwise_conv_i8, oracle::depthwise_conv, case.depthwise_weights());
        check_conv(&case, best::depthwise_conv, oracle::depthwise_conv, case.depthwise_weights());
    }

    #[test]
    fn conv_transpose(case in conv_case(1..=1)) {
        let case = case.transposed();
        check_conv(&case, Generic::conv_transpose_i8, oracle::conv_transpose, case.dense_weights());
    }

    #[test]
    fn average_pool(case in conv_case(1..=1), scale in 0f32..4.0, count_include_pad: bool) {
        let case = case.depthwise();
        let operands = case.operands(0);
        let conv = operands.conv(&case);
        let pool = AveragePoolI8 { geometry: case.geometry, x: conv.x, x_zero: conv.x_zero, scale, count_include_pad, output: conv.output };
        let mut y = case.output();
        Generic::average_pool_i8(&pool, &mut y);
        prop_assert_eq!(y, oracle::average_pool(&pool, case.output()));
    }

    #[test]
    fn matmul(case in matmul_case()) {
        let mut y = vec![0; case.rows * case.cols];
        Generic::matmul_i8(&case.product(), &mut y);
        prop_assert_eq!(y, oracle::matmul(&case.product(), case.rows));
    }

    #[test]
    fn add_and_mul(
        a in proptest::collection::vec(any::<i8>(), 0..70), b in proptest::collection::vec(any::<i8>(), 70), one: bool,
        zeros: (i8, i8, i8), scales in (0.001f32..0.2, 0.001f32..0.2, 0.001f32..0.2), low in -128i8..0, high: i8,
    ) {
        let output = ToI8::new(zeros.2.into(), low.into(), high.into());
        let steps = BinaryI8 { a_scale: scales.0, a_zero: zeros.0, b_scale: scales.1, b_zero: zeros.1, y_scale: scales.2, output };
        let b = if one { &b[..1] } else { &b[..a.len()] };
        let expected = |f: fn(f32, f32) -> f32| -> Vec<i8> {
            a.iter().enumerate().map(|(i, &a)| {
                let a = (i32::from(a) - i32::from(zeros.0)) as f32 * scales.0;
                let b = (i32::from(b[i % b.len()]) - i32::from(zeros.1)) as f32 * scales.1;
                let y = round_half_even(f(a, b) / scales.2) as i32 + i32::from(zeros.2);
                y.max(low.into()).min(high.into()) as i8
            }).collect()
        };
        let mut y = a.clone();
        Generic::add_i8(&steps, &mut y, b);
        prop_assert_eq!(&y, &expected(|a, b| a + b));
        let mut y = a.clone();
        Generic::mul_i8(&steps, &mut y, b);
        prop_assert_eq!(&y, &expected(|a, b| a * b));
        let [sum, product] = siskin_kernels::best(best::AddAndMul(&steps, &a, b));
        prop_assert_eq!(sum, expected(|a, b| a + b));
        prop_assert_eq!(product, expected(|a, b| a * b));
    }

    #[test]
    fn softmax(x in proptest::collection::vec(any::<i8>(), 1..60), row in 1usize..12, x_scale in 0.001f32..0.5) {
        let powers: Vec<f32> = (0..8).map(|k| (-((1 << k) as f32) * x_scale).exp()).collect();
        let softmax = SoftmaxI8 { powers: &powers, row, y_scale: 1.0 / 256.0, output: ToI8::new(-128, -128, 127) };
        let mut y = x.clone();
        Generic::softmax_i8(&softmax, &mut y);
        for (x, y) in x.chunks(row).zip(y.chunks(row)) {
            prop_assert_eq!(y, oracle::softmax(x, &powers, 1.0 / 256.0, -128));
        }
    }

    #[test]
    fn lut(table in proptest::collection::vec(any::<i8>(), 256), x in proptest::collection::vec(any::<i8>(), 0..300)) {
        let mut y = x.clone();
        Generic::lut_i8(&table, &mut y);
        prop_assert_eq!(y, x.iter().map(|&x| table[(i32::from(x) + 128) as usize]).collect::<Vec<_>>());
    }

    /// Operands that do not match their geometry: wrong numbers are fine, panics and endless loops are not.
    #[test]
    fn total(case in hostile_conv(), scale: f32, transposed: bool) {
        let operands = case.operands(case.weights);
        let conv = operands.conv(&case);
        let kernels: [Kernel; 5] =
            [Generic::conv_i8, Generic::depthwise_conv_i8, Generic::conv_transpose_i8, best::conv, best::depthwise_conv];
        for kernel in kernels {
            kernel(&conv, &mut case.output());
        }
        let pool = AveragePoolI8 { geometry: case.geometry, x: conv.x, x_zero: 0, scale, count_include_pad: transposed, output: conv.output };
        Generic::average_pool_i8(&pool, &mut case.output());
        let product = MatMulCase::hostile(&case, &operands, scale, transposed);
        Generic::matmul_i8(&product, &mut case.output());
    }

    /// The branchless form of requantization is the contract's: round, add, cut.
    #[test]
    fn requantize_is_the_contract(
        acc in prop_oneof![any::<i32>(), -70_000i32..70_000],
        scale in prop_oneof![0f32..2.0, (0u32..64).prop_map(|n| n as f32 / 32.0), any::<f32>().prop_filter("finite", |s| s.is_finite())],
        zero: i8, low: i8, high: i8,
    ) {
        let rounded = round_half_even(acc as f32 * scale) as i32;
        let plain = rounded.saturating_add(zero.into()).max(low.into()).min(high.into());
        prop_assert_eq!(i32::from(requantize(acc, scale, zero.into(), low.into(), high.into())), plain);
    }
}

type Kernel = fn(&siskin_kernels::int8::ConvI8<'_>, &mut [i8]);

fn check_conv(case: &ConvCase, kernel: Kernel, oracle: Kernel, weights: usize) {
    let operands: Operands = case.operands(weights);
    let (mut y, mut expected) = (case.output(), case.output());
    kernel(&operands.conv(case), &mut y);
    oracle(&operands.conv(case), &mut expected);
    assert_eq!(y, expected, "{case:?}");
}
