//! What a monitor compares with: the features that it watches, their reference histograms, and how scores become confidence.
//!
//! ```text
//! section: MonitorRecord | FeatureRecord … | odds: [f32; 16] per alternative, ALTERNATIVES per table | prototypes: i8
//! ```
//!
//! The section is ignorable: a model runs without it. It is checked when a monitor is made, so a program without one
//! links nothing of this.

use crate::{ABSENT, FormatError};
use bytemuck::{Pod, Zeroable};

/// Bins of a histogram.
pub const BINS: usize = 16;
/// Fixed alternatives of a table of odds.
pub const ALTERNATIVES: usize = 4;
/// The most features: a set of them is a `u64`.
pub const MAX_FEATURES: u16 = 64;

/// The likelihood of each bin under each alternative, divided by that under the reference.
pub type Odds = [[f32; BINS]; ALTERNATIVES];

/// The fixed part of the section, as it lies in the file.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct MonitorRecord {
    /// 1.
    pub version: u16,
    /// [`FeatureRecord`]s that follow, 1 to [`MAX_FEATURES`].
    pub features: u16,
    /// Tables of odds after them.
    pub tables: u16,
    /// What the memory holds beside histograms: [`MonitorRecord::ADAPT`], [`MonitorRecord::MOMENTS`], [`MonitorRecord::HEALTH`].
    pub parts: u16,
    /// Bytes of memory that a monitor needs.
    pub memory_len: u32,
    /// Inferences from one look of the detectors to the next, at least 1; more than 1 for streams that are autocorrelated.
    pub stride: u32,
    /// Samples of the reference.
    pub samples: u32,
    /// Independent samples that the reference is worth.
    pub effective: u32,
    /// Mean inferences between false alarms that the threshold was calibrated for.
    pub arl: u32,
    /// Alarm when the mean evidence reaches this; finite, more than 0.
    pub threshold: f32,
    /// Multiplies the adaptive detector's evidence, 0 to 1: what learning pays for a reference of finite size.
    pub correction: f32,
    /// The tensor of class scores; [`ABSENT`] for a model that does not classify.
    pub scores: u16,
    /// The number of operators that have run when the scores are read.
    pub after: u16,
    /// The stored score that stands for a logit of 0.
    pub zero: i32,
    /// Stored scores less `zero`, times this, are logits divided by the temperature.
    pub gain: f32,
    /// A class belongs to the prediction set from this probability on.
    pub quantile: f32,
    /// Abstain below this confidence.
    pub abstain: f32,
    /// The temperature.
    pub temperature: f32,
    /// The probability that the prediction set holds the right class.
    pub coverage: f32,
    /// What weighs the evidence: [`MonitorRecord::E_DETECTOR`] and those after it.
    pub detector: u16,
    /// Prototypes after the tables: what inputs of the reference look like in the layer that the feature of distances watches.
    pub prototypes: u16,
    /// Looks that a window of a detector on windows takes; 0 for the others.
    pub window: u32,
    /// An input farther from every prototype than this is unlike the reference.
    pub distance: u32,
    /// As many of the reference were more confident than this as were right: what estimates accuracy without labels.
    pub confident: f32,
    /// Features that detectors look at.
    pub weighed: u16,
    /// Zero.
    pub reserved: u16,
}

impl MonitorRecord {
    /// The memory holds the adaptive detector.
    pub const ADAPT: u16 = 1;
    /// The memory holds sums and sums of squares.
    pub const MOMENTS: u16 = 2;
    /// The memory holds counters, latencies and KPIs.
    pub const HEALTH: u16 = 4;

    /// Shiryaev and Roberts over fixed alternatives, and over a learned one: the mean of all evidence counts.
    pub const E_DETECTOR: u16 = 0;
    /// CUSUM over the fixed alternatives: the greatest counts, as from here on.
    pub const CUSUM: u16 = 1;
    /// Windows: the population stability index.
    pub const PSI: u16 = 2;
    /// Windows: Pearson's chi-square.
    pub const CHI_SQUARE: u16 = 3;
    /// Windows: the distance of Kolmogorov and Smirnov.
    pub const KS: u16 = 4;
    /// Windows: Wasserstein's distance, in bins.
    pub const WASSERSTEIN: u16 = 5;

    /// Whether the detector judges windows.
    #[must_use]
    pub const fn is_windowed(&self) -> bool {
        self.detector >= MonitorRecord::PSI
    }

    /// The longest window: what its counts hold.
    pub const LONGEST: u32 = 65_535;

    fn is_valid(&self) -> bool {
        let share = |v: f32| (0.0..=1.0).contains(&v);
        let positive = |v: f32| v.is_finite() && v > 0.0;
        self.version == 1
            && (1..=MAX_FEATURES).contains(&self.features)
            && self.parts & !(MonitorRecord::ADAPT | MonitorRecord::MOMENTS | MonitorRecord::HEALTH) == 0
            && self.stride > 0
            && positive(self.threshold)
            && share(self.correction)
            && (self.scores == ABSENT || (positive(self.gain) && positive(self.temperature)))
            && [self.quantile, self.abstain, self.coverage, self.confident].into_iter().all(share)
            && self.detector <= MonitorRecord::WASSERSTEIN
            && self.is_windowed() == (1..=MonitorRecord::LONGEST).contains(&self.window)
            && (self.detector == MonitorRecord::E_DETECTOR || self.parts & MonitorRecord::ADAPT == 0)
    }
}

/// One feature: a number computed from a tensor, and how often it fell into each bin of the reference.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct FeatureRecord {
    /// The tensor; that of the scores for what is computed from them.
    pub tensor: u16,
    /// The number of operators that have run when it is read: 0 for an input. Features stand in this order.
    pub after: u16,
    /// What is computed, see `FORMAT.md`.
    pub statistic: u8,
    /// The table of odds; [`FeatureRecord::NO_TABLE`] for a feature without order, such as the class.
    pub table: u8,
    /// Which channel, column or group of them this is, for people.
    pub index: u16,
    /// The first element of the region.
    pub start: u32,
    /// Rows of the region.
    pub rows: u32,
    /// Elements from one row to the next.
    pub row_stride: u32,
    /// Elements of a row.
    pub columns: u32,
    /// Elements from one of a row to the next.
    pub column_stride: u32,
    /// Real values are divided by this and cut to a whole number within ±255; 1 for integers.
    pub step: f32,
    /// The smallest value of bins 1 to 15, in order; `i32::MAX` for bins that are not used.
    pub cuts: [i32; BINS - 1],
    /// The reference's probability of each bin, in 1/65535; they sum to 65535 and none is 0.
    pub reference: [u16; BINS],
}

impl FeatureRecord {
    /// The `table` of a feature that has none.
    pub const NO_TABLE: u8 = 255;
    /// The `table` of a feature that is counted, and no evidence.
    pub const COUNTED: u8 = 254;

    /// Whether detectors look at it.
    #[must_use]
    pub const fn is_weighed(&self) -> bool {
        self.table != FeatureRecord::COUNTED
    }

    fn is_valid(&self, tables: u16) -> bool {
        let sum: u32 = self.reference.iter().fold(0, |sum, &p| sum.saturating_add(p.into()));
        let table = self.table >= FeatureRecord::COUNTED || u16::from(self.table) < tables;
        table
            && self.step.is_finite()
            && self.step > 0.0
            && self.cuts.is_sorted()
            && sum == 65_535
            && !self.reference.contains(&0)
    }

    /// The bin of a value.
    #[must_use]
    pub fn bin(&self, value: i32) -> usize {
        self.cuts.iter().filter(|&&cut| cut <= value).count()
    }
}

/// A checked monitor section.
#[derive(Clone, Copy, Debug)]
pub struct Baseline<'a> {
    /// The fixed part.
    pub record: &'a MonitorRecord,
    /// The features, in the order in which they are read.
    pub features: &'a [FeatureRecord],
    /// The tables of odds.
    pub odds: &'a [Odds],
    /// The prototypes, one after the other.
    pub prototypes: &'a [i8],
    /// CRC-32 of the section: what a saved monitor or a report belongs to.
    pub identity: u32,
}

impl<'a> Baseline<'a> {
    /// Checks a section: its length, and every number in it.
    ///
    /// # Errors
    /// [`FormatError::Monitor`].
    pub fn new_checked(section: &'a [u8]) -> Result<Baseline<'a>, FormatError> {
        Baseline::view(section).ok_or(FormatError::Monitor)
    }

    fn view(section: &'a [u8]) -> Option<Baseline<'a>> {
        let (record, rest) = section.split_at_checked(size_of::<MonitorRecord>())?;
        let record: &MonitorRecord = bytemuck::try_from_bytes(record).ok()?;
        let (features, odds) =
            rest.split_at_checked(usize::from(record.features).checked_mul(size_of::<FeatureRecord>())?)?;
        let features: &[FeatureRecord] = bytemuck::try_cast_slice(features).ok()?;
        let tables = usize::from(record.tables).checked_mul(size_of::<Odds>())?;
        let (odds, prototypes) = odds.split_at_checked(tables)?;
        let odds: &[Odds] = bytemuck::try_cast_slice(odds).ok()?;
        let likely = odds.iter().flatten().flatten().all(|v| v.is_finite() && *v >= 0.0);
        let valid = record.is_valid()
            && likely
            && features.iter().filter(|f| f.is_weighed()).count() == usize::from(record.weighed)
            && record.reserved == 0
            && prototypes.len().checked_rem(record.prototypes.into()).map_or(prototypes.is_empty(), |rest| rest == 0)
            && features.is_sorted_by_key(|f| f.after)
            && features.iter().all(|f| f.is_valid(record.tables));
        valid.then(|| Baseline {
            record,
            features,
            odds,
            prototypes: bytemuck::cast_slice(prototypes),
            identity: crate::crc32(section),
        })
    }

    /// The bytes of a section.
    #[cfg(feature = "write")]
    #[must_use]
    pub fn write(
        record: &MonitorRecord,
        features: &[FeatureRecord],
        odds: &[Odds],
        prototypes: &[i8],
    ) -> alloc::vec::Vec<u8> {
        let parts = [
            bytemuck::bytes_of(record),
            bytemuck::cast_slice(features),
            bytemuck::cast_slice(odds),
            bytemuck::cast_slice(prototypes),
        ];
        parts.concat()
    }
}
