//! Lines over a common axis, with a limit and marks.

use super::{Element, px, tag};

const SIZE: [f64; 2] = [560.0, 250.0];
/// Left, top, right, bottom.
const MARGIN: [f64; 4] = [58.0, 14.0, 14.0, 40.0];
/// The most points that a line is drawn with.
const POINTS: usize = 560;

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// What it is called in the key.
    pub(crate) name: String,
    /// Whether it is what the others are compared with.
    pub(crate) calm: bool,
    /// Its values, evenly spaced over the axis.
    pub(crate) values: Vec<f64>,
}

/// Lines over a common axis.
#[derive(Clone, Debug, Default)]
pub(crate) struct Chart {
    /// What it shows, for those who cannot see it.
    pub(crate) title: String,
    /// What the axis counts, and its ends.
    pub(crate) x: (String, [f64; 2]),
    /// Whether values are drawn by their logarithm.
    pub(crate) log: bool,
    pub(crate) lines: Vec<Line>,
    /// A value with a name.
    pub(crate) limit: Option<(f64, String)>,
    /// Places on the axis.
    pub(crate) marks: Vec<f64>,
}

/// From values to coordinates.
struct Frame {
    x: [f64; 2],
    y: [f64; 2],
    log: bool,
}

impl Frame {
    fn x(&self, v: f64) -> f64 {
        let [left, _, right, _] = MARGIN;
        px(left + (v - self.x[0]) / (self.x[1] - self.x[0]).max(1e-9) * (SIZE[0] - left - right))
    }

    fn scaled(&self, v: f64) -> f64 {
        if self.log { v.max(1e-30).log10() } else { v }
    }

    fn y(&self, v: f64) -> f64 {
        let [_, top, _, bottom] = MARGIN;
        let part = (self.scaled(v) - self.y[0]) / (self.y[1] - self.y[0]).max(1e-9);
        px(SIZE[1] - bottom - part.clamp(0.0, 1.0) * (SIZE[1] - top - bottom))
    }
}

impl Chart {
    pub(crate) fn render(&self) -> Element {
        let frame = self.frame();
        let (width, height) = (SIZE[0], SIZE[1]);
        let svg =
            tag("svg").at("viewBox", format!("0 0 {width} {height}")).at("role", "img").at("aria-label", &self.title);
        let marks = self.marks.iter().map(|&m| vertical(&frame, m));
        let svg = svg.children(self.axes(&frame)).children(marks).children(self.limit_line(&frame));
        let svg = svg.children(self.lines.iter().map(|l| self.line(&frame, l)));
        let chart = tag("div").at("class", "chart").child(svg);
        if self.lines.len() < 2 { chart } else { tag("div").child(self.key()).child(chart) }
    }

    fn key(&self) -> Element {
        let entry = |l: &Line| {
            let colour = if l.calm { "k-calm" } else { "k-now" };
            tag("span").child(tag("i").at("class", colour)).text(&l.name)
        };
        tag("div").at("class", "key").children(self.lines.iter().map(entry))
    }

    fn frame(&self) -> Frame {
        let values = || self.lines.iter().flat_map(|l| &l.values).copied().chain(self.limit.iter().map(|l| l.0));
        let (low, high) = values().fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let y = if self.log {
            // Six decades below the top say enough.
            let top = high.max(1e-3).log10().ceil().max(0.5);
            [low.max(1e-30).log10().floor().max(top - 6.0), top]
        } else {
            [low.min(0.0), if high > 0.5 && high <= 1.0 { 1.0 } else { high }]
        };
        Frame { x: self.x.1, y, log: self.log }
    }

    fn axes(&self, frame: &Frame) -> Vec<Element> {
        let [left, _, right, bottom] = MARGIN;
        let mut out = Vec::new();
        for (value, name) in ticks(frame) {
            let y = frame.y(value);
            let line = tag("line").at("class", "axis").at("x1", left).at("x2", SIZE[0] - right).at("y1", y).at("y2", y);
            let text = tag("text").at("x", left - 6.0).at("y", px(y + 4.0)).at("text-anchor", "end").text(name);
            out.extend([line, text]);
        }
        let base = SIZE[1] - bottom;
        let [from, to] = frame.x;
        for (part, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
            let v = from + part * (to - from);
            let name = if to - from > 4.0 { format!("{}", v.round()) } else { format!("{v:.1}") };
            let text = tag("text").at("x", frame.x(v)).at("y", base + 16.0).at("text-anchor", anchor);
            out.push(text.text(name));
        }
        let name = tag("text").at("x", px(left + (SIZE[0] - left - right) / 2.0)).at("y", SIZE[1] - 6.0);
        out.push(name.at("text-anchor", "middle").text(&self.x.0));
        out
    }

    fn limit_line(&self, frame: &Frame) -> Vec<Element> {
        let Some((value, name)) = &self.limit else { return Vec::new() };
        let y = frame.y(*value);
        let line = tag("line").at("class", "limit").at("y1", y).at("y2", y);
        let line = line.at("x1", MARGIN[0]).at("x2", SIZE[0] - MARGIN[2]);
        let text = tag("text").at("class", "limit-name").at("x", MARGIN[0] + 6.0).at("y", px(y - 5.0)).text(name);
        vec![line, text]
    }

    fn line(&self, frame: &Frame, line: &Line) -> Element {
        let drawn = thin(&line.values, self.log);
        let last = (drawn.len() as f64 - 1.0).max(1.0);
        let [from, to] = frame.x;
        let at = |i: usize| frame.x(from + i as f64 / last * (to - from));
        let points: Vec<String> = drawn.iter().enumerate().map(|(i, &v)| format!("{},{}", at(i), frame.y(v))).collect();
        let class = if line.calm { "line calm" } else { "line" };
        tag("polyline").at("class", class).at("points", points.join(" "))
    }
}

fn vertical(frame: &Frame, at: f64) -> Element {
    let x = frame.x(at);
    tag("line").at("class", "alarm").at("x1", x).at("x2", x).at("y1", MARGIN[1]).at("y2", SIZE[1] - MARGIN[3])
}

/// Values at which the axis is marked, with their names.
fn ticks(frame: &Frame) -> Vec<(f64, String)> {
    let [low, high] = frame.y;
    if frame.log {
        let decades = low as i32..=high.floor() as i32;
        return decades
            .map(|d| {
                (10f64.powi(d), if (-3..4).contains(&d) { format!("{}", 10f64.powi(d)) } else { format!("1e{d}") })
            })
            .collect();
    }
    let raw = (high - low).max(1e-9) / 4.0;
    let decade = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().map(|m| m * decade).find(|&s| s >= raw * 0.999).unwrap_or(raw);
    let digits = (-step.log10().floor()).max(0.0) as usize + usize::from(step / decade == 2.5);
    let first = (low / step).ceil() as i64;
    (first..=(high / step * 1.0001).floor() as i64)
        .map(|i| i as f64 * step)
        .map(|v| (v, format!("{v:.digits$}")))
        .collect()
}

/// At most [`POINTS`] values: of neighbours the greatest, where what matters is whether a limit was reached, else the mean.
fn thin(values: &[f64], greatest: bool) -> Vec<f64> {
    let each = values.len().div_ceil(POINTS).max(1);
    let one = |part: &[f64]| {
        if greatest {
            part.iter().fold(f64::MIN, |m, &v| m.max(v))
        } else {
            part.iter().sum::<f64>() / part.len() as f64
        }
    };
    values.chunks(each).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        let names = |y, log| ticks(&Frame { x: [0.0, 1.0], y, log }).into_iter().map(|t| t.1).collect::<Vec<_>>();
        assert_eq!(names([0.0, 1.0], false), ["0.00", "0.25", "0.50", "0.75", "1.00"]);
        assert_eq!(names([-3.0, 8.0], false), ["0", "5"]);
        assert_eq!(names([-2.0, 1.0], true), ["0.01", "0.1", "1", "10"]);
    }

    #[test]
    fn long_lines_are_thinned_and_keep_their_peaks() {
        let mut values = vec![0.0; 10_000];
        values[7777] = 5.0;
        assert!(thin(&values, true).len() <= POINTS);
        assert!(thin(&values, true).contains(&5.0) && !thin(&values, false).contains(&5.0));
        assert_eq!(thin(&[1.0, 2.0], true), [1.0, 2.0]);
    }
}
