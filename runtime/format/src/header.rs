//! The first 64 bytes.

use crate::FormatError;
use bytemuck::{Pod, Zeroable};

/// The bytes that every file begins with. The high bit and the newline catch transfers as text.
pub const MAGIC: [u8; 8] = *b"\x89SISKIN\n";
/// The format's major version: readers refuse every other one.
pub const MAJOR: u16 = 1;
/// The format's minor version: a reader accepts files of any.
pub const MINOR: u16 = 0;
/// The alignment in memory of a file's first byte, so that constants are viewed in place.
pub const ALIGN: usize = 16;

/// The header, as it lies in the file.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct Header {
    /// [`MAGIC`].
    pub magic: [u8; 8],
    /// Major version.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
    /// Entries of the section table, which follows at byte 64.
    pub sections: u32,
    /// Bytes of the whole file.
    pub file_len: u32,
    /// Bytes of arena that a session needs.
    pub arena_len: u32,
    /// Bytes of state that a session needs; 0 for a model without memory.
    pub state_len: u32,
    /// Zero.
    pub reserved: u32,
    /// One bit per feature that a reader must have; no bit is defined in 1.0.
    pub features: u64,
    /// The first 16 bytes of SHA-256 over everything from byte 64 on: the model's identity.
    pub digest: [u8; 16],
    /// CRC-32 of the section table.
    pub table_crc: u32,
    /// CRC-32 of the 60 bytes before this field.
    pub header_crc: u32,
}

impl Header {
    /// Bytes of the header.
    pub const LEN: usize = 64;

    /// Reads and checks the header of `file`; what it says of sections is not checked yet.
    pub(crate) fn new_checked(file: &[u8]) -> Result<&Header, FormatError> {
        if file.get(..MAGIC.len()) != Some(&MAGIC[..]) {
            return Err(FormatError::Magic);
        }
        let bytes = file.get(..Header::LEN).ok_or(FormatError::Length)?;
        let header: &Header = bytemuck::try_from_bytes(bytes).map_err(|_| FormatError::Alignment)?;
        if header.major != MAJOR {
            return Err(FormatError::Version(header.major, header.minor));
        }
        if crate::crc32(bytes.get(..60).unwrap_or(&[])) != header.header_crc || header.reserved != 0 {
            return Err(FormatError::Checksum(0));
        }
        if usize::try_from(header.file_len) != Ok(file.len()) {
            return Err(FormatError::Length);
        }
        if header.features != 0 {
            let lowest = header.features.trailing_zeros();
            return Err(FormatError::Feature(u8::try_from(lowest).unwrap_or(u8::MAX)));
        }
        Ok(header)
    }
}
