//! Golden vectors: an input and what must come out, for a device to test itself.
//!
//! The input is drawn from a seed, so that a self-test costs some dozen bytes of flash instead of a stored
//! sample. The expected output is a CRC-32 of every output byte, which integer models must match exactly,
//! and a few sampled values, which float models must match within a tolerance.
//!
//! ```text
//! section: GoldenRecord | [lo: f32, hi: f32] per input | samples: f32 … | GoldenRecord | …
//! ```

use crate::Artifact;
use bytemuck::{Pod, Zeroable};

/// The fixed part of one golden vector, as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct GoldenRecord {
    /// The state that [`Prng`] starts from.
    pub seed: u64,
    /// CRC-32 over the bytes of all outputs, in order.
    pub crc: u32,
    /// Values of the first output that follow, at even distances.
    pub samples: u16,
    /// 1 if every output byte must match, 0 if the samples must match within the tolerance.
    pub exact: u8,
    /// Zero.
    pub reserved: u8,
}

/// One golden vector.
#[derive(Clone, Copy, Debug)]
pub struct Golden<'a> {
    /// The fixed part.
    pub record: &'a GoldenRecord,
    /// The range that each input is drawn from, `[lo, hi]` per input; 8-bit inputs span all values.
    pub ranges: &'a [[f32; 2]],
    /// Expected values of the first output, at even distances.
    pub samples: &'a [f32],
}

/// The golden vectors of a file, walked in order.
#[derive(Clone, Copy, Debug)]
pub struct Goldens<'a> {
    bytes: &'a [u8],
    inputs: usize,
}

impl<'a> Goldens<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Goldens<'a> {
        Goldens { bytes, inputs: 0 }
    }

    /// The vectors of a file with this many inputs.
    #[must_use]
    pub const fn with_inputs(self, inputs: usize) -> Goldens<'a> {
        Goldens { inputs, ..self }
    }

    fn next_checked(&mut self) -> Option<Golden<'a>> {
        let (record, rest) = self.bytes.split_at_checked(size_of::<GoldenRecord>())?;
        let record: &GoldenRecord = bytemuck::try_from_bytes(record).ok()?;
        let (ranges, rest) = rest.split_at_checked(self.inputs.checked_mul(8)?)?;
        let (samples, rest) = rest.split_at_checked(usize::from(record.samples).checked_mul(4)?)?;
        // Records hold a u64: an odd number of samples is followed by four zero bytes.
        let (_, rest) = rest.split_at_checked(usize::from(record.samples & 1).checked_mul(4)?)?;
        self.bytes = rest;
        Some(Golden {
            record,
            ranges: bytemuck::try_cast_slice(ranges).ok()?,
            samples: bytemuck::try_cast_slice(samples).ok()?,
        })
    }

    pub(crate) fn verify(self, artifact: &Artifact<'_>) -> Option<()> {
        let mut rest = self.with_inputs(artifact.inputs().count());
        while !rest.bytes.is_empty() {
            let golden = rest.next_checked()?;
            let finite = golden.ranges.iter().flatten().all(|v| v.is_finite());
            (finite && golden.record.reserved == 0 && golden.record.exact <= 1).then_some(())?;
        }
        Some(())
    }
}

impl<'a> Iterator for Goldens<'a> {
    type Item = Golden<'a>;

    fn next(&mut self) -> Option<Golden<'a>> {
        self.next_checked()
    }
}

/// The generator of golden inputs: SplitMix64, the same on every target.
///
/// Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[derive(Clone, Copy, Debug)]
pub struct Prng(u64);

impl Prng {
    /// A generator that starts from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Prng {
        Prng(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next value of `0..=255`.
    #[expect(clippy::as_conversions, reason = "the low byte is meant")]
    pub const fn next_u8(&mut self) -> u8 {
        self.next_u64() as u8
    }

    /// The next value of `[0, 1)`, a multiple of 2^-24.
    #[expect(clippy::as_conversions, reason = "24 bits fit an f32 exactly")]
    pub fn next_unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 * (1.0 / 16_777_216.0)
    }
}
