//! What a replay found, as a page: evidence, confidence, alarms, and each feature beside its reference.

use crate::html::{Chart, Element, Line, Page, facts, histogram, p, table, tag};
use crate::output::count;
use siskin::format::MonitorRecord;
use siskin_compiler::monitor::{Comparison, Replay};

/// Alarms that are shown without being asked for.
const SHOWN: usize = 8;

/// A replay of a stream.
pub(super) struct Story<'a> {
    pub(super) model: &'a str,
    pub(super) data: &'a [String],
    pub(super) found: &'a Replay,
    pub(super) record: &'a MonitorRecord,
    pub(super) features: &'a [Comparison],
    /// The features that each alarm names.
    pub(super) named: Vec<String>,
}

impl Story<'_> {
    pub(super) fn page(&self) -> Page {
        let (found, n) = (self.found, self.found.evidence.len());
        let verdict = match found.alarms.as_slice() {
            [] => "No alarm".to_string(),
            [one] => format!("An alarm at inference {}", count(one.at)),
            [first, ..] => format!("{} alarms, the first at inference {}", found.alarms.len(), count(first.at)),
        };
        let about = format!("{} watching {}", self.model, self.data.join(", then "));
        let mut page = Page::new(verdict, about);
        page.section("What was promised", [self.promise()]);
        let mut evidence = vec![self.evidence().render()];
        evidence.push(p("The evidence that the stream is not what the reference was, as a multiple of the threshold, on a logarithmic \
             axis. It rises a decade at a time when something has changed, and dwells below the line when nothing has. After an \
             alarm it begins anew.").at("class", "note"));
        page.section("Evidence over time", evidence);
        if !found.alarms.is_empty() {
            page.section("Alarms", self.alarms());
        }
        if !found.confidence.is_empty() {
            let line = Line { name: "confidence".into(), calm: false, values: smooth(&found.confidence) };
            let chart = Chart {
                title: "Confidence over time".into(),
                x: ("inference".into(), [1.0, n as f64]),
                lines: vec![line],
                marks: found.alarms.iter().map(|a| a.at as f64).collect(),
                ..Chart::default()
            };
            let each = found.confidence.len().div_ceil(100).max(1);
            let note = format!("The mean confidence of {each} inferences at a time; alarms are the upright lines.");
            page.section("Confidence over time", [chart.render(), p(note).at("class", "note")]);
        }
        page.section("Features beside the reference", self.tiles());
        page
    }

    fn promise(&self) -> Element {
        let r = self.record;
        let mut pairs = vec![
            ("inferences seen", count(self.found.evidence.len() as u64)),
            ("inferences to a false alarm", count(r.arl)),
            ("samples of the reference", count(r.samples)),
            ("worth, as independent ones", count(r.effective)),
            ("features", self.features.len().to_string()),
            ("looks at", if r.stride == 1 { "every inference".into() } else { format!("every {}th", r.stride) }),
        ];
        if let Some(last) = self.found.evidence.last() {
            pairs.push(("evidence at the end", format!("{last:.3}")));
        }
        facts(&pairs)
    }

    /// The first alarms, and those that followed because what had changed stayed so.
    fn alarms(&self) -> Vec<Element> {
        let row =
            |(a, named): (&siskin::Alarm, &String)| vec![count(a.at), format!("{:.1}", a.evidence), named.clone()];
        let mut rows: Vec<Vec<String>> = self.found.alarms.iter().zip(&self.named).map(row).collect();
        let later = rows.split_off(rows.len().min(SHOWN));
        let head = ["inference", "evidence / threshold", "features that carry it"];
        let mut content = vec![table(&head, rows)];
        if !later.is_empty() {
            let summary = tag("summary").text(format!("{} later alarms", count(later.len() as u64)));
            content.push(tag("details").child(summary).child(table(&head, later)));
        }
        content
    }

    fn evidence(&self) -> Chart {
        let values = self.found.evidence.iter().map(|&v| f64::from(v)).collect();
        Chart {
            title: "Evidence over time, with the alarm line".into(),
            x: ("inference".into(), [1.0, self.found.evidence.len() as f64]),
            log: true,
            lines: vec![Line { name: "evidence".into(), calm: false, values }],
            limit: Some((1.0, "alarm".into())),
            marks: self.found.alarms.iter().map(|a| a.at as f64).collect(),
        }
    }

    /// The features, drifted ones first, then by how far they are.
    fn tiles(&self) -> Vec<Element> {
        let mut order: Vec<&Comparison> = self.features.iter().collect();
        order.sort_by(|a, b| {
            let excess = |c: &Comparison| c.psi / c.limit.max(1e-12);
            b.has_drifted().cmp(&a.has_drifted()).then(excess(b).total_cmp(&excess(a)))
        });
        let entry = |class: &str, text: &str| tag("span").child(tag("i").at("class", class)).text(text);
        let key = tag("div").at("class", "key").children([
            entry("k-then", "reference"),
            entry("k-now", "this stream"),
            entry("k-bad", "this stream, drifted"),
        ]);
        let note = p("Each bar is a bin that the compiler chose, so that a reference fills bins about evenly. PSI is the population \
             stability index; its limit is the one that an unchanged stream of this length exceeds once in a hundred reports over all \
             features. It looks at the whole stream, the alarm at each moment: a change near the end raises the alarm \
             first.").at("class", "note");
        vec![key, tag("div").at("class", "tiles").children(order.into_iter().map(tile)), note]
    }
}

fn tile(c: &Comparison) -> Element {
    let drifted = c.has_drifted();
    let mut head = tag("h3").child(tag("span").text(&c.name));
    if drifted {
        head = head.child(tag("span").at("class", "badge").text("drifted"));
    }
    let small = tag("p").at("class", "small").text(format!("PSI {:.3}, limit {:.3}; KS {:.3}", c.psi, c.limit, c.ks));
    let tile = tag("div").at("class", if drifted { "tile drifted" } else { "tile" });
    tile.child(head).child(histogram(&c.name, &c.reference, &c.current)).child(small)
}

/// Means over about a hundred stretches.
fn smooth(values: &[f32]) -> Vec<f64> {
    let each = values.len().div_ceil(100).max(1);
    values.chunks(each).map(|c| c.iter().map(|&v| f64::from(v)).sum::<f64>() / c.len() as f64).collect()
}
