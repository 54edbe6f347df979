//! Bars from a zero line to the right and, if any value is below 0, to the left.

use super::{Element, px, tag};

/// One bar.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) value: f64,
    /// What is written beside it.
    pub(crate) text: String,
}

pub(crate) fn bars(bars: &[Bar]) -> Element {
    let most = bars.iter().fold(1e-30f64, |m, b| m.max(b.value.abs()));
    let both = bars.iter().any(|b| b.value < 0.0);
    let row = |b: &Bar| {
        let width = px(b.value.abs() / most * if both { 50.0 } else { 100.0 });
        let start = if !both {
            0.0
        } else if b.value < 0.0 {
            50.0 - width
        } else {
            50.0
        };
        let bar = tag("i").at("class", if b.value < 0.0 { "minus" } else { "plus" });
        let bar = bar.at("style", format!("left:{}%;width:{width}%", px(start)));
        let track = tag("td").at("class", "track").child(tag("div").child(bar));
        tag("tr").child(tag("td").text(&b.name)).child(track).child(tag("td").text(&b.text))
    };
    let class = if both { "bars" } else { "bars oneway" };
    let table = tag("table").at("class", class).children(bars.iter().map(row));
    tag("div").at("class", "scroll").child(table)
}
