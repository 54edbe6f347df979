//! Packed artifacts: the same file in fewer bytes, to store or to send.
//!
//! ```text
//! magic (4) | u32 length of the artifact | segments: varint (bytes * 16 + model) … | range-coded bits
//! ```
//!
//! Every byte of the artifact belongs to a segment, and every segment to a model of what its numbers look like: codes of few
//! bits, scales, biases, records. Numbers are coded bit by bit, the highest first, each bit with the odds that were seen in its
//! context: the bits above it, its byte's place in the word, the sign. So no table is stored, which in a file of some KB would
//! cost more than static frequencies (rANS) save. The coder is the range coder of LZMA (Pavlov; Martin, 1979).
//!
//! [`unpack`] trusts nothing: any bytes give an artifact, to be refused or not by [`crate::Artifact::parse`], or an error.

#[cfg(feature = "write")]
mod encode;
#[cfg(test)]
mod tests;

#[cfg(feature = "write")]
pub use encode::{Segment, pack};

use crate::FormatError;

/// The bytes that every packed artifact begins with.
pub const PACKED_MAGIC: [u8; 4] = *b"\x89SKZ";
/// Bytes before the segments.
const HEAD: usize = 8;
/// One half, never seen.
const NEW: u16 = 2048 << 4;

/// What the numbers of a segment look like. The numbers are in stored files: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Numbers {
    /// Bytes of no particular kind.
    Bytes = 0,
    /// Codes of one bit, the lowest of a byte first.
    Codes1 = 1,
    /// Codes of two bits.
    Codes2 = 2,
    /// Codes of three bits.
    Codes3 = 3,
    /// Codes of four bits.
    Codes4 = 4,
    /// Signed bytes.
    Weights = 5,
    /// Words of 4 bytes, `f32` or `u32`.
    Words = 6,
    /// `i32`, most of them small.
    Integers = 7,
    /// Records of 12 bytes.
    Records = 8,
    /// Words of 2 bytes.
    Halves = 9,
}

impl Numbers {
    /// The number of the model in the file.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant")]
    pub const fn code(self) -> u8 {
        self as u8
    }
}

/// How a model turns bytes into symbols, and where its contexts are.
#[derive(Clone, Copy)]
struct Model {
    /// Bits of a symbol.
    bits: u8,
    /// Symbols after which contexts repeat.
    columns: usize,
    /// Whether the sign of the symbol before is a part of the context.
    signed: bool,
    /// The first context.
    base: usize,
}

/// By number. Those of [`Numbers::Records`] lie where words and integers have theirs, so both begin anew.
const MODELS: [Model; 10] = [
    Model { bits: 8, columns: 1, signed: false, base: 0 },
    Model { bits: 1, columns: 1, signed: false, base: 256 },
    Model { bits: 2, columns: 1, signed: false, base: 258 },
    Model { bits: 3, columns: 1, signed: false, base: 262 },
    Model { bits: 4, columns: 1, signed: false, base: 270 },
    Model { bits: 8, columns: 1, signed: false, base: 286 },
    Model { bits: 8, columns: 4, signed: false, base: SHARED },
    Model { bits: 8, columns: 4, signed: true, base: SHARED + 1024 },
    Model { bits: 8, columns: 12, signed: false, base: SHARED },
    Model { bits: 8, columns: 2, signed: false, base: SHARED + 3072 },
];
/// Where the contexts begin that records share with words and integers.
const SHARED: usize = 542;
const CONTEXTS: usize = SHARED + 3072 + 512;

/// What was seen so far: 8,252 bytes of working memory, for the time of [`unpack`].
#[derive(Clone, Debug)]
pub struct Contexts([u16; CONTEXTS]);

impl Contexts {
    /// Memory for [`unpack`], of zeros, so that a static one takes no flash.
    #[must_use]
    pub const fn new() -> Contexts {
        Contexts([0; CONTEXTS])
    }

    /// Nothing seen.
    fn begin(&mut self) {
        self.0.iter_mut().for_each(|c| *c = NEW);
    }

    fn forget(&mut self, model: &Model) {
        let used = model.columns.wrapping_mul(256);
        self.0.iter_mut().skip(model.base).take(used).for_each(|c| *c = NEW);
    }
}

impl Default for Contexts {
    fn default() -> Contexts {
        Contexts::new()
    }
}

/// Bytes of the artifact that `packed` becomes.
///
/// # Errors
/// [`FormatError::Magic`] or [`FormatError::Length`], if it is none.
pub fn unpacked_len(packed: &[u8]) -> Result<usize, FormatError> {
    if packed.get(..PACKED_MAGIC.len()) != Some(&PACKED_MAGIC[..]) {
        return Err(FormatError::Magic);
    }
    let len = packed.get(4..HEAD).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    len.and_then(|len| usize::try_from(len).ok()).ok_or(FormatError::Length)
}

/// Writes the artifact to the beginning of `out`, and returns it.
///
/// # Errors
/// [`FormatError::Magic`] if `packed` is no packed artifact; [`FormatError::Length`] if it is cut or has bytes appended, if its
/// segments do not make up its length, or if `out` is too short for it.
pub fn unpack<'a>(packed: &[u8], contexts: &mut Contexts, out: &'a mut [u8]) -> Result<&'a mut [u8], FormatError> {
    let len = unpacked_len(packed)?;
    let out = out.get_mut(..len).ok_or(FormatError::Length)?;
    let segments = packed.get(HEAD..).unwrap_or(&[]);
    let (mut bits, mut left) = (segments, len);
    while left > 0 {
        let (_, bytes) = segment(&mut bits)?;
        left = left.checked_sub(bytes).ok_or(FormatError::Length)?;
    }
    contexts.begin();
    let (mut segments, mut decoder, mut rest) = (segments, Decoder::new(bits), &mut *out);
    while !rest.is_empty() {
        let (model, bytes) = segment(&mut segments)?;
        let (own, others) = rest.split_at_mut_checked(bytes).ok_or(FormatError::Length)?;
        code(model, contexts, own, |context, _| decoder.bit(context))?;
        rest = others;
    }
    if decoder.bytes.is_empty() && !decoder.cut { Ok(out) } else { Err(FormatError::Length) }
}

/// Takes the next segment: its model and its bytes, at least one.
fn segment(from: &mut &[u8]) -> Result<(u8, usize), FormatError> {
    let (mut value, mut shift) = (0u32, 0u32);
    while let Some((&byte, rest)) = from.split_first() {
        *from = rest;
        value |= u32::from(byte & 0x7F).checked_shl(shift).ok_or(FormatError::Length)?;
        if byte < 0x80 {
            let bytes = usize::try_from(value.wrapping_shr(4)).unwrap_or(0);
            return if bytes > 0 { Ok(((value & 15).to_le_bytes()[0], bytes)) } else { Err(FormatError::Length) };
        }
        shift = shift.wrapping_add(7);
    }
    Err(FormatError::Length)
}

/// Walks the bits of a segment as its model says: `coder` gets a context and the bit that stands in `bytes`, and its answer is
/// written there. One walk serves both directions, so that they cannot differ. An error if there is no such model.
fn code(
    number: u8,
    contexts: &mut Contexts,
    bytes: &mut [u8],
    coder: impl FnMut(&mut u16, u32) -> u32,
) -> Result<(), FormatError> {
    let model = MODELS.get(usize::from(number)).ok_or(FormatError::Length)?;
    // Records lie where words and integers have their contexts.
    let shared = number == Numbers::Records.code();
    if shared {
        contexts.forget(model);
    }
    walk(model, contexts, bytes, coder);
    if shared {
        contexts.forget(model);
    }
    Ok(())
}

fn walk(model: &Model, contexts: &mut Contexts, bytes: &mut [u8], mut coder: impl FnMut(&mut u16, u32) -> u32) {
    let width = u32::from(model.bits);
    let total = bytes.len().wrapping_mul(8);
    let (mut at, mut column, mut before) = (0usize, 0usize, 0u32);
    while at < total {
        let group = if model.signed { column.wrapping_mul(2) | usize::from(before > 127) } else { column };
        let base = group.wrapping_shl(width).wrapping_add(model.base);
        let mut node = 1u32;
        for i in (0..width).rev() {
            let place = at.wrapping_add(usize::try_from(i).unwrap_or(0));
            // The last code may reach beyond the last byte, with zeros.
            let mut beyond = 0;
            let byte = bytes.get_mut(place.wrapping_shr(3)).unwrap_or(&mut beyond);
            let bit = u32::try_from(place & 7).unwrap_or(0);
            let mut none = NEW;
            let context = base.wrapping_add(usize::try_from(node).unwrap_or(0));
            let context = contexts.0.get_mut(context).unwrap_or(&mut none);
            let answer = coder(context, u32::from(*byte).wrapping_shr(bit) & 1);
            *byte = *byte & !1u8.wrapping_shl(bit) | answer.wrapping_shl(bit).to_le_bytes()[0];
            node = node.wrapping_mul(2) | answer;
        }
        before = node & 0xFF;
        column = if column.wrapping_add(1) == model.columns { 0 } else { column.wrapping_add(1) };
        at = at.wrapping_add(usize::from(model.bits));
    }
}

/// How far odds move with the next bit, in 1/65536: by `1 / (n + 1.6)` with the `n`th, then as far each time.
const RATES: [u16; 16] =
    [40960, 25206, 18204, 14247, 11703, 9930, 8623, 7621, 6827, 6183, 5650, 5201, 4819, 4489, 4201, 2731];

/// The odds of a 1 in a context, in 1/4096.
fn odds(context: u16) -> u32 {
    u32::from(context.wrapping_shr(4))
}

/// Moves the odds of a context towards `bit`.
fn learn(context: &mut u16, bit: u32) {
    let (old, seen) = (odds(*context), *context & 15);
    let rate = RATES.get(usize::from(seen)).copied().map_or(0, u32::from);
    let new = if bit == 1 {
        old.wrapping_add(4096u32.wrapping_sub(old).wrapping_mul(rate).wrapping_add(32768).wrapping_shr(16))
    } else {
        old.wrapping_sub(old.wrapping_mul(rate).wrapping_add(32768).wrapping_shr(16))
    };
    // Nothing is ever certain.
    let [low, high, ..] = new.clamp(16, 4080).wrapping_shl(4).to_le_bytes();
    *context = u16::from_le_bytes([low, high]) | seen.wrapping_add(1).min(15);
}

/// Bits from bytes.
struct Decoder<'a> {
    bytes: &'a [u8],
    range: u32,
    code: u32,
    /// Whether more bytes were needed than there were.
    cut: bool,
}

impl<'a> Decoder<'a> {
    fn new(bytes: &'a [u8]) -> Decoder<'a> {
        let mut decoder = Decoder { bytes, range: u32::MAX, code: 0, cut: false };
        (0..4).for_each(|_| decoder.shift());
        decoder
    }

    fn shift(&mut self) {
        let next = self.bytes.split_first();
        self.cut |= next.is_none();
        let (byte, rest) = next.map_or((0, &[][..]), |(&byte, rest)| (byte, rest));
        self.bytes = rest;
        self.code = self.code.wrapping_shl(8) | u32::from(byte);
    }

    fn bit(&mut self, context: &mut u16) -> u32 {
        let bound = self.range.wrapping_shr(12).wrapping_mul(odds(*context));
        let bit = u32::from(self.code < bound);
        if bit == 1 {
            self.range = bound;
        } else {
            self.code = self.code.wrapping_sub(bound);
            self.range = self.range.wrapping_sub(bound);
        }
        while self.range < 1 << 24 {
            self.range = self.range.wrapping_shl(8);
            self.shift();
        }
        learn(context, bit);
        bit
    }
}
