//! Runs the float model over the calibration data and chooses a range for each point.
//!
//! The data is streamed, twice: extremes first, then histograms between them. Memory is one sample's activations and
//! one histogram per point, whatever the size of the data.

use super::QuantizeError;
use super::observe::{Method, Observer, QuantParams, Range};
use super::points::Point;
use crate::data::Dataset;
use crate::eval::feed;
use crate::ir::{Graph, Port, ValueId};
use crate::lower::{Extras, lower};
use crate::progress::Progress;
use crate::run::Loaded;

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
        graph.states.clear();
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
        for (i, sample) in calib.iter().enumerate() {
            let misfit = |error| QuantizeError::Sample { place: calib.place(), sample: i, error };
            feed(&mut session, &sample?.x).map_err(misfit)?;
            session.run();
            for k in 0..self.watched.len() {
                see(i, k, session.output::<f32>(k)?)?;
            }
            session.reset();
            progress.step();
        }
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
    if method != Method::MinMax {
        let see = |_: usize, k: usize, x: &[f32]| {
            observers[watched[k].0].observe_histogram(x);
            Ok(())
        };
        probe.run(calib, see, progress, "calibrate: histograms")?;
    }
    Ok(points.iter().zip(&observers).map(|(point, observer)| params(point, observer, method)).collect())
}

fn params(point: &Point, observer: &Observer, method: Method) -> QuantParams {
    let range = point.fixed.map_or_else(|| observer.range(method), |[min, max]| Range { min, max });
    QuantParams::from_range(range)
}
