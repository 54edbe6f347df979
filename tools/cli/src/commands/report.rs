//! `siskin compress --report`: what compression cost and where, as one page.

use super::budget::Found;
use super::compress::{Version, value};
use crate::Failure;
use crate::args::Compress;
use crate::html::{Bar, Element, MOST, Page, Point, bars, facts, matrix, p, scatter, table, tag};
use crate::output::count;
use siskin_compiler::compress::Options;
use siskin_compiler::eval::{ClassCount, Evaluation, Metric};
use siskin_compiler::quantize::{LayerCosts, Sensitivity};
use std::path::Path;

/// What a page is made of.
pub(super) struct Report<'a> {
    pub(super) asked: &'a Compress,
    pub(super) options: &'a Options,
    /// The float model, if it was measured, then the artifact.
    pub(super) versions: &'a [Version],
    pub(super) budget: Option<&'a Found>,
}

impl Report<'_> {
    /// Writes the page.
    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let model = self.asked.model.display();
        let mut page = Page::new(format!("{model}, compressed"), self.asked.output.display());
        page.section("What it cost", self.summary());
        if let Some(found) = self.budget {
            page.section("Accuracy against size", walk(found));
            page.section("What each layer's bits cost", layers(&found.outcome.sensitivity, self.bits(found)));
        }
        if let [Some(before), Some(after)] = self.evaluations()
            && before.metric == Metric::Top1
        {
            page.section("Classes", self.classes(before, after));
            page.section("Who is taken for whom", self.confusion(before, after));
        }
        page.section("Where the bytes are", self.ledger());
        page.section("Decisions", [facts(&[("recipe", self.options.recipe.clone())]), tag("p").at("class", "note").text(
            "Every figure is of the kernels that ship. Data that judge decided nothing but whether a limit on the drop was met.",
        )]);
        page.write(path)
    }

    fn evaluations(&self) -> [Option<&Evaluation>; 2] {
        match self.versions {
            [before, after] => [before.evaluation.as_ref(), after.evaluation.as_ref()],
            _ => [None, None],
        }
    }

    fn summary(&self) -> Vec<Element> {
        let row = |v: &Version| {
            let size = |name: &str| count(v.sizes.get(name).and_then(serde_json::Value::as_u64).unwrap_or(0));
            let accuracy = v.evaluation.as_ref().map_or(String::new(), value);
            vec![
                v.name.into(),
                accuracy,
                size("file_bytes"),
                size("arena_bytes"),
                size("macs"),
                format!("{:.1}", v.timing.median_us),
            ]
        };
        let head = ["version", "accuracy", "file bytes", "arena bytes", "products", "median µs"];
        let mut out = vec![table(&head, self.versions.iter().map(row))];
        if let [Some(before), Some(after)] = self.evaluations() {
            let same = 100.0 * before.agreement(after);
            out.push(p(format!("Both say the same of {same:.2}% of {} samples.", after.n)));
        }
        out
    }

    fn names(&self, classes: usize) -> Vec<String> {
        (0..classes).map(|c| self.options.labels.get(c).cloned().unwrap_or_else(|| c.to_string())).collect()
    }

    fn classes(&self, before: &Evaluation, after: &Evaluation) -> Vec<Element> {
        let count = before.classes().max(after.classes());
        let (x, y) = (before.by_class(count), after.by_class(count));
        let change = |(name, (a, b)): (String, (&ClassCount, &ClassCount))| {
            let points = 100.0 * (b.recall()? - a.recall()?);
            let text = format!("{points:+.1} points, {} of {} right before, {} after", a.right, a.n, b.right);
            Some(Bar { name, value: points, text })
        };
        let changes: Vec<Bar> = self.names(count).into_iter().zip(x.iter().zip(&y)).filter_map(change).collect();
        vec![p("Points of accuracy that each class won or lost."), bars(&changes)]
    }

    fn confusion(&self, before: &Evaluation, after: &Evaluation) -> Vec<Element> {
        let count = before.classes().max(after.classes());
        if count > MOST {
            return vec![p(format!("{count} classes are too many to draw."))];
        }
        let names = self.names(count);
        let draw = |title: &str, e: &Evaluation| matrix(title, &e.confusion(count), &names);
        let pair = [draw("before: rows are labels, columns what was said", before), draw("after", after)];
        vec![tag("div").at("class", "pair").children(pair)]
    }

    fn ledger(&self) -> Vec<Element> {
        let Some(own) = self.versions.last() else { return Vec::new() };
        let all: u64 = own.ledger.iter().map(|e| e.bytes).sum();
        let bar = |e: &siskin_compiler::ledger::Entry| {
            let text = format!("{} bytes, {:.1}%", count(e.bytes), 100.0 * e.bytes as f64 / all.max(1) as f64);
            Bar { name: e.name.clone(), value: e.bytes as f64, text }
        };
        let list: Vec<Bar> = own.ledger.iter().map(bar).collect();
        vec![bars(&list), p(format!("{} bytes in all.", count(all)))]
    }

    fn bits<'f>(&self, found: &'f Found) -> &'f [u8] {
        &found.outcome.candidate().bits
    }
}

/// Every artifact that was made on the way.
fn walk(found: &Found) -> Vec<Element> {
    let outcome = &found.outcome;
    let point = |(i, c): (usize, &siskin_compiler::budget::Candidate)| Point {
        x: c.figures.bytes as f64,
        y: c.figures.drop,
        name: format!("{} bytes, {:.2} points lost", count(c.figures.bytes), c.figures.drop),
        front: c.undominated,
        taken: i == outcome.taken,
    };
    let points: Vec<Point> = outcome.walked.iter().enumerate().map(point).collect();
    let title = "points of accuracy lost by artifacts of different size";
    let said = found.text();
    let said = said.lines().skip_while(|l| !l.starts_with("judged")).map(p);
    let chart = scatter(title, ["bytes of the file", "points lost"], &points);
    core::iter::once(chart).chain(said).collect()
}

/// Layer by layer: the bits that were taken, the signal to noise ratio and loss of each width, and what is wrong.
fn layers(sensitivity: &Sensitivity, bits: &[u8]) -> Vec<Element> {
    let measure = sensitivity.measure.name();
    let mut head = vec!["layer".to_string(), "bits".into(), "weights".into()];
    head.extend(Sensitivity::WIDTHS.iter().map(|w| format!("dB at {w}")));
    head.extend(Sensitivity::WIDTHS.iter().skip(1).map(|w| format!("{measure} at {w}")));
    head.push("why it is hard".into());
    let row = |(layer, bits): (&LayerCosts, &u8)| {
        let mut cells = vec![layer.name.clone(), bits.to_string(), count(layer.weights as u64)];
        cells.extend(layer.costs.iter().map(|c| c.sqnr.map_or("–".into(), |db| format!("{db:.1}"))));
        cells.extend(layer.costs.iter().skip(1).map(|c| format!("{:.5}", c.loss)));
        let causes: Vec<String> = layer.causes.iter().map(ToString::to_string).collect();
        cells.push(causes.join("; "));
        cells
    };
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    vec![table(&head, sensitivity.layers.iter().zip(bits).map(row))]
}
