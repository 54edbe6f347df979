//! Knows when the model is wrong: confidence of each inference, and statistics that raise an alarm when the inputs are
//! no longer what they were.
//!
//! ```text
//! Monitor::new(&model, memory) --run(&mut session)--> Prediction
//!                                  |-> alarm()  -> when, which features, how sure
//!                                  `-> report() -> bytes that merge across devices
//! ```
//!
//! What is watched, the reference and the threshold are in the artifact. A feature is a number computed from a tensor: a
//! mean, a spread or a roughness of a region of an input or of a layer, how far it is from prototypes, how much of it is
//! saturated, or the class or confidence of an output. It falls into one of 16 bins; a detector weighs the bins against the
//! reference: `shift` and `adapt`, or `cusum`, or `window`. Where labels come later, `labelled` judges errors.
//!
//! Memory is the caller's, of a size that the artifact states. Everything is integers, or `f32` additions, products and
//! quotients in a fixed order, so the same stream gives the same bytes on every target.
//!
//! What is absent: raw inputs (nothing of them is kept), clocks, and a way to watch a run that the monitor did not make:
//! an arena's tensors do not outlive their use, so the monitor reads each when it is there.

mod adapt;
mod check;
mod confidence;
mod cusum;
mod detect;
mod distance;
mod extract;
pub mod labelled;
mod look;
mod memory;
mod name;
mod shift;
mod window;

pub use confidence::Prediction;
pub use name::name;

/// What is computed of a region or of the scores: the numbers of [`FeatureRecord::statistic`].
pub mod statistic {
    pub use super::confidence::{CLASS, CONFIDENCE, ENERGY, ENTROPY, MARGIN};
    pub use super::distance::DISTANCE;
    pub use super::extract::{MEAN, ROUGHNESS, SATURATION, SPREAD};
}

use crate::{Error, Model, Session, TypeRef};
use detect::Seen;
use look::{Look, Tensors};
use memory::Parts;
use siskin_format::{
    ABSENT, ALTERNATIVES, Baseline, FeatureRecord, FeatureTotals, FormatError, Health, MonitorRecord, ReportHead,
    Totals,
};

/// The statistics of one model in the caller's memory.
#[derive(Debug)]
pub struct Monitor<'m> {
    baseline: Baseline<'m>,
    parts: Parts<'m>,
    /// The threshold of the sum of all evidence, or of the greatest.
    level: f32,
}

/// An alarm: the stream is no longer like the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// The inference at which it came, counted from 1.
    pub at: u64,
    /// The evidence, as a multiple of the threshold.
    pub evidence: f32,
    /// The features that carry the evidence, as a set.
    pub features: u64,
}

impl<'m> Monitor<'m> {
    /// A monitor that has seen nothing, in memory that begins at a multiple of 8 and has at least
    /// [`MonitorRecord::memory_len`] bytes.
    ///
    /// # Errors
    /// [`Error::NoMonitor`] if the file carries no reference; [`Error::Format`] if it is malformed;
    /// [`Error::Memory`] with the bytes needed.
    pub fn new(model: &Model<'m>, memory: &'m mut [u8]) -> Result<Monitor<'m>, Error> {
        let mut monitor = Monitor::over(model, memory)?;
        monitor.reset();
        Ok(monitor)
    }

    /// Goes on from bytes that [`Monitor::save`] gave, copied to the beginning of `memory`.
    ///
    /// # Errors
    /// As [`Monitor::new`]; [`Error::Saved`] if the bytes are damaged, of another model or of another version.
    pub fn restore(model: &Model<'m>, memory: &'m mut [u8], saved: &[u8]) -> Result<Monitor<'m>, Error> {
        let needed = needed(model)?;
        if saved.len() != needed || !memory::is_sealed(saved) {
            return Err(Error::Saved);
        }
        let place = memory.get_mut(..needed).ok_or(Error::Memory(needed as u32))?;
        place.copy_from_slice(saved);
        let monitor = Monitor::over(model, memory)?;
        if monitor.parts.is_sound(&monitor.baseline) { Ok(monitor) } else { Err(Error::Saved) }
    }

    /// As [`Monitor::restore`], in the memory that this monitor has. Bytes that are refused leave it as it was; others
    /// are exchanged with what it has seen.
    ///
    /// # Errors
    /// [`Error::Saved`] if the bytes are damaged, of another model or of another version.
    pub fn resume(&mut self, saved: &mut [u8]) -> Result<(), Error> {
        if saved.len() != memory::len(self.baseline.record) || !memory::is_sealed(saved) {
            return Err(Error::Saved);
        }
        self.parts.swap(saved);
        if !self.parts.is_sound(&self.baseline) {
            self.parts.swap(saved);
            return Err(Error::Saved);
        }
        Ok(())
    }

    /// Writes what [`Monitor::restore`] takes, [`MonitorRecord::memory_len`] bytes, and returns their number.
    ///
    /// # Errors
    /// [`Error::Memory`] with the bytes needed.
    pub fn save(&self, out: &mut [u8]) -> Result<usize, Error> {
        let needed = memory::len(self.baseline.record);
        let out = out.get_mut(..needed).ok_or(Error::Memory(needed as u32))?;
        self.parts.write(out);
        Ok(needed)
    }

    fn over(model: &Model<'m>, memory: &'m mut [u8]) -> Result<Monitor<'m>, Error> {
        let baseline = model.artifact.baseline()?.ok_or(Error::NoMonitor)?;
        check::check(&model.artifact, &baseline).ok_or(FormatError::Monitor)?;
        Monitor::of(baseline, memory)
    }

    /// A monitor without a model, for tools that replay or simulate values: see [`Monitor::observe`].
    ///
    /// # Errors
    /// As [`Monitor::new`].
    pub fn detached(baseline: Baseline<'m>, memory: &'m mut [u8]) -> Result<Monitor<'m>, Error> {
        let mut monitor = Monitor::of(baseline, memory)?;
        monitor.reset();
        Ok(monitor)
    }

    fn of(baseline: Baseline<'m>, memory: &'m mut [u8]) -> Result<Monitor<'m>, Error> {
        let needed = memory::len(baseline.record);
        let memory = memory.get_mut(..needed).ok_or(Error::Memory(needed as u32))?;
        let parts = Parts::cut(memory, baseline.record).ok_or(Error::Alignment(8))?;
        Ok(Monitor { baseline, parts, level: baseline.record.threshold * hypotheses(&baseline) })
    }

    /// Runs the session from the first operator to the last, looks at every feature when its tensor is there, and
    /// weighs the evidence. The model's answer, if it classifies.
    pub fn run(&mut self, session: &mut Session<'_>) -> Option<Prediction> {
        self.run_before(session, &mut ())
    }

    /// [`Monitor::run`] before a witness.
    pub fn run_before(&mut self, session: &mut Session<'_>, witness: &mut impl Witness) -> Option<Prediction> {
        let mut look = Look::new(self.is_looking());
        each_step(session, |done, session| {
            look.done = done;
            self.look(session, &mut look, witness);
        });
        look.prediction = look.prediction.map(|p| p.at(look.distance, self.baseline.record));
        self.close(&look);
        look.prediction
    }

    /// As [`Monitor::run`], for an input that is no part of the stream: nothing is counted or weighed.
    pub fn predict(&self, session: &mut Session<'_>) -> Option<Prediction> {
        let Baseline { record, features, prototypes, .. } = self.baseline;
        let distant = features.iter().find(|f| f.statistic == distance::DISTANCE);
        let (mut prediction, mut distance) = (None, 0);
        each_step(session, |done, session| {
            if let Some(feature) = distant.filter(|f| f.after == done) {
                let (ty, bytes) = session.tensor(feature.tensor);
                distance = ty.map_or(0, |ty| distance::nearest(feature, prototypes, ty.dtype, bytes)).unsigned_abs();
            }
            if record.scores != ABSENT && record.after == done {
                let (ty, bytes) = session.tensor(record.scores);
                prediction = ty.map(|ty| Prediction::of(record, ty.dtype, bytes));
            }
        });
        prediction.map(|p| p.at(distance, record))
    }

    /// Takes in values that were found elsewhere, one for each feature in order: for tools that replay or simulate.
    pub fn observe(&mut self, values: &[i32]) {
        let mut look = Look::new(self.is_looking());
        for (i, &value) in values.iter().enumerate() {
            self.take(i, value, &mut look);
        }
        self.close(&look);
    }

    fn look(&mut self, session: &Session<'_>, look: &mut Look, witness: &mut impl Witness) {
        let baseline = self.baseline;
        let record = baseline.record;
        let mut tensors = Tensors::of(session);
        if record.scores != ABSENT && record.after == look.done && look.prediction.is_none() {
            let (ty, bytes) = tensors.get(record.scores);
            witness.scores(ty, bytes);
            look.prediction = ty.map(|ty| Prediction::of(record, ty.dtype, bytes));
        }
        while let Some(feature) = baseline.features.get(look.next).filter(|f| f.after == look.done) {
            if feature.statistic == distance::DISTANCE {
                let (ty, bytes) = tensors.get(feature.tensor);
                witness.layer(ty, bytes);
            }
            let value = look.value(feature, &baseline, &mut tensors);
            witness.value(look.next, value);
            self.take(look.next, value, look);
            look.next = look.next.saturating_add(1);
        }
    }

    /// Takes in one feature's value.
    fn take(&mut self, i: usize, value: i32, look: &mut Look) {
        let Some(feature) = self.baseline.features.get(i) else { return };
        let bin = feature.bin(value);
        self.parts.count(i, bin);
        if let Some(moments) = self.parts.moments.get_mut(i) {
            moments.add(value);
        }
        if !look.looking || !feature.is_weighed() {
            return;
        }
        let odds = self.baseline.odds.get(usize::from(feature.table));
        self.parts.weigh(look.weighed, &Seen { feature, odds, bin, record: self.baseline.record });
        look.evidence = self.joined(look.evidence, self.parts.evidence(look.weighed));
        look.weighed = look.weighed.saturating_add(1);
    }

    /// The evidence of several features as one.
    fn joined(&self, a: f32, b: f32) -> f32 {
        if self.baseline.record.detector == MonitorRecord::E_DETECTOR { a + b } else { a.max(b) }
    }

    fn close(&mut self, look: &Look) {
        let head = &mut *self.parts.head;
        head.seen = head.seen.saturating_add(1);
        if look.looking && look.evidence >= self.level {
            head.alarm_at = head.seen;
            head.alarms = head.alarms.saturating_add(1);
        }
        let (Some(health), Some(p)) = (self.parts.health.first_mut(), look.prediction) else { return };
        health.abstained = health.abstained.saturating_add(p.abstain.into());
        health.confident = health.confident.saturating_add((p.confidence > self.baseline.record.confident).into());
        health.unlike = health.unlike.saturating_add(p.unlike.into());
    }

    /// Whether the detectors look at this inference: not while an alarm stands, and only at every `stride`th.
    fn is_looking(&self) -> bool {
        let turn = (self.parts.head.seen as u32).checked_rem(self.baseline.record.stride);
        self.parts.head.alarm_at == 0 && turn == Some(0)
    }

    /// The evidence against the reference, as a multiple of the threshold: the alarm comes at 1.
    #[must_use]
    pub fn evidence(&self) -> f32 {
        let all = (0..self.weighed()).map(|k| self.parts.evidence(k));
        all.fold(0.0, |sum, e| self.joined(sum, e)) / self.level
    }

    /// The alarm that stands. The detectors rest until [`Monitor::clear`]; counts go on.
    #[must_use]
    pub fn alarm(&self) -> Option<Alarm> {
        let at = self.parts.head.alarm_at;
        if at == 0 {
            return None;
        }
        let culprits = detect::culprits(|k| self.parts.evidence(k), self.weighed(), self.level);
        // Detectors count the features that are weighed, people all of them.
        let (mut features, mut k) = (0, 0u32);
        for (i, _) in self.baseline.features.iter().enumerate().filter(|(_, f)| f.is_weighed()) {
            if culprits.checked_shr(k).unwrap_or(0) & 1 == 1 {
                features |= detect::bit(i);
            }
            k = k.saturating_add(1);
        }
        Some(Alarm { at, evidence: self.evidence(), features })
    }

    fn weighed(&self) -> usize {
        self.baseline.record.weighed.into()
    }

    /// Takes the alarm back: the detectors begin anew, counts stay.
    pub fn clear(&mut self) {
        self.parts.head.alarm_at = 0;
        self.parts.start_detectors(&self.baseline);
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.parts.start(&self.baseline);
    }

    /// Inferences so far.
    #[must_use]
    pub const fn seen(&self) -> u64 {
        self.parts.head.seen
    }

    /// What the artifact says of the monitor.
    #[must_use]
    pub const fn baseline(&self) -> &Baseline<'m> {
        &self.baseline
    }

    /// Counts an inference whose right class has come.
    pub fn label(&mut self, right: bool) {
        if let Some(health) = self.parts.health.first_mut() {
            health.labelled = health.labelled.saturating_add(1);
            health.right = health.right.saturating_add(right.into());
        }
    }

    /// Counters and latencies, if the artifact keeps them: for the caller to fill.
    pub fn health(&mut self) -> Option<&mut Health> {
        self.parts.health.first_mut()
    }

    /// Writes the report: aggregates only, in the form that `siskin monitor` and [`Totals`] read.
    /// Returns its length, [`Totals::len`].
    ///
    /// # Errors
    /// [`Error::Memory`] with the bytes needed.
    pub fn report(&self, out: &mut [u8]) -> Result<usize, Error> {
        let state = &*self.parts.head;
        let mut head = ReportHead::new(self.baseline.record.features);
        head.identity = self.baseline.identity;
        head.devices = 1;
        head.alarmed = u32::from(state.alarm_at != 0);
        head.alarms = state.alarms.into();
        head.seen = state.seen;
        head.named = self.alarm().map_or(0, |alarm| alarm.features);
        let health = self.parts.health.first().copied().unwrap_or_default();
        let needed = Totals::len(self.baseline.record.features);
        Totals::write(out, &head, &health, |i| self.totals(i)).ok_or(Error::Memory(needed as u32))
    }

    fn totals(&self, i: usize) -> FeatureTotals {
        let mut totals = FeatureTotals::default();
        for (total, &count) in totals.counts.iter_mut().zip(self.parts.counts.get(i).into_iter().flatten()) {
            *total = u32::from(count).checked_shl(self.parts.head.halvings.into()).unwrap_or(u32::MAX);
        }
        if let Some(moments) = self.parts.moments.get(i) {
            (totals.sum, totals.squares) = (moments.sum, moments.squares);
        }
        totals
    }
}

/// Sees what a monitor sees: for tools that make references.
pub trait Witness {
    /// The value of a feature.
    fn value(&mut self, _feature: usize, _value: i32) {}

    /// The tensor of scores.
    fn scores(&mut self, _ty: Option<TypeRef<'_>>, _bytes: &[u8]) {}

    /// The tensor whose distance from prototypes is a feature.
    fn layer(&mut self, _ty: Option<TypeRef<'_>>, _bytes: &[u8]) {}
}

impl Witness for () {}

/// Runs the session; `see` comes before the first operator and after each, with the number that have run.
fn each_step(session: &mut Session<'_>, mut see: impl FnMut(u16, &Session<'_>)) {
    session.begin();
    let (mut done, mut more) = (0u16, true);
    see(done, session);
    while more {
        more = session.step();
        done = done.saturating_add(1);
        see(done, session);
    }
}

fn needed(model: &Model<'_>) -> Result<usize, Error> {
    Ok(memory::len(model.artifact.baseline()?.ok_or(Error::NoMonitor)?.record))
}

/// The evidences that are summed: the threshold is that of their mean.
fn hypotheses(baseline: &Baseline<'_>) -> f32 {
    let record = baseline.record;
    if record.detector != MonitorRecord::E_DETECTOR {
        return 1.0;
    }
    let adapts = usize::from(record.parts & MonitorRecord::ADAPT != 0);
    let fixed = |f: &FeatureRecord| if f.table == FeatureRecord::NO_TABLE { 0 } else { ALTERNATIVES };
    let weighed = baseline.features.iter().filter(|f| f.is_weighed());
    weighed.map(|f| fixed(f).saturating_add(adapts)).fold(0usize, usize::saturating_add).max(1) as f32
}

/// Bytes of memory that a monitor of this record needs: what a compiler states.
#[must_use]
pub fn memory_len(record: &MonitorRecord) -> usize {
    memory::len(record)
}
