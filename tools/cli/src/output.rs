//! Tables for people, JSON for programs.

use crate::Failure;
use serde_json::Value;

/// A table whose first row is its head; columns after the first align right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |c: usize| rows.iter().filter_map(|r| r.get(c)).map(|s| s.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut out = String::new();
    for (i, row) in rows.iter().enumerate() {
        for (c, (cell, w)) in row.iter().zip(&widths).enumerate() {
            out += &if c == 0 { format!("{cell:<w$}") } else { format!("  {cell:>w$}") };
        }
        out = out.trim_end().to_string() + "\n";
        if i == 0 {
            let line: Vec<String> = widths.iter().map(|&w| "-".repeat(w)).collect();
            out += &(line.join("  ") + "\n");
        }
    }
    out
}

/// `1234567` as `1,234,567`.
pub(crate) fn count(n: impl Into<u64>) -> String {
    let digits = n.into().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Prints the object, or the text. A reader that went away is no failure; a full disk is.
pub(crate) fn print(json: bool, object: &Value, text: &str) -> Result<(), Failure> {
    use std::io::{ErrorKind, Write};
    let mut out = std::io::stdout().lock();
    let written = if json { writeln!(out, "{object}") } else { out.write_all(text.as_bytes()) };
    match written.and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(format!("standard output: {e}").into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_separated() {
        assert_eq!([0u64, 999, 1000, 1_234_567].map(super::count), ["0", "999", "1,000", "1,234,567"]);
    }

    #[test]
    fn columns_align() {
        let rows = [vec!["a".into(), "n".into()], vec!["long".into(), "10".into()]];
        assert_eq!(super::table(&rows), "a      n\n----  --\nlong  10\n");
    }
}
