//! The line that a program prints: one JSON object. No `core::fmt`, which would be most of the image.

use crate::semihosting::{exit, put};
use siskin::Error;

/// The exit code of a model that is refused or miscomputes.
const REFUSED: u8 = 1;
/// The exit code of a panic.
pub const PANIC: u8 = 2;
/// The exit code of a fault: a wrong address, an instruction that the core lacks.
pub const FAULT: u8 = 3;

/// A line that is being printed.
pub(crate) struct Line {
    empty: bool,
}

impl Line {
    pub(crate) fn new() -> Line {
        put(b'{');
        Line { empty: true }
    }

    pub(crate) fn text(mut self, key: &str, value: &str) -> Line {
        self.key(key);
        quoted(value);
        self
    }

    pub(crate) fn number(mut self, key: &str, value: u32) -> Line {
        self.key(key);
        let mut place = 1_000_000_000;
        while place > 1 && value < place {
            place /= 10;
        }
        while let Some(digit) = value.checked_div(place) {
            put(b'0' + (digit % 10) as u8);
            place /= 10;
        }
        self
    }

    pub(crate) fn hex(mut self, key: &str, value: u32) -> Line {
        self.key(key);
        put(b'"');
        for shift in (0..32).step_by(4).rev() {
            hex_digit((value >> shift & 15) as u8);
        }
        put(b'"');
        self
    }

    pub(crate) fn bytes(mut self, key: &str, bytes: &[u8]) -> Line {
        self.key(key);
        put(b'"');
        bytes.iter().for_each(|&byte| [byte >> 4, byte & 15].into_iter().for_each(hex_digit));
        put(b'"');
        self
    }

    pub(crate) fn end(self) {
        put(b'}');
        put(b'\n');
    }

    fn key(&mut self, key: &str) {
        if !core::mem::take(&mut self.empty) {
            put(b',');
        }
        quoted(key);
        put(b':');
    }
}

fn hex_digit(digit: u8) {
    put(if digit < 10 { b'0' + digit } else { b'a' + digit - 10 });
}

fn quoted(text: &str) {
    put(b'"');
    text.bytes().for_each(put);
    put(b'"');
}

/// Says why a model was refused and ends the program.
pub fn fail(error: Error) -> ! {
    let (kind, detail) = match error {
        Error::Format(_) => ("format", 0),
        Error::Unsupported(i, code) | Error::DType(i, code) | Error::Shape(i, code) | Error::Attrs(i, code) => {
            ("operator", u32::from(i) << 16 | u32::from(code.0))
        }
        Error::Arena(n) => ("arena", n),
        Error::State(n) => ("state", n),
        Error::Alignment(n) => ("alignment", n),
        Error::SelfTest(i) => ("self-test", u32::from(i)),
        _ => ("other", 0),
    };
    Line::new().text("error", kind).number("detail", detail).end();
    exit(REFUSED)
}
