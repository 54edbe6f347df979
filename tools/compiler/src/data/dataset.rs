//! A data set, whatever holds it: opened once, checked, then read from the start any number of times.
//!
//! Invariants: an open set has at least one sample; `iter` yields `len` samples or ends with an error;
//! a sample has as many values as the model's input, all of them finite.
//!
//! What is absent: shuffling and random access, which memory that does not grow with the data forbids.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::arrays::Arrays;
use super::csv::Table;
use super::images::Images;
use super::input::Fit;
use super::{ArrayData, DType, DataError, InputSpec, Place};

/// One sample, as the model takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The model's inputs in their order, each flat, in the model's layout, after `(x - mean) / std`.
    pub x: Vec<SampleData>,
    /// What the model should answer, if the set says so.
    pub y: Option<Target>,
    /// The subgroup that the sample belongs to, if the set says so.
    pub group: Option<i64>,
}

/// The values of one sample.
#[derive(Debug, Clone, PartialEq)]
pub enum SampleData {
    /// Real values.
    F32(Vec<f32>),
    /// Integers for a model that takes integers, unchanged: tokens, or values already quantized.
    I64(Vec<i64>),
}

impl SampleData {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(v) => v.len(),
            Self::I64(v) => v.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values as real numbers.
    pub fn to_f32(&self) -> Cow<'_, [f32]> {
        match self {
            Self::F32(v) => Cow::Borrowed(v),
            Self::I64(v) => Cow::Owned(v.iter().map(|&x| x as f32).collect()),
        }
    }
}

/// What a model should answer to one sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Target {
    /// The class, counting from 0: the label was one integer.
    Class(i64),
    /// The outputs' values: the label was real, or had several values.
    Values(Vec<f32>),
}

impl Target {
    /// The class; a single real value counts if it is a whole number.
    pub fn class(&self) -> Option<i64> {
        match self {
            Self::Class(class) => Some(*class),
            // Whole numbers of this size are exact in `f32`, so the cast keeps them.
            Self::Values(v) => match v.as_slice() {
                [x] if x.fract() == 0.0 && x.abs() <= 16_777_216.0 => Some(*x as i64),
                _ => None,
            },
        }
    }

    /// The values; a class is one value.
    pub fn values(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Class(class) => Cow::Owned(vec![*class as f32]),
            Self::Values(v) => Cow::Borrowed(v),
        }
    }
}

/// A sample as it is stored.
pub(crate) struct Raw {
    pub(crate) x: Vec<ArrayData>,
    pub(crate) y: Option<Target>,
    pub(crate) group: Option<i64>,
}

/// Samples as they are stored, from the first.
pub(crate) type RawSamples<'a> = Box<dyn Iterator<Item = Result<Raw, DataError>> + 'a>;

/// A data set on disk, of which one sample at a time is in memory.
#[derive(Debug)]
pub struct Dataset {
    source: Source,
    fits: Vec<Fit>,
    part: Part,
}

/// Which samples of a set are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// All.
    #[default]
    Whole,
    /// Every fifth, from the first.
    Held,
    /// What [`Part::Held`] leaves.
    Rest,
}

impl Part {
    const EVERY: usize = 5;

    fn has(self, i: usize) -> bool {
        match self {
            Part::Whole => true,
            Part::Held => i.is_multiple_of(Part::EVERY),
            Part::Rest => !i.is_multiple_of(Part::EVERY),
        }
    }

    /// How many of `n` samples it has.
    fn len(self, n: usize) -> usize {
        match self {
            Part::Whole => n,
            Part::Held => n.div_ceil(Part::EVERY),
            Part::Rest => n - n.div_ceil(Part::EVERY),
        }
    }
}

#[derive(Debug)]
enum Source {
    Arrays(Arrays),
    Table(Table),
    Images(Images),
}

impl Dataset {
    /// Opens the data that `spec` names, for a model of the given `inputs`:
    ///
    /// | `spec` | samples | labels |
    /// |---|---|---|
    /// | `F.npz` | array `x` | array `y`, if there is one; `group` likewise |
    /// | `F.npz:train` | array `x_train` | `y_train` and `group_train` likewise |
    /// | `F.npz`, several inputs | an array for each, named as the input | array `y`, `group` likewise |
    /// | `F.npy` | the array | none |
    /// | `F.csv` | a line; every column that is no label | the column `y`, `label` or `target`, else the last |
    /// | a folder | PNG, JPEG and BMP images | the sub-folder; their sorted names are classes 0, 1, .. |
    ///
    /// # Errors
    /// [`DataError`]: nothing is there, its kind is unknown, it is empty or damaged, or does not fit the input.
    pub fn open(spec: &str, inputs: &[InputSpec]) -> Result<Self, DataError> {
        let (path, split) = split_spec(spec);
        if !path.exists() {
            return Err(DataError::NotFound(path));
        }
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
        let only = || match inputs {
            [input] => Ok(input),
            _ => Err(DataError::Inputs { path: path.clone(), names: inputs.iter().map(|i| i.name.clone()).collect() }),
        };
        let (source, fits) = match extension.as_str() {
            _ if path.is_dir() => Images::open(&path, only()?).map(|(s, fit)| (Source::Images(s), vec![fit])),
            "npz" if !inputs.is_empty() => {
                Arrays::open_npz(&path, split, inputs).map(|(s, fits)| (Source::Arrays(s), fits))
            }
            "npz" | "npy" => Arrays::open_npy(&path, only()?).map(|(s, fits)| (Source::Arrays(s), fits)),
            "csv" => Table::open(&path, only()?).map(|(s, fit)| (Source::Table(s), vec![fit])),
            _ => Err(DataError::Kind(path)),
        }?;
        Ok(Self { source, fits, part: Part::Whole })
    }

    /// The same set, of which only a part is read.
    ///
    /// # Errors
    /// [`DataError::Few`] if the part has less than two samples.
    pub fn part(self, part: Part) -> Result<Self, DataError> {
        let set = Self { part, ..self };
        if set.len() < 2 { Err(DataError::Few(set.place(), set.stored())) } else { Ok(set) }
    }

    /// The number of samples, at least 1.
    #[allow(clippy::len_without_is_empty, reason = "an open set is never empty")]
    pub fn len(&self) -> usize {
        self.part.len(self.stored())
    }

    /// The number of samples that are stored.
    fn stored(&self) -> usize {
        match &self.source {
            Source::Arrays(s) => s.len(),
            Source::Table(s) => s.len(),
            Source::Images(s) => s.len(),
        }
    }

    /// The type of the stored values; it tells quantized `int8` from the bytes of an image.
    pub fn dtype(&self) -> DType {
        match &self.source {
            Source::Arrays(s) => s.dtype().unwrap_or(DType::F32),
            Source::Table(s) => s.dtype(),
            Source::Images(_) => DType::U8,
        }
    }

    /// Whether every sample has a label.
    pub fn is_labelled(&self) -> bool {
        match &self.source {
            Source::Arrays(s) => s.is_labelled(),
            Source::Table(s) => s.is_labelled(),
            Source::Images(s) => !s.classes().is_empty(),
        }
    }

    /// The names of the classes, in their order, if the set names them: the sub-folders of images.
    pub fn classes(&self) -> &[String] {
        match &self.source {
            Source::Images(s) => s.classes(),
            Source::Arrays(_) | Source::Table(_) => &[],
        }
    }

    /// Reads all samples, from the first. The first error is the last item.
    pub fn iter(&self) -> Samples<'_> {
        let raw = match &self.source {
            Source::Arrays(s) => s.iter(),
            Source::Table(s) => s.iter(),
            Source::Images(s) => Ok(s.iter()),
        };
        let raw = raw.unwrap_or_else(|error| Box::new(core::iter::once(Err(error))));
        Samples { set: self, raw, next: 0, left: self.len(), failed: false }
    }

    /// Where the labels are, or would be if there were any.
    pub fn labels(&self) -> Place {
        match &self.source {
            Source::Arrays(s) => s.labels(),
            Source::Table(_) | Source::Images(_) => self.place(),
        }
    }

    /// Where the samples are; of several inputs, where the first is.
    pub fn place(&self) -> Place {
        self.place_of(0)
    }

    /// Where the samples of input `i` are.
    fn place_of(&self, i: usize) -> Place {
        match &self.source {
            Source::Arrays(s) => s.place(i),
            Source::Table(s) => Place::file(s.path()),
            Source::Images(s) => Place::file(s.folder()),
        }
    }
}

impl<'a> IntoIterator for &'a Dataset {
    type Item = Result<Sample, DataError>;
    type IntoIter = Samples<'a>;

    fn into_iter(self) -> Samples<'a> {
        self.iter()
    }
}

/// The samples of a [`Dataset`], from the first; made by [`Dataset::iter`].
pub struct Samples<'a> {
    set: &'a Dataset,
    raw: RawSamples<'a>,
    /// The index of the next stored sample.
    next: usize,
    /// How many are still to be read.
    left: usize,
    failed: bool,
}

impl Samples<'_> {
    fn read(&mut self) -> Result<Sample, DataError> {
        while !self.set.part.has(self.next) {
            self.raw.next().transpose()?;
            self.next += 1;
        }
        let Some(raw) = self.raw.next() else {
            return Err(DataError::damaged(&self.set.place(), "it changed while it was in use"));
        };
        let Raw { x, y, group } = raw?;
        let not_finite = |i| DataError::NotFinite { place: self.set.place_of(i), sample: self.next };
        let fitted = self.set.fits.iter().zip(&x).enumerate();
        let x = fitted.map(|(i, (fit, x))| fit.apply(x).ok_or_else(|| not_finite(i)));
        Ok(Sample { x: x.collect::<Result<_, _>>()?, y, group })
    }
}

impl Iterator for Samples<'_> {
    type Item = Result<Sample, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.left == 0 {
            return None;
        }
        let sample = self.read();
        self.next += 1;
        self.left -= 1;
        self.failed = sample.is_err();
        Some(sample)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, Some(self.left))
    }
}

/// The file, and the split after `.npz:`.
fn split_spec(spec: &str) -> (PathBuf, Option<&str>) {
    match spec.rsplit_once(':') {
        Some((file, split)) if !split.is_empty() && is_npz(file) && !Path::new(spec).exists() => {
            (PathBuf::from(file), Some(split))
        }
        _ => (PathBuf::from(spec), None),
    }
}

fn is_npz(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|e| e.eq_ignore_ascii_case("npz"))
}
