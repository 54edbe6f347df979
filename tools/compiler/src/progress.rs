//! What a long run tells of its progress; the CLI draws it.

/// Receives progress. `()` ignores it.
pub trait Progress {
    /// A stage of `total` steps begins.
    fn begin(&mut self, stage: &str, total: u64) {
        let _ = (stage, total);
    }

    /// One step is done.
    fn step(&mut self) {}

    /// What the stage found so far, such as a loss.
    fn note(&mut self, text: &str) {
        let _ = text;
    }

    /// The stage is done.
    fn end(&mut self) {}
}

impl Progress for () {}
