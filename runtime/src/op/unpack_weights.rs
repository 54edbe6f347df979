//! `UnpackWeights`: weights of one to four bits, as the `i8` that they stand for.
//!
//! ```text
//! y[i] = tables[select[i / run % S]][code i]        code i: bits i·b … i·b + b - 1 of `codes`, the lowest of a byte first
//! ```
//!
//! The layer that reads `y` is an integer operator as any other, so its kernels, and its answers, are those of `i8` weights. One
//! rule serves all that is stored in few bits: levels at equal distances (one table), groups with steps of their own (a
//! table for each multiple of the least step), palettes for each channel. A selection that names no table reads as 0.

use crate::{Axes, Code, DType, Io, Kernels, Op, Outputs, Refusal, Shape, Sig, Type};

crate::attrs! {
    /// Attributes of [`UnpackWeights`].
    pub struct UnpackWeightsAttrs {
        /// The axes of `y`.
        pub shape: Shape,
        /// Bits of a code, 1 to 4.
        pub bits: u32,
        /// Neighbours that one selection holds for, at least 1.
        pub run: u32,
    }
}

/// `codes u8 [⌈elements · bits / 8⌉], tables i8 [T, 2^bits], select u8 [S]? -> i8 shape`; see the module.
pub struct UnpackWeights;

impl Op for UnpackWeights {
    const CODE: Code = Code(270);
    const NAME: &'static str = "UnpackWeights";
    type Attrs = UnpackWeightsAttrs;

    fn infer(attrs: &UnpackWeightsAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(3)?;
        if !(1..=4).contains(&attrs.bits) || attrs.run == 0 {
            return Err(Refusal::Attrs);
        }
        let elements = attrs.shape.checked_elements().ok_or(Refusal::Attrs)?;
        let bytes = u64::from(elements).saturating_mul(attrs.bits.into()).div_ceil(8);
        let (codes, tables) = (sig.shape(0, DType::U8)?, sig.shape(1, DType::I8)?);
        if codes.rank() != 1 || u64::from(codes.dim(0)) != bytes || tables.rank() != 2 || tables.dim(1) != 1 << attrs.bits {
            return Err(Refusal::Shape);
        }
        if let Some(select) = sig.opt(2)
            && (select.dtype != DType::U8 || select.shape.rank() != 1)
        {
            return Err(Refusal::Shape);
        }
        out.one(Type::new(DType::I8, attrs.shape))
    }

    fn run<K: Kernels>(attrs: &UnpackWeightsAttrs, io: &mut Io<'_>) {
        let (codes, tables, select) = (io.input::<u8>(0), io.input::<i8>(1), io.input::<u8>(2));
        let y = io.output::<i8>(0);
        // The rule allows four bits at most, so a table has 16 entries at most.
        let entries = 1usize.wrapping_shl(attrs.bits);
        let mut codes = Codes { bytes: codes, bits: attrs.bits, held: 0, count: 0 };
        if select.is_empty() {
            return codes.unpack(tables, y);
        }
        for (y, &row) in y.chunks_mut(attrs.run.max(1) as usize).zip(select.iter().cycle()) {
            let start = usize::from(row).wrapping_mul(entries);
            codes.unpack(tables.get(start..).unwrap_or(&[]), y);
        }
    }
}

/// Codes not yet read: the lowest `count` bits of `held`, then `bytes`.
struct Codes<'a> {
    bytes: &'a [u8],
    bits: u32,
    held: u32,
    count: u32,
}

impl Codes<'_> {
    /// The next codes, as many as `y` holds, through a table.
    fn unpack(&mut self, table: &[i8], y: &mut [i8]) {
        let mask = 1u32.wrapping_shl(self.bits).wrapping_sub(1);
        for y in y {
            if self.count < self.bits {
                let (byte, rest) = self.bytes.split_first().map_or((0, &[][..]), |(&byte, rest)| (byte, rest));
                self.bytes = rest;
                self.held |= u32::from(byte).wrapping_shl(self.count);
                self.count = self.count.wrapping_add(8);
            }
            *y = table.get((self.held & mask) as usize).copied().unwrap_or(0);
            self.held = self.held.wrapping_shr(self.bits);
            self.count = self.count.wrapping_sub(self.bits);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::op::testing::{Tensor, run, run_all};

    fn attrs(shape: &[u32], bits: u32, run: u32) -> UnpackWeightsAttrs {
        UnpackWeightsAttrs { shape: Shape::new(shape).unwrap(), bits, run }
    }

    #[test]
    fn the_lowest_bits_of_a_byte_come_first() {
        let table: [i8; 16] = core::array::from_fn(|i| i as i8 - 8);
        let (codes, table) = (Tensor::of(&[2], &[0xF0u8, 0x07]), Tensor::of(&[1, 16], &table));
        assert_eq!(run::<UnpackWeights>(&attrs(&[3], 4, 1), &[&codes, &table]), Ok(Tensor::of(&[3], &[-8i8, 7, -1])));
    }

    #[test]
    fn codes_of_three_bits_cross_bytes() {
        // 0 1 2 3 4 5 6 7, three bits each, from the lowest on: 111 110 101 100 011 010 001 000.
        let codes = Tensor::of(&[3], &[0b1000_1000u8, 0b1100_0110, 0b1111_1010]);
        let table = Tensor::of(&[1, 8], &[10i8, 11, 12, 13, 14, 15, 16, 17]);
        let y = Tensor::of(&[2, 4], &[10i8, 11, 12, 13, 14, 15, 16, 17]);
        assert_eq!(run::<UnpackWeights>(&attrs(&[2, 4], 3, 1), &[&codes, &table]), Ok(y));
    }

    #[test]
    fn a_selection_holds_for_a_run_and_begins_anew() {
        let (codes, tables) = (Tensor::of(&[2], &[0b11_10_01_00u8, 0b00_00_00_11]), Tensor::of(&[2, 4], &[0i8, 1, 2, 3, 0, 10, 20, 30]));
        let select = Tensor::of(&[2], &[1u8, 0]);
        let unpack = |run| super::super::testing::run::<UnpackWeights>(&attrs(&[5], 2, run), &[&codes, &tables, &select]);
        assert_eq!(unpack(1), Ok(Tensor::of(&[5], &[0i8, 1, 20, 3, 30])));
        assert_eq!(unpack(2), Ok(Tensor::of(&[5], &[0i8, 10, 2, 3, 30])));
        let none = Tensor::of(&[1], &[9u8]);
        let y = run::<UnpackWeights>(&attrs(&[5], 2, 1), &[&codes, &tables, &none]);
        assert_eq!(y, Ok(Tensor::of(&[5], &[0i8; 5])));
    }

    #[test]
    fn refuses_what_does_not_fit() {
        let (codes, tables) = (Tensor::of(&[2], &[0u8; 2]), Tensor::of(&[1, 16], &[0i8; 16]));
        let good = attrs(&[2, 2], 4, 1);
        assert!(run::<UnpackWeights>(&good, &[&codes, &tables]).is_ok());
        for (bad, error) in [
            (attrs(&[2, 2], 5, 1), Refusal::Attrs),
            (attrs(&[2, 2], 0, 1), Refusal::Attrs),
            (attrs(&[2, 2], 4, 0), Refusal::Attrs),
            (attrs(&[u32::MAX, u32::MAX], 4, 1), Refusal::Attrs),
            (attrs(&[5], 4, 1), Refusal::Shape),
            (attrs(&[2, 2], 3, 1), Refusal::Shape),
        ] {
            assert_eq!(run::<UnpackWeights>(&bad, &[&codes, &tables]), Err(error), "{bad:?}");
        }
        assert_eq!(run::<UnpackWeights>(&good, &[&codes, &Tensor::of(&[16], &[0i8; 16])]), Err(Refusal::Shape));
        assert_eq!(run::<UnpackWeights>(&good, &[&codes, &tables, &Tensor::of(&[1, 1], &[0u8])]), Err(Refusal::Shape));
        assert_eq!(run_all::<UnpackWeights>(&good, &[Some(&codes), None], None), Err(Refusal::Shape));
    }
}
