//! Why a file is refused.

use core::fmt;

/// Why a file is refused. Small and `Copy`, so that firmware can store or send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FormatError {
    /// The bytes do not begin with the magic of a `.siskin` file.
    Magic,
    /// The file's major version is another one; it holds the version found.
    Version(u16, u16),
    /// The slice is shorter or longer than the length that the header states.
    Length,
    /// The slice does not begin at a multiple of [`crate::ALIGN`] bytes.
    Alignment,
    /// A checksum of the header, of the section table or of the section of this kind differs from the bytes.
    Checksum(u16),
    /// The header asks for a feature that this reader lacks; the number of its bit, the lowest such.
    Feature(u8),
    /// An unknown section that is not marked ignorable; its kind.
    UnknownSection(u16),
    /// A section that every file has is missing, or one stands twice; its kind.
    MissingSection(u16),
    /// A section lies outside the file, out of order or misaligned, or padding is not zero.
    SectionBounds(u16),
    /// The tensor record of this index is malformed or points outside its memory.
    Tensor(u16),
    /// The operator record of this index is malformed, reads a value that does not exist yet, or
    /// writes over one that is still needed.
    Op(u16),
    /// The input or output record of this index is malformed.
    Io(u16),
    /// The golden vectors are malformed.
    Golden,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FormatError::Magic => f.write_str("not a .siskin file"),
            FormatError::Version(major, minor) => write!(
                f,
                "format {major}.{minor}, but this reader reads {}.x: compile the model again with a matching siskin",
                crate::MAJOR
            ),
            FormatError::Length => f.write_str("the file is truncated or has bytes appended"),
            FormatError::Alignment => {
                write!(f, "the bytes must begin at a multiple of {} in memory", crate::ALIGN)
            }
            FormatError::Checksum(0) => f.write_str("damaged: the header's checksum differs"),
            FormatError::Checksum(kind) => write!(f, "damaged: the checksum of section {kind} differs"),
            FormatError::Feature(bit) => write!(f, "needs feature {bit} that this reader lacks"),
            FormatError::UnknownSection(kind) => write!(f, "unknown critical section {kind}"),
            FormatError::MissingSection(kind) => write!(f, "section {kind} is missing or stands twice"),
            FormatError::SectionBounds(kind) => write!(f, "section {kind} lies outside the file or is misaligned"),
            FormatError::Tensor(i) => write!(f, "tensor {i} is malformed"),
            FormatError::Op(i) => write!(f, "operator {i} is malformed or breaks the memory plan"),
            FormatError::Io(i) => write!(f, "input or output {i} is malformed"),
            FormatError::Golden => f.write_str("the golden vectors are malformed"),
        }
    }
}

impl core::error::Error for FormatError {}
