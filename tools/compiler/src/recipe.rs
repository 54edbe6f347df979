//! The recipe: a TOML file with decisions that are too many for a command line.
//!
//! ```text
//! [quantize]            how float weights and activations become integers
//! [quantize.layers]     bits of single layers, by name
//! [input]               how the first input is made, stored in the artifact
//! kind = "image"        or "audio"
//! ```
//!
//! [`TEMPLATE`] lists every key of `[quantize]` with its default. What a command line says wins.
//!
//! A word that is not known is an error: a typing mistake should not decide silently.

mod quantize;

pub use quantize::Quantize;

use serde::Deserialize;
use siskin::Shape;
use siskin::prepare::{self, Picture};
use siskin_format::{AudioRecord, ImageRecord, Preparation};
use std::path::Path;

/// A recipe file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// How the first input is made.
    pub input: Option<Input>,
    /// How float weights and activations become integers.
    #[serde(default)]
    pub quantize: Quantize,
}

/// A recipe with every key, its default and what it does; what has no default is a comment.
pub const TEMPLATE: &str = include_str!("recipe/template.toml");

impl Recipe {
    /// Reads a recipe.
    ///
    /// # Errors
    /// A sentence that names the file, the line and the word.
    pub fn read(path: &Path) -> Result<Recipe, String> {
        let fail = |e: &dyn core::fmt::Display| format!("{}: {}", path.display(), e.to_string().trim_end());
        let text = std::fs::read_to_string(path).map_err(|e| fail(&format!("cannot be read: {e}")))?;
        toml::from_str(&text).map_err(|e| fail(&e))
    }
}

/// The `[input]` table.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Input {
    /// A picture.
    Image(Image),
    /// Sound.
    Audio(Audio),
}

/// How a picture becomes an input: `(x - mean) / std`, `x` from 0 to 255.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Image {
    /// One value, or one per channel.
    pub mean: OneOrMany,
    /// One value, or one per channel.
    pub std: OneOrMany,
    /// How pixels are made from more or fewer pixels.
    pub filter: Filter,
    /// What happens to pictures of other proportions.
    pub fit: Fit,
    /// Where the model has the channels.
    pub layout: Layout,
    /// The order of channels.
    pub colour: Colour,
}

impl Default for Image {
    fn default() -> Image {
        Image {
            mean: OneOrMany::One(0.0),
            std: OneOrMany::One(1.0),
            filter: Filter::Antialias,
            fit: Fit::Stretch,
            layout: Layout::Nhwc,
            colour: Colour::Rgb,
        }
    }
}

/// How sound becomes an input; see `FORMAT.md` for what each number does.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the fields of `AudioRecord`, documented there")]
pub struct Audio {
    pub rate: u32,
    pub samples: u32,
    pub window: u32,
    pub hop: u32,
    /// The least power of two that holds a window, if not given.
    pub fft: Option<u32>,
    pub mels: u16,
    #[serde(default)]
    pub coefficients: u16,
    #[serde(default)]
    pub low: f32,
    /// Half the rate, if not given.
    pub high: Option<f32>,
    #[serde(default = "one")]
    pub gain: f32,
    #[serde(default)]
    pub offset: f32,
    #[serde(default)]
    pub floor: f32,
    #[serde(default)]
    pub mean: f32,
    #[serde(default = "one")]
    pub std: f32,
    #[serde(default)]
    pub shape: Window,
    #[serde(default)]
    pub symmetric: bool,
    #[serde(default = "two")]
    pub power: u8,
    #[serde(default)]
    pub scale: MelScale,
    #[serde(default)]
    pub slopes: Slopes,
    #[serde(default)]
    pub unit_area: bool,
    #[serde(default)]
    pub log: Log,
    #[serde(default)]
    pub dct: Option<Dct>,
    #[serde(default)]
    pub order: Order,
}

fn one() -> f32 {
    1.0
}

fn two() -> u8 {
    2
}

/// A number, or a list of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMany {
    /// For all channels.
    One(f32),
    /// For each channel.
    Many(Vec<f32>),
}

impl OneOrMany {
    fn values(&self, name: &str) -> Result<[f32; 4], String> {
        match self {
            OneOrMany::One(v) => Ok([*v; 4]),
            OneOrMany::Many(list) if (1..=4).contains(&list.len()) => {
                let last = list.last().copied().unwrap_or(0.0);
                Ok(core::array::from_fn(|i| list.get(i).copied().unwrap_or(last)))
            }
            OneOrMany::Many(list) => {
                Err(format!("[input] {name} has {} values: give one, or one per channel", list.len()))
            }
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident),+ $(,)? })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        #[expect(missing_docs, reason = "the words speak for themselves")]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }
    )*};
}

words! {
    /// How pixels are made from more or fewer pixels.
    Filter { #[default] Antialias, Bilinear, Nearest }
    /// What happens to pictures of other proportions.
    Fit { #[default] Stretch, Crop, Pad }
    /// Where the model has the channels.
    Layout { #[default] Nhwc, Nchw }
    /// The order of channels.
    Colour { #[default] Rgb, Bgr }
    /// The window that a frame is multiplied by.
    Window { #[default] Hann, Hamming, None }
    /// The scale of pitch.
    MelScale { #[default] Htk, Slaney }
    /// On which scale triangles are straight.
    Slopes { #[default] Hertz, Mel }
    /// The logarithm.
    Log { #[default] Ln, Log10, Db, None }
    /// The cosine transform.
    Dct { #[default] Orthonormal, Htk }
    /// Which axis of the input comes first.
    Order { #[default] FramesFirst, FeaturesFirst }
}

impl Input {
    /// The record for an input of this shape.
    ///
    /// # Errors
    /// A sentence that names the entry, if it does not make such an input.
    pub fn preparation(&self, shape: &Shape) -> Result<Preparation, String> {
        let found = match self {
            Input::Image(image) => Preparation::Image(image.record()?),
            Input::Audio(audio) => Preparation::Audio(audio.record()),
        };
        if !found.is_valid() {
            return Err(format!("[input] holds a number that nothing can be computed with: {found:?}"));
        }
        check_shape(&found, shape)?;
        Ok(found)
    }
}

fn check_shape(preparation: &Preparation, shape: &Shape) -> Result<(), String> {
    match preparation {
        Preparation::Image(record) => {
            let grey = Picture::new(&[0], 1, 1, 1).map_err(|e| e.to_string())?;
            prepare::picture(record, &grey, shape, &mut |_| {}).map_err(|_| {
                format!(
                    "[input] describes a picture, but the model's input is {shape}: give layout = \"nchw\" or \"nhwc\""
                )
            })
        }
        Preparation::Audio(record) => {
            let (frames, features) = (record.frames(), u32::from(record.features()));
            if u64::from(frames) * u64::from(features) == shape.elements() as u64 {
                return Ok(());
            }
            Err(format!("[input] makes {frames} frames of {features} features, but the model's input is {shape}"))
        }
    }
}

impl Image {
    fn record(&self) -> Result<ImageRecord, String> {
        Ok(ImageRecord {
            mean: self.mean.values("mean")?,
            std: self.std.values("std")?,
            filter: self.filter as u8,
            fit: self.fit as u8,
            channels_first: self.layout as u8,
            blue_first: self.colour as u8,
        })
    }
}

impl Audio {
    fn record(&self) -> AudioRecord {
        let shape = match self.shape {
            Window::None => 0,
            Window::Hann => 1,
            Window::Hamming => 2,
        };
        let log = match self.log {
            Log::None => 0,
            Log::Ln => 1,
            Log::Log10 => 2,
            Log::Db => 3,
        };
        let dct = match (self.coefficients, self.dct.unwrap_or_default()) {
            (0, _) => 0,
            (_, Dct::Orthonormal) => 1,
            (_, Dct::Htk) => 2,
        };
        let flags = [self.scale == MelScale::Slaney, self.slopes == Slopes::Mel, self.unit_area];
        AudioRecord {
            rate: self.rate,
            samples: self.samples,
            window: self.window,
            hop: self.hop,
            fft: self.fft.unwrap_or_else(|| self.window.checked_next_power_of_two().unwrap_or(0)),
            mels: self.mels,
            coefficients: self.coefficients,
            low: self.low,
            high: self.high.unwrap_or(self.rate as f32 / 2.0),
            gain: self.gain,
            offset: self.offset,
            floor: self.floor,
            mean: self.mean,
            std: self.std,
            shape: if self.symmetric && shape != 0 { shape | 4 } else { shape },
            power: self.power,
            scale: flags.iter().rev().fold(0, |bits, &flag| bits << 1 | u8::from(flag)),
            log,
            dct,
            features_first: self.order as u8,
            reserved: 0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    fn preparation(text: &str, shape: &[u32]) -> Result<Preparation, String> {
        let recipe: Recipe = toml::from_str(text).map_err(|e| e.to_string())?;
        recipe.input.unwrap().preparation(&Shape::new(shape).unwrap())
    }

    #[test]
    fn a_picture_and_its_shape() {
        let text = "[input]\nkind = \"image\"\nmean = [1, 2, 3]\nstd = 255\nfit = \"crop\"\ncolour = \"bgr\"\n";
        let Preparation::Image(record) = preparation(text, &[1, 8, 9, 3]).unwrap() else { panic!("no image") };
        assert_eq!((record.mean, record.std), ([1.0, 2.0, 3.0, 3.0], [255.0; 4]));
        assert_eq!((record.filter, record.fit, record.channels_first, record.blue_first), (0, 1, 0, 1));
        assert!(preparation(text, &[1, 3, 8, 9]).unwrap_err().contains("nchw"));
        assert!(preparation("[input]\nkind = \"image\"\nstd = 0\n", &[1, 8, 8, 3]).unwrap_err().contains("number"));
        assert!(preparation("[input]\nkind = \"image\"\nfilter = \"cubic\"\n", &[8, 8]).unwrap_err().contains("cubic"));
    }

    #[test]
    fn sound_and_its_frames() {
        let text = "[input]\nkind = \"audio\"\nrate = 16000\nsamples = 16000\nwindow = 480\nhop = 320\nmels = 40\n\
                    coefficients = 10\nlow = 20\nhigh = 4000\noffset = 1e-6\npower = 1\nslopes = \"mel\"\ndct = \"htk\"\n";
        let Preparation::Audio(record) = preparation(text, &[1, 49, 10, 1]).unwrap() else { panic!("no sound") };
        assert_eq!((record.fft, record.scale, record.dct, record.shape), (512, 2, 2, 1));
        assert!(preparation(text, &[1, 49, 40]).unwrap_err().contains("49 frames of 10 features"));
        let misspelt = text.replace("hop", "stride");
        assert!(preparation(&misspelt, &[1, 49, 10, 1]).unwrap_err().contains("stride"));
    }
}
