//! Whether confidence and prediction sets mean what they say on held data, beside what chance does to any that do.
//!
//! Even confidence without fault has a calibration error on a finite set: in a bin of some dozen answers the share of right ones is not
//! their probability. And sets from a finite calibration set, counted on a finite held one, cover more or less than they promise.

use siskin::format::Prng;
use siskin_compiler::data::Dataset;
use siskin_compiler::monitor::{Attached, Judgement, calibration_error, collect, judge, probabilities};
use siskin_compiler::run::Loaded;

/// The most that a calibration error may be, over 15 bins of equal mass.
const MOST: f64 = 0.03;
/// What sets may cover of a held set.
const COVERAGE: [f64; 2] = [0.88, 0.92];
/// Simulated sets.
const DRAWS: usize = 1000;

/// How good the confidence of one model is.
pub(super) struct Row {
    name: &'static str,
    fitted: usize,
    found: Judgement,
    /// The mean calibration error of confidence without fault on a set of this size.
    faultless: f64,
    /// What a right method covers in 19 of 20 cases.
    covers: [f64; 2],
}

/// Judges the confidence of a model on data that it was not fitted to.
pub(super) fn judged(name: &'static str, watched: &Attached, fitted: usize, held: &Dataset) -> Row {
    let scored = collect(&mut Loaded::new(&watched.file).unwrap(), held, &mut ()).unwrap().scored;
    let gain = f64::from(watched.record.gain);
    let greatest = |scores: &[f32]| probabilities(scores, gain).into_iter().fold(0.0, f64::max);
    let confidence: Vec<f64> = scored.iter().map(|s| greatest(&s.scores)).collect();
    Row {
        name,
        fitted,
        found: judge(&scored, watched.given, gain, watched.record.quantile.into()),
        faultless: faultless(&confidence),
        covers: covers(fitted, held.len(), watched.record.coverage.into()),
    }
}

/// Prints the table, with what chance does beside each figure; the number of figures missed, chance or not.
pub(super) fn table(rows: &[Row]) -> usize {
    println!(
        "\nconfidence on held data: calibration error over 15 bins of equal mass, and how often a set holds the right class"
    );
    println!(
        "| model | fitted to | held | error before | after | at most | of a faultless one | sets cover | of | 19 of 20 right methods |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    rows.iter().map(print).sum()
}

fn print(row: &Row) -> usize {
    let Row { name, fitted, found, faultless, covers: [low, high] } = row;
    let [before, after, faultless] = [found.uncalibrated, found.calibrated, *faultless].map(|v| 100.0 * v);
    let [coverage, low, high] = [found.coverage, *low, *high].map(|v| 100.0 * v);
    // A temperature of 1 is in the file as a gain of 32 bits, which is not quite that of the model.
    let worse = found.calibrated > found.uncalibrated + 1e-4;
    let errs = worse || found.calibrated > MOST;
    let strays = !(COVERAGE[0]..=COVERAGE[1]).contains(&found.coverage);
    let mark = |missed: bool| if missed { " MISSED" } else { "" };
    println!(
        "| {name} | {fitted} | {} | {before:.2}% | {after:.2}%{} | {:.0}% | {faultless:.2}% | {coverage:.1}%{} | {:.0} to {:.0}% | {low:.1} to {high:.1}% |",
        found.n,
        mark(errs),
        100.0 * MOST,
        mark(strays),
        100.0 * COVERAGE[0],
        100.0 * COVERAGE[1],
    );
    usize::from(errs) + usize::from(strays)
}

/// The calibration error, on average, of answers that are right as often as they say.
fn faultless(confidence: &[f64]) -> f64 {
    let mut prng = Prng::new(5);
    let mut draw = || {
        let answers: Vec<(f64, bool)> = confidence.iter().map(|&p| (p, f64::from(prng.next_unit()) < p)).collect();
        calibration_error(&answers, 15)
    };
    (0..DRAWS).map(|_| draw()).sum::<f64>() / DRAWS as f64
}

/// What the quantile of `fitted` samples covers of `held` others, but for one case in forty on either side.
fn covers(fitted: usize, held: usize, coverage: f64) -> [f64; 2] {
    let mut prng = Prng::new(6);
    let below = ((1.0 - coverage) * (fitted as f64 + 1.0)).floor() as usize;
    let mut draw = || {
        let mut sorted: Vec<f32> = (0..fitted).map(|_| prng.next_unit()).collect();
        sorted.sort_by(f32::total_cmp);
        let quantile = below.checked_sub(1).map_or(0.0, |i| sorted[i]);
        (0..held).filter(|_| prng.next_unit() >= quantile).count() as f64 / held as f64
    };
    let mut found: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    found.sort_by(f64::total_cmp);
    [found[DRAWS / 40], found[DRAWS - 1 - DRAWS / 40]]
}
