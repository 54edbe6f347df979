//! What a monitor tells: aggregates of everything that it saw, in bytes that merge across devices.
//!
//! ```text
//! ReportHead | Health | FeatureTotals … | CRC-32 of all before, u32
//! ```
//!
//! Every number is a sum, or a union for sets, so merging is associative and commutative, and merged reports of devices
//! that shared a stream are the report of one device that saw all of it, but for the number of devices and their alarms.

use crate::{BINS, MAX_FEATURES, crc32};
use bytemuck::{Pod, Zeroable};

/// The fixed part of a report.
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct ReportHead {
    magic: [u8; 4],
    /// 1.
    pub version: u16,
    /// [`FeatureTotals`] that follow.
    pub features: u16,
    /// CRC-32 of the monitor section: reports merge if it is the same.
    pub identity: u32,
    /// Devices, or lives of a device between resets.
    pub devices: u32,
    /// Devices on which an alarm stood.
    pub alarmed: u32,
    /// Alarms.
    pub alarms: u32,
    /// Inferences.
    pub seen: u64,
    /// The features that standing alarms named, as a set.
    pub named: u64,
}

impl ReportHead {
    const MAGIC: [u8; 4] = *b"srpt";

    /// The head of an empty report.
    #[must_use]
    pub fn new(features: u16) -> ReportHead {
        ReportHead { magic: ReportHead::MAGIC, version: 1, features, ..ReportHead::zeroed() }
    }
}

/// Counters beside the statistics, which the program fills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct Health {
    /// Inferences by duration: bin `i` counts those of `2^i` to `2^(i+1) - 1` of the program's units, bin 15 all longer ones.
    pub latency: [u32; BINS],
    /// Counters that the program names.
    pub kpis: [u32; 8],
    /// Inferences whose confidence lay below the artifact's threshold.
    pub abstained: u32,
    /// Self-tests passed.
    pub passed: u32,
    /// Self-tests failed.
    pub failed: u32,
    /// Inferences more confident than [`crate::MonitorRecord::confident`].
    pub confident: u32,
    /// Inferences farther from every prototype than [`crate::MonitorRecord::distance`].
    pub unlike: u32,
    /// Inferences whose right class came later.
    pub labelled: u32,
    /// Those of them that were right.
    pub right: u32,
    /// Zero.
    pub reserved: u32,
}

impl Health {
    /// Counts an inference that took `units` of the program's clock.
    pub fn took(&mut self, units: u32) {
        let bin = units.checked_ilog2().and_then(|bin| usize::try_from(bin).ok()).unwrap_or(0).min(15);
        if let Some(count) = self.latency.get_mut(bin) {
            *count = count.saturating_add(1);
        }
    }

    fn add(&mut self, other: &Health) {
        add_all(&mut self.latency, &other.latency);
        add_all(&mut self.kpis, &other.kpis);
        for (a, b) in [
            (&mut self.abstained, other.abstained),
            (&mut self.passed, other.passed),
            (&mut self.failed, other.failed),
            (&mut self.confident, other.confident),
            (&mut self.unlike, other.unlike),
            (&mut self.labelled, other.labelled),
            (&mut self.right, other.right),
        ] {
            *a = a.saturating_add(b);
        }
    }
}

/// What was counted of one feature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub struct FeatureTotals {
    /// How often it fell into each bin; exact until a device's counter of 16 bits was halved.
    pub counts: [u32; BINS],
    /// The sum of its values.
    pub sum: i64,
    /// The sum of their squares.
    pub squares: u64,
}

impl FeatureTotals {
    fn add(&mut self, other: &FeatureTotals) {
        add_all(&mut self.counts, &other.counts);
        self.sum = self.sum.saturating_add(other.sum);
        self.squares = self.squares.saturating_add(other.squares);
    }
}

fn add_all(to: &mut [u32], from: &[u32]) {
    for (a, b) in to.iter_mut().zip(from) {
        *a = a.saturating_add(*b);
    }
}

const HEAD: usize = size_of::<ReportHead>();
const HEALTH: usize = size_of::<Health>();
const TOTALS: usize = size_of::<FeatureTotals>();

/// Why a report is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// It is no report, cut short, damaged, or of another version.
    Malformed,
    /// It belongs to another model, or to another reference of the same.
    Foreign,
}

impl core::fmt::Display for ReportError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            ReportError::Malformed => "no report, or one that is damaged or of another version",
            ReportError::Foreign => "the report of another model or reference: only reports of one artifact merge",
        })
    }
}

impl core::error::Error for ReportError {}

/// A checked report.
#[derive(Clone, Copy, Debug)]
pub struct Totals<'a>(&'a [u8]);

impl<'a> Totals<'a> {
    /// Bytes of a report.
    #[must_use]
    #[allow(clippy::as_conversions, reason = "`From` is not const")]
    pub const fn len(features: u16) -> usize {
        (features as usize).saturating_mul(TOTALS).saturating_add(HEAD).saturating_add(HEALTH).saturating_add(4)
    }

    /// Checks a report; it may begin anywhere in memory.
    ///
    /// # Errors
    /// [`ReportError::Malformed`].
    pub fn new_checked(bytes: &'a [u8]) -> Result<Totals<'a>, ReportError> {
        let whole = || {
            let head: ReportHead = record(bytes, 0)?;
            let (body, crc) = bytes.split_last_chunk::<4>()?;
            let known = head.magic == ReportHead::MAGIC && head.version == 1 && head.features <= MAX_FEATURES;
            let right = bytes.len() == Totals::len(head.features) && u32::from_le_bytes(*crc) == crc32(body);
            (known && right).then_some(Totals(bytes))
        };
        whole().ok_or(ReportError::Malformed)
    }

    /// Writes a report and returns its length; nothing if `out` is too short.
    pub fn write(
        out: &mut [u8],
        head: &ReportHead,
        health: &Health,
        feature: impl Fn(usize) -> FeatureTotals,
    ) -> Option<usize> {
        let len = Totals::len(head.features);
        let (body, crc) = out.get_mut(..len)?.split_last_chunk_mut::<4>()?;
        put(body, 0, head)?;
        put(body, HEAD, health)?;
        for i in 0..usize::from(head.features) {
            put(body, place(i), &feature(i))?;
        }
        *crc = crc32(body).to_le_bytes();
        Some(len)
    }

    /// Writes the sum of two reports.
    ///
    /// # Errors
    /// [`ReportError::Foreign`], or [`ReportError::Malformed`] if `out` is too short.
    pub fn merge(&self, other: &Totals<'_>, out: &mut [u8]) -> Result<usize, ReportError> {
        let (mut head, b) = (self.head(), other.head());
        if (head.identity, head.features) != (b.identity, b.features) {
            return Err(ReportError::Foreign);
        }
        head.devices = head.devices.saturating_add(b.devices);
        head.alarmed = head.alarmed.saturating_add(b.alarmed);
        head.alarms = head.alarms.saturating_add(b.alarms);
        head.seen = head.seen.saturating_add(b.seen);
        head.named |= b.named;
        let mut health = self.health();
        health.add(&other.health());
        let sum = |i| {
            let mut totals = self.feature(i);
            totals.add(&other.feature(i));
            totals
        };
        Totals::write(out, &head, &health, sum).ok_or(ReportError::Malformed)
    }

    /// The fixed part.
    #[must_use]
    pub fn head(&self) -> ReportHead {
        record(self.0, 0).unwrap_or(ReportHead::zeroed())
    }

    /// The counters.
    #[must_use]
    pub fn health(&self) -> Health {
        record(self.0, HEAD).unwrap_or_default()
    }

    /// The totals of feature `i`; zeros if there is none.
    #[must_use]
    pub fn feature(&self, i: usize) -> FeatureTotals {
        record(self.0, place(i)).unwrap_or_default()
    }
}

fn place(feature: usize) -> usize {
    feature.saturating_mul(TOTALS).saturating_add(HEAD).saturating_add(HEALTH)
}

/// The record at `at`, wherever it lies in memory.
fn record<T: Pod>(bytes: &[u8], at: usize) -> Option<T> {
    bytemuck::try_pod_read_unaligned(bytes.get(at..)?.get(..size_of::<T>())?).ok()
}

fn put<T: Pod>(bytes: &mut [u8], at: usize, record: &T) -> Option<()> {
    bytes.get_mut(at..)?.get_mut(..size_of::<T>())?.copy_from_slice(bytemuck::bytes_of(record));
    Some(())
}
