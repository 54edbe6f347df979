//! Runs the float model over the calibration data and chooses a range for each point.
//!
//! The data is streamed, twice: extremes first, then histograms between them. Memory is one sample's activations and
//! one histogram per point, whatever the size of the data.

use super::QuantizeError;
use super::observe::{Method, Observer, QuantParams, Range};
use super::points::Point;
use crate::data::Dataset;
use crate::ir::{Graph, Port, ValueId};
use crate::lower::{Extras, lower};
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::walk;

/// A float graph whose outputs are the values to watch, ready to run.
pub(super) struct Probe {
    loaded: Loaded,
    watched: Vec<ValueId>,
}

impl Probe {
    /// Watches computed values of `graph`; constants and repeated values may be asked for, too.
    pub(super) fn new(graph: &Graph, watched: Vec<ValueId>) -> Result<Probe, QuantizeError> {
        let mut graph = graph.clone();
        graph.outputs = watched.iter().map(|&value| Port { name: String::new(), value, quant: None }).collect();
        Ok(Probe { loaded: Loaded::new(&lower(&graph, &Extras::default())?.file)?, watched })
    }

    /// Runs every sample and hands each watched value to `see`: index of the sample, of the value, the elements.
    pub(super) fn run(
        &mut self,
        calib: &Dataset,
        mut see: impl FnMut(usize, usize, &[f32]) -> Result<(), QuantizeError>,
        progress: &mut dyn Progress,
        stage: &str,
    ) -> Result<(), QuantizeError> {
        let mut session = self.loaded.session()?;
        progress.begin(stage, calib.len() as u64);
        walk(&mut session, calib, |i, _, session| {
            for k in 0..self.watched.len() {
                see(i, k, session.output::<f32>(k)?)?;
            }
            progress.step();
            Ok::<(), QuantizeError>(())
        })?;
        progress.end();
        Ok(())
    }
}

/// The parameters of each point.
pub(super) fn ranges(
    graph: &Graph,
    points: &[Point],
    calib: &Dataset,
    method: Method,
    progress: &mut dyn Progress,
) -> Result<Vec<QuantParams>, QuantizeError> {
    let watched: Vec<(usize, ValueId)> =
        points.iter().enumerate().flat_map(|(p, point)| point.values.iter().map(move |&v| (p, v))).collect();
    let mut probe = Probe::new(graph, watched.iter().map(|w| w.1).collect())?;
    let mut observers: Vec<Observer> = points.iter().map(|_| Observer::new()).collect();
    let see = |i: usize, k: usize, x: &[f32]| {
        if x.iter().any(|v| !v.is_finite()) {
            let value = graph.value(watched[k].1).name.clone();
            return Err(QuantizeError::NotFinite { place: calib.place(), sample: i, value });
        }
        observers[watched[k].0].observe_range(x);
        Ok(())
    };
    probe.run(calib, see, progress, "calibrate: extremes")?;
    refuse_constant(graph, &watched, &observers, calib)?;
    if method != Method::MinMax {
        let see = |_: usize, k: usize, x: &[f32]| {
            observers[watched[k].0].observe_histogram(x);
            Ok(())
        };
        probe.run(calib, see, progress, "calibrate: histograms")?;
    }
    Ok(points.iter().zip(&observers).map(|(point, observer)| params(point, observer, method)).collect())
}

/// Data of a single value are a mistake, not a range.
fn refuse_constant(
    graph: &Graph,
    watched: &[(usize, ValueId)],
    observers: &[Observer],
    calib: &Dataset,
) -> Result<(), QuantizeError> {
    let inputs = watched.iter().filter(|(_, v)| graph.inputs.iter().any(|port| port.value == *v));
    let extremes: Vec<[f32; 2]> = inputs.filter_map(|(p, _)| observers[*p].extremes()).collect();
    match extremes.as_slice() {
        [[value, _], ..] if extremes.iter().all(|[min, max]| min == max) => {
            Err(QuantizeError::Constant { place: calib.place(), value: *value })
        }
        _ => Ok(()),
    }
}

fn params(point: &Point, observer: &Observer, method: Method) -> QuantParams {
    let range = point.fixed.map_or_else(|| observer.range(method), |[min, max]| Range { min, max });
    QuantParams::from_range(range)
}
