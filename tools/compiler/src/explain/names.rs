//! What regions are called: rows and columns of a picture, frames and bands of sound, columns of a table.

use core::ops::Range;
use siskin::explain::Grid;
use siskin::{Model, Preparation};

/// What an input shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A row of a table.
    Table,
    /// Pixels.
    Picture,
    /// Frequencies over time, a frame a row; a band a row, if `bands_first`.
    Spectrogram {
        /// Whether rows are bands.
        bands_first: bool,
    },
}

impl Kind {
    /// What the input of a model shows, as its file says; else by its shape: one axis is a table, two of different
    /// length a spectrogram.
    #[must_use]
    pub fn of(model: &Model<'_>, grid: &Grid) -> Kind {
        let [rows, columns] = grid.size();
        match model.preparation(0) {
            Some(Preparation::Audio(record)) => Kind::Spectrogram { bands_first: record.features_first == 1 },
            Some(Preparation::Image(_)) => Kind::Picture,
            None if rows == 1 => Kind::Table,
            None if grid.channels() > 1 || rows == columns => Kind::Picture,
            None => Kind::Spectrogram { bands_first: false },
        }
    }
}

/// What a region is called.
#[must_use]
pub fn region_name(kind: Kind, grid: &Grid, r: usize) -> String {
    let [rows, columns] = grid.region(r);
    let (first, second) = match kind {
        Kind::Table => return span("column", &columns),
        Kind::Picture => ("row", "column"),
        Kind::Spectrogram { bands_first: true } => ("band", "frame"),
        Kind::Spectrogram { bands_first: false } => ("frame", "band"),
    };
    format!("{}, {}", span(first, &rows), span(second, &columns))
}

fn span(what: &str, range: &Range<usize>) -> String {
    let last = range.end.saturating_sub(1);
    if range.start == last { format!("{what} {last}") } else { format!("{what}s {}-{last}", range.start) }
}
