//! What a call answers.

use core::ffi::{CStr, c_char};
use siskin::Error;
use siskin::format::FormatError;

/// What a call answers. 0 is success; the numbers never change.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum siskin_status {
    /// Done.
    Ok = 0,
    /// A pointer is NULL that must not be.
    Null = 1,
    /// A pointer is not aligned: SISKIN_ALIGN bytes for model, arena and state, the type's own alignment for others.
    Misaligned = 2,
    /// Two memory areas overlap: session, model, arena, state, or a buffer that is copied to or from.
    Overlap = 3,
    /// The session was never initialised, its initialisation failed, or its block was copied or moved.
    NotInitialized = 4,
    /// The bytes are no .siskin file.
    NotAModel = 5,
    /// The file has a format version that this library does not read.
    Version = 6,
    /// The model is truncated or has bytes appended: the length given is not the one in its header.
    Truncated = 7,
    /// The file is damaged: a checksum differs, or a record is malformed.
    Damaged = 8,
    /// The file needs a feature that this library lacks.
    Feature = 9,
    /// The model needs an operator that the table does not name.
    NoOperator = 10,
    /// An operator refuses its operands or attributes.
    Refused = 11,
    /// The arena is too short.
    Arena = 12,
    /// The state is too short, or the saved state has another length.
    State = 13,
    /// There is no input or output of this index.
    NoPort = 14,
    /// The number of elements is not the port's, or a length is larger than memory can be.
    Length = 15,
    /// The port's elements are neither floats nor quantized values: use siskin_input and siskin_output.
    PortType = 16,
    /// The self-test gave another answer than the compiler recorded: this build or device miscomputes.
    SelfTest = 17,
    /// An error that this version of the library does not tell apart.
    Other = 18,
}

/// Why siskin_init refused, in numbers. A field that says nothing about the status is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct siskin_error {
    /// What siskin_init returned.
    pub status: siskin_status,
    /// SISKIN_STATUS_NO_OPERATOR, REFUSED: the operator's place in the model, from 0.
    pub index: u32,
    /// SISKIN_STATUS_NO_OPERATOR, REFUSED: the operator's code.
    pub code: u32,
    /// SISKIN_STATUS_ARENA, STATE: the bytes needed. SISKIN_STATUS_MISALIGNED: the alignment.
    pub needed: u32,
}

impl siskin_error {
    pub(crate) const fn of(status: siskin_status) -> siskin_error {
        siskin_error { status, index: 0, code: 0, needed: 0 }
    }
}

impl From<siskin_status> for siskin_error {
    fn from(status: siskin_status) -> siskin_error {
        siskin_error::of(status)
    }
}

impl From<Error> for siskin_error {
    fn from(error: Error) -> siskin_error {
        let plain = siskin_error::of(error.into());
        match error {
            Error::Unsupported(i, code) | Error::DType(i, code) | Error::Shape(i, code) | Error::Attrs(i, code) => {
                siskin_error { index: i.into(), code: code.0.into(), ..plain }
            }
            Error::Arena(needed) | Error::State(needed) | Error::Alignment(needed) | Error::Length(needed) => {
                siskin_error { needed, ..plain }
            }
            Error::Format(FormatError::Alignment) => siskin_error { needed: siskin::format::ALIGN as u32, ..plain },
            _ => plain,
        }
    }
}

impl From<Error> for siskin_status {
    fn from(error: Error) -> siskin_status {
        match error {
            Error::Format(e) => e.into(),
            Error::Unsupported(..) => siskin_status::NoOperator,
            Error::DType(..) | Error::Shape(..) | Error::Attrs(..) => siskin_status::Refused,
            Error::Arena(_) => siskin_status::Arena,
            Error::State(_) => siskin_status::State,
            Error::Alignment(_) => siskin_status::Misaligned,
            Error::NoSuchPort(_) => siskin_status::NoPort,
            Error::Length(_) => siskin_status::Length,
            Error::PortType(_) => siskin_status::PortType,
            Error::SelfTest(_) => siskin_status::SelfTest,
            _ => siskin_status::Other,
        }
    }
}

impl From<FormatError> for siskin_status {
    fn from(error: FormatError) -> siskin_status {
        match error {
            FormatError::Magic => siskin_status::NotAModel,
            FormatError::Version(..) => siskin_status::Version,
            FormatError::Length => siskin_status::Truncated,
            FormatError::Alignment => siskin_status::Misaligned,
            FormatError::Feature(_) | FormatError::UnknownSection(_) => siskin_status::Feature,
            _ => siskin_status::Damaged,
        }
    }
}

/// A status as one line of English, for logs. Never NULL; an unknown number gets a text too.
#[unsafe(no_mangle)]
pub extern "C" fn siskin_status_text(status: i32) -> *const c_char {
    const TEXTS: [&CStr; 19] = [
        c"done",
        c"a pointer is NULL",
        c"a pointer is not aligned",
        c"two memory areas overlap",
        c"the session is not initialised",
        c"not a .siskin file",
        c"the file's format version is another one: compile the model again with a matching siskin",
        c"the model is truncated or has bytes appended",
        c"the file is damaged",
        c"the file needs a feature that this library lacks",
        c"the model needs an operator that the table does not name",
        c"an operator refuses its operands",
        c"the arena is too short",
        c"the state is too short, or the saved state has another length",
        c"the model has no such input or output",
        c"the number of elements is another one",
        c"the port's elements are neither floats nor quantized values",
        c"the self-test gave another answer: this build or device miscomputes",
        c"unknown error",
    ];
    let text = usize::try_from(status).ok().and_then(|i| TEXTS.get(i).copied());
    text.unwrap_or(c"unknown error").as_ptr()
}
