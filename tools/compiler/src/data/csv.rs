//! A data set in a table: one line is one sample, one column one feature or the label.
//!
//! ```text
//! temperature,rain,label        a header is optional
//! 19.8,0.5,0
//! ```
//!
//! The label is the column called `y`, `label` or `target`, else the last. If the table has one column
//! more than the model and the label need, and that is called `group`, it holds the subgroups. Labels
//! that are all written as integers are classes, otherwise values.
//!
//! Opening reads the whole table once: it counts the lines and checks every cell.
//!
//! What is absent: separators other than the comma, categories written as text, missing values.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use ::csv::{Position, Reader, ReaderBuilder, StringRecord, Trim};

use super::dataset::{Raw, RawSamples, Target};
use super::input::Fit;
use super::{ArrayData, DType, DataError, InputSpec, Place};

const LABELS: [&str; 3] = ["y", "label", "target"];
const GROUP: &str = "group";

/// A data set in one `.csv` file.
#[derive(Debug)]
pub(crate) struct Table {
    path: PathBuf,
    columns: Columns,
    len: usize,
    /// Whether the features are integers for a model that takes integers.
    integers: bool,
    /// Whether every label is written as an integer.
    classes: bool,
}

impl Table {
    /// Opens the table at `path` and checks every cell.
    pub(crate) fn open(path: &Path, spec: &InputSpec) -> Result<(Self, Fit), DataError> {
        let fit = spec.fit_flat()?;
        let mut records = Records::open(path)?;
        let first = records.next().ok_or_else(|| DataError::Empty(Place::file(path)))??;
        let columns = Columns::new(&first, spec).map_err(|reason| DataError::Columns { path: path.into(), reason })?;

        let mut table = Self { path: path.into(), len: 0, integers: spec.integers, classes: true, columns };
        let skip_header = if table.columns.header { None } else { Some(Ok(first)) };
        for record in skip_header.into_iter().chain(records) {
            table.check(&record?)?;
        }
        if table.len == 0 {
            return Err(DataError::Empty(Place::file(path)));
        }
        Ok((table, fit))
    }

    /// The number of samples.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// `int64` if a model of integers gets nothing but integers, else `float32`.
    pub(crate) fn dtype(&self) -> DType {
        if self.integers { DType::I64 } else { DType::F32 }
    }

    /// Whether there is a column of labels.
    pub(crate) fn is_labelled(&self) -> bool {
        self.columns.label.is_some()
    }

    /// Reads all samples, from the first.
    pub(crate) fn iter(&self) -> Result<RawSamples<'_>, DataError> {
        let records = Records::open(&self.path)?;
        let records = records.skip(usize::from(self.columns.header));
        Ok(Box::new(records.map(|record| self.sample(&record?))))
    }

    /// Counts `record` and notes whether its cells are integers.
    fn check(&mut self, record: &StringRecord) -> Result<(), DataError> {
        let is_integer = |cell: &str| cell.parse::<i64>().is_ok();
        self.integers &= self.columns.features(record).all(|(_, cell)| is_integer(cell));
        self.classes &= self.columns.label.and_then(|c| record.get(c)).is_none_or(is_integer);
        self.sample(record)?;
        self.len += 1;
        Ok(())
    }

    fn sample(&self, record: &StringRecord) -> Result<Raw, DataError> {
        if record.len() != self.columns.count {
            let reason = format!("it has {} cells, but there are {} columns", record.len(), self.columns.count);
            return Err(DataError::Line { path: self.path.clone(), line: line(&self.path, record.position()), reason });
        }
        let float = |(column, cell): (usize, &str)| {
            let value = cell.parse::<f32>().ok().filter(|v| v.is_finite());
            value.ok_or_else(|| self.cell_error(record, column, cell))
        };
        let integer =
            |(column, cell): (usize, &str)| cell.parse::<i64>().map_err(|_| self.cell_error(record, column, cell));
        let at = |column: Option<usize>| column.and_then(|c| Some((c, record.get(c)?)));
        let features = self.columns.features(record);
        Ok(Raw {
            x: vec![if self.integers {
                ArrayData::I64(features.map(integer).collect::<Result<_, _>>()?)
            } else {
                ArrayData::F32(features.map(float).collect::<Result<_, _>>()?)
            }],
            y: match at(self.columns.label) {
                Some(cell) if self.classes => Some(Target::Class(integer(cell)?)),
                Some(cell) => Some(Target::Values(vec![float(cell)?])),
                None => None,
            },
            group: at(self.columns.group).map(integer).transpose()?,
        })
    }

    fn cell_error(&self, record: &StringRecord, column: usize, text: &str) -> DataError {
        DataError::Cell {
            path: self.path.clone(),
            line: line(&self.path, record.position()),
            column: column + 1,
            text: text.to_owned(),
        }
    }
}

/// What each column is.
#[derive(Debug)]
struct Columns {
    count: usize,
    header: bool,
    label: Option<usize>,
    group: Option<usize>,
}

impl Columns {
    /// The columns of a table that begins with `first`, or why they do not fit `spec`.
    fn new(first: &StringRecord, spec: &InputSpec) -> Result<Self, String> {
        let (count, header) = (first.len(), is_header(first));
        let find = |names: &[&str]| -> Vec<usize> {
            let is_named = |cell: &str| names.iter().any(|name| cell.eq_ignore_ascii_case(name));
            first.iter().enumerate().filter(|(_, cell)| is_named(cell)).map(|(column, _)| column).collect()
        };
        let label = match find(&LABELS).as_slice() {
            _ if spec.no_labels => None,
            [] => count.checked_sub(1),
            [only] => Some(*only),
            _ => return Err("more than one column is called y, label or target".to_owned()),
        };
        let needed = spec.sample_len().map_err(|e| e.to_string())?;
        let features = count - usize::from(label.is_some());
        let group = match find(&[GROUP]).as_slice() {
            [only] if features == needed + 1 && label != Some(*only) => Some(*only),
            _ => None,
        };
        if features - usize::from(group.is_some()) != needed {
            let beside = if label.is_some() { " and a label" } else { "" };
            let unlabelled = label.is_some() && count == needed;
            let hint = if unlabelled { ", unless the data are said to have no labels" } else { "" };
            return Err(format!("there are {count} columns, but the model takes {needed} features{beside}{hint}"));
        }
        Ok(Self { count, header, label, group })
    }

    /// The features in `record` with their columns.
    fn features<'r>(&self, record: &'r StringRecord) -> impl Iterator<Item = (usize, &'r str)> {
        let (label, group) = (self.label, self.group);
        record.iter().enumerate().filter(move |(column, _)| label != Some(*column) && group != Some(*column))
    }
}

/// A first line without any number, or with a name that this module knows, is no sample.
fn is_header(first: &StringRecord) -> bool {
    let known = |cell: &str| LABELS.iter().chain([&GROUP]).any(|name| cell.eq_ignore_ascii_case(name));
    let is_text = |cell: &str| cell.parse::<f64>().is_err();
    first.iter().any(known) || first.iter().all(is_text) && first.iter().any(|cell| !cell.is_empty())
}

/// The lines of a table that are not empty.
struct Records {
    path: PathBuf,
    reader: Reader<File>,
}

impl Records {
    fn open(path: &Path) -> Result<Self, DataError> {
        let file = File::open(path).map_err(|e| DataError::read(&Place::file(path), e))?;
        let reader = ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(file);
        Ok(Self { path: path.to_owned(), reader })
    }
}

impl Iterator for Records {
    type Item = Result<StringRecord, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(true) => Some(Ok(record)),
            Ok(false) => None,
            Err(e) => {
                let line = line(&self.path, e.position());
                let reason = match e.into_kind() {
                    ::csv::ErrorKind::Utf8 { .. } => "it is not UTF-8 text".to_owned(),
                    ::csv::ErrorKind::Io(e) => return Some(Err(DataError::read(&Place::file(&self.path), e))),
                    other => format!("{other:?}"),
                };
                Some(Err(DataError::Line { path: self.path.clone(), line, reason }))
            }
        }
    }
}

/// The line, from 1, of the record that the reader found from `position`, behind empty lines.
fn line(path: &Path, position: Option<&Position>) -> u64 {
    let Some(position) = position else { return 0 };
    let empty_lines = || -> io::Result<u64> {
        let mut file = BufReader::new(File::open(path)?);
        file.seek(SeekFrom::Start(position.byte()))?;
        let ends = file.bytes().map_while(Result::ok).take_while(|b| matches!(b, b'\r' | b'\n'));
        Ok(ends.map(|b| u64::from(b == b'\n')).sum())
    };
    // A file that is gone by now has no better answer.
    position.line() + empty_lines().unwrap_or(0)
}
