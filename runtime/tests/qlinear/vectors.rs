//! What onnxruntime answers, in channels last.

use crate::operators::Operand::{F32, I8, I32};
use crate::operators::{macs, run, run_in_place};
use siskin::op::*;

/// onnxruntime 1.32, `QLinearConv`.
#[test]
fn qlinear_conv() {
    let inputs = [
        I8(
            &[1, 3, 4, 4],
            &[
                -106, 60, 72, 91, 70, 66, 36, 83, 39, 55, -25, -58, -16, 73, 82, 33, -18, 3, 11, -86, 91, -96, -15, 66,
                -106, 86, -13, 51, 50, -13, -70, -38, -77, 0, -105, -111, -104, -34, 13, 120, 6, -82, 99, -14, 121,
                109, -112, 100,
            ],
        ),
        I8(
            &[4, 2, 3, 2],
            &[
                45, -1, 71, -116, 66, 12, -78, -88, -35, 62, -8, 47, 108, 103, 62, -33, -34, -108, 119, -8, -23, 75,
                -44, -79, -9, 16, -94, 43, 48, 112, -6, -16, -43, -87, -70, 85, 33, -17, 51, 78, -103, 87, -48, -29,
                68, 102, 85, -54,
            ],
        ),
        I32(&[4], &[11873, 11476, 11214, 6594]),
        F32(&[4], &[0.0053054607, 0.002217508, 0.002559766, 0.0014642702]),
    ];
    let y = run::<QLinearConv>("window=[1,2,2,1] pads=[1,0,1,2] zeros=[-17,9,-128,127] group=2", &inputs);
    assert_eq!(
        y,
        Ok((
            vec![1, 3, 2, 4],
            vec![46, 6, 35, 27, 50, 6, 45, 7, 66, 10, -23, 79, 67, 79, 0, 32, 127, 41, 63, 39, 73, 46, 51, 11]
        ))
    );
}

/// onnxruntime 1.32, `QLinearConv`.
#[test]
fn qlinear_depthwise_conv() {
    let inputs = [
        I8(
            &[1, 4, 3, 3],
            &[
                -8, -16, -105, 52, 43, 15, -58, 39, 75, 71, -8, -51, 14, 90, 26, -11, 16, -121, 1, -108, -40, 17, 67,
                -17, -119, 19, 123, -93, 34, -74, -66, 16, -58, -99, 13, -24,
            ],
        ),
        I8(&[3, 2, 3], &[126, 91, -95, 90, -56, 15, -119, 107, 1, -68, -53, 72, 82, -17, 127, -113, 41, 42]),
        I32(&[3], &[-6629, -19092, -15755]),
        F32(&[3], &[0.0037611765, 0.0060969666, 0.0023893055]),
    ];
    let y = run::<QLinearDepthwiseConv>("window=[2,1,1,2] pads=[1,1,0,1] zeros=[-17,9,-128,127]", &inputs);
    assert_eq!(
        y,
        Ok((
            vec![1, 2, 3, 3],
            vec![-47, -100, -19, 15, -118, -34, -37, -79, -16, 7, -128, -31, 57, -128, -19, -32, 3, -51]
        ))
    );
}

/// onnxruntime 1.32, `ConvTranspose` between `DequantizeLinear` and `QuantizeLinear`.
#[test]
fn qlinear_conv_transpose() {
    let inputs = [
        I8(
            &[1, 2, 5, 2],
            &[-4, -126, -101, -95, -115, -3, 97, -72, 112, -85, 116, -50, 94, -31, 18, 26, -51, -26, -111, 106],
        ),
        I8(
            &[2, 2, 3, 2],
            &[-48, -68, -53, -3, 105, 2, -86, -61, -28, -31, 59, 53, -99, 45, 18, -7, 19, -48, 53, 4, 99, -62, 74, -46],
        ),
        I32(&[2], &[17351, 3915]),
        F32(&[2], &[0.001990903, 0.001990903]),
    ];
    let y = run::<QLinearConvTranspose>(
        "window=[1,3,1,2] pads=[2,2,0,1] output_padding=[0,2,0,0] zeros=[117,70,-128,127]",
        &inputs,
    );
    assert_eq!(
        y,
        Ok((
            vec![1, 1, 16, 2],
            vec![
                115, 98, 126, 74, 87, 93, 115, 92, 127, 67, 86, 88, 116, 70, 127, 59, 83, 72, 123, 62, 127, 54, 70, 66,
                118, 34, 105, 78, 77, 45, 105, 78
            ]
        ))
    );
}

/// onnxruntime 1.32, `QLinearMatMul`.
#[test]
fn qlinear_matmul() {
    let inputs = [
        I8(&[2, 2, 5], &[-105, 69, 56, 50, -10, 55, -87, 102, 0, 112, -90, -1, 50, -2, -14, -86, -31, -67, -51, 47]),
        I8(&[3, 5], &[33, 117, -97, -34, 51, 27, -105, -41, 104, -11, -35, -40, 118, -1, -60]),
        I32(&[3], &[0, 0, 0]),
        F32(&[3], &[0.00054545456, 0.0012727273, 0.0019999999]),
    ];
    let y = run::<QLinearMatMul>("zeros=[4,-8,-128,127]", &inputs);
    assert_eq!(y, Ok((vec![2, 2, 3], vec![-10, -17, 8, -15, -1, 6, -13, -14, 12, -6, -11, -21])));
}

/// onnxruntime 1.32, `QLinearMatMul` of two activations.
#[test]
fn qlinear_batch_matmul() {
    let inputs = [
        I8(&[2, 2, 4], &[67, 120, -61, 71, -62, 55, 73, -13, 60, -59, -108, -104, -14, 103, -96, -12]),
        I8(
            &[2, 4, 3],
            &[
                52, -77, 56, -50, 79, 20, 12, -83, -10, 91, -124, 66, -2, 56, 41, -18, -49, 32, -93, 21, -104, 38, 32,
                -107,
            ],
        ),
    ];
    let y = run::<QLinearBatchMatMul>("zeros=[4,-21,-8,0] scale=0.0028888888 transpose_b=false", &inputs);
    assert_eq!(y, Ok((vec![2, 2, 3], vec![11, 7, 35, -25, 10, -19, -1, -21, 46, 10, -35, 32])));
}

/// The same, `b` transposed.
#[test]
fn qlinear_batch_matmul_transposed() {
    let inputs = [
        I8(&[2, 2, 4], &[67, 120, -61, 71, -62, 55, 73, -13, 60, -59, -108, -104, -14, 103, -96, -12]),
        I8(
            &[2, 3, 4],
            &[
                52, -50, 12, 91, -77, 79, -83, -124, 56, 20, -10, 66, -2, -18, -93, 38, 56, -49, 21, 32, 41, 32, -104,
                -107,
            ],
        ),
    ];
    let y = run::<QLinearBatchMatMul>("zeros=[4,-21,-8,0] scale=0.0028888888 transpose_b=true", &inputs);
    assert_eq!(y, Ok((vec![2, 2, 3], vec![11, 7, 35, -25, 10, -19, -1, -21, 46, 10, -35, 32])));
}

/// onnxruntime 1.32, `Add` between `DequantizeLinear` and `QuantizeLinear`.
#[test]
fn qlinear_add() {
    let inputs = [
        I8(&[2, 2, 5], &[65, -22, 73, -118, -83, -2, -80, -44, 41, -92, 45, -102, -84, 22, 75, -85, -52, 108, 125, 20]),
        I8(&[5], &[-14, -40, 28, 23, -53]),
    ];
    let y =
        run::<QLinearAdd>("a_scale=0.021 b_scale=0.017 y_scale=0.03 zeros=[5,-30,-3,0] limits=[-128,127,0,0]", &inputs);
    assert_eq!(
        y,
        Ok((
            vec![2, 2, 5],
            vec![48, -28, 77, -59, -78, 1, -68, -4, 52, -84, 34, -84, -32, 39, 33, -57, -49, 102, 111, -6]
        ))
    );
}

/// onnxruntime 1.32, `Mul` between `DequantizeLinear` and `QuantizeLinear`.
#[test]
fn qlinear_mul() {
    let inputs = [
        I8(&[2, 2, 5], &[-123, -90, 117, -21, -5, -9, 72, -112, -107, -58, -4, 43, -3, -16, 112, -87, 18, 10, -7, 78]),
        I8(&[5], &[-60, 116, -44, 11, 5]),
    ];
    let y =
        run::<QLinearMul>("a_scale=0.021 b_scale=0.017 y_scale=0.03 zeros=[5,-30,-3,0] limits=[-128,127,0,0]", &inputs);
    assert_eq!(
        y,
        Ok((vec![2, 2, 5], vec![43, -128, -22, -16, -7, 2, 113, 16, -58, -29, 0, 63, -2, -13, 42, 30, 20, -4, -9, 27]))
    );
}

/// onnxruntime 1.32, `AveragePool` between `DequantizeLinear` and `QuantizeLinear`.
#[test]
fn qlinear_average_pool() {
    let inputs = [I8(
        &[1, 4, 3, 2],
        &[
            89, -48, -16, -101, -56, 42, -123, 44, -35, -98, 83, -57, -126, -66, 101, 40, 10, 58, -93, 58, -51, 112,
            13, 68,
        ],
    )];
    let y = run::<QLinearAveragePool>(
        "kernel=[3,2,0,0] window=[2,1,1,1] pads=[1,0,1,1] zeros=[11,-5,-128,127] scale=1.3333334 count_include_pad=false",
        &inputs,
    );
    assert_eq!(y, Ok((vec![1, 2, 3, 2], vec![-48, -87, -28, -91, -2, -30, -92, 0, 7, 8, 27, 11])));
}

/// onnxruntime 1.32, `AveragePool` between `DequantizeLinear` and `QuantizeLinear`.
#[test]
fn qlinear_average_pool_counts_padding() {
    let inputs = [I8(
        &[1, 4, 3, 2],
        &[
            -46, -49, -101, 84, 29, -11, 106, 78, 121, 118, -70, -47, -68, -77, -119, 115, -92, 34, 14, -54, 11, 31,
            -34, 3,
        ],
    )];
    let y = run::<QLinearAveragePool>(
        "kernel=[3,2,0,0] window=[2,1,1,1] pads=[1,0,1,1] zeros=[11,-5,-128,127] scale=1.3333334 count_include_pad=true",
        &inputs,
    );
    assert_eq!(y, Ok((vec![1, 2, 3, 2], vec![3, 37, -19, 17, -19, -23, -5, 27, -60, 37, -56, -15])));
}

/// A bias, a residual and a scalar reach every element, whichever side they stand on and whichever side is taken over.
#[test]
fn elementwise_commutes_and_broadcasts() {
    commutes_and_broadcasts::<QLinearAdd>();
    commutes_and_broadcasts::<QLinearMul>();
    let attrs = "a_scale=0.5 b_scale=0.25 y_scale=0.3 zeros=[3,-9,5,0] limits=[-100,100,0,0]";
    let outer = run::<QLinearAdd>(attrs, &[I8(&[2, 1], &[3, 13]), I8(&[1, 2], &[-9, 3])]);
    assert_eq!(outer, Ok((vec![2, 2], vec![5, 15, 22, 32])));
}

fn commutes_and_broadcasts<O: Op>() {
    let wide = I8(&[2, 3], &[-128, -50, 0, 1, 77, 127]);
    let attrs = "a_scale=0.5 b_scale=0.25 y_scale=0.3 zeros=[3,-9,5,0] limits=[-100,100,0,0]";
    let swapped = "a_scale=0.25 b_scale=0.5 y_scale=0.3 zeros=[-9,3,5,0] limits=[-100,100,0,0]";
    for other in [I8(&[2, 3], &[9, 8, -7, 99, -99, 0]), I8(&[3], &[4, -5, 60]), I8(&[2, 1], &[-80, 80]), I8(&[], &[11])]
    {
        let y = run::<O>(attrs, &[wide, other]);
        assert_eq!(y, run::<O>(swapped, &[other, wide]), "{other:?}");
        assert_eq!(y, run_in_place::<O>(attrs, &[wide, other], 0), "{other:?}");
        assert_eq!(y, run_in_place::<O>(swapped, &[other, wide], 1), "{other:?}");
    }
}

/// The table's first half is for the negative.
#[test]
fn lut() {
    const TABLE: [i8; 256] = {
        let mut table = [0i8; 256];
        let mut i = 0;
        while i < 256 {
            table[i] = (i as u8 ^ 0x0f) as i8;
            i += 1;
        }
        table
    };
    let inputs = [I8(&[2, 2], &[-128, -1, 0, 127]), I8(&[256], &TABLE)];
    let y = Ok((vec![2, 2], vec![0x0f, 0x70, -113, -16]));
    assert_eq!(run::<Lut>("", &inputs), y);
    assert_eq!(run_in_place::<Lut>("", &inputs, 0), y);
}

/// onnxruntime 1.32, `Softmax` between `DequantizeLinear` and `QuantizeLinear`.
#[test]
fn qlinear_softmax() {
    let powers: Vec<f32> = (0..8).map(|k| (f64::from(1 << k) * -f64::from(0.03f32)).exp() as f32).collect();
    let inputs = [I8(&[2, 5], &[103, -63, 125, 111, -82, -86, 8, -117, -52, -17]), F32(&[8], &powers)];
    let attrs = "y_scale=0.00390625 zeros=[0,-128,-128,127]";
    let y = Ok((vec![2, 5], vec![-67, -128, -11, -51, -128, -119, 21, -125, -103, -58]));
    assert_eq!(run::<QLinearSoftmax>(attrs, &inputs), y);
    assert_eq!(run_in_place::<QLinearSoftmax>(attrs, &inputs, 0), y);
}

#[test]
fn macs_are_products() {
    let (bias, scale) = (I32(&[4], &[0; 4]), F32(&[4], &[1.0; 4]));
    let x = I8(&[1, 5, 6, 2], &[0; 60]);
    let dense = [x, I8(&[4, 3, 3, 2], &[0; 72]), bias, scale];
    let attrs = "window=[2,1,1,1] pads=[1,1,1,1] zeros=[0,0,-128,127]";
    assert_eq!(macs::<QLinearConv>(&format!("{attrs} group=1"), &dense), 3 * 6 * 72);
    let depthwise = [I8(&[1, 5, 6, 4], &[0; 120]), I8(&[3, 3, 4], &[0; 36]), bias, scale];
    assert_eq!(macs::<QLinearDepthwiseConv>(attrs, &depthwise), 3 * 6 * 36);
    let attrs = "window=[2,1,1,1] pads=[1,1,1,1] output_padding=[0,0,0,0] zeros=[0,0,-128,127]";
    assert_eq!(macs::<QLinearConvTranspose>(attrs, &dense), 5 * 6 * 72);
    let layer = [x, I8(&[4, 2], &[0; 8]), bias, scale];
    assert_eq!(macs::<QLinearMatMul>("zeros=[0,0,-128,127]", &layer), 30 * 8);
    let stacks = [x, I8(&[5, 2, 3], &[0; 30])];
    assert_eq!(macs::<QLinearBatchMatMul>("zeros=[0,0,0,0] scale=1 transpose_b=false", &stacks), 5 * 6 * 2 * 3);
}

/// A window without a length is as long as the input: global pooling, of a length that no attribute could hold.
#[test]
fn global_pooling() {
    let x: Vec<i8> = (0..600).map(|i| if i % 2 == 0 { 10 } else { -6 }).collect();
    let attrs =
        "kernel=[0,0,0,0] window=[1,1,1,1] pads=[0,0,0,0] zeros=[2,1,-128,127] scale=0.5 count_include_pad=false";
    assert_eq!(run::<QLinearAveragePool>(attrs, &[I8(&[1, 1, 300, 2], &x)]), Ok((vec![1, 1, 1, 2], vec![5, -3])));
}

/// The matrices' batches broadcast.
#[test]
fn batches_broadcast() {
    let attrs = "zeros=[0,0,0,0] scale=1 transpose_b=false";
    let y = run::<QLinearBatchMatMul>(attrs, &[I8(&[2, 1, 1, 2], &[1, 2, 3, 4]), I8(&[3, 2, 1], &[1, 0, 0, 1, 1, 1])]);
    assert_eq!(y, Ok((vec![2, 3, 1, 1], vec![1, 2, 3, 3, 4, 7])));
}
