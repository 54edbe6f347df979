//! Refusals as JavaScript reads them: a code of the package's `SiskinError`, a zero, and the sentence.

use alloc::format;
use alloc::string::String;
use siskin::Error;
use siskin::format::FormatError;

/// There is not enough memory.
pub(crate) const NO_MEMORY: &str = "out-of-memory\0the model needs more memory than the browser gives";

/// The code and the sentence of a refusal.
pub(crate) fn refusal(error: Error) -> String {
    if let Error::Unsupported(i, code) = error {
        return format!("unsupported-operator\0operator {i} has the {code}, which this version of the package lacks");
    }
    format!("{}\0{error}", code(error))
}

fn code(error: Error) -> &'static str {
    match error {
        Error::Format(FormatError::Magic) => "not-a-model",
        Error::Format(FormatError::Version(..) | FormatError::Feature(_) | FormatError::UnknownSection(_)) => {
            "unsupported-version"
        }
        Error::SelfTest(_) => "self-test",
        Error::State(_) => "wrong-state",
        _ => "damaged-model",
    }
}
