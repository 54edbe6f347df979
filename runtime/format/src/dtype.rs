//! Element types, numbered for the file.

use core::fmt;

/// The element type of a tensor. The numbers are in shipped files: append, never renumber.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
#[non_exhaustive]
pub enum DType {
    /// IEEE 754 binary32.
    F32 = 1,
    /// IEEE 754 binary16.
    F16 = 2,
    /// IEEE 754 binary64.
    F64 = 3,
    /// Two's complement, 8 bits.
    I8 = 4,
    /// Unsigned, 8 bits.
    U8 = 5,
    /// Two's complement, 16 bits.
    I16 = 6,
    /// Unsigned, 16 bits.
    U16 = 7,
    /// Two's complement, 32 bits.
    I32 = 8,
    /// Unsigned, 32 bits.
    U32 = 9,
    /// Two's complement, 64 bits.
    I64 = 10,
    /// Unsigned, 64 bits.
    U64 = 11,
    /// One byte, 0 or 1.
    Bool = 12,
}

impl DType {
    /// Every element type, in the order of the file's numbers.
    pub const ALL: [DType; 12] = [
        DType::F32,
        DType::F16,
        DType::F64,
        DType::I8,
        DType::U8,
        DType::I16,
        DType::U16,
        DType::I32,
        DType::U32,
        DType::I64,
        DType::U64,
        DType::Bool,
    ];

    /// The type that the file calls `code`.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<DType> {
        Some(match code {
            1 => DType::F32,
            2 => DType::F16,
            3 => DType::F64,
            4 => DType::I8,
            5 => DType::U8,
            6 => DType::I16,
            7 => DType::U16,
            8 => DType::I32,
            9 => DType::U32,
            10 => DType::I64,
            11 => DType::U64,
            12 => DType::Bool,
            _ => return None,
        })
    }

    /// The file's number for this type.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "the discriminant of a repr(u8) enum")]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Bytes of one element.
    #[must_use]
    pub const fn size(self) -> u32 {
        match self {
            DType::I8 | DType::U8 | DType::Bool => 1,
            DType::F16 | DType::I16 | DType::U16 => 2,
            DType::F32 | DType::I32 | DType::U32 => 4,
            DType::F64 | DType::I64 | DType::U64 => 8,
        }
    }

    /// The name that the CLI, the JSON and the text form of a graph use, as in numpy without digits lost: `f32`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DType::F32 => "f32",
            DType::F16 => "f16",
            DType::F64 => "f64",
            DType::I8 => "i8",
            DType::U8 => "u8",
            DType::I16 => "i16",
            DType::U16 => "u16",
            DType::I32 => "i32",
            DType::U32 => "u32",
            DType::I64 => "i64",
            DType::U64 => "u64",
            DType::Bool => "bool",
        }
    }

    /// Whether values are IEEE floating point.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, DType::F16 | DType::F32 | DType::F64)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
