//! What a program can know of a file while it is built: sizes and operators, read in constant evaluation.
//!
//! Everything is checked but the weights' checksum, which would take the build a second for each 300 KB, and the
//! plan, which only [`crate::Artifact::parse`] proves. A file that is cut short, of another version, or damaged outside
//! its weights is refused here, before it reaches a device.

use crate::{FormatError, Header, Kind, MAGIC, MAJOR, OpRecord, Section, crc32};

/// A file whose header, section table and records are whole.
#[derive(Clone, Copy, Debug)]
pub struct Preview<'a> {
    file: &'a [u8],
    ops: &'a [u8],
    monitor: &'a [u8],
}

impl<'a> Preview<'a> {
    /// Checks `file` as far as constant evaluation should.
    ///
    /// # Errors
    /// As [`crate::Artifact::parse`] for header and sections.
    pub const fn new(file: &'a [u8]) -> Result<Preview<'a>, FormatError> {
        if let Err(error) = check_header(file) {
            return Err(error);
        }
        let table = match part(file, Header::LEN, widen(word(file, 12)).saturating_mul(Section::LEN)) {
            Some(table) if crc32(table) == word(file, 56) => table,
            Some(_) => return Err(FormatError::Checksum(0)),
            None => return Err(FormatError::Length),
        };
        let (mut ops, mut monitor): (&[u8], &[u8]) = (&[], &[]);
        let mut rest = table;
        while let Some((entry, more)) = rest.split_at_checked(Section::LEN) {
            let kind = half(entry, 0);
            let Some(section) = part(file, widen(word(entry, 4)), widen(word(entry, 8))) else {
                return Err(FormatError::SectionBounds(kind));
            };
            if kind != Kind::Weights.code() && crc32(section) != word(entry, 12) {
                return Err(FormatError::Checksum(kind));
            }
            if kind == Kind::Ops.code() {
                ops = section;
            }
            if kind == Kind::Monitor.code() {
                monitor = section;
            }
            rest = more;
        }
        Ok(Preview { file, ops, monitor })
    }

    /// Bytes of arena that a session needs.
    #[must_use]
    pub const fn arena_len(&self) -> usize {
        widen(word(self.file, 20))
    }

    /// Bytes of state that a session needs; 0 for a model without memory.
    #[must_use]
    pub const fn state_len(&self) -> usize {
        widen(word(self.file, 24))
    }

    /// Bytes of memory that the file's monitor needs; 0 for a file without one.
    #[must_use]
    pub const fn monitor_len(&self) -> usize {
        widen(word(self.monitor, 8))
    }

    /// The code of operator `i` of the plan; nothing after the last.
    #[must_use]
    pub const fn op(&self, i: usize) -> Option<u16> {
        match part(self.ops, i.saturating_mul(size_of::<OpRecord>()), size_of::<OpRecord>()) {
            Some(record) => Some(half(record, 0)),
            None => None,
        }
    }
}

const fn check_header(file: &[u8]) -> Result<(), FormatError> {
    match file.split_at_checked(MAGIC.len()) {
        Some((magic, _)) if u64_of(magic) == u64::from_le_bytes(MAGIC) => {}
        _ => return Err(FormatError::Magic),
    }
    let Some(header) = part(file, 0, 60) else { return Err(FormatError::Length) };
    if half(file, 8) != MAJOR {
        return Err(FormatError::Version(half(file, 8), half(file, 10)));
    }
    if crc32(header) != word(file, 60) {
        return Err(FormatError::Checksum(0));
    }
    if widen(word(file, 16)) != file.len() {
        return Err(FormatError::Length);
    }
    match part(file, 32, 8) {
        Some(features) if u64_of(features) != 0 => {
            Err(FormatError::Feature(u64_of(features).trailing_zeros().to_le_bytes()[0]))
        }
        _ => Ok(()),
    }
}

const fn part(bytes: &[u8], at: usize, len: usize) -> Option<&[u8]> {
    match bytes.split_at_checked(at) {
        Some((_, rest)) => match rest.split_at_checked(len) {
            Some((part, _)) => Some(part),
            None => None,
        },
        None => None,
    }
}

/// The little-endian number of `N` bytes at `at`; zeros where the file has ended.
const fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    match bytes.split_at_checked(at) {
        Some((_, rest)) => match rest.first_chunk() {
            Some(bytes) => *bytes,
            None => [0; N],
        },
        None => [0; N],
    }
}

const fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

const fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

const fn u64_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(array(bytes, 0))
}

#[expect(clippy::as_conversions, reason = "try_from is not const, and a usize of 16 bits holds no model")]
const fn widen(n: u32) -> usize {
    n as usize
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests")]
mod tests {
    use super::*;
    use crate::Artifact;

    #[repr(align(16))]
    struct Aligned<const LEN: usize>([u8; LEN]);

    static DIGITS: Aligned<{ include_bytes!("../../../tests/golden/digits-1.0.siskin").len() }> =
        Aligned(*include_bytes!("../../../tests/golden/digits-1.0.siskin"));

    #[test]
    fn a_preview_knows_what_parsing_finds() {
        let (preview, artifact) = (Preview::new(&DIGITS.0).unwrap(), Artifact::parse(&DIGITS.0).unwrap());
        assert_eq!(preview.arena_len(), widen(artifact.header().arena_len));
        assert_eq!(preview.state_len(), widen(artifact.header().state_len));
        for (i, op) in artifact.ops().iter().enumerate() {
            assert_eq!(preview.op(i), Some(op.code));
        }
        assert_eq!(preview.op(artifact.ops().len()), None);
    }

    #[test]
    fn damage_is_seen_wherever_parsing_sees_it_but_in_weights() {
        let artifact = Artifact::parse(&DIGITS.0).unwrap();
        let from = artifact.weights().as_ptr().addr() - DIGITS.0.as_ptr().addr();
        let weights = from..from + artifact.weights().len();
        let mut file = Aligned(DIGITS.0);
        for i in 0..file.0.len() {
            file.0[i] ^= 1;
            let padding = Preview::new(&file.0).is_ok();
            assert!(!padding || weights.contains(&i) || DIGITS.0[i] == 0, "byte {i}");
            file.0[i] ^= 1;
        }
        for len in 0..DIGITS.0.len() {
            assert!(Preview::new(&DIGITS.0[..len]).is_err(), "{len} bytes");
        }
    }
}
