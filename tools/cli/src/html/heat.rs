//! A picture with a heat map over it: orange speaks for, blue against.

use super::{Element, Picture, px, tag};
use core::ops::Range;

/// One cell: columns, rows, value, and its name.
pub(crate) type Cell = ([Range<usize>; 2], f64, String);

/// The picture, and over it each cell as opaque as its value is great beside the greatest.
pub(crate) fn heat(title: &str, picture: &Picture, cells: &[Cell]) -> Element {
    let (width, height) = (picture.width, picture.height);
    let most = cells.iter().fold(1e-30f64, |m, c| m.max(c.1.abs()));
    let cell = |([x, y], value, name): &Cell| {
        let rect = tag("rect").at("class", if *value < 0.0 { "less" } else { "more" });
        let rect = rect.at("x", x.start).at("y", y.start).at("width", x.len()).at("height", y.len());
        let opacity = px(value.abs() / most * 9.0) / 10.0;
        rect.at("opacity", opacity).child(tag("title").text(format!("{name}: {value:.4}")))
    };
    let image = tag("image").at("width", width).at("height", height).at("preserveAspectRatio", "none");
    let svg = tag("svg")
        .at("class", if cells.is_empty() { "heat" } else { "heat mapped" })
        .at("viewBox", format!("0 0 {width} {height}"));
    let svg = svg.at("role", "img").at("aria-label", title).at("shape-rendering", "crispEdges");
    // Far from square, the cells are stretched to be seen.
    let ratio = (width as f64 / height.max(1) as f64).clamp(0.6, 2.0);
    let svg = svg.at("preserveAspectRatio", "none").at("style", format!("aspect-ratio:{ratio:.3};height:auto"));
    svg.child(image.at("href", picture.address())).children(cells.iter().map(cell))
}
