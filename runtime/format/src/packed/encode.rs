//! The way to a packed artifact.

use super::{Contexts, Numbers, PACKED_MAGIC, code, learn, odds};
use alloc::vec::Vec;

/// Neighbouring bytes of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// What they look like.
    pub numbers: Numbers,
    /// How many there are.
    pub bytes: usize,
}

/// Packs a file whose bytes are these segments, in order, and tells the bytes that each of them became; the rest is what says
/// where they are. What segments say of their numbers decides the size alone: any will do.
/// Nothing if they do not make up the file, or a segment has 256 MiB.
#[must_use]
pub fn pack(file: &[u8], segments: &[Segment]) -> Option<(Vec<u8>, Vec<usize>)> {
    let mut out = PACKED_MAGIC.to_vec();
    out.extend(u32::try_from(file.len()).ok()?.to_le_bytes());
    for s in segments.iter().filter(|s| s.bytes > 0) {
        let bytes = u32::try_from(s.bytes).ok().filter(|b| *b < 1 << 28)?;
        varint(&mut out, bytes.wrapping_shl(4) | u32::from(s.numbers.code()));
    }
    let (mut contexts, mut encoder, mut rest) = (Contexts::new(), Encoder::new(out), file);
    contexts.begin();
    let mut sizes = Vec::new();
    for s in segments {
        let (own, others) = rest.split_at_checked(s.bytes)?;
        let (before, mut own) = (encoder.len(), own.to_vec());
        if !own.is_empty() {
            code(s.numbers.code(), &mut contexts, &mut own, |context, bit| encoder.bit(context, bit)).ok()?;
        }
        sizes.push(encoder.len().wrapping_sub(before));
        rest = others;
    }
    rest.is_empty().then(|| (encoder.finish(), sizes))
}

fn varint(out: &mut Vec<u8>, mut value: u32) {
    while value > 0x7F {
        out.push(value.to_le_bytes()[0] | 0x80);
        value = value.wrapping_shr(7);
    }
    out.push(value.to_le_bytes()[0]);
}

/// Bits to bytes. `low` has 33 bits: the highest is a carry into bytes that are held back until it is known.
struct Encoder {
    out: Vec<u8>,
    low: u64,
    range: u32,
    /// The byte held back; nothing before the first.
    held: Option<u8>,
    /// Bytes of 255 behind it, which a carry turns to 0.
    full: usize,
}

impl Encoder {
    fn new(out: Vec<u8>) -> Encoder {
        Encoder { out, low: 0, range: u32::MAX, held: None, full: 0 }
    }

    fn len(&self) -> usize {
        self.out.len().wrapping_add(self.full)
    }

    fn bit(&mut self, context: &mut u16, bit: u32) -> u32 {
        let bound = self.range.wrapping_shr(12).wrapping_mul(odds(*context));
        if bit == 1 {
            self.range = bound;
        } else {
            self.low = self.low.wrapping_add(u64::from(bound));
            self.range = self.range.wrapping_sub(bound);
        }
        while self.range < 1 << 24 {
            self.range = self.range.wrapping_shl(8);
            self.shift();
        }
        learn(context, bit);
        bit
    }

    fn shift(&mut self) {
        let [.., top, carry, _, _, _] = self.low.to_le_bytes();
        if carry == 1 || top < 0xFF {
            // Before the first byte there is nothing to carry into: `low` is below 2^32 then.
            self.out.extend(self.held.map(|h| h.wrapping_add(carry)));
            self.out.extend(core::iter::repeat_n(carry.wrapping_sub(1), self.full));
            (self.held, self.full) = (Some(top), 0);
        } else {
            self.full = self.full.wrapping_add(1);
        }
        self.low = (self.low & 0x00FF_FFFF).wrapping_shl(8);
    }

    fn finish(mut self) -> Vec<u8> {
        // Four bytes that `low` still has, and the one that is held back.
        (0..5).for_each(|_| self.shift());
        self.out
    }
}
