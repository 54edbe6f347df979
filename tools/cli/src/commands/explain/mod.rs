//! `siskin explain`: what an answer, or accuracy over a data set, rests on.

mod global;
mod local;

use crate::Failure;
use crate::args::{Args, Explain, ExplainBaseline, ImportArgs};
use crate::html::{Element, Picture, heat, p, tag};
use crate::model::open;
use siskin::explain::Grid;
use siskin_compiler::data::atomic;
use siskin_compiler::explain::{Filled, Kind, Subject, reference_mean, region_name};

/// Rows of a table that are printed.
const SHOWN: usize = 12;

pub(crate) fn explain(args: &Args, a: &Explain) -> Result<(), Failure> {
    if let Some(path) = &a.html {
        atomic::check(path)?;
    }
    let opened = open(&a.model, &ImportArgs::default())?;
    match (&a.input, &a.data) {
        (Some(input), _) => local::local(args, a, opened, input),
        (_, Some(data)) => global::global(args, a, opened, data),
        _ => Err("give --input, or --data with --global".into()),
    }
}

/// What stands where a region is hidden.
fn filled(subject: &Subject<'_>, asked: Option<ExplainBaseline>) -> Result<Filled, Failure> {
    let mean = if asked == Some(ExplainBaseline::Zero) { None } else { reference_mean(subject.model()) };
    match mean {
        Some(mean) => Ok(Filled::Reference(mean)),
        None if asked == Some(ExplainBaseline::Reference) => {
            let reason = "the artifact's monitor does not know the mean of its input: compress it with --monitor, or choose zero";
            Err(format!("--baseline reference: {reason}").into())
        }
        None => Ok(Filled::Zero),
    }
}

fn name_of(filled: &Filled) -> &'static str {
    match filled {
        Filled::Zero => "zero",
        Filled::Reference(_) => "reference",
    }
}

/// What stands there, in words.
fn phrase(filled: &Filled) -> &'static str {
    match filled {
        Filled::Zero => "zeros",
        Filled::Reference(_) => "the mean of the monitor's reference",
    }
}

/// The numbers of the greatest values, greatest first, by distance from zero.
fn greatest(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].abs().total_cmp(&values[a].abs()));
    order
}

/// A map over the input: its picture with regions coloured, and how to read it. Nothing for a table.
fn map(title: &str, shown: &str, kind: Kind, grid: &Grid, input: &[f32], values: &[f64]) -> Option<Element> {
    // Time runs to the right and frequency upwards.
    let (turned, flipped) = match kind {
        Kind::Table => return None,
        Kind::Picture => (false, false),
        Kind::Spectrogram { bands_first } => (!bands_first, true),
    };
    let [rows, columns] = grid.size();
    let (width, height) = if turned { (rows, columns) } else { (columns, rows) };
    let place = |x: usize, y: usize| {
        let y = if flipped { height - 1 - y } else { y };
        if turned { (x, y) } else { (y, x) }
    };
    let shade = shades(kind, grid, input);
    let places = (0..height).flat_map(|y| (0..width).map(move |x| place(x, y)));
    // Two channels, or four, are shown by their first.
    let colour = |c: usize| if grid.channels() == 3 { c } else { 0 };
    let pixels = places.map(|(row, column)| [0, 1, 2].map(|c| shade(row, column, colour(c)))).collect();
    let cell = |(r, &value): (usize, &f64)| {
        let [rows, columns] = grid.region(r);
        let [x, y] = if turned { [rows, columns] } else { [columns, rows] };
        let y = if flipped { height - y.end..height - y.start } else { y };
        ([x, y], value, region_name(kind, grid, r))
    };
    let cells: Vec<_> = values.iter().enumerate().map(cell).collect();
    let picture = Picture { width, height, pixels };
    let caption = match kind {
        Kind::Spectrogram { .. } => format!("{title} Frames from left to right, bands from below."),
        _ => title.to_string(),
    };
    let figure = |cells: &[_], caption: &str| {
        tag("figure").child(heat(title, &picture, cells)).child(tag("figcaption").text(caption))
    };
    let each = if matches!(kind, Kind::Spectrogram { .. }) { ", each band" } else { "," };
    let plain = format!("{shown} by itself{each} from its least value, black, to its greatest, white.");
    Some(tag("div").at("class", "pair").child(figure(&cells, &caption)).child(figure(&[], &plain)))
}

/// The values of an input, by row, column and channel, from 0 to 1. Bands of sound differ by orders of magnitude, so each
/// has its own scale.
fn shades<'a>(kind: Kind, grid: &'a Grid, input: &'a [f32]) -> impl Fn(usize, usize, usize) -> f32 + 'a {
    let [rows, columns] = grid.size();
    let band = move |row: usize, column: usize| match kind {
        Kind::Spectrogram { bands_first: true } => row,
        Kind::Spectrogram { bands_first: false } => column,
        _ => 0,
    };
    let value = |row, column, channel: usize| {
        let at = grid.element(row, column, channel.min(grid.channels() - 1));
        input.get(at).copied().unwrap_or(0.0)
    };
    let mut ends = vec![[f32::MAX, f32::MIN]; rows.max(columns)];
    for (row, column) in (0..rows).flat_map(|r| (0..columns).map(move |c| (r, c))) {
        for channel in 0..grid.channels() {
            let [low, high] = &mut ends[band(row, column)];
            (*low, *high) = (low.min(value(row, column, channel)), high.max(value(row, column, channel)));
        }
    }
    move |row, column, channel| {
        let [low, high] = ends[band(row, column)];
        (value(row, column, channel) - low) / (high - low).max(1e-12)
    }
}

/// What the colours mean.
fn key(more: &str, less: &str) -> Element {
    let entry = |class: &str, text: &str| tag("span").child(tag("i").at("class", class)).text(text);
    tag("div").at("class", "key").child(entry("k-more", more)).child(entry("k-less", less))
}

/// A paragraph in small.
fn note(text: &str) -> Element {
    p(text).at("class", "note")
}
