//! A confusion matrix: rows are labels, columns what was said.

use super::{Element, px, tag};

/// More classes than this are not drawn: no number would be legible.
pub(crate) const MOST: usize = 40;

/// The matrix, each row as a part of its label's samples: right answers in one colour, wrong ones in the other.
pub(crate) fn matrix(title: &str, counts: &[Vec<usize>], names: &[String]) -> Element {
    let size = counts.len();
    let side = 420.0 / size.max(1) as f64;
    let left = 90.0;
    let mut cells = Vec::new();
    for (label, row) in counts.iter().enumerate() {
        let all: usize = row.iter().sum();
        let y = label as f64 * side;
        let name = names.get(label).cloned().unwrap_or_default();
        let text = tag("text").at("x", left - 6.0).at("y", px(y + side / 2.0 + 4.0)).at("text-anchor", "end");
        cells.push(text.text(short(&name)));
        for (said, &count) in row.iter().enumerate().filter(|(_, c)| **c > 0) {
            let part = count as f64 / all.max(1) as f64;
            let cell = tag("rect").at("class", if label == said { "less" } else { "more" });
            let cell =
                cell.at("x", px(left + said as f64 * side)).at("y", px(y)).at("width", px(side)).at("height", px(side));
            let other = names.get(said).cloned().unwrap_or_default();
            let tip = tag("title").text(format!("{name}, said {other}: {count} of {all}"));
            cells.push(cell.at("opacity", format!("{:.2}", 0.15 + 0.85 * part)).child(tip));
            if size <= 16 {
                let (x, y) = (left + (said as f64 + 0.5) * side, y + side / 2.0 + 4.0);
                cells.push(
                    tag("text")
                        .at("class", "cell")
                        .at("x", px(x))
                        .at("y", px(y))
                        .at("text-anchor", "middle")
                        .text(count),
                );
            }
        }
    }
    let frame = tag("rect").at("class", "frame").at("x", left).at("y", 0).at("width", 420).at("height", 420);
    let svg = tag("svg").at("viewBox", "0 0 512 424").at("role", "img").at("aria-label", title);
    tag("figure").child(svg.child(frame).children(cells)).child(tag("figcaption").text(title))
}

/// What fits beside a row.
fn short(name: &str) -> String {
    if name.chars().count() <= 11 { name.into() } else { name.chars().take(10).chain(['…']).collect() }
}
