//! A monitor's memory: one plain record of a size that the artifact states.
//!
//! ```text
//! Head | Moments per feature | detectors per weighed feature: Shift | Adapt | Cusum | Window | Health | counts per feature
//! ```
//!
//! A part that the artifact leaves out takes no bytes. The bytes are what is saved: a checksum and the section's identity
//! tell whether they may be taken up again.

use super::adapt::Adapt;
use super::cusum::Cusum;
use super::detect::{Detector, Seen};
use super::shift::Shift;
use super::window::Window;
use bytemuck::{Pod, Zeroable};
use siskin_format::{BINS, Baseline, Health, MonitorRecord, crc32};

/// What every record begins with: `smn` and the layout's version.
const MAGIC: u32 = u32::from_le_bytes(*b"smn\x01");

/// The fixed part.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Head {
    magic: u32,
    identity: u32,
    checksum: u32,
    /// How often all counts were halved, because one had come to its end.
    pub halvings: u16,
    /// Alarms so far.
    pub alarms: u16,
    /// Inferences so far.
    pub seen: u64,
    /// The inference at which the alarm came that stands; 0 if none does.
    pub alarm_at: u64,
}

/// The sum of a feature's values and of their squares.
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Moments {
    pub sum: i64,
    pub squares: u64,
}

impl Moments {
    pub(super) fn add(&mut self, value: i32) {
        let v = i64::from(value);
        self.sum = self.sum.saturating_add(v);
        self.squares = self.squares.saturating_add(v.unsigned_abs().saturating_mul(v.unsigned_abs()));
    }
}

/// How often a feature fell into each bin.
pub(super) type Counts = [u16; BINS];

/// The memory, cut into its parts.
#[derive(Debug)]
pub(super) struct Parts<'m> {
    pub head: &'m mut Head,
    pub moments: &'m mut [Moments],
    shift: &'m mut [Shift],
    adapt: &'m mut [Adapt],
    cusum: &'m mut [Cusum],
    window: &'m mut [Window],
    /// One or none.
    pub health: &'m mut [Health],
    pub counts: &'m mut [Counts],
}

/// How many of each part a record has.
struct Numbers {
    moments: usize,
    shift: usize,
    adapt: usize,
    cusum: usize,
    window: usize,
    health: usize,
    counts: usize,
}

impl Numbers {
    fn of(record: &MonitorRecord) -> Numbers {
        let (features, weighed) = (usize::from(record.features), usize::from(record.weighed));
        let of = |has: bool, n: usize| if has { n } else { 0 };
        let part = |part: u16| record.parts & part != 0;
        Numbers {
            moments: of(part(MonitorRecord::MOMENTS), features),
            shift: of(record.detector == MonitorRecord::E_DETECTOR, weighed),
            adapt: of(part(MonitorRecord::ADAPT), weighed),
            cusum: of(record.detector == MonitorRecord::CUSUM, weighed),
            window: of(record.is_windowed(), weighed),
            health: of(part(MonitorRecord::HEALTH), 1),
            counts: features,
        }
    }
}

/// Bytes of memory that a monitor needs.
#[must_use]
pub(super) fn len(record: &MonitorRecord) -> usize {
    let n = Numbers::of(record);
    size_of::<Head>()
        + n.moments * size_of::<Moments>()
        + n.shift * size_of::<Shift>()
        + n.adapt * size_of::<Adapt>()
        + n.cusum * size_of::<Cusum>()
        + n.window * size_of::<Window>()
        + n.health * size_of::<Health>()
        + n.counts * size_of::<Counts>()
}

fn take<'m, T: Pod>(memory: &mut &'m mut [u8], n: usize) -> Option<&'m mut [T]> {
    let (part, rest) = core::mem::take(memory).split_at_mut_checked(n.checked_mul(size_of::<T>())?)?;
    *memory = rest;
    bytemuck::try_cast_slice_mut(part).ok()
}

impl<'m> Parts<'m> {
    /// Cuts memory of at least [`len`] bytes that begins at a multiple of 8.
    pub(super) fn cut(mut memory: &'m mut [u8], record: &MonitorRecord) -> Option<Parts<'m>> {
        let n = Numbers::of(record);
        Some(Parts {
            head: take(&mut memory, 1)?.first_mut()?,
            moments: take(&mut memory, n.moments)?,
            shift: take(&mut memory, n.shift)?,
            adapt: take(&mut memory, n.adapt)?,
            cusum: take(&mut memory, n.cusum)?,
            window: take(&mut memory, n.window)?,
            health: take(&mut memory, n.health)?,
            counts: take(&mut memory, n.counts)?,
        })
    }

    /// Nothing seen yet.
    pub(super) fn start(&mut self, baseline: &Baseline<'_>) {
        let identity = baseline.identity;
        *self.head = Head { magic: MAGIC, identity, ..Head::zeroed() };
        self.moments.fill(Moments::default());
        self.health.fill(Health::zeroed());
        self.counts.fill([0; BINS]);
        self.start_detectors(baseline);
    }

    /// No evidence yet.
    pub(super) fn start_detectors(&mut self, baseline: &Baseline<'_>) {
        start(self.shift, baseline);
        start(self.adapt, baseline);
        start(self.cusum, baseline);
        start(self.window, baseline);
    }

    /// Shows every detector of the `i`th feature that is weighed what was seen.
    pub(super) fn weigh(&mut self, i: usize, seen: &Seen<'_>) {
        update(self.shift, i, seen);
        update(self.adapt, i, seen);
        update(self.cusum, i, seen);
        update(self.window, i, seen);
    }

    /// The evidence of the `i`th feature that is weighed.
    pub(super) fn evidence(&self, i: usize) -> f32 {
        let shift = evidence(self.shift, i) + evidence(self.adapt, i);
        shift + evidence(self.cusum, i) + evidence(self.window, i)
    }

    /// Writes the record, sealed, to a place of its length.
    pub(super) fn write(&self, out: &mut [u8]) {
        let parts: [&[u8]; 8] = [
            bytemuck::bytes_of(self.head),
            bytemuck::cast_slice(self.moments),
            bytemuck::cast_slice(self.shift),
            bytemuck::cast_slice(self.adapt),
            bytemuck::cast_slice(self.cusum),
            bytemuck::cast_slice(self.window),
            bytemuck::cast_slice(self.health),
            bytemuck::cast_slice(self.counts),
        ];
        let bytes = parts.into_iter().flatten();
        out.iter_mut().zip(bytes).for_each(|(slot, &byte)| *slot = byte);
        seal(out);
    }

    /// Exchanges the record with the bytes of another.
    pub(super) fn swap(&mut self, other: &mut [u8]) {
        let parts: [&mut [u8]; 8] = [
            bytemuck::bytes_of_mut(self.head),
            bytemuck::cast_slice_mut(self.moments),
            bytemuck::cast_slice_mut(self.shift),
            bytemuck::cast_slice_mut(self.adapt),
            bytemuck::cast_slice_mut(self.cusum),
            bytemuck::cast_slice_mut(self.window),
            bytemuck::cast_slice_mut(self.health),
            bytemuck::cast_slice_mut(self.counts),
        ];
        parts.into_iter().flatten().zip(other).for_each(|(a, b)| core::mem::swap(a, b));
    }

    /// Counts one more in a bin. One that comes to its end halves them all, so that they stay comparable.
    pub(super) fn count(&mut self, feature: usize, bin: usize) {
        let Some(count) = self.counts.get_mut(feature).and_then(|c| c.get_mut(bin)) else { return };
        *count += u16::from(*count < u16::MAX);
        if *count == u16::MAX {
            self.counts.iter_mut().flatten().for_each(|c| *c /= 2);
            self.head.halvings = self.head.halvings.saturating_add(1);
        }
    }

    /// Whether the bytes are a record of this baseline that updates can lead to.
    pub(super) fn is_sound(&self, baseline: &Baseline<'_>) -> bool {
        self.head.magic == MAGIC
            && self.head.identity == baseline.identity
            && self.head.alarm_at <= self.head.seen
            && is_sound(self.shift)
            && is_sound(self.adapt)
            && is_sound(self.cusum)
            && is_sound(self.window)
    }
}

fn start<D: Detector>(states: &mut [D], baseline: &Baseline<'_>) {
    let weighed = baseline.features.iter().filter(|f| f.is_weighed());
    states.iter_mut().zip(weighed).for_each(|(state, feature)| *state = D::start(feature));
}

fn update<D: Detector>(states: &mut [D], i: usize, seen: &Seen<'_>) {
    if let Some(state) = states.get_mut(i) {
        state.update(seen);
    }
}

fn evidence<D: Detector>(states: &[D], i: usize) -> f32 {
    states.get(i).map_or(0.0, D::evidence)
}

fn is_sound<D: Detector>(states: &[D]) -> bool {
    states.iter().all(D::is_sound)
}

/// Puts the checksum into a record that is to be saved.
fn seal(memory: &mut [u8]) {
    let sum = checksum(memory);
    if let Some(field) = memory.get_mut(8..12) {
        field.copy_from_slice(&sum.to_le_bytes());
    }
}

/// Whether the checksum is right.
pub(super) fn is_sealed(saved: &[u8]) -> bool {
    saved.get(8..12) == Some(&checksum(saved).to_le_bytes()[..])
}

/// Over everything but the checksum itself.
fn checksum(memory: &[u8]) -> u32 {
    let before = crc32(memory.get(..8).unwrap_or(&[]));
    before.rotate_left(1) ^ crc32(memory.get(12..).unwrap_or(&[]))
}
