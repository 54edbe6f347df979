//! Why a model is refused, or a session cannot be made.

use crate::op::Code;
use core::fmt;
use siskin_format::{DType, FormatError};

/// Why a model is refused, or a session cannot be made. Small and `Copy`, so that firmware can store or send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The file is damaged, of another version, or not a model.
    Format(FormatError),
    /// The operator at this index of the plan is not in the caller's op set.
    Unsupported(u16, Code),
    /// The operator at this index of the plan refuses its operands' element types.
    DType(u16, Code),
    /// The operator at this index of the plan refuses its operands' number or shapes.
    Shape(u16, Code),
    /// The operator at this index of the plan refuses its attributes.
    Attrs(u16, Code),
    /// The arena is too short; the bytes needed.
    Arena(u32),
    /// The state is too short; the bytes needed.
    State(u32),
    /// The arena or the state does not begin at a multiple of this many bytes.
    Alignment(u32),
    /// There is no input or output of this index.
    NoSuchPort(u16),
    /// The slice given for a port has another length; the elements needed.
    Length(u32),
    /// The port holds another element type than the one asked for.
    PortType(DType),
    /// The model has no scores to explain.
    NoScores,
    /// There is no class of this number.
    NoSuchClass(u16),
    /// The file does not say how this input is made from what was given.
    NoPreparation(u16),
    /// The file carries no reference for a monitor.
    NoMonitor,
    /// The memory of a monitor or a queue, or the place for what it writes, is too short; the bytes needed.
    Memory(u32),
    /// The saved monitor or queue is damaged, or of another model or version.
    Saved,
    /// The self-test's outputs differ from the golden vector of this index.
    SelfTest(u16),
}

/// What an operator's rule refuses. One byte, since rules are much of the code and every step of one may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The operands' element types.
    DType,
    /// The operands' number or shapes.
    Shape,
    /// The attributes.
    Attrs,
}

impl Refusal {
    /// The error of the operator at this index of the plan.
    pub(crate) const fn at(self, index: u16, code: Code) -> Error {
        match self {
            Refusal::DType => Error::DType(index, code),
            Refusal::Shape => Error::Shape(index, code),
            Refusal::Attrs => Error::Attrs(index, code),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::DType => "the element types do not suit the operator",
            Refusal::Shape => "the number or the shapes of the inputs do not suit the operator",
            Refusal::Attrs => "the attributes do not suit the operator",
        })
    }
}

impl core::error::Error for Refusal {}

impl From<FormatError> for Error {
    fn from(e: FormatError) -> Error {
        Error::Format(e)
    }
}

impl Error {
    /// The sentence, where each `#` stands for the next of the numbers: for programs that format by themselves.
    #[must_use]
    pub const fn sentence(self) -> (&'static str, [u32; 3]) {
        match self {
            Error::Format(e) => e.sentence(),
            Error::Unsupported(i, Code(code)) => (
                "operator # is code #, which is not linked into this program: add it to the op set",
                [i as u32, code as u32, 0],
            ),
            Error::DType(i, Code(code)) => {
                ("operator # (code #) refuses its operands' element types", [i as u32, code as u32, 0])
            }
            Error::Shape(i, Code(code)) => {
                ("operator # (code #) refuses its operands' shapes", [i as u32, code as u32, 0])
            }
            Error::Attrs(i, Code(code)) => ("operator # (code #) refuses its attributes", [i as u32, code as u32, 0]),
            Error::Arena(n) => ("the arena is too short: # bytes are needed", [n, 0, 0]),
            Error::State(n) => ("the state is too short: # bytes are needed", [n, 0, 0]),
            Error::Alignment(n) => ("the memory must begin at a multiple of # bytes", [n, 0, 0]),
            Error::NoSuchPort(i) => ("the model has no input or output #", [i as u32, 0, 0]),
            Error::Length(n) => ("# elements are needed", [n, 0, 0]),
            Error::PortType(_) => ("the model's values are of another element type: the ones given do not fit", [0; 3]),
            Error::NoScores => ("no operator gives the model's first output scores, real or of 8 bits", [0; 3]),
            Error::NoSuchClass(i) => ("the model has no class #", [i as u32, 0, 0]),
            Error::NoPreparation(i) => {
                ("the file does not say how input # is made from this: write the input's values", [i as u32, 0, 0])
            }
            Error::NoMonitor => ("the file carries no reference: compress the model with --monitor", [0; 3]),
            Error::Memory(n) => ("# bytes of memory are needed", [n, 0, 0]),
            Error::Saved => ("what was saved is damaged, or of another model or version: begin anew", [0; 3]),
            Error::SelfTest(i) => {
                ("golden vector # gave another answer: this build or device miscomputes", [i as u32, 0, 0])
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Error::PortType(t) => write!(f, "the model's values are {t}: the ones given do not fit"),
            error => siskin_format::fill(f, error.sentence()),
        }
    }
}

impl core::error::Error for Error {}
