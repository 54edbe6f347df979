//! Refusals as JavaScript reads them: a code of the package's `SiskinError`, a zero, and the sentence.

use alloc::string::String;
use siskin::Error;
use siskin::format::FormatError;

/// There is not enough memory.
pub(crate) const NO_MEMORY: &str = "out-of-memory\0the model needs more memory than the browser gives";

/// The code and the sentence of a refusal.
pub(crate) fn refusal(error: Error) -> String {
    let (sentence, numbers) = match error {
        Error::Unsupported(i, code) => {
            ("operator # has the code #, which this version of the package lacks", [i.into(), code.0.into(), 0])
        }
        error => error.sentence(),
    };
    let mut text = String::from(code(error));
    text.push('\0');
    let mut numbers = numbers.into_iter();
    for c in sentence.chars() {
        if c == '#' { digits(&mut text, numbers.next().unwrap_or(0)) } else { text.push(c) }
    }
    text
}

/// A number as people read it, without the tables that `format!` would link.
fn digits(text: &mut String, number: u32) {
    if number > 9 {
        digits(text, number / 10);
    }
    text.push(char::from(b'0' + (number % 10) as u8));
}

fn code(error: Error) -> &'static str {
    match error {
        Error::Unsupported(..) => "unsupported-operator",
        Error::Format(FormatError::Magic) => "not-a-model",
        Error::Format(FormatError::Version(..) | FormatError::Feature(_) | FormatError::UnknownSection(_)) => {
            "unsupported-version"
        }
        Error::SelfTest(_) => "self-test",
        Error::State(_) | Error::Saved => "wrong-state",
        _ => "damaged-model",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use siskin::Code;

    #[test]
    fn a_sentence_is_the_runtimes_own() {
        let error = Error::Shape(10, Code(107));
        assert_eq!(refusal(error), std::format!("damaged-model\0{error}"));
        let error = Error::Format(FormatError::Version(2, 0));
        assert_eq!(refusal(error), std::format!("unsupported-version\0{error}"));
    }
}
