//! `budgets.toml`: what each program may cost, exactly.
//!
//! ```text
//! [cortex-m4.kws]
//! instructions = 14305920
//! ```
//!
//! Every figure is deterministic, so a drift in either direction is a real change of code, compiler or model: it is
//! looked at and renewed, not tolerated. The one exception is [`SLACK`]. What is absent: the rest of TOML.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::shell;

const HEADER: &str = "\
# What one model costs on one core: instructions of a run and of loading (parse), bytes of stack, code (text), constants
# without the model (rodata) and static memory with arena and state (bss). Checked, and renewed with --renew, by
# `cargo xtask firmware`.
";

/// Bytes by which the size of code may differ. Symbols carry a hash of the place of the checkout, symbols order functions, and the
/// order decides how many bytes align them.
const SLACK: u64 = 32;

/// Figures by name.
pub(super) type Figures = BTreeMap<String, u64>;

/// Budgets by board and model, as `board.model`.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Budgets(pub(super) BTreeMap<String, Figures>);

fn file() -> PathBuf {
    shell::root().join("budgets.toml")
}

impl Budgets {
    /// The checkout's; none if there is no file.
    pub(super) fn read() -> Result<Budgets> {
        match fs::read_to_string(file()) {
            Ok(text) => Budgets::parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Budgets::default()),
            Err(error) => Err(error).context("cannot read budgets.toml"),
        }
    }

    pub(super) fn write(&self) -> Result<()> {
        fs::write(file(), self.to_text()).context("cannot write budgets.toml")
    }

    fn parse(text: &str) -> Result<Budgets> {
        let mut budgets = Budgets::default();
        let mut table = None;
        for (line, number) in text.lines().map(str::trim).zip(1..) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                table = Some(budgets.0.entry(name.to_string()).or_default());
            } else if let (Some(table), Some((key, value))) = (&mut table, line.split_once(" = ")) {
                let value = value.parse().with_context(|| format!("budgets.toml:{number}: `{value}` is no number"))?;
                table.insert(key.to_string(), value);
            } else {
                bail!("budgets.toml:{number}: neither `[board.model]` nor `figure = number`: {line}");
            }
        }
        Ok(budgets)
    }

    fn to_text(&self) -> String {
        let table = |(name, figures): (&String, &Figures)| {
            let lines: String = figures.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
            format!("\n[{name}]\n{lines}")
        };
        HEADER.to_string() + &self.0.iter().map(table).collect::<String>()
    }

    /// A sentence for every figure that differs from the one measured.
    pub(super) fn drifts(&self, name: &str, measured: &Figures) -> Vec<String> {
        let Some(allowed) = self.0.get(name) else { return vec![format!("{name} has no budget")] };
        let keys: BTreeSet<_> = allowed.keys().chain(measured.keys()).collect();
        let drift = |key: &&String| {
            let show = |value: Option<&u64>| value.map_or_else(|| "nothing".to_string(), u64::to_string);
            let (was, is) = (allowed.get(*key), measured.get(*key));
            let slack = if *key == "text" { SLACK } else { 0 };
            let same = was.zip(is).is_some_and(|(was, is)| was.abs_diff(*is) <= slack);
            (!same).then(|| format!("{name}: {key} was {}, is {}", show(was), show(is)))
        };
        keys.iter().filter_map(drift).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn figures(list: &[(&str, u64)]) -> Figures {
        list.iter().map(|(key, value)| (key.to_string(), *value)).collect()
    }

    #[test]
    fn text_and_budgets_are_the_same() {
        let budgets = Budgets([("b.m".to_string(), figures(&[("stack", 7), ("text", 9)]))].into());
        let text = budgets.to_text();
        assert!(text.ends_with("\n[b.m]\nstack = 7\ntext = 9\n"), "{text}");
        assert_eq!(Budgets::parse(&text).unwrap(), budgets);
        for wrong in ["stack = 7", "[b.m]\nstack = many", "[b.m]\nstack"] {
            assert!(Budgets::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_difference_is_a_drift() {
        let budgets = Budgets([("b.m".to_string(), figures(&[("stack", 7), ("text", 9)]))].into());
        assert!(budgets.drifts("b.m", &figures(&[("stack", 7), ("text", 9)])).is_empty());
        assert_eq!(budgets.drifts("b.m", &figures(&[("stack", 6), ("text", 9)])), ["b.m: stack was 7, is 6"]);
        assert_eq!(budgets.drifts("b.m", &figures(&[("stack", 7)])), ["b.m: text was 9, is nothing"]);
        assert!(budgets.drifts("b.m", &figures(&[("stack", 7), ("text", 9 + SLACK)])).is_empty());
        assert_eq!(budgets.drifts("b.m", &figures(&[("stack", 7), ("text", 10 + SLACK)])).len(), 1);
        assert_eq!(budgets.drifts("b.n", &figures(&[])), ["b.n has no budget"]);
    }
}
