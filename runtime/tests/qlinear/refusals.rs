//! What the rules of types refuse.

use crate::operators::Operand::{self, F32, I8, I32};
use crate::operators::run;
use siskin::op::*;
use siskin::{Op, Refusal};

const X: Operand<'_> = I8(&[1, 3, 3, 2], &[0; 18]);
const BIAS: Operand<'_> = I32(&[2], &[0; 2]);
const SCALE: Operand<'_> = F32(&[2], &[1.0; 2]);
const TABLE: Operand<'_> = F32(&[256], &[1.0; 256]);
const POWERS: Operand<'_> = F32(&[8], &[1.0; 8]);

fn refuses<O: Op>(attrs: &str, inputs: &[Operand<'_>], error: Refusal) {
    assert_eq!(run::<O>(attrs, inputs), Err(error), "{} {attrs} {inputs:?}", O::NAME);
}

#[test]
fn convolutions() {
    let attrs = |window: &str, group: u32| format!("window={window} pads=[0,0,0,0] zeros=[0,0,-128,127] group={group}");
    let plain = attrs("[1,1,1,1]", 1);
    let w = I8(&[2, 2, 2, 2], &[0; 16]);
    assert!(run::<QLinearConv>(&plain, &[X, w, BIAS, SCALE]).is_ok());
    for window in ["[0,1,1,1]", "[1,0,1,1]", "[1,1,0,1]", "[1,1,1,0]"] {
        refuses::<QLinearConv>(&attrs(window, 1), &[X, w, BIAS, SCALE], Refusal::Attrs);
    }
    for group in [0, 2, 3, u32::MAX] {
        refuses::<QLinearConv>(&attrs("[1,1,1,1]", group), &[X, w, BIAS, SCALE], Refusal::Shape);
    }
    refuses::<QLinearConv>(&attrs("[1,1,3,1]", 1), &[X, w, BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearConv>(&plain, &[X, w, BIAS], Refusal::Shape);
    refuses::<QLinearConv>(&plain, &[X, w, BIAS, SCALE, SCALE], Refusal::Shape);
    refuses::<QLinearConv>(&plain, &[X, w, SCALE, BIAS], Refusal::DType);
    refuses::<QLinearConv>(&plain, &[X, SCALE, BIAS, SCALE], Refusal::DType);
    for bad in [I32(&[1], &[0]), I32(&[3], &[0; 3]), I32(&[1, 2], &[0; 2]), I32(&[], &[0])] {
        refuses::<QLinearConv>(&plain, &[X, w, bad, SCALE], Refusal::Shape);
    }
    refuses::<QLinearConv>(&plain, &[X, w, BIAS, F32(&[1], &[1.0])], Refusal::Shape);
    refuses::<QLinearConv>(&plain, &[I8(&[3, 3, 2], &[0; 18]), w, BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearConv>(&plain, &[I8(&[0, 3, 3, 2], &[]), w, BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearConv>(&plain, &[X, I8(&[2, 0, 2, 2], &[]), BIAS, SCALE], Refusal::Shape);

    let attrs = "window=[1,1,1,1] pads=[0,0,0,0] zeros=[0,0,-128,127]";
    refuses::<QLinearDepthwiseConv>(attrs, &[X, I8(&[2, 2, 1], &[0; 4]), BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearDepthwiseConv>(attrs, &[X, I8(&[4, 2, 2], &[0; 16]), BIAS, SCALE], Refusal::Shape);
}

#[test]
fn transposed_convolutions() {
    let attrs =
        |pads: &str, extra: &str| format!("window=[1,1,1,1] pads={pads} output_padding={extra} zeros=[0,0,-128,127]");
    let w = I8(&[2, 1, 1, 2], &[0; 4]);
    assert!(run::<QLinearConvTranspose>(&attrs("[1,1,1,1]", "[0,0,0,0]"), &[X, w, BIAS, SCALE]).is_ok());
    refuses::<QLinearConvTranspose>(&attrs("[2,1,1,1]", "[0,0,0,0]"), &[X, w, BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearConvTranspose>(&attrs("[0,255,0,0]", "[0,0,0,0]"), &[X, w, BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearConvTranspose>(&attrs("[0,0,0,0]", "[0,0,1,0]"), &[X, w, BIAS, SCALE], Refusal::Attrs);
    refuses::<QLinearConvTranspose>(
        &attrs("[0,0,0,0]", "[0,0,0,0]"),
        &[X, I8(&[2, 1, 1, 1], &[0; 2]), BIAS, SCALE],
        Refusal::Shape,
    );
}

#[test]
fn products() {
    let attrs = "zeros=[0,0,-128,127]";
    refuses::<QLinearMatMul>(attrs, &[X, I8(&[2, 3], &[0; 6]), BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearMatMul>(attrs, &[X, I8(&[2], &[0; 2]), BIAS, SCALE], Refusal::Shape);
    refuses::<QLinearMatMul>(attrs, &[I8(&[], &[0]), I8(&[2, 1], &[0; 2]), BIAS, SCALE], Refusal::Shape);

    let attrs = |zeros: &str, scale: f32| format!("zeros={zeros} scale={scale} transpose_b=false");
    let plain = attrs("[0,0,0,0]", 1.0);
    refuses::<QLinearBatchMatMul>(&plain, &[X, X], Refusal::Shape);
    refuses::<QLinearBatchMatMul>(&plain, &[X, I8(&[2], &[0; 2])], Refusal::Shape);
    refuses::<QLinearBatchMatMul>(&plain, &[X, I8(&[2, 2, 1], &[0; 4])], Refusal::Shape);
    refuses::<QLinearBatchMatMul>(&attrs("[0,0,0,1]", 1.0), &[X, I8(&[2, 2], &[0; 4])], Refusal::Attrs);
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40] {
        refuses::<QLinearBatchMatMul>(&attrs("[0,0,0,0]", scale), &[X, I8(&[2, 2], &[0; 4])], Refusal::Attrs);
    }
}

#[test]
fn elementwise() {
    refuses_operands::<QLinearAdd>();
    refuses_operands::<QLinearMul>();
    refuses::<Lut>("", &[X, I8(&[255], &[0; 255])], Refusal::Shape);
    refuses::<Lut>("", &[X, TABLE], Refusal::DType);
    refuses::<Lut>("", &[SCALE, I8(&[256], &[0; 256])], Refusal::DType);
}

fn refuses_operands<O: Op>() {
    let attrs = |scale: f32, rest: &str| format!("a_scale=1 b_scale=1 y_scale={scale} {rest}");
    let plain = attrs(1.0, "zeros=[0,0,0,0] limits=[-128,127,0,0]");
    refuses::<O>(&plain, &[X, I8(&[3], &[0; 3])], Refusal::Shape);
    refuses::<O>(&plain, &[X, F32(&[1], &[0.0])], Refusal::DType);
    refuses::<O>(&plain, &[X], Refusal::Shape);
    refuses::<O>(&attrs(0.0, "zeros=[0,0,0,0] limits=[-128,127,0,0]"), &[X, X], Refusal::Attrs);
    refuses::<O>(&attrs(1.0, "zeros=[0,0,0,1] limits=[0,0,0,0]"), &[X, X], Refusal::Attrs);
    refuses::<O>(&attrs(1.0, "zeros=[0,0,0,0] limits=[0,0,1,0]"), &[X, X], Refusal::Attrs);
}

#[test]
fn pools_and_softmax() {
    let attrs = |kernel: &str, scale: f32| {
        format!(
            "kernel={kernel} window=[1,1,1,1] pads=[0,0,0,0] zeros=[0,0,-128,127] scale={scale} count_include_pad=false"
        )
    };
    refuses::<QLinearAveragePool>(&attrs("[4,1,0,0]", 1.0), &[X], Refusal::Shape);
    refuses::<QLinearAveragePool>(&attrs("[1,1,1,0]", 1.0), &[X], Refusal::Attrs);
    refuses::<QLinearAveragePool>(&attrs("[1,1,0,0]", 0.0), &[X], Refusal::Attrs);
    refuses::<QLinearAveragePool>(&attrs("[1,1,0,0]", 1.0), &[X, X], Refusal::Shape);

    refuses::<QLinearSoftmax>("y_scale=1 zeros=[0,0,-128,127]", &[X, SCALE], Refusal::Shape);
    refuses::<QLinearSoftmax>("y_scale=1 zeros=[1,0,-128,127]", &[X, POWERS], Refusal::Attrs);
    refuses::<QLinearSoftmax>("y_scale=0 zeros=[0,0,-128,127]", &[X, POWERS], Refusal::Attrs);
    refuses::<QLinearSoftmax>("y_scale=1 zeros=[0,0,-128,127]", &[I8(&[], &[0]), POWERS], Refusal::Shape);
}
