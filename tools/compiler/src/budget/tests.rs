//! Searches over the handwritten digits: interrupted ones, and journals of others.

use super::*;
use crate::quantize::{self, Rounding};
use core::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::path::Path;

/// Counts calibrations, one for the sensitivity and one for each artifact; ends the search at one of them.
struct Calibrations {
    seen: usize,
    last: usize,
}

impl Progress for Calibrations {
    fn begin(&mut self, stage: &str, _: u64) {
        if stage == "calibrate: extremes" {
            assert!(self.seen < self.last, "told to end");
            self.seen += 1;
        }
    }
}

struct Desk {
    source: Source,
    calib: Dataset,
    options: Options,
    float: Lowered,
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/digits");
        let quantize = quantize::Options { rounding: Rounding::Descent, ..Default::default() };
        let options = Options { quantize, ..Options::default() };
        let source = Source::open(&digits.join("digits.onnx"), &options).unwrap();
        let calib = Dataset::open(&digits.join("calib.npz").display().to_string(), &source.input_specs()).unwrap();
        let float = source.float().unwrap();
        Desk { source, calib, options, float, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    /// A search of the smallest artifact within two points, and how often it calibrated.
    fn search(&self, journal: Option<PathBuf>, last: usize) -> (Outcome, usize) {
        let judge = Judge::by_metric(&self.float, &self.calib, None, &mut ()).unwrap();
        let limits = Limits { drop: Some(2.0), ..Limits::default() };
        let (source, options, fit) = (&self.source, &self.options, &self.calib);
        let mut progress = Calibrations { seen: 0, last };
        let outcome = search(&Request { source, options, limits, fit, judge, journal }, &mut progress).unwrap();
        (outcome, progress.seen)
    }
}

#[test]
fn an_interrupted_search_goes_on_where_it_was() {
    let desk = Desk::new();
    let (whole, all) = desk.search(None, usize::MAX);
    let done = 2;
    assert!(all > done, "{all} calibrations are too few to interrupt");
    let killed = catch_unwind(AssertUnwindSafe(|| desk.search(Some(desk.path()), done)));
    assert!(killed.is_err() && desk.path().exists());
    let (resumed, rest) = desk.search(Some(desk.path()), usize::MAX);
    // The artifact that is taken may be made a second time.
    assert!(rest + done <= all + 1, "{rest} calibrations after {done} of {all}");
    assert_eq!((&resumed.walked, resumed.taken, &resumed.reliefs), (&whole.walked, whole.taken, &whole.reliefs));
    assert_eq!(resumed.lowered.unwrap().file, whole.lowered.unwrap().file);
    assert!(!desk.path().exists());
}

#[test]
fn a_journal_of_another_search_is_not_believed() {
    let mut desk = Desk::new();
    let killed = catch_unwind(AssertUnwindSafe(|| desk.search(Some(desk.path()), 2)));
    assert!(killed.is_err() && desk.path().exists());
    desk.options.quantize.bias_correction = false;
    let (_, fresh) = desk.search(None, usize::MAX);
    let (_, beside) = desk.search(Some(desk.path()), usize::MAX);
    assert_eq!(beside, fresh);
    std::fs::write(desk.path(), b"PK, but no archive").unwrap();
    assert_eq!(desk.search(Some(desk.path()), usize::MAX).1, fresh);
}
