//! One answer: what each region of its input, or each input of the last layer, did to the score.

use super::{SHOWN, filled, greatest, key, map, name_of, note, phrase};
use crate::Failure;
use crate::args::{Args, Explain, ExplainMethod};
use crate::html::{Bar, Chart, Line, Page, bars, facts, p};
use crate::model::{Opened, dataset};
use crate::output::{count, print, table};
use crate::progress::Bar as Progress;
use serde_json::{Value, json};
use siskin::explain::{Grid, Masked};
use siskin_compiler::data::Sample;
use siskin_compiler::explain::{
    Answer, Deletion, ExplainError, Filled, Kind, SHAP_REGIONS, Subject, deletion, grid, kernel_shap, region_name,
};
use siskin_compiler::progress::Progress as _;

pub(super) fn local(args: &Args, a: &Explain, mut opened: Opened, input: &str) -> Result<(), Failure> {
    let file = a.model.display().to_string();
    let labels = opened.stored.labels.clone();
    // What the model cannot do is said before what the data lack.
    Subject::new(&mut opened.loaded).map_err(|e| format!("{file}: {e}"))?;
    let x = sample(&opened, a, input)?;
    let mut subject = Subject::new(&mut opened.loaded).map_err(|e| format!("{file}: {e}"))?;
    let found = Found::new(&mut subject, a, &x, &mut Progress::new(args.quiet)).map_err(|e| format!("{file}: {e}"))?;
    let shown = Shown { found: &found, a, file: &file, labels: &labels };
    if let Some(path) = &a.html {
        shown.page(&x).write(path)?;
    }
    print(args.json, &shown.object(), &shown.text())
}

/// The values of the sample that was asked for.
fn sample(opened: &Opened, a: &Explain, input: &str) -> Result<Vec<f32>, Failure> {
    let data = dataset(input, opened, &a.prepare, false)?;
    let Some(sample) = data.iter().nth(a.sample) else {
        let (n, last) = (data.len(), data.len() - 1);
        return Err(format!("--sample {}: {} has {n} samples, 0 to {last}", a.sample, data.place()).into());
    };
    let Sample { x, .. } = sample?;
    Ok(x.first().map(|x| x.to_f32().into_owned()).unwrap_or_default())
}

/// What was found of one answer.
struct Found {
    answer: Answer,
    /// With everything hidden.
    nothing: Answer,
    class: u16,
    filled: Filled,
    grid: Grid,
    kind: Kind,
    /// A value for each region, or for each input of the last layer.
    values: Vec<f64>,
    bias: Option<f64>,
    /// Runs of the map itself.
    runs: u64,
    deletion: Option<Deletion>,
}

impl Found {
    fn new(subject: &mut Subject<'_>, a: &Explain, x: &[f32], bar: &mut Progress) -> Result<Found, Failure> {
        let filled = filled(subject, a.baseline)?;
        let budget = a.budget.unwrap_or(if a.method == ExplainMethod::KernelShap { 2050 } else { 257 });
        let regions = match a.method {
            ExplainMethod::KernelShap => 1 + shap_regions(budget)?,
            _ => budget,
        };
        let grid = grid(&subject.shape, regions)?;
        let masked = Masked { input: x, baseline: filled.baseline(), grid };
        let class = a.class.map(|c| subject.check_class(c)).transpose()?;
        let answer = subject.run(&masked, |_| false)?;
        let nothing = subject.run(&masked, |_| true)?;
        let class = class.unwrap_or(answer.class());
        let ends = [nothing.scores[usize::from(class)].into(), answer.scores[usize::from(class)].into()];
        let (mut bias, mut runs) = (None, grid.regions() as u64 + 1);
        let values = match a.method {
            ExplainMethod::Occlusion => subject.occlusion(&masked, class, bar)?,
            ExplainMethod::KernelShap => {
                let (values, taken) = shap(subject, &masked, class, ends, budget, a.seed, bar)?;
                runs = taken;
                values
            }
            ExplainMethod::LastLayer => {
                let (parts, b) = subject.last_layer(x, class)?;
                (bias, runs) = (Some(b), 1);
                parts
            }
        };
        let deletion = match a.method {
            ExplainMethod::LastLayer => None,
            _ => Some(deletion(subject, &masked, class, &values, a.seed, bar)?),
        };
        let kind = Kind::of(subject.model(), &grid);
        Ok(Found { answer, nothing, class, filled, grid, kind, values, bias, runs, deletion })
    }

    fn score(&self) -> f64 {
        self.answer.scores[usize::from(self.class)].into()
    }

    fn region(&self, r: usize) -> String {
        if self.bias.is_some() { format!("input {r}") } else { region_name(self.kind, &self.grid, r) }
    }
}

/// The regions whose Shapley values a budget of runs allows: all coalitions of few, or 16 a region, as fewer tell little.
fn shap_regions(budget: u32) -> Result<u32, ExplainError> {
    match budget {
        0..4 => Err(ExplainError::Budget { budget, least: 4 }),
        _ => Ok((budget / 16).max(budget.ilog2()).min(SHAP_REGIONS)),
    }
}

/// Shapley values and the runs that they took.
fn shap(
    subject: &mut Subject<'_>,
    masked: &Masked<'_>,
    class: u16,
    ends: [f64; 2],
    budget: u32,
    seed: u64,
    bar: &mut Progress,
) -> Result<(Vec<f64>, u64), Failure> {
    let regions = masked.grid.regions();
    let mut runs = 2;
    bar.begin("kernel-shap", budget.into());
    let values = kernel_shap(regions, ends, u64::from(budget.saturating_sub(2)), seed, |present| {
        runs += 1;
        bar.step();
        let answer = subject.run(masked, |r| present >> r & 1 == 0)?;
        Ok::<f64, ExplainError>(answer.scores[usize::from(class)].into())
    })?;
    bar.end();
    let least = 2 * regions as u32 + 2;
    Ok((values.ok_or(ExplainError::Budget { budget, least })?, runs))
}

/// What was found, for people and for programs.
struct Shown<'a> {
    found: &'a Found,
    a: &'a Explain,
    file: &'a str,
    labels: &'a [String],
}

impl Shown<'_> {
    fn label(&self, class: u16) -> String {
        self.labels.get(usize::from(class)).cloned().unwrap_or_else(|| format!("class {class}"))
    }

    fn method(&self) -> &'static str {
        match self.a.method {
            ExplainMethod::Occlusion => "occlusion",
            ExplainMethod::KernelShap => "kernel-shap",
            ExplainMethod::LastLayer => "last-layer",
        }
    }

    fn object(&self) -> Value {
        let f = self.found;
        let region = |(r, &value): (usize, &f64)| json!({ "name": f.region(r), "value": value });
        let mut object = json!({
            "method": self.method(), "class": f.class, "label": self.label(f.class), "answer": f.answer.class(),
            "score": f.score(), "probability": f.answer.certainty(f.class), "runs": f.runs,
            "regions": f.values.iter().enumerate().map(region).collect::<Vec<_>>(),
            "sum": f.values.iter().sum::<f64>(),
        });
        if let Some(bias) = f.bias {
            object["bias"] = json!(bias);
            return object;
        }
        object["baseline"] = json!(name_of(&f.filled));
        object["score_hidden"] = json!(f.nothing.scores[usize::from(f.class)]);
        object["grid"] = json!(f.grid.cells());
        if let Some(d) = &f.deletion {
            let [mean, std] = d.random_area;
            object["deletion"] = json!({
                "area": d.area, "random_area": mean, "random_std": std, "hidden": d.hidden, "curve": d.curve,
                "random": d.random, "runs": d.runs,
            });
        }
        object
    }

    fn text(&self) -> String {
        let f = self.found;
        let mut out = format!(
            "{}: score {:.4}, probability {:.4}; {}\n",
            self.label(f.class),
            f.score(),
            f.answer.certainty(f.class),
            self.how()
        );
        let mut rows = vec![vec![if f.bias.is_some() { "input" } else { "region" }.to_string(), "score".into()]];
        rows.extend(
            greatest(&f.values).into_iter().take(SHOWN).map(|r| vec![f.region(r), format!("{:+.4}", f.values[r])]),
        );
        out += &format!("\n{}", table(&rows));
        if f.values.len() > SHOWN {
            out += &format!("… and {} more: --json lists them\n", count((f.values.len() - SHOWN) as u64));
        }
        out + "\n" + &self.sums() + "\n"
    }

    fn how(&self) -> String {
        let f = self.found;
        match f.bias {
            Some(_) => format!("last layer, {} inputs, one run", f.values.len()),
            None => format!(
                "{} of {} regions in {} runs, {} where one is hidden",
                self.method(),
                f.values.len(),
                count(f.runs),
                phrase(&f.filled)
            ),
        }
    }

    /// What the values add up to, and whether they are true.
    fn sums(&self) -> String {
        let (f, sum) = (self.found, self.found.values.iter().sum::<f64>());
        if let Some(bias) = f.bias {
            return format!("contributions {sum:.4} + bias {bias:.4} = {:.4}, stored as {:.4}", sum + bias, f.score());
        }
        let hidden = f64::from(f.nothing.scores[usize::from(f.class)]);
        let mut out = String::new();
        if self.a.method == ExplainMethod::KernelShap {
            out += &format!("values sum to {sum:.4}: score {:.4} less {hidden:.4} with everything hidden\n", f.score());
        }
        if let Some(d) = &f.deletion {
            let [mean, std] = d.random_area;
            out += &format!(
                "deletion: area {:.4} as the most important regions go first, {mean:.4} ± {std:.4} in random order ({} runs)",
                d.area,
                count(d.runs)
            );
        }
        out
    }

    fn page(&self, x: &[f32]) -> Page {
        let f = self.found;
        let label = self.label(f.class);
        let mut page = Page::new(format!("Why {label}?"), format!("{}, {}", self.file, self.how()));
        let mut pairs = vec![
            ("explained class", label.clone()),
            ("model's answer", self.label(f.answer.class())),
            ("score", format!("{:.4}", f.score())),
            ("probability", format!("{:.4}", f.answer.certainty(f.class))),
        ];
        if f.bias.is_none() {
            pairs.push(("score with all hidden", format!("{:.4}", f.nothing.scores[usize::from(f.class)])));
        }
        page.section("Answer", [facts(&pairs)]);
        self.values_section(&mut page, x);
        if let Some(d) = &f.deletion {
            page.section("Is it true?", [self.curve(d), p(self.sums()), note(
                "Regions are hidden, the most important first. The faster the class is lost, the truer the map: its line should \
                 run below that of random orders. Where it does not, do not trust the map.",
            )]);
        }
        page
    }

    fn values_section(&self, page: &mut Page, x: &[f32]) {
        let f = self.found;
        let explained = match self.a.method {
            ExplainMethod::Occlusion => {
                "What the score loses when a region is hidden; less than nothing where it gains."
            }
            ExplainMethod::KernelShap => {
                "Shapley values: what a region adds to the score, as a mean over the orders in which regions can be shown. They \
                 sum to the score less that with everything hidden."
            }
            ExplainMethod::LastLayer => {
                "What each input of the last linear layer adds to the score. With the bias they sum to it, exactly, before the sum \
                 is rounded to the score's step."
            }
        };
        let picture = match f.bias {
            Some(_) => None,
            None => map("Regions by what they do to the score.", "The input", f.kind, &f.grid, x, &f.values),
        };
        let (mapped, shown) = (picture.is_some(), if picture.is_some() { SHOWN } else { 40 });
        let bar = |r: usize| Bar { name: f.region(r), value: f.values[r], text: format!("{:+.4}", f.values[r]) };
        let list = bars(&greatest(&f.values).into_iter().take(shown).map(bar).collect::<Vec<_>>());
        let mut content = vec![p(explained), key("speaks for the class", "speaks against it")];
        if mapped {
            content.extend(picture);
            page.section("Map", content);
            page.section("Greatest", [list]);
        } else {
            content.push(list);
            content.extend(f.bias.map(|_| p(self.sums())));
            page.section(if f.bias.is_some() { "Inputs of the last layer" } else { "Columns" }, content);
        }
    }

    fn curve(&self, d: &Deletion) -> crate::html::Element {
        let line = |name: &str, calm, values: &[f64]| Line { name: name.into(), calm, values: values.to_vec() };
        Chart {
            title: "The class's probability as regions are hidden".into(),
            x: ("fraction of regions hidden".into(), [0.0, 1.0]),
            lines: vec![line("random orders", true, &d.random), line("most important first", false, &d.curve)],
            ..Chart::default()
        }
        .render()
    }
}
