//! What the rules of types refuse.

use crate::operators::Operand::{self, F32, I8, I32};
use crate::operators::run;
use siskin::op::*;
use siskin::{Error, Op};

const X: Operand<'_> = I8(&[1, 3, 3, 2], &[0; 18]);
const BIAS: Operand<'_> = I32(&[2], &[0; 2]);
const SCALE: Operand<'_> = F32(&[2], &[1.0; 2]);
const TABLE: Operand<'_> = F32(&[256], &[1.0; 256]);
const POWERS: Operand<'_> = F32(&[8], &[1.0; 8]);

fn refuses<O: Op>(attrs: &str, inputs: &[Operand<'_>], error: Error) {
    assert_eq!(run::<O>(attrs, inputs), Err(error), "{} {attrs} {inputs:?}", O::NAME);
}

#[test]
fn convolutions() {
    let attrs = |window: &str, group: u32| format!("window={window} pads=[0,0,0,0] zeros=[0,0,-128,127] group={group}");
    let plain = attrs("[1,1,1,1]", 1);
    let w = I8(&[2, 2, 2, 2], &[0; 16]);
    assert!(run::<QLinearConv>(&plain, &[X, w, BIAS, SCALE]).is_ok());
    for window in ["[0,1,1,1]", "[1,0,1,1]", "[1,1,0,1]", "[1,1,1,0]"] {
        refuses::<QLinearConv>(&attrs(window, 1), &[X, w, BIAS, SCALE], Error::ATTRS);
    }
    for group in [0, 2, 3, u32::MAX] {
        refuses::<QLinearConv>(&attrs("[1,1,1,1]", group), &[X, w, BIAS, SCALE], Error::SHAPE);
    }
    refuses::<QLinearConv>(&attrs("[1,1,3,1]", 1), &[X, w, BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearConv>(&plain, &[X, w, BIAS], Error::SHAPE);
    refuses::<QLinearConv>(&plain, &[X, w, BIAS, SCALE, SCALE], Error::SHAPE);
    refuses::<QLinearConv>(&plain, &[X, w, SCALE, BIAS], Error::DTYPE);
    refuses::<QLinearConv>(&plain, &[X, SCALE, BIAS, SCALE], Error::DTYPE);
    for bad in [I32(&[1], &[0]), I32(&[3], &[0; 3]), I32(&[1, 2], &[0; 2]), I32(&[], &[0])] {
        refuses::<QLinearConv>(&plain, &[X, w, bad, SCALE], Error::SHAPE);
    }
    refuses::<QLinearConv>(&plain, &[X, w, BIAS, F32(&[1], &[1.0])], Error::SHAPE);
    refuses::<QLinearConv>(&plain, &[I8(&[3, 3, 2], &[0; 18]), w, BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearConv>(&plain, &[I8(&[0, 3, 3, 2], &[]), w, BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearConv>(&plain, &[X, I8(&[2, 0, 2, 2], &[]), BIAS, SCALE], Error::SHAPE);

    let attrs = "window=[1,1,1,1] pads=[0,0,0,0] zeros=[0,0,-128,127]";
    refuses::<QLinearDepthwiseConv>(attrs, &[X, I8(&[2, 2, 1], &[0; 4]), BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearDepthwiseConv>(attrs, &[X, I8(&[4, 2, 2], &[0; 16]), BIAS, SCALE], Error::SHAPE);
}

#[test]
fn transposed_convolutions() {
    let attrs =
        |pads: &str, extra: &str| format!("window=[1,1,1,1] pads={pads} output_padding={extra} zeros=[0,0,-128,127]");
    let w = I8(&[2, 1, 1, 2], &[0; 4]);
    assert!(run::<QLinearConvTranspose>(&attrs("[1,1,1,1]", "[0,0,0,0]"), &[X, w, BIAS, SCALE]).is_ok());
    refuses::<QLinearConvTranspose>(&attrs("[2,1,1,1]", "[0,0,0,0]"), &[X, w, BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearConvTranspose>(&attrs("[0,255,0,0]", "[0,0,0,0]"), &[X, w, BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearConvTranspose>(&attrs("[0,0,0,0]", "[0,0,1,0]"), &[X, w, BIAS, SCALE], Error::ATTRS);
    refuses::<QLinearConvTranspose>(
        &attrs("[0,0,0,0]", "[0,0,0,0]"),
        &[X, I8(&[2, 1, 1, 1], &[0; 2]), BIAS, SCALE],
        Error::SHAPE,
    );
}

#[test]
fn products() {
    let attrs = "zeros=[0,0,-128,127]";
    refuses::<QLinearMatMul>(attrs, &[X, I8(&[2, 3], &[0; 6]), BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearMatMul>(attrs, &[X, I8(&[2], &[0; 2]), BIAS, SCALE], Error::SHAPE);
    refuses::<QLinearMatMul>(attrs, &[I8(&[], &[0]), I8(&[2, 1], &[0; 2]), BIAS, SCALE], Error::SHAPE);

    let attrs = |zeros: &str, scale: f32| format!("zeros={zeros} scale={scale} transpose_b=false");
    let plain = attrs("[0,0,0,0]", 1.0);
    refuses::<QLinearBatchMatMul>(&plain, &[X, X], Error::SHAPE);
    refuses::<QLinearBatchMatMul>(&plain, &[X, I8(&[2], &[0; 2])], Error::SHAPE);
    refuses::<QLinearBatchMatMul>(&plain, &[X, I8(&[2, 2, 1], &[0; 4])], Error::SHAPE);
    refuses::<QLinearBatchMatMul>(&attrs("[0,0,0,1]", 1.0), &[X, I8(&[2, 2], &[0; 4])], Error::ATTRS);
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY, 1e-40] {
        refuses::<QLinearBatchMatMul>(&attrs("[0,0,0,0]", scale), &[X, I8(&[2, 2], &[0; 4])], Error::ATTRS);
    }
}

#[test]
fn elementwise() {
    refuses_operands::<QLinearAdd>();
    refuses_operands::<QLinearMul>();
    refuses::<Lut>("", &[X, I8(&[255], &[0; 255])], Error::SHAPE);
    refuses::<Lut>("", &[X, TABLE], Error::DTYPE);
    refuses::<Lut>("", &[SCALE, I8(&[256], &[0; 256])], Error::DTYPE);
}

fn refuses_operands<O: Op>() {
    let attrs = |scale: f32, rest: &str| format!("a_scale=1 b_scale=1 y_scale={scale} {rest}");
    let plain = attrs(1.0, "zeros=[0,0,0,0] limits=[-128,127,0,0]");
    refuses::<O>(&plain, &[X, I8(&[3], &[0; 3])], Error::SHAPE);
    refuses::<O>(&plain, &[X, F32(&[1], &[0.0])], Error::DTYPE);
    refuses::<O>(&plain, &[X], Error::SHAPE);
    refuses::<O>(&attrs(0.0, "zeros=[0,0,0,0] limits=[-128,127,0,0]"), &[X, X], Error::ATTRS);
    refuses::<O>(&attrs(1.0, "zeros=[0,0,0,1] limits=[0,0,0,0]"), &[X, X], Error::ATTRS);
    refuses::<O>(&attrs(1.0, "zeros=[0,0,0,0] limits=[0,0,1,0]"), &[X, X], Error::ATTRS);
}

#[test]
fn pools_and_softmax() {
    let attrs = |kernel: &str, scale: f32| {
        format!(
            "kernel={kernel} window=[1,1,1,1] pads=[0,0,0,0] zeros=[0,0,-128,127] scale={scale} count_include_pad=false"
        )
    };
    refuses::<QLinearAveragePool>(&attrs("[4,1,0,0]", 1.0), &[X], Error::SHAPE);
    refuses::<QLinearAveragePool>(&attrs("[1,1,1,0]", 1.0), &[X], Error::ATTRS);
    refuses::<QLinearAveragePool>(&attrs("[1,1,0,0]", 0.0), &[X], Error::ATTRS);
    refuses::<QLinearAveragePool>(&attrs("[1,1,0,0]", 1.0), &[X, X], Error::SHAPE);

    refuses::<QLinearSoftmax>("y_scale=1 zeros=[0,0,-128,127]", &[X, SCALE], Error::SHAPE);
    refuses::<QLinearSoftmax>("y_scale=1 zeros=[1,0,-128,127]", &[X, POWERS], Error::ATTRS);
    refuses::<QLinearSoftmax>("y_scale=0 zeros=[0,0,-128,127]", &[X, POWERS], Error::ATTRS);
    refuses::<QLinearSoftmax>("y_scale=1 zeros=[0,0,-128,127]", &[I8(&[], &[0]), POWERS], Error::SHAPE);
}
