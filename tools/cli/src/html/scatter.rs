//! Points over two axes, the best of them joined.

use super::{Element, px, tag};

const SIZE: [f64; 2] = [560.0, 270.0];
/// Left, top, right, bottom.
const MARGIN: [f64; 4] = [58.0, 16.0, 16.0, 44.0];

/// One point.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// What is said of it when it is pointed at.
    pub(crate) name: String,
    /// Whether nothing is better in both.
    pub(crate) front: bool,
    /// Whether it is the one that was taken.
    pub(crate) taken: bool,
}

/// The points; `x` and `y` name the axes.
pub(crate) fn scatter(title: &str, [x, y]: [&str; 2], points: &[Point]) -> Element {
    let ends = |of: fn(&Point) -> f64| {
        let (low, high) = points.iter().map(of).fold((f64::MAX, f64::MIN), |(a, b), v| (a.min(v), b.max(v)));
        let room = ((high - low) * 0.06).max(high.abs() * 1e-3).max(1e-6);
        [low - room, high + room]
    };
    let ([x0, x1], [y0, y1]) = (ends(|p| p.x), ends(|p| p.y));
    let [left, top, right, bottom] = MARGIN;
    let at_x = |v: f64| px(left + (v - x0) / (x1 - x0) * (SIZE[0] - left - right));
    let at_y = |v: f64| px(SIZE[1] - bottom - (v - y0) / (y1 - y0) * (SIZE[1] - top - bottom));
    let mut parts = Vec::new();
    for (part, anchor) in [(0.0, "start"), (0.5, "middle"), (1.0, "end")] {
        let (vx, vy) = (x0 + part * (x1 - x0), y0 + part * (y1 - y0));
        let line = tag("line").at("class", "axis").at("x1", left).at("x2", SIZE[0] - right);
        parts.push(line.at("y1", at_y(vy)).at("y2", at_y(vy)));
        let label = tag("text").at("x", left - 6.0).at("y", px(at_y(vy) + 4.0)).at("text-anchor", "end");
        parts.push(label.text(format!("{vy:.2}")));
        let label = tag("text").at("x", at_x(vx)).at("y", SIZE[1] - bottom + 18.0).at("text-anchor", anchor);
        parts.push(label.text(format!("{vx:.0}")));
    }
    let middle = px(left + (SIZE[0] - left - right) / 2.0);
    parts.push(tag("text").at("x", middle).at("y", SIZE[1] - 6.0).at("text-anchor", "middle").text(x));
    parts.push(tag("text").at("x", left).at("y", top - 4.0).text(y));
    let mut front: Vec<&Point> = points.iter().filter(|p| p.front).collect();
    front.sort_by(|a, b| a.x.total_cmp(&b.x));
    let joined: Vec<String> = front.iter().map(|p| format!("{},{}", at_x(p.x), at_y(p.y))).collect();
    parts.push(tag("polyline").at("class", "line").at("points", joined.join(" ")));
    parts.extend(points.iter().map(|p| {
        let class = if p.taken {
            "dot taken"
        } else if p.front {
            "dot"
        } else {
            "dot calm"
        };
        let dot = tag("circle")
            .at("class", class)
            .at("cx", at_x(p.x))
            .at("cy", at_y(p.y))
            .at("r", if p.taken { 7 } else { 4 });
        dot.child(tag("title").text(&p.name))
    }));
    let svg =
        tag("svg").at("viewBox", format!("0 0 {} {}", SIZE[0], SIZE[1])).at("role", "img").at("aria-label", title);
    tag("div").at("class", "chart").child(svg.children(parts))
}
