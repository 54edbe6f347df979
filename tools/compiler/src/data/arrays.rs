//! A data set in numpy's files: `x`, `y` and `group` of an `.npz`, or `x` alone in an `.npy`.
//!
//! ```text
//! x      [n, ..model input]      y      [n] or [n, 1] integers: classes; otherwise targets [n, ..]
//! group  [n] integers            FILE.npz:train reads x_train, y_train and group_train
//! ```
//!
//! An `x` of the model's own shape is one sample. Where there is no `x`, the array may be called as the model's input is.
//! A model of several inputs takes an array for each, called as the input is.
//!
//! What is absent: names other than these, and groups that are not numbers.

use std::path::Path;

use super::array::elements;
use super::dataset::{Raw, RawSamples, Target};
use super::input::Fit;
use super::npy::Header;
use super::rows::Stored;
use super::{ArrayData, DType, DataError, InputSpec, Place, npz};

/// A data set in one numpy file.
#[derive(Debug)]
pub(crate) struct Arrays {
    inputs: Vec<Input>,
    y: Option<Labels>,
    group: Option<Labels>,
    len: usize,
}

/// The array of one input, with the number of values for one sample.
#[derive(Debug)]
struct Input {
    stored: Stored,
    row: usize,
}

impl Arrays {
    /// Opens the `.npy` at `path`.
    pub(crate) fn open_npy(path: &Path, spec: &InputSpec) -> Result<(Self, Vec<Fit>), DataError> {
        Self::new(vec![Stored::npy(path)?], None, None, core::slice::from_ref(spec))
    }

    /// Opens the `.npz` at `path`, of whose arrays only those of `split` are taken.
    pub(crate) fn open_npz(
        path: &Path,
        split: Option<&str>,
        specs: &[InputSpec],
    ) -> Result<(Self, Vec<Fit>), DataError> {
        let names = npz::names(&npz::open(path)?);
        let full = |name: &str| split.map_or(name.to_owned(), |split| format!("{name}_{split}"));
        let find = |name: &str| {
            let name = full(name);
            names.contains(&name).then(|| Stored::member(path, &name)).transpose()
        };
        let mut inputs = Vec::new();
        for spec in specs {
            let wanted: &[&str] = match (specs, spec.name.as_str()) {
                ([_], "" | "y" | "group") => &["x"],
                ([_], name) => &["x", name],
                (_, name) => &[name],
            };
            let found = wanted.iter().map(|name| find(name)).find_map(Result::transpose).transpose()?;
            inputs.push(found.ok_or_else(|| no_samples(path, full(wanted.first().copied().unwrap_or("x")), &names))?);
        }
        // An array that an input takes is no label.
        let other =
            |name: &str| if specs.len() > 1 && specs.iter().any(|s| s.name == name) { Ok(None) } else { find(name) };
        let y = if specs.iter().any(|s| s.no_labels) { None } else { other("y")? };
        Self::new(inputs, y, other("group")?, specs)
    }

    fn new(
        arrays: Vec<Stored>,
        y: Option<Stored>,
        group: Option<Stored>,
        specs: &[InputSpec],
    ) -> Result<(Self, Vec<Fit>), DataError> {
        let (mut inputs, mut fits) = (Vec::new(), Vec::new());
        let mut first: Option<(usize, bool)> = None;
        for (stored, spec) in arrays.into_iter().zip(specs) {
            let row = spec.sample_len()?;
            let (len, single, fit) = batch(&stored, spec)?;
            if len == 0 {
                return Err(DataError::Empty(stored.place));
            }
            let (samples, _) = *first.get_or_insert((len, single));
            if len != samples {
                return Err(DataError::Length { place: stored.place, found: len, samples });
            }
            inputs.push(Input { stored, row });
            fits.push(fit);
        }
        let (len, single) = first.unwrap_or_default();
        let labels = |stored: Option<Stored>| stored.map(|s| Labels::new(s, len, single)).transpose();
        let (y, group) = (labels(y)?, labels(group)?);
        if let Some(group) = group.as_ref().filter(|g| !g.are_classes()) {
            return Err(group.not("one integer for each sample"));
        }
        Ok((Self { inputs, y, group, len }, fits))
    }

    /// The number of samples.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The element type of the first input.
    pub(crate) fn dtype(&self) -> Option<DType> {
        self.inputs.first().map(|x| x.stored.header.dtype)
    }

    /// What the array of input `i` is called.
    pub(crate) fn place(&self, i: usize) -> Place {
        self.inputs.get(i).map_or_else(|| Place::file(Path::new("")), |x| x.stored.place.clone())
    }

    /// What `y` is called, or would be.
    pub(crate) fn labels(&self) -> Place {
        let Place { path, array } = self.place(0);
        let beside = |x: String| if x.starts_with('x') { x.replacen('x', "y", 1) } else { "y".into() };
        Place { path, array: array.map(beside) }
    }

    /// Whether there is a `y`.
    pub(crate) fn is_labelled(&self) -> bool {
        self.y.is_some()
    }

    /// Reads all samples, from the first.
    pub(crate) fn iter(&self) -> Result<RawSamples<'_>, DataError> {
        let rows = self.inputs.iter().map(|x| x.stored.rows(self.len, x.row));
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        let mut y = self.y.as_ref().map(|y| y.iter(self.len)).transpose()?;
        let mut group = self.group.as_ref().map(|g| g.iter(self.len)).transpose()?;
        Ok(Box::new((0..self.len).map(move |_| {
            // As many rows as samples: none ends before the others.
            let x = rows.iter_mut().filter_map(Iterator::next).collect::<Result<Vec<_>, _>>()?;
            let y = y.as_mut().and_then(Iterator::next).transpose()?;
            let group = group.as_mut().and_then(Iterator::next).transpose()?;
            Ok(Raw { x, y, group: group.and_then(|g| g.class()) })
        })))
    }
}

/// Labels, or groups, with the number of values for one sample.
#[derive(Debug)]
struct Labels {
    stored: Stored,
    row: usize,
}

impl Labels {
    /// Labels of `samples` samples; without an axis for the samples if `single`.
    fn new(stored: Stored, samples: usize, single: bool) -> Result<Self, DataError> {
        let shape = stored.header.shape.as_slice();
        let (found, each) = match shape {
            [n, each @ ..] if !single => (*n, each),
            whole => (1, whole),
        };
        let row = elements(each).unwrap_or(0);
        if found != samples || row == 0 {
            let found = if row == 0 { 0 } else { found };
            return Err(DataError::Length { place: stored.place, found, samples });
        }
        Ok(Self { stored, row })
    }

    /// Whether each label is one integer.
    fn are_classes(&self) -> bool {
        self.row == 1 && self.stored.header.dtype.is_integer()
    }

    fn iter(&self, samples: usize) -> Result<impl Iterator<Item = Result<Target, DataError>>, DataError> {
        let rows = self.stored.rows(samples, self.row)?;
        Ok(rows.enumerate().map(|(sample, row)| self.target(&row?, sample)))
    }

    fn target(&self, row: &ArrayData, sample: usize) -> Result<Target, DataError> {
        if self.are_classes() {
            let class = row.to_i64().and_then(|v| v.first().copied());
            return class.map(Target::Class).ok_or_else(|| self.not("integers below 2^63"));
        }
        let values = row.to_f32();
        if values.iter().all(|v| v.is_finite()) {
            return Ok(Target::Values(values));
        }
        Err(DataError::NotFinite { place: self.stored.place.clone(), sample })
    }

    fn not(&self, expected: &'static str) -> DataError {
        let Header { dtype, shape, .. } = &self.stored.header;
        let dtype = format!("{} values of shape {shape:?}", dtype.name());
        DataError::DType { place: self.stored.place.clone(), dtype, expected }
    }
}

/// The number of samples in `x`, whether the axis that counts them is missing, and how they fit.
fn batch(x: &Stored, spec: &InputSpec) -> Result<(usize, bool, Fit), DataError> {
    let shape = x.header.shape.as_slice();
    if let [n, sample @ ..] = shape
        && let Some(fit) = spec.fit(sample)?
    {
        return Ok((*n, false, fit));
    }
    match spec.fit(shape)? {
        Some(fit) => Ok((1, true, fit)),
        None => Err(spec.shape_error(&x.place, shape)),
    }
}

fn no_samples(path: &Path, wanted: String, names: &[String]) -> DataError {
    let quoted: Vec<_> = names.iter().map(|name| format!("'{name}'")).collect();
    let mut present = match quoted.as_slice() {
        [] => "it has no arrays".to_owned(),
        quoted => format!("it has {}", quoted.join(", ")),
    };
    if let Some(split) = names.iter().find_map(|name| name.strip_prefix("x_")) {
        present += &format!(": name a split, as in {}:{split}", path.display());
    }
    DataError::MissingArray { path: path.to_owned(), wanted, present }
}
