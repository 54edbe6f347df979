//! Accuracy over a data set: which regions it needs.

use super::{SHOWN, filled, map, name_of, note, phrase};
use crate::Failure;
use crate::args::{Args, Explain};
use crate::html::{Bar, Page, bars, facts, p};
use crate::model::{Opened, dataset};
use crate::output::{count, print, table};
use crate::progress::Bar as Progress;
use serde_json::{Value, json};
use siskin::explain::Grid;
use siskin_compiler::data::Dataset;
use siskin_compiler::explain::{Filled, Global, Importance, Kind, Subject, global as measure, grid, region_name};

pub(super) fn global(args: &Args, a: &Explain, mut opened: Opened, data: &str) -> Result<(), Failure> {
    let file = a.model.display().to_string();
    Subject::new(&mut opened.loaded).map_err(|e| format!("{file}: {e}"))?;
    let set = dataset(data, &opened, &a.prepare, true)?;
    let mut subject = Subject::new(&mut opened.loaded).map_err(|e| format!("{file}: {e}"))?;
    let filled = filled(&subject, a.baseline)?;
    let grid = grid(&subject.shape, a.budget.unwrap_or(65))?;
    let found = measure(&mut subject, &set, grid, &filled, a.repeats, a.seed, &mut Progress::new(args.quiet))?;
    let kind = Kind::of(subject.model(), &grid);
    let shown = Shown { found: &found, a, file: &file, data, filled: &filled, grid, kind };
    if let Some(path) = &a.html {
        shown.page(&mean_input(&set)?).write(path)?;
    }
    print(args.json, &shown.object(), &shown.text())
}

/// The mean of all samples: what the map is drawn over.
fn mean_input(data: &Dataset) -> Result<Vec<f32>, Failure> {
    let mut sums: Vec<f64> = Vec::new();
    for sample in data.iter() {
        let x = sample?.x.first().map(|x| x.to_f32().into_owned()).unwrap_or_default();
        sums.resize(x.len(), 0.0);
        sums.iter_mut().zip(x).for_each(|(s, v)| *s += f64::from(v));
    }
    Ok(sums.into_iter().map(|s| (s / data.len() as f64) as f32).collect())
}

struct Shown<'a> {
    found: &'a Global,
    a: &'a Explain,
    file: &'a str,
    data: &'a str,
    filled: &'a Filled,
    grid: Grid,
    kind: Kind,
}

impl Shown<'_> {
    fn name(&self, r: usize) -> String {
        region_name(self.kind, &self.grid, r)
    }

    /// The regions by the drop of accuracy, then by occlusion, greatest first.
    fn order(&self) -> Vec<usize> {
        let of = |r: usize| -> Importance { self.found.regions[r] };
        let mut order: Vec<usize> = (0..self.found.regions.len()).collect();
        order.sort_by(|&a, &b| {
            let drops = of(b).permutation[0].total_cmp(&of(a).permutation[0]);
            drops.then(of(b).occlusion.total_cmp(&of(a).occlusion))
        });
        order
    }

    fn object(&self) -> Value {
        let region = |(r, i): (usize, &Importance)| {
            let [mean, std] = i.permutation;
            json!({ "name": self.name(r), "importance": mean, "std": std, "occlusion": i.occlusion })
        };
        json!({
            "n": self.found.n, "top1": self.found.accuracy, "repeats": self.a.repeats, "seed": self.a.seed,
            "baseline": name_of(self.filled), "grid": self.grid.cells(), "runs": self.found.runs,
            "regions": self.found.regions.iter().enumerate().map(region).collect::<Vec<_>>(),
        })
    }

    fn how(&self) -> String {
        format!(
            "{} samples, {} regions shuffled {} times each, {} runs; {} where one is hidden",
            count(self.found.n as u64),
            self.found.regions.len(),
            self.a.repeats,
            count(self.found.runs),
            phrase(self.filled)
        )
    }

    fn text(&self) -> String {
        let head = ["region", "drop of accuracy", "±", "mean |occlusion|"].map(String::from).to_vec();
        let row = |r: usize| {
            let Importance { permutation: [mean, std], occlusion } = self.found.regions[r];
            let percent = |v: f64| format!("{:.2}%", 100.0 * v);
            vec![self.name(r), percent(mean), percent(std), format!("{occlusion:.4}")]
        };
        let shown = self.order().into_iter().take(2 * SHOWN).map(row);
        let rows: Vec<Vec<String>> = core::iter::once(head).chain(shown).collect();
        let mut out = format!("top1 {:.2}%; {}\n\n{}", 100.0 * self.found.accuracy, self.how(), table(&rows));
        if self.found.regions.len() > 2 * SHOWN {
            out += &format!("… and {} more: --json lists them\n", self.found.regions.len() - 2 * SHOWN);
        }
        out
    }

    fn page(&self, mean: &[f32]) -> Page {
        let f = self.found;
        let mut page = Page::new("What accuracy rests on", format!("{} on {}: {}", self.file, self.data, self.how()));
        let accuracy = format!("{:.2}%", 100.0 * f.accuracy);
        page.section("Data", [facts(&[("accuracy", accuracy), ("samples", count(f.n as u64))])]);
        let drops: Vec<f64> = f.regions.iter().map(|i| i.permutation[0]).collect();
        let moved: Vec<f64> = f.regions.iter().map(|i| i.occlusion).collect();
        if let Some(map) =
            map("Regions by the drop of accuracy.", "The mean input", self.kind, &self.grid, mean, &drops)
        {
            page.section("Map", [map]);
        }
        let bar = |r: usize| {
            let [m, std] = f.regions[r].permutation;
            Bar { name: self.name(r), value: m, text: format!("{:.2}% ± {:.2}", 100.0 * m, 100.0 * std) }
        };
        let shown: Vec<usize> = self.order().into_iter().take(40).collect();
        page.section("Drop of accuracy when a region is shuffled", [
            bars(&shown.iter().map(|&r| bar(r)).collect::<Vec<_>>()),
            note(
                "What a region holds is taken from other samples, at random; mean and standard deviation over repeats. Regions that \
                 say the same as others may be shuffled without a drop, though the model uses them.",
            ),
        ]);
        let bar = |r: usize| Bar { name: self.name(r), value: moved[r], text: format!("{:.4}", moved[r]) };
        let mut order: Vec<usize> = (0..moved.len()).collect();
        order.sort_by(|&a, &b| moved[b].total_cmp(&moved[a]));
        let list: Vec<Bar> = order.into_iter().take(40).map(bar).collect();
        let explained = format!(
            "The mean distance, up or down, that the answer's score moves with {} in its place.",
            phrase(self.filled)
        );
        page.section("Mean |occlusion|", [bars(&list), p(explained).at("class", "note")]);
        page
    }
}
