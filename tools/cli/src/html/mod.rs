//! Reports as one HTML file: no network, no script, light and dark as the reader's system has it.
//!
//! ```text
//! tag("p").at("class", "note").text(anything) -> Element -> Page -> bytes
//! ```
//!
//! Every text and every attribute value is escaped here and nowhere else, so a model, a class or a file may be called
//! what it likes. Charts are SVG.

mod bars;
mod chart;
mod heat;
mod histogram;
mod matrix;
mod picture;
mod scatter;

pub(crate) use bars::{Bar, bars};
pub(crate) use chart::{Chart, Line};
pub(crate) use heat::heat;
pub(crate) use histogram::histogram;
pub(crate) use matrix::{MOST, matrix};
pub(crate) use picture::Picture;
pub(crate) use scatter::{Point, scatter};

use crate::Failure;
use core::fmt::{Display, Write};
use siskin_compiler::data::atomic;
use std::path::Path;

const STYLE: &str = include_str!("style.css");

/// Elements without content or end tag.
const VOID: [&str; 3] = ["meta", "br", "image"];

/// One element with its attributes and content.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    name: &'static str,
    attributes: String,
    content: String,
}

/// An element without attributes or content.
pub(crate) fn tag(name: &'static str) -> Element {
    Element { name, attributes: String::new(), content: String::new() }
}

impl Element {
    /// Adds an attribute.
    #[must_use]
    pub(crate) fn at(mut self, name: &str, value: impl Display) -> Element {
        self.attributes += &format!(" {name}=\"{}\"", escaped(&value.to_string()));
        self
    }

    /// Adds text.
    #[must_use]
    pub(crate) fn text(mut self, text: impl Display) -> Element {
        self.content += &escaped(&text.to_string());
        self
    }

    /// Adds an element.
    #[must_use]
    pub(crate) fn child(self, child: Element) -> Element {
        self.children([child])
    }

    /// Adds elements.
    #[must_use]
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Element>) -> Element {
        for child in children {
            child.write(&mut self.content);
        }
        self
    }

    fn write(&self, out: &mut String) {
        let Element { name, attributes, content } = self;
        // Writing to a string cannot fail.
        let _ = if VOID.contains(name) {
            write!(out, "<{name}{attributes}/>")
        } else {
            write!(out, "<{name}{attributes}>{content}</{name}>")
        };
    }
}

/// Text in which no character means anything to HTML. Control characters, which HTML does not allow, become spaces.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\'' => out += "&#39;",
            c if c.is_control() && c != '\n' => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A coordinate, to a tenth of a pixel.
fn px(v: f64) -> f64 {
    (v * 10.0).round() / 10.0
}

/// A paragraph.
pub(crate) fn p(text: impl Display) -> Element {
    tag("p").text(text)
}

/// Facts: names with values.
pub(crate) fn facts(pairs: &[(&str, String)]) -> Element {
    let fact = |(name, value): &(&str, String)| tag("div").child(tag("dt").text(name)).child(tag("dd").text(value));
    tag("dl").children(pairs.iter().map(fact))
}

/// A table with a head; cells after the first align right.
pub(crate) fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Element {
    let head = tag("tr").children(head.iter().map(|h| tag("th").text(h)));
    let row = |cells: Vec<String>| tag("tr").children(cells.iter().map(|c| tag("td").text(c)));
    let table = tag("table").child(tag("thead").child(head)).child(tag("tbody").children(rows.into_iter().map(row)));
    tag("div").at("class", "scroll").child(table)
}

/// A report: a title, what it is about, and sections.
#[derive(Debug)]
pub(crate) struct Page {
    title: String,
    about: String,
    sections: Vec<Element>,
}

impl Page {
    pub(crate) fn new(title: impl Display, about: impl Display) -> Page {
        Page { title: title.to_string(), about: about.to_string(), sections: Vec::new() }
    }

    /// Adds a section.
    pub(crate) fn section(&mut self, title: impl Display, content: impl IntoIterator<Item = Element>) {
        self.sections.push(tag("section").child(tag("h2").text(title)).children(content));
    }

    fn render(self) -> String {
        let head = tag("head").children([
            tag("meta").at("charset", "utf-8"),
            tag("meta").at("name", "viewport").at("content", "width=device-width, initial-scale=1"),
            tag("meta").at("name", "color-scheme").at("content", "light dark"),
            tag("title").text(&self.title),
            // The style is ours, and holds nothing that escaping would change.
            tag("style").text(STYLE),
        ]);
        let header = tag("header").child(tag("h1").text(&self.title)).child(p(&self.about));
        let version = format!("made by siskin {}", env!("CARGO_PKG_VERSION"));
        let main = tag("main").child(header).children(self.sections).child(tag("footer").text(version));
        let html = tag("html").at("lang", "en").child(head).child(tag("body").child(main));
        let mut out = String::from("<!doctype html>\n");
        html.write(&mut out);
        out.push('\n');
        out
    }

    /// Writes the page: whole or not at all.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(self, path: &Path) -> Result<(), Failure> {
        let text = self.render();
        Ok(atomic::write(path, |w| w.write_all(text.as_bytes()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_stay_text() {
        let hostile = "</title><script>alert('1')</script>\u{0}\" onload=\"x";
        let mut page = Page::new(hostile, hostile);
        page.section(hostile, [table(&[hostile], [vec![hostile.to_string()]]), facts(&[("a", hostile.into())])]);
        page.section("x", [tag("a").at("title", hostile)]);
        let html = page.render();
        assert!(!html.contains("<script") && !html.contains("\" onload") && !html.contains('\u{0}'), "{html}");
        assert_eq!(html.matches("</title>").count(), 1);
        assert_eq!(html.matches("&lt;script&gt;").count(), 8);
    }

    #[test]
    fn a_page_asks_for_nothing() {
        let html = Page::new("a", "b").render();
        for word in ["http", "src=", "<link", "@import", "url(", "&quot;", "&gt;"] {
            assert!(!html.contains(word), "{word}");
        }
    }
}
