//! Draws progress on stderr, when a person is watching.

use indicatif::{ProgressBar, ProgressStyle};
use siskin_compiler::progress::Progress;
use std::io::IsTerminal;

/// A bar with a stage's name, count and time left; nothing if nobody watches.
pub(crate) struct Bar {
    watched: bool,
    stage: String,
    bar: Option<ProgressBar>,
}

impl Bar {
    pub(crate) fn new(quiet: bool) -> Bar {
        Bar { watched: !quiet && std::io::stderr().is_terminal(), stage: String::new(), bar: None }
    }
}

impl Progress for Bar {
    fn begin(&mut self, stage: &str, total: u64) {
        if !self.watched {
            return;
        }
        let bar = ProgressBar::new(total);
        if let Ok(style) = ProgressStyle::with_template("{msg:24} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        self.stage = stage.to_string();
        bar.set_message(self.stage.clone());
        self.bar = Some(bar);
    }

    fn step(&mut self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    fn note(&mut self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{}: {text}", self.stage));
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}
