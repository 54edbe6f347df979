//! What a model takes, and how stored samples become that.
//!
//! `x' = (x - mean) / std`, after bringing the channels to where the model has them:
//!
//! ```text
//! NHWC data, NCHW model:  [.., C] -> [C, ..]        NCHW data, NHWC model:  [C, ..] -> [.., C]
//! ```
//!
//! What is absent: resizing and recipes (images only, see `images`) and the model's own quantization.

use super::array::elements;
use super::{ArrayData, DataError, Place, SampleData};
use siskin::prepare::ImageRecord;

/// Where the channels of the *data* are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// First: `[channels, height, width]`, or `[channels, length]`.
    Nchw,
    /// Last: `[height, width, channels]`, or `[length, channels]`.
    Nhwc,
}

impl Layout {
    /// The name in the CLI and in cards.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Nchw => "nchw",
            Self::Nhwc => "nhwc",
        }
    }
}

/// What one model input takes, and how the data differ from it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InputSpec {
    /// The model's input's name, for messages; empty if it does not matter.
    pub name: String,
    /// The model's input shape, including a leading batch of 1 if the model has one.
    pub shape: Vec<usize>,
    /// The layout of the data, if it is not the model's. Data that have the model's shape only when
    /// left as they are stay so.
    pub layout: Option<Layout>,
    /// What is subtracted: nothing, one value, or one per channel.
    pub mean: Vec<f32>,
    /// What is then divided by: nothing, one value, or one per channel.
    pub std: Vec<f32>,
    /// The model takes integers, so that integers stay what they are unless `mean` or `std` is given.
    pub integers: bool,
    /// Ignore labels; in a table every column is a feature.
    pub no_labels: bool,
    /// Scale images bilinearly to the model's height and width instead of refusing other sizes.
    pub resize: bool,
    /// How the model's file makes this input of a picture: what is done with folders of images. Arrays take mean and standard
    /// deviation of it, unless `mean` or `std` says otherwise.
    pub picture: Option<ImageRecord>,
    /// The model's class names: sub-folders of images that are called so count in this order.
    pub classes: Vec<String>,
}

impl InputSpec {
    /// A model of float input `shape`, and data that are stored as it takes them.
    pub fn new(shape: impl Into<Vec<usize>>) -> Self {
        Self { shape: shape.into(), ..Self::default() }
    }

    /// The same for the input called `name`.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self { name: name.into(), ..self }
    }

    /// Checks what does not depend on the data: a layout needs an axis of channels beside another.
    ///
    /// # Errors
    /// [`DataError::Input`] with the input's name and shape.
    pub fn check(&self) -> Result<(), DataError> {
        match self.layout {
            Some(layout) if self.sample_shape().len() < 2 => {
                let option = format!("--layout {}", layout.name());
                Err(self.error(format!("it is no image, so {option} means nothing: leave {option} out")))
            }
            _ => Ok(()),
        }
    }

    /// The shape of one sample, without the batch.
    pub(crate) fn sample_shape(&self) -> &[usize] {
        match self.shape.as_slice() {
            [1, rest @ ..] if !rest.is_empty() => rest,
            whole => whole,
        }
    }

    /// The number of values in one sample; at least 1.
    pub(crate) fn sample_len(&self) -> Result<usize, DataError> {
        elements(&self.shape).filter(|&n| n > 0).ok_or_else(|| self.error("every axis must be fixed and at least 1"))
    }

    /// The shape that data of `self.layout` have when their channels move, if there is a layout.
    fn moved_shape(&self) -> Option<Vec<usize>> {
        let mut shape = self.sample_shape().to_vec();
        let one = usize::from(!shape.is_empty());
        match self.layout? {
            Layout::Nhwc => shape.rotate_left(one),
            Layout::Nchw => shape.rotate_right(one),
        }
        Some(shape)
    }

    /// How samples of the shape `data` become the model's, or `None` if they do not fit.
    pub(crate) fn fit(&self, data: &[usize]) -> Result<Option<Fit>, DataError> {
        let moved = self.moved_shape().is_some_and(|shape| shape == data);
        if !moved && data != self.sample_shape() {
            return Ok(None);
        }
        self.fitted(moved).map(Some)
    }

    /// How samples become the model's whose channels move if there is a layout.
    pub(crate) fn fit_flat(&self) -> Result<Fit, DataError> {
        self.fitted(self.layout.is_some())
    }

    fn fitted(&self, moved: bool) -> Result<Fit, DataError> {
        self.sample_len()?;
        self.check()?;
        let first = match self.layout {
            Some(layout) => moved == (layout == Layout::Nhwc),
            None => self.recipe().map_or_else(|| self.channels_are_first(), |p| p.channels_first == 1),
        };
        let shape = self.sample_shape();
        let channels = if first { shape.first() } else { shape.last() }.copied().unwrap_or(1);
        let (mut mean, mut std) = (self.mean.clone(), self.std.clone());
        if let Some(picture) = self.recipe() {
            let own = |values: [f32; 4]| values.into_iter().take(channels).collect();
            (mean, std) = (own(picture.mean), own(picture.std));
        }
        Ok(Fit {
            channels,
            first,
            moved,
            integers: self.integers && mean.is_empty() && std.is_empty(),
            mean: self.per_channel("mean", &mean, channels, f32::is_finite)?,
            std: self.per_channel("std", &std, channels, |s| s.is_finite() && s > 0.0)?,
        })
    }

    /// The file's own recipe, where nothing was said that replaces it.
    fn recipe(&self) -> Option<&ImageRecord> {
        self.picture.as_ref().filter(|_| self.mean.is_empty() && self.std.is_empty())
    }

    /// Without a layout, the channels are the first axis that has as many entries as there are values.
    fn channels_are_first(&self) -> bool {
        let values = self.mean.len().max(self.std.len());
        let shape = self.sample_shape();
        shape.last() != Some(&values) || shape.first() == Some(&values)
    }

    fn per_channel(
        &self,
        name: &str,
        values: &[f32],
        channels: usize,
        valid: fn(f32) -> bool,
    ) -> Result<Vec<f32>, DataError> {
        if let Some(bad) = values.iter().find(|&&v| !valid(v)) {
            return Err(self.error(format!("{name} cannot be {bad}")));
        }
        match values.len() {
            0 | 1 => Ok(values.to_vec()),
            n if n == channels => Ok(values.to_vec()),
            n => Err(self.error(format!("{name} has {n} values, but should have one, or one for each channel"))),
        }
    }

    pub(crate) fn error(&self, reason: impl Into<String>) -> DataError {
        DataError::Input { name: self.name.clone(), shape: self.shape.clone(), reason: reason.into() }
    }

    /// The data at `place` of shape `found` do not fit.
    pub(crate) fn shape_error(&self, place: &Place, found: &[usize]) -> DataError {
        let shape = self.sample_shape();
        let expected = match self.moved_shape() {
            Some(moved) if moved != shape => format!("{moved:?} or {shape:?}"),
            None if self.fits_with_layout(found, Layout::Nhwc) => format!("{shape:?} (is the data's layout nhwc?)"),
            None if self.fits_with_layout(found, Layout::Nchw) => format!("{shape:?} (is the data's layout nchw?)"),
            _ => format!("{shape:?}"),
        };
        DataError::Shape { place: place.clone(), found: found.to_vec(), expected }
    }

    fn fits_with_layout(&self, found: &[usize], layout: Layout) -> bool {
        let moved = Self { layout: Some(layout), ..self.clone() }.moved_shape();
        moved.is_some_and(|shape| found == shape || found.get(1..) == Some(&shape))
    }
}

/// How stored samples become what the model takes; made by [`InputSpec::fit`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fit {
    channels: usize,
    /// Whether the model's channels are its first axis, else they are its last.
    first: bool,
    /// Whether the data's channels are at the other end.
    moved: bool,
    mean: Vec<f32>,
    std: Vec<f32>,
    /// Whether integers stay integers.
    integers: bool,
}

impl Fit {
    /// The sample that the model takes, or `None` if a value is NaN or infinite.
    pub(crate) fn apply(&self, data: &ArrayData) -> Option<SampleData> {
        if let Some(values) = self.integers.then(|| data.to_i64()).flatten() {
            return Some(SampleData::I64(if self.moved { self.move_channels(&values) } else { values }));
        }
        let mut values = data.to_f32();
        if self.moved {
            values = self.move_channels(&values);
        }
        self.normalize(&mut values);
        values.iter().all(|v| v.is_finite()).then_some(SampleData::F32(values))
    }

    fn move_channels<T: Copy>(&self, values: &[T]) -> Vec<T> {
        // Both layouts are matrices, pixels by channels, of which one is the other's transpose.
        let pixels = values.len() / self.channels;
        let columns = if self.first { self.channels } else { pixels };
        (0..columns).flat_map(|c| values.iter().skip(c).step_by(columns).copied()).collect()
    }

    fn normalize(&self, values: &mut [f32]) {
        if self.mean.is_empty() && self.std.is_empty() {
            return;
        }
        let pixels = values.len() / self.channels;
        for (i, v) in values.iter_mut().enumerate() {
            let channel = if self.first { i / pixels } else { i % self.channels };
            *v = (*v - at(&self.mean, channel, 0.0)) / at(&self.std, channel, 1.0);
        }
    }
}

/// The value of `channel`: the only one, its own, or `none` if there are no values.
fn at(values: &[f32], channel: usize, none: f32) -> f32 {
    match values {
        [] => none,
        [only] => *only,
        each => each.get(channel).copied().unwrap_or(none),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn apply(spec: &InputSpec, shape: &[usize], data: ArrayData) -> SampleData {
        spec.fit(shape).unwrap().unwrap().apply(&data).unwrap()
    }

    fn bytes(n: u8) -> ArrayData {
        ArrayData::U8((0..n).collect())
    }

    #[test]
    fn channels_move_both_ways() {
        let nchw = InputSpec { layout: Some(Layout::Nhwc), ..InputSpec::new([1, 2, 1, 3]) };
        let moved = apply(&nchw, &[1, 3, 2], bytes(6));
        assert_eq!(moved, SampleData::F32(vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0]));

        let nhwc = InputSpec { layout: Some(Layout::Nchw), ..InputSpec::new([1, 1, 3, 2]) };
        let SampleData::F32(moved) = moved else { panic!("floats stay floats") };
        assert_eq!(apply(&nhwc, &[2, 1, 3], ArrayData::F32(moved)), apply(&InputSpec::new([6]), &[6], bytes(6)));
    }

    #[test]
    fn data_in_the_models_own_shape_stay_where_they_are() {
        let spec = InputSpec { layout: Some(Layout::Nhwc), ..InputSpec::new([1, 1, 3, 2]) };
        assert_eq!(apply(&spec, &[1, 3, 2], bytes(6)), SampleData::F32(vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0]));
    }

    #[test]
    fn mean_and_std_apply_per_channel_wherever_the_channels_are() {
        let first = InputSpec { mean: vec![1.0, 2.0], std: vec![2.0], ..InputSpec::new([1, 2, 2]) };
        let first = InputSpec { shape: vec![1, 2, 3], ..first };
        assert_eq!(apply(&first, &[2, 3], bytes(6)), SampleData::F32(vec![-0.5, 0.0, 0.5, 0.5, 1.0, 1.5]));

        let last = InputSpec { shape: vec![1, 3, 2], ..first.clone() };
        assert_eq!(apply(&last, &[3, 2], bytes(6)), SampleData::F32(vec![-0.5, -0.5, 0.5, 0.5, 1.5, 1.5]));

        // The same pixels as `last`, moved: the values belong to the channels, not to the places.
        let moved = InputSpec { layout: Some(Layout::Nhwc), ..first };
        assert_eq!(apply(&moved, &[3, 2], bytes(6)), SampleData::F32(vec![-0.5, 0.5, 1.5, -0.5, 0.5, 1.5]));
    }

    #[test]
    fn integers_stay_integers_for_models_that_take_them() {
        let spec = InputSpec { integers: true, ..InputSpec::new([1, 2]) };
        let tokens = ArrayData::I64(vec![(1 << 53) + 1, -1]);
        assert_eq!(apply(&spec, &[2], tokens), SampleData::I64(vec![(1 << 53) + 1, -1]));
        assert_eq!(apply(&spec, &[2], ArrayData::F32(vec![0.5, 1.0])), SampleData::F32(vec![0.5, 1.0]));
        let scaled = InputSpec { std: vec![2.0], ..spec };
        assert_eq!(apply(&scaled, &[2], bytes(2)), SampleData::F32(vec![0.0, 0.5]));
    }

    #[test]
    fn a_layout_needs_an_image() {
        let spec = InputSpec { layout: Some(Layout::Nhwc), ..InputSpec::new([1, 13]).named("features") };
        let refusal = spec.fit(&[13]).unwrap_err().to_string();
        for word in ["'features'", "[1, 13]", "--layout nhwc"] {
            assert!(refusal.contains(word), "{refusal}");
        }
        assert!(spec.fit_flat().is_err() && InputSpec { layout: None, ..spec }.fit(&[13]).is_ok());
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let refuse = |spec: &InputSpec| spec.fit_flat().unwrap_err().to_string();
        let three = InputSpec { mean: vec![0.0; 3], ..InputSpec::new([1, 2, 4, 4]) };
        assert!(refuse(&three).contains("mean has 3 values"), "{}", refuse(&three));
        let zero = InputSpec { std: vec![0.0], ..InputSpec::new([1, 2]) };
        assert!(refuse(&zero).contains("std cannot be 0"), "{}", refuse(&zero));
        assert!(refuse(&InputSpec::new([1, 0])).contains("at least 1"));
    }

    #[test]
    fn not_finite_is_found_before_and_after_scaling() {
        let fit = |std: f32| InputSpec { std: vec![std], ..InputSpec::new([1]) }.fit_flat().unwrap();
        assert_eq!(fit(1.0).apply(&ArrayData::F32(vec![f32::NAN])), None);
        assert_eq!(fit(1e-30).apply(&ArrayData::F32(vec![1e30])), None);
        assert_eq!(fit(1.0).apply(&ArrayData::F64(vec![1e300])), None);
    }
}
