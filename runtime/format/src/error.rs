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
    /// The monitor section is malformed.
    Monitor,
}

impl FormatError {
    /// The sentence, where each `#` stands for the next of the numbers: for programs that format by themselves.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "lossless; From is not const")]
    pub const fn sentence(self) -> (&'static str, [u32; 3]) {
        match self {
            FormatError::Magic => ("not a .siskin file", [0; 3]),
            FormatError::Version(major, minor) => (
                "format #.#, but this reader reads #.x: compile the model again with a matching siskin",
                [major as u32, minor as u32, crate::MAJOR as u32],
            ),
            FormatError::Length => ("the file is truncated or has bytes appended", [0; 3]),
            FormatError::Alignment => {
                ("the bytes must begin at a multiple of # in memory", [crate::ALIGN as u32, 0, 0])
            }
            FormatError::Checksum(0) => ("damaged: the header's checksum differs", [0; 3]),
            FormatError::Checksum(kind) => ("damaged: the checksum of section # differs", [kind as u32, 0, 0]),
            FormatError::Feature(bit) => ("needs feature # that this reader lacks", [bit as u32, 0, 0]),
            FormatError::UnknownSection(kind) => ("unknown critical section #", [kind as u32, 0, 0]),
            FormatError::MissingSection(kind) => ("section # is missing or stands twice", [kind as u32, 0, 0]),
            FormatError::SectionBounds(kind) => {
                ("section # lies outside the file or is misaligned", [kind as u32, 0, 0])
            }
            FormatError::Tensor(i) => ("tensor # is malformed", [i as u32, 0, 0]),
            FormatError::Op(i) => ("operator # is malformed or breaks the memory plan", [i as u32, 0, 0]),
            FormatError::Io(i) => ("input or output # is malformed", [i as u32, 0, 0]),
            FormatError::Golden => ("the golden vectors are malformed", [0; 3]),
            FormatError::Monitor => ("the monitor section is malformed", [0; 3]),
        }
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fill(f, self.sentence())
    }
}

/// Writes a sentence with its numbers.
#[doc(hidden)]
pub fn fill(f: &mut fmt::Formatter<'_>, (sentence, numbers): (&str, [u32; 3])) -> fmt::Result {
    let mut numbers = numbers.iter();
    for (i, part) in sentence.split('#').enumerate() {
        if i > 0 {
            write!(f, "{}", numbers.next().unwrap_or(&0))?;
        }
        f.write_str(part)?;
    }
    Ok(())
}

impl core::error::Error for FormatError {}
