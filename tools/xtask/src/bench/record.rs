//! What was measured: the table, the file, the plot.

use core::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// One peer on one case.
pub(super) struct Row {
    pub(super) case: String,
    pub(super) peer: String,
    pub(super) version: String,
    pub(super) macs: f64,
    pub(super) median_us: f64,
    pub(super) least_us: f64,
    /// Of the machine's peak.
    pub(super) share: f64,
}

pub(super) struct Record {
    pub(super) rows: Vec<Row>,
    /// Of each peer.
    pub(super) threads: usize,
}

impl Record {
    fn of<'a>(&'a self, case: &'a str) -> impl Iterator<Item = &'a Row> {
        self.rows.iter().filter(move |row| row.case == case && row.peer != "peak")
    }

    fn siskin<'a>(&'a self, case: &'a str) -> Option<&'a Row> {
        self.of(case).find(|row| row.peer == "siskin")
    }

    /// siskin's median over a peer's.
    fn ratio(&self, row: &Row) -> Option<f64> {
        Some(self.siskin(&row.case)?.median_us / row.median_us)
    }

    /// The same of the least times: what remains where other programs take turns with these.
    fn least_ratio(&self, row: &Row) -> Option<f64> {
        Some(self.siskin(&row.case)?.least_us / row.least_us)
    }

    /// The lines of a case.
    pub(super) fn print(&self, case: &str) {
        for row in self.of(case) {
            let ratio = self.ratio(row).map_or(String::new(), |r| format!("siskin/peer {r:5.2}"));
            let (peer, median, least) = (&row.peer, row.median_us, row.least_us);
            let share = 100.0 * row.share;
            println!("{case:16} {peer:12} {median:10.2} µs  least {least:10.2}  {share:5.1}% of peak  {ratio}");
        }
    }

    /// Ratios by format and peer, the geometric mean last.
    pub(super) fn summary(&self) {
        for format in ["i8", "f32"] {
            let mut peers: Vec<&str> = self.rows.iter().map(|row| row.peer.as_str()).collect();
            peers.sort_unstable();
            peers.dedup();
            for peer in peers.into_iter().filter(|p| !matches!(*p, "siskin" | "peak")) {
                self.line(format, peer, "medians", Self::ratio);
                self.line(format, peer, "least", Self::least_ratio);
            }
        }
    }

    fn line(&self, format: &str, peer: &str, of: &str, ratio: fn(&Self, &Row) -> Option<f64>) {
        let rows = self.rows.iter().filter(|r| r.peer == peer && r.case.ends_with(&format!("-{format}")));
        let ratios: Vec<(&str, f64)> = rows.filter_map(|r| Some((r.case.as_str(), ratio(self, r)?))).collect();
        if ratios.is_empty() {
            return;
        }
        let mean = (ratios.iter().map(|(_, r)| r.ln()).sum::<f64>() / ratios.len() as f64).exp();
        let each: Vec<String> = ratios.iter().map(|(case, r)| format!("{case} {r:.2}")).collect();
        println!("{format} siskin/{peer}, {of}: {}; geometric mean {mean:.2}", each.join(", "));
    }

    /// `DATE-CPU.csv` and `DATE-CPU.svg` in `dir`; the names say if there are several threads.
    pub(super) fn write(&self, dir: &Path) -> Result<()> {
        let cpu = cpu_name();
        let date = shell::output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
        let slug: String =
            cpu.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
        let slug = slug.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
        let many = if self.threads > 1 { format!("-threads-{}", self.threads) } else { String::new() };
        let stem = format!("{}-{slug}{many}", date.trim());
        let mut csv = String::from("case,peer,version,macs,median_us,least_us,share_of_peak\n");
        for row in &self.rows {
            let Row { case, peer, version, macs, median_us, least_us, share } = row;
            writeln!(csv, "{case},{peer},{version},{macs},{median_us:.3},{least_us:.3},{share:.4}")?;
        }
        fs::create_dir_all(dir)?;
        for (ending, text) in [("csv", csv), ("svg", self.plot(&cpu))] {
            let path = dir.join(format!("{stem}.{ending}"));
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
            println!("wrote {}", shell::in_repo(&path)?);
        }
        Ok(())
    }

    /// Bars: how many times as long as siskin each peer takes, on a logarithmic axis from 1/4 to 64.
    fn plot(&self, cpu: &str) -> String {
        const COLOURS: [(&str, &str); 4] =
            [("litert", "#e69f00"), ("onnxruntime", "#0072b2"), ("tract", "#009e73"), ("rten", "#cc79a7")];
        let mut cases: Vec<&str> = Vec::new();
        self.rows.iter().for_each(|r| {
            if !cases.contains(&r.case.as_str()) {
                cases.push(&r.case)
            }
        });
        let place = |times: f64| 130.0 + 70.0 * (times.clamp(0.25, 64.0).log2() + 2.0);
        let mut svg = String::new();
        let mut y = 60.0;
        for case in cases {
            let top = y;
            for row in self.of(case) {
                let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == row.peer) else { continue };
                let times = self.ratio(row).map_or(1.0, |r| 1.0 / r);
                let (from, to) = (place(times.min(1.0)), place(times.max(1.0)));
                let width = to - from;
                let _ = write!(svg, "<rect x='{from:.1}' y='{y:.1}' width='{width:.1}' height='8' fill='{colour}'/>");
                let label = to + 4.0;
                let _ = writeln!(svg, "<text x='{label:.1}' y='{:.1}'>{times:.2}</text>", y + 7.5);
                y += 10.0;
            }
            let _ = writeln!(svg, "<text x='120' y='{:.1}' text-anchor='end'>{case}</text>", (top + y) / 2.0 + 3.0);
            y += 8.0;
        }
        for power in -2..=6 {
            let x = place(f64::from(power).exp2());
            let label = if power < 0 { format!("1/{}", 1 << -power) } else { (1 << power).to_string() };
            let _ = writeln!(svg, "<path d='M{x:.1} 50V{y:.1}' stroke='#999' stroke-width='.5'/>");
            let _ = writeln!(svg, "<text x='{x:.1}' y='46' text-anchor='middle'>{label}</text>");
        }
        for (i, (name, colour)) in COLOURS.iter().enumerate() {
            let x = 130 + 110 * i;
            let _ = writeln!(svg, "<rect x='{x}' y='22' width='8' height='8' fill='{colour}'/>");
            let _ = writeln!(svg, "<text x='{}' y='30'>{name}</text>", x + 12);
        }
        let title = format!(
            "<text x='10' y='14'>Times as long as siskin, threads of {cpu}: {}; right of 1 siskin is faster</text>",
            self.threads
        );
        let frame = "xmlns='http://www.w3.org/2000/svg' font-family='sans-serif' font-size='9'";
        format!(
            "<svg {frame} viewBox='0 0 740 {y:.0}'><rect width='100%' height='100%' fill='white'/>\n{title}\n{svg}</svg>\n"
        )
    }
}

fn cpu_name() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    model.map_or("unknown".into(), |name| name.trim().into())
}
