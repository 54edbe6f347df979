//! The `[quantize]` table.

use crate::quantize::{Method, Options, Rounding, Widths};
use core::fmt::Display;
use core::str::FromStr;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// What a recipe decides of quantization; what it leaves out is the default.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Quantize {
    /// [`Options::method`].
    #[serde(deserialize_with = "word")]
    pub method: Option<Method>,
    /// [`Options::rounding`].
    #[serde(deserialize_with = "word")]
    pub rounding: Option<Rounding>,
    /// [`Widths::bits`].
    pub bits: Option<Bits>,
    /// [`Widths::ends`].
    pub ends: Option<Bits>,
    /// [`Options::equalize`].
    pub equalize: Option<bool>,
    /// [`Options::bias_correction`].
    pub bias_correction: Option<bool>,
    /// [`Widths::layers`].
    pub layers: BTreeMap<String, Bits>,
}

/// A width that weights can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits(pub u8);

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Bits, D::Error> {
        match i64::deserialize(deserializer)? {
            n @ (2..=4 | 8) => Ok(Bits(n as u8)),
            n => Err(D::Error::custom(format!("weights have 8, 4, 3 or 2 bits, not {n}"))),
        }
    }
}

/// A word that a command line has, too.
fn word<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Option<T>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

impl Quantize {
    /// The options, with defaults for what the recipe leaves out.
    #[must_use]
    pub fn options(&self) -> Options {
        let default = Options::default();
        let widths = Widths {
            bits: self.bits.map_or(default.widths.bits, |b| b.0),
            ends: self.ends.map_or(default.widths.ends, |b| b.0),
            layers: self.layers.iter().map(|(name, bits)| (name.clone(), bits.0)).collect(),
        };
        Options {
            method: self.method.unwrap_or(default.method),
            rounding: self.rounding.unwrap_or(default.rounding),
            equalize: self.equalize.unwrap_or(default.equalize),
            bias_correction: self.bias_correction.unwrap_or(default.bias_correction),
            widths,
            ..default
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::super::{Audio, Image, Input, Recipe, TEMPLATE};
    use super::*;

    #[test]
    fn the_template_is_the_default() {
        let recipe: Recipe = toml::from_str(TEMPLATE).unwrap();
        assert!(recipe.input.is_none());
        assert_eq!(format!("{:?}", recipe.quantize.options()), format!("{:?}", Options::default()));
        // Every key is there: one that is new must be written down.
        let Quantize { method, rounding, bits, ends, equalize, bias_correction, layers } = recipe.quantize;
        assert!(method.is_some() && rounding.is_some() && bits.is_some() && ends.is_some());
        assert!(equalize.is_some() && bias_correction.is_some() && layers.is_empty());
    }

    #[test]
    fn its_comments_are_keys_and_defaults() {
        // Each table of an input, uncommented, without what follows it.
        let tables = TEMPLATE.split("# [input]\n").skip(1);
        let tables = tables.map(|t| t.lines().take_while(|l| l.starts_with("# ")).map(|l| &l[2..]).collect::<Vec<_>>());
        let inputs: Vec<Input> = tables
            .map(|lines| toml::from_str::<Recipe>(&format!("[input]\n{}", lines.join("\n"))).unwrap().input.unwrap())
            .collect();
        let [Input::Image(image), Input::Audio(audio)] = inputs.as_slice() else { panic!("{inputs:?}") };
        assert_eq!(format!("{image:?}"), format!("{:?}", Image::default()));
        let least = "[input]\nkind=\"audio\"\nrate=16000\nsamples=16000\nwindow=480\nhop=320\nmels=40\nfft=512\nhigh=8000\n\
                     dct=\"orthonormal\"\n";
        let Some(Input::Audio(least)) = toml::from_str::<Recipe>(least).unwrap().input else { panic!("no sound") };
        let text = |a: &Audio| format!("{a:?}");
        assert_eq!(text(audio), text(&least));
    }

    #[test]
    fn words_become_options_and_mistakes_say_where() {
        let text = "[quantize]\nmethod = \"percentile:99.9\"\nrounding = \"descent\"\nbits = 4\nlayers = { a = 2 }\n";
        let options = toml::from_str::<Recipe>(text).unwrap().quantize.options();
        assert_eq!((options.method, options.rounding), (Method::Percentile(99.9), Rounding::Descent));
        assert_eq!((options.widths.bits, options.widths.ends, options.widths.layers["a"]), (4, 8, 2));
        for (line, word) in [
            ("bitts = 4", "unknown field `bitts`"),
            ("bits = 5", "8, 4, 3 or 2 bits, not 5"),
            ("rounding = \"up\"", "no rounding 'up'"),
            ("method = \"max\"", "`max`"),
            ("layers = { a = 7 }", "not 7"),
        ] {
            let error = toml::from_str::<Recipe>(&format!("[quantize]\n{line}\n")).unwrap_err().to_string();
            assert!(error.contains("line 2") && error.contains(word), "{error}");
        }
    }
}
