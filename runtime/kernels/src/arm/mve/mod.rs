//! Sixteen products of bytes per instruction: `VMLADAVA.S8`.
//!
//! Bytes are used as they are. The zero point leaves the inner loop, `Σ (x - x_zero) · w = Σ x·w - x_zero · Σ w`, and
//! padding is made of it. Loops are tail-predicated (`DLSTP`, `LETP`): no row has a rest, and nothing beyond it is read.

mod add_i8;
mod conv_i8;
mod depthwise_conv_i8;
mod depthwise_wide_i8;
mod finish;
mod tile_i8;

use super::Dsp;
use crate::Kernels;
use crate::int8::{BinaryI8, ConvI8};

/// The kernels of cores with MVE, which is Helium: Cortex-M55, M85.
#[derive(Clone, Copy, Debug)]
pub struct Mve;

impl Kernels for Mve {
    fn conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        if !conv_i8::conv_i8(conv, y) {
            Dsp::conv_i8(conv, y);
        }
    }

    fn depthwise_conv_i8(conv: &ConvI8<'_>, y: &mut [i8]) {
        if !depthwise_conv_i8::depthwise_conv_i8(conv, y) {
            Dsp::depthwise_conv_i8(conv, y);
        }
    }

    fn add_i8(steps: &BinaryI8, y: &mut [i8], b: &[i8]) {
        add_i8::add_i8(steps, y, b);
    }
}
