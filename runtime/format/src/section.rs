//! The section table: what lies where, and whether it is whole.

use crate::{FormatError, Header};
use bytemuck::{Pod, Zeroable};

/// CRC-32 as in zip and ethernet (ISO-HDLC).
#[must_use]
#[cfg(not(target_arch = "wasm32"))]
pub const fn crc32(bytes: &[u8]) -> u32 {
    const CRC: crc::Crc<u32, crc::Table<1>> = crc::Crc::<u32, crc::Table<1>>::new(&crc::CRC_32_ISO_HDLC);
    CRC.checksum(bytes)
}

/// CRC-32 as in zip and ethernet (ISO-HDLC), by half bytes: a page would have to download the usual table, of 1,024
/// bytes that do not compress.
#[must_use]
#[cfg(target_arch = "wasm32")]
#[expect(clippy::indexing_slicing, reason = "four bits are below 16; `get` is not const")]
#[expect(clippy::as_conversions, reason = "from is not const")]
pub const fn crc32(bytes: &[u8]) -> u32 {
    /// The CRC of each half byte.
    const TABLE: [u32; 16] = [
        0,
        0x1db7_1064,
        0x3b6e_20c8,
        0x26d9_30ac,
        0x76dc_4190,
        0x6b6b_51f4,
        0x4db2_6158,
        0x5005_713c,
        0xedb8_8320,
        0xf00f_9344,
        0xd6d6_a3e8,
        0xcb61_b38c,
        0x9b64_c2b0,
        0x86d3_d2d4,
        0xa00a_e278,
        0xbdbd_f21c,
    ];
    let (mut crc, mut rest) = (u32::MAX, bytes);
    while let [byte, tail @ ..] = rest {
        crc ^= *byte as u32;
        crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
        crc = TABLE[(crc & 15) as usize] ^ (crc >> 4);
        rest = tail;
    }
    !crc
}

/// What a section holds. The numbers are in shipped files: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
#[non_exhaustive]
pub enum Kind {
    /// [`crate::TensorRecord`]s.
    Tensors = 1,
    /// [`crate::OpRecord`]s, in the order they run.
    Ops = 2,
    /// Tensor indices (`u16`) that operator records point into.
    Operands = 3,
    /// `u32`s that records point into: dimensions and attributes.
    Words = 4,
    /// Constants.
    Weights = 5,
    /// [`crate::IoRecord`]s: inputs, then outputs.
    Io = 6,
    /// UTF-8 names that input and output records point into.
    Names = 7,
    /// Golden vectors.
    Golden = 8,
    /// Metadata for people and tools; `postcard`; ignorable.
    Card = 9,
    /// How inputs are made from pictures and sound; ignorable.
    Preparation = 10,
    /// What a monitor compares with; ignorable.
    Monitor = 11,
}

impl Kind {
    /// The number of kinds, plus one: known kinds are `1..COUNT`.
    pub(crate) const COUNT: usize = 12;

    /// The file's number for this kind.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant of a repr(u16) enum")]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Whether a reader that does not know this kind may skip the section.
    #[must_use]
    pub const fn is_ignorable(self) -> bool {
        matches!(self, Kind::Card | Kind::Preparation | Kind::Monitor)
    }

    /// The alignment of the section's first byte in the file.
    #[must_use]
    pub const fn align(self) -> u32 {
        match self {
            Kind::Weights => 64,
            _ => 8,
        }
    }
}

/// One entry of the section table, as it lies in the file.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Section {
    /// A [`Kind`], or one that a later version defines.
    pub kind: u16,
    /// Bit 0: a reader that does not know this kind may skip the section.
    pub flags: u16,
    /// The first byte, counted from the beginning of the file.
    pub offset: u32,
    /// Bytes.
    pub len: u32,
    /// CRC-32 of the bytes.
    pub crc: u32,
}

impl Section {
    /// Bytes of an entry.
    pub const LEN: usize = 16;
    /// The flag of a section that a reader may skip.
    pub const IGNORABLE: u16 = 1;

    fn range(&self) -> Option<core::ops::Range<usize>> {
        let start = usize::try_from(self.offset).ok()?;
        let end = start.checked_add(usize::try_from(self.len).ok()?)?;
        Some(start..end)
    }
}

/// The sections of known kinds, by kind.
pub(crate) struct Sections<'a>([Option<&'a [u8]>; Kind::COUNT]);

impl<'a> Sections<'a> {
    /// Walks the table: order, bounds, padding, checksums; sorts the known kinds.
    pub(crate) fn new_checked(file: &'a [u8], header: &Header) -> Result<Sections<'a>, FormatError> {
        let count = usize::try_from(header.sections).map_err(|_| FormatError::Length)?;
        let end =
            count.checked_mul(Section::LEN).and_then(|n| n.checked_add(Header::LEN)).ok_or(FormatError::Length)?;
        let table = file.get(Header::LEN..end).ok_or(FormatError::Length)?;
        if crc32(table) != header.table_crc {
            return Err(FormatError::Checksum(0));
        }
        let table: &[Section] = bytemuck::try_cast_slice(table).map_err(|_| FormatError::Alignment)?;
        let mut found = Sections([None; Kind::COUNT]);
        let mut covered = end;
        for section in table {
            let bytes = found.take(file, section, covered)?;
            covered = covered.max(section.range().map_or(covered, |r| r.end));
            let slot = found.0.get_mut(usize::from(section.kind)).filter(|_| section.kind != 0);
            match slot {
                Some(slot) if slot.is_none() => *slot = Some(bytes),
                Some(_) => return Err(FormatError::MissingSection(section.kind)),
                None if section.flags & Section::IGNORABLE != 0 => {}
                None => return Err(FormatError::UnknownSection(section.kind)),
            }
        }
        if covered != file.len() {
            return Err(FormatError::Length);
        }
        Ok(found)
    }

    fn take(&self, file: &'a [u8], section: &Section, covered: usize) -> Result<&'a [u8], FormatError> {
        let bounds = FormatError::SectionBounds(section.kind);
        let range = section.range().ok_or(bounds)?;
        let padding = file.get(covered..range.start).ok_or(bounds)?;
        if padding.iter().any(|&b| b != 0) || section.offset & 7 != 0 {
            return Err(bounds);
        }
        let bytes = file.get(range).ok_or(bounds)?;
        if crc32(bytes) != section.crc {
            return Err(FormatError::Checksum(section.kind));
        }
        Ok(bytes)
    }

    /// The bytes of the section of this kind; empty if there is none.
    pub(crate) fn bytes(&self, kind: Kind) -> &'a [u8] {
        self.0.get(usize::from(kind.code())).copied().flatten().unwrap_or(&[])
    }

    /// The section of this kind as records; empty if there is none.
    pub(crate) fn records<T: Pod>(&self, kind: Kind) -> Result<&'a [T], FormatError> {
        let bytes = self.bytes(kind);
        if bytes.is_empty() {
            // The slice of an absent section need not be aligned.
            return Ok(&[]);
        }
        bytemuck::try_cast_slice(bytes).map_err(|_| FormatError::SectionBounds(kind.code()))
    }
}
