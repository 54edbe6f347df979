//! Replays a stream through an artifact's monitor: what a device would have said, and when.

use super::MonitorError;
use crate::data::Dataset;
use crate::data::Target;
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::feed_each;
use siskin::format::Totals;
use siskin::monitor::labelled::{Adwin, Calibration, Ddm, PageHinkley, Stability};
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
    /// What labels say, if the stream has any.
    pub errors: Option<Errors>,
}

/// A stream of right and wrong answers, and the inferences after which each detector of such streams spoke.
#[derive(Clone, Debug)]
pub struct Errors {
    /// Labels.
    pub labelled: u32,
    /// Right answers.
    pub right: u32,
    /// The expected calibration error, over 15 bins of equal width.
    pub calibration: f32,
    /// [`Ddm`] with its usual limits.
    pub ddm: Vec<u64>,
    /// [`PageHinkley`] with a tolerance of 0.005 and a threshold of 20.
    pub page_hinkley: Vec<u64>,
    /// [`Adwin`] with a δ of 0.002.
    pub adwin: Vec<u64>,
}

/// The detectors that [`Errors`] tells of.
struct Judges {
    calibration: Calibration,
    ddm: Ddm,
    page_hinkley: PageHinkley,
    adwin: Adwin,
    errors: Errors,
}

impl Judges {
    fn new() -> Judges {
        let none = Vec::new;
        Judges {
            calibration: Calibration::default(),
            ddm: Ddm::new(),
            page_hinkley: PageHinkley::new(0.005, 20.0),
            adwin: Adwin::new(0.002),
            errors: Errors {
                labelled: 0,
                right: 0,
                calibration: 0.0,
                ddm: none(),
                page_hinkley: none(),
                adwin: none(),
            },
        }
    }

    fn update(&mut self, at: u64, confidence: f32, right: bool) {
        let said = |stability, list: &mut Vec<u64>| list.extend((stability == Stability::Drift).then_some(at));
        said(self.ddm.update(!right), &mut self.errors.ddm);
        said(self.page_hinkley.update(f32::from(u8::from(!right))), &mut self.errors.page_hinkley);
        said(self.adwin.update(!right), &mut self.errors.adwin);
        self.calibration.update(confidence, right);
        self.errors.labelled += 1;
        self.errors.right += u32::from(right);
    }

    fn close(self) -> Option<Errors> {
        let calibration = self.calibration.error();
        (self.errors.labelled > 0).then_some(Errors { calibration, ..self.errors })
    }
}

/// Replays a stream: sets one after the other.
///
/// # Errors
/// If the artifact has no monitor, or a sample does not suit the model.
pub fn replay(loaded: &mut Loaded, data: &[&Dataset], progress: &mut dyn Progress) -> Result<Replay, MonitorError> {
    let (mut session, mut memory) = loaded.monitored()?;
    let model = *session.model();
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory))?;
    let (mut found, mut judges) = (Replay::default(), Judges::new());
    progress.begin("replay", data.iter().map(|d| d.len() as u64).sum());
    for set in data {
        feed_each(&mut session, set, |_, sample, session| {
            let prediction = monitor.run(session);
            let label = sample.y.as_ref().and_then(Target::class);
            if let (Some(p), Some(label)) = (prediction, label) {
                let right = i64::from(p.class) == label;
                monitor.label(right);
                judges.update(monitor.seen(), p.confidence, right);
            }
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
    found.errors = judges.close();
    found.report = vec![0; Totals::len(monitor.baseline().record.features)];
    monitor.report(&mut found.report)?;
    Ok(found)
}
