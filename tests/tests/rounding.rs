//! What weights of few bits cost, on real data and without training: first and last layer at 8 bits, activations int8.
//!
//! Each figure is printed beside what it must reach; `cargo test -p siskin-tests --test rounding -- --nocapture` shows them.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::compress::{Options, Source};
use siskin_compiler::data::Dataset;
use siskin_compiler::eval::Evaluation;
use siskin_compiler::lower::Lowered;
use siskin_compiler::quantize::{self, Rounding, Widths};
use siskin_tests::{dataset, first_samples, measure, shared_or_leave, source};
use std::path::Path;

/// A model, and the data that judge it.
struct Case {
    name: &'static str,
    source: Source,
    calib: Dataset,
    val: Dataset,
    float: Evaluation,
}

impl Case {
    fn new(shared: &Path, name: &'static str, model: &str, calib: &Path, val: &str, std: f32) -> Case {
        let source = source(&shared.join(format!("models/mlperf_tiny/{model}.onnx")), &[]);
        let open = |path: &Path| dataset(path, source.input_specs().remove(0), std);
        let (calib, val) = (open(calib), open(&shared.join(format!("data/{val}.npz"))));
        let float = measure(&source.float().unwrap(), &val);
        Case { name, source, calib, val, float }
    }

    fn compress(&self, bits: u8, rounding: Rounding, equalize: bool) -> Lowered {
        let widths = Widths { bits, ..Widths::default() };
        let quantize = quantize::Options { rounding, widths, equalize, ..Default::default() };
        let options = Options { quantize, ..Options::default() };
        self.source.compress(&options, Some(&self.calib), &mut ()).unwrap_or_else(|e| panic!("{e}"))
    }

    /// Accuracy and agreement with float, in percent.
    fn measure(&self, bits: u8, rounding: Rounding, equalize: bool) -> [f64; 2] {
        let lowered = self.compress(bits, rounding, equalize);
        let found = measure(&lowered, &self.val);
        let (top1, same) = (100.0 * found.value, 100.0 * self.float.agreement(&found));
        println!(
            "{} {bits} bits, {rounding:?}: {top1:.2} (float {:.2}), same class on {same:.2}%, file {} bytes, arena {}",
            self.name,
            100.0 * self.float.value,
            lowered.file.len(),
            lowered.arena
        );
        [top1, same]
    }

    /// By descent; `least` accuracy and agreement.
    fn reaches(&self, bits: u8, least: [f64; 2]) {
        let found = self.measure(bits, Rounding::Descent, bits == 8);
        println!("  at least {:.2} and {:.2}%", least[0], least[1]);
        assert!(found[0] >= least[0] && found[1] >= least[1], "{} at {bits} bits", self.name);
    }
}

#[test]
fn kws() {
    let shared = shared_or_leave!();
    let calib = shared.join("data/kws_calib.npz");
    let case = Case::new(&shared, "kws", "kws_dscnn_float", &calib, "kws_val", 1.0);
    let [_, nearest] = case.measure(3, Rounding::Nearest, false);
    // The aim of agreement at 8 bits is 99.5%: one sample of 400 more.
    case.reaches(8, [92.0, 99.25]);
    case.reaches(4, [92.0, 0.0]);
    case.reaches(3, [90.5, nearest]);
    let [_, relaxed] = case.measure(3, Rounding::AdaRound, false);
    assert!(relaxed > nearest, "choices that are learned agree on {relaxed}, the nearest on {nearest}");
}

#[test]
fn ic() {
    let shared = shared_or_leave!();
    let calib = first_samples(&shared.join("data/cifar10_train.npz"), 512);
    let case = Case::new(&shared, "ic", "ic_resnet8_float", &calib, "ic_val", 1.0);
    case.reaches(4, [84.5, 95.0]);
    case.reaches(3, [83.0, 0.0]);
}

#[test]
fn vww() {
    let shared = shared_or_leave!();
    let calib = shared.join("data/vww_calib.npz");
    let case = Case::new(&shared, "vww", "vww_mobilenetv1_025_96_float", &calib, "vww_val", 255.0);
    let [nearest, _] = case.measure(4, Rounding::Nearest, false);
    case.reaches(4, [82.5_f64.max(nearest), 0.0]);
}
