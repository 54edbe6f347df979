//! A histogram beside that of a reference.

use super::{Element, px, tag};

const SIZE: [f64; 2] = [208.0, 84.0];

/// Bars of `now` over wider ones of `then`: fractions of the same bins.
pub(crate) fn histogram(title: &str, then: &[f64], now: &[f64]) -> Element {
    let most = then.iter().chain(now).fold(1e-9f64, |m, &v| m.max(v));
    let bin = SIZE[0] / then.len().max(1) as f64;
    let bar = |class: &str, i: usize, v: f64, part: f64| {
        let (width, height) = (bin * part, v / most * (SIZE[1] - 4.0));
        let x = (i as f64 + 0.5) * bin - width / 2.0;
        let bar = tag("rect").at("class", class).at("x", px(x)).at("y", px(SIZE[1] - height - 1.0));
        bar.at("width", px(width)).at("height", px(height))
    };
    let bars = then.iter().zip(now).enumerate();
    let bars = bars.flat_map(|(i, (&t, &n))| [bar("then", i, t, 0.92), bar("now", i, n, 0.5)]);
    let base = tag("line").at("class", "axis").at("x2", SIZE[0]).at("y1", SIZE[1] - 0.5).at("y2", SIZE[1] - 0.5);
    let svg =
        tag("svg").at("viewBox", format!("0 0 {} {}", SIZE[0], SIZE[1])).at("role", "img").at("aria-label", title);
    svg.child(base).children(bars)
}
