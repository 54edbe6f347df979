//! Range observers: watch a tensor's values over the calibration data and say what int8 should cover.
//!
//! ```text
//! pass one: observe_range ------> min, max
//! pass two: observe_histogram --> 2048 counts over [min, max] stretched to include 0
//! then:     range(method) ------> Range -> QuantParams { scale, zero_point }
//! ```
//!
//! | method | the range is |
//! |---|---|
//! | `minmax` | all that was seen |
//! | `percentile:P` | the central `P` percent of the values |
//! | `mse` | where the expected squared quantization error is least |
//! | `entropy` | where the quantized distribution diverges least from the original (Kullback-Leibler) |
//!
//! Memory is the same for one value and for a billion: 16 KiB per tensor, and that only in pass two.
//! Every range includes 0, so that padding and `ReLU` are exact.
//!
//! Values that are not finite are skipped: whoever reads the data must have refused them by name.
//!
//! Absent: moving averages over batches (the result would depend on their order) and symmetric activations.

mod channel_mean;
mod entropy;
mod histogram;
mod minmax;
mod mse;
mod params;
mod percentile;
#[cfg(test)]
mod tests;
mod weights;

pub use channel_mean::ChannelMean;
pub use params::{QuantParams, Range};
pub use weights::{max_abs_scales, weight_scales};

use core::{fmt, str::FromStr};

use histogram::Histogram;
use minmax::MinMax;

/// How the range of an activation is chosen; see the module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Method {
    /// Everything that was seen.
    MinMax,
    /// The central part of the values, in percent: above 0, at most 100. Each tail loses half of the rest.
    Percentile(f64),
    /// The least expected squared error.
    Mse,
    /// The least Kullback-Leibler divergence.
    Entropy,
}

/// A calibration method that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown calibration method `{0}`; use minmax, percentile:P (0 < P <= 100, say percentile:99.99), mse or entropy"
)]
pub struct UnknownMethod(String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(text: &str) -> Result<Self, UnknownMethod> {
        let percent = || text.strip_prefix("percentile:")?.parse().ok().filter(|p| *p > 0.0 && *p <= 100.0);
        match text {
            "minmax" => Ok(Self::MinMax),
            "mse" => Ok(Self::Mse),
            "entropy" => Ok(Self::Entropy),
            _ => percent().map(Self::Percentile).ok_or_else(|| UnknownMethod(text.into())),
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MinMax => f.write_str("minmax"),
            Self::Percentile(percent) => write!(f, "percentile:{percent}"),
            Self::Mse => f.write_str("mse"),
            Self::Entropy => f.write_str("entropy"),
        }
    }
}

/// Watches one tensor in two passes over the same data.
#[derive(Debug, Clone, Default)]
pub struct Observer {
    seen: MinMax,
    histogram: Option<Histogram>,
}

impl Observer {
    /// Has seen nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Pass one: finds the smallest and the largest value.
    pub fn observe_range(&mut self, values: &[f32]) {
        self.seen.observe(values);
    }

    /// The smallest and the largest value so far; nothing before the first.
    #[must_use]
    pub fn extremes(&self) -> Option<[f32; 2]> {
        self.seen.extremes()
    }

    /// Pass two: counts. What pass one did not cover counts in the outermost bins.
    pub fn observe_histogram(&mut self, values: &[f32]) {
        self.histogram.get_or_insert_with(|| Histogram::new(self.seen.range())).observe(values);
    }

    /// The range that `method` chooses; it includes 0, and lies within what pass one saw stretched to 0.
    ///
    /// Without a pass two, or if all values are 0, that is everything seen; `[0, 0]` if nothing was.
    #[must_use]
    pub fn range(&self, method: Method) -> Range {
        let seen = self.seen.range();
        let Some(histogram) = self.histogram.as_ref().filter(|h| h.width() > 0.0 && h.total() > 0) else { return seen };
        let range = match method {
            Method::MinMax => seen,
            Method::Percentile(percent) => percentile::range(histogram, percent),
            Method::Mse => mse::range(histogram, seen),
            Method::Entropy => entropy::range(histogram),
        };
        // Bin edges are computed: they may lie a rounding error outside.
        Range::new(range.min.max(seen.min), range.max.min(seen.max))
    }
}
