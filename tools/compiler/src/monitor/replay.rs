//! Replays a stream through an artifact's monitor: what a device would have said, and when.

use super::MonitorError;
use crate::data::Dataset;
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::feed_each;
use siskin::format::Totals;
use siskin::{Alarm, Monitor};

/// What a stream did to a monitor.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Alarms, in order; the detectors begin anew after each.
    pub alarms: Vec<Alarm>,
    /// The report at the end.
    pub report: Vec<u8>,
    /// The evidence after each inference, as a multiple of the threshold.
    pub evidence: Vec<f32>,
    /// The confidence of each inference, if the model classifies.
    pub confidence: Vec<f32>,
}

/// Replays a stream: sets one after the other.
///
/// # Errors
/// If the artifact has no monitor, or a sample does not suit the model.
pub fn replay(loaded: &mut Loaded, data: &[&Dataset], progress: &mut dyn Progress) -> Result<Replay, MonitorError> {
    let (mut session, mut memory) = loaded.monitored()?;
    let model = *session.model();
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory))?;
    let mut found = Replay::default();
    progress.begin("replay", data.iter().map(|d| d.len() as u64).sum());
    for set in data {
        feed_each(&mut session, set, |_, _, session| {
            let prediction = monitor.run(session);
            found.confidence.extend(prediction.map(|p| p.confidence));
            found.evidence.push(monitor.evidence());
            if let Some(alarm) = monitor.alarm() {
                found.alarms.push(alarm);
                monitor.clear();
            }
            progress.step();
            Ok::<_, MonitorError>(())
        })?;
    }
    progress.end();
    found.report = vec![0; Totals::len(monitor.baseline().record.features)];
    monitor.report(&mut found.report)?;
    Ok(found)
}
