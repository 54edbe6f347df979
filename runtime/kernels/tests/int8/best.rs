//! The kernels of this processor, with packed constants.

use siskin_kernels::int8::{BinaryI8, ConvI8};
use siskin_kernels::{Kernels, WithKernels, best};

/// A convolution with its constants packed, into `y`.
pub(crate) struct Packed<'a, 'b>(pub(crate) &'a ConvI8<'b>, pub(crate) &'a mut [i8]);

/// A depthwise convolution with its constants packed, into `y`.
pub(crate) struct PackedDepthwise<'a, 'b>(pub(crate) &'a ConvI8<'b>, pub(crate) &'a mut [i8]);

/// `y + b` and `y · b`.
pub(crate) struct AddAndMul<'a>(pub(crate) &'a BinaryI8, pub(crate) &'a [i8], pub(crate) &'a [i8]);

/// Packs into a buffer of exactly the length that was asked for.
fn packed(pack: impl Fn(&mut [u8]) -> usize) -> Vec<u8> {
    let mut bytes = vec![0; pack(&mut [])];
    assert_eq!(pack(&mut bytes), bytes.len());
    bytes
}

impl WithKernels for Packed<'_, '_> {
    type Output = ();

    fn with<K: Kernels>(self) {
        let packed = packed(|out| K::pack_conv_i8(self.0, out));
        K::packed_conv_i8(self.0, &packed, self.1);
    }
}

impl WithKernels for PackedDepthwise<'_, '_> {
    type Output = ();

    fn with<K: Kernels>(self) {
        let packed = packed(|out| K::pack_depthwise_conv_i8(self.0, out));
        K::packed_depthwise_conv_i8(self.0, &packed, self.1);
    }
}

impl WithKernels for AddAndMul<'_> {
    type Output = [Vec<i8>; 2];

    fn with<K: Kernels>(self) -> [Vec<i8>; 2] {
        let (mut sum, mut product) = (self.1.to_vec(), self.1.to_vec());
        K::add_i8(self.0, &mut sum, self.2);
        K::mul_i8(self.0, &mut product, self.2);
        [sum, product]
    }
}

/// A convolution by the best kernels.
pub(crate) fn conv(conv: &ConvI8<'_>, y: &mut [i8]) {
    best(Packed(conv, y));
}

/// A depthwise convolution by the best kernels.
pub(crate) fn depthwise_conv(conv: &ConvI8<'_>, y: &mut [i8]) {
    best(PackedDepthwise(conv, y));
}
