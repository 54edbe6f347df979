//! Runs the float model over the calibration data and chooses a range for each point.
//!
//! The data is streamed, twice: extremes first, then histograms between them. Memory is one sample's activations and
//! one histogram per point, whatever the size of the data.

use super::QuantizeError;
use super::observe::{Method, Observer, QuantParams, Range};
use super::points::{Point, SHUT_OUT};
use crate::data::Dataset;
use crate::ir::{Graph, Port, ValueId};
use crate::lower::{Extras, lower};
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::walk;

/// Weights of `exp(-16)` are a thousandth of the last step of an int8 probability, for rows of some hundred elements.
const FAR: f32 = 16.0;

/// A float graph whose outputs are the values to watch, ready to run.
pub(crate) struct Probe {
    loaded: Loaded,
    watched: Vec<ValueId>,
}

impl Probe {
    /// Watches computed values of `graph`; constants and repeated values may be asked for, too.
    pub(crate) fn new(graph: &Graph, watched: Vec<ValueId>) -> Result<Probe, QuantizeError> {
        let mut graph = graph.clone();
        graph.outputs = watched.iter().map(|&value| Port { name: String::new(), value, quant: None }).collect();
        Ok(Probe { loaded: Loaded::new(&lower(&graph, &Extras::default())?.file)?, watched })
    }

    /// Runs every sample and hands each watched value to `see`: index of the sample, of the value, the elements.
    pub(crate) fn run(
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
        let (p, value) = watched[k];
        if !points[p].rows.is_empty() {
            if points[p].rows.contains(&value) {
                observers[p].observe_range(&weighed(x, row_len(graph, value)));
            }
            return Ok(());
        }
        if x.iter().any(|v| !v.is_finite()) {
            let value = graph.value(value).name.clone();
            return Err(QuantizeError::NotFinite { place: calib.place(), sample: i, value });
        }
        observers[p].observe_range(x);
        Ok(())
    };
    probe.run(calib, see, progress, "calibrate: extremes")?;
    refuse_constant(graph, &watched, &observers, calib)?;
    if method != Method::MinMax {
        let see = |_: usize, k: usize, x: &[f32]| {
            let (p, value) = watched[k];
            match points[p].rows.as_slice() {
                [] => observers[p].observe_histogram(x),
                rows if rows.contains(&value) => observers[p].observe_histogram(&weighed(x, row_len(graph, value))),
                _ => {}
            }
            Ok(())
        };
        probe.run(calib, see, progress, "calibrate: histograms")?;
    }
    Ok(points.iter().zip(&observers).map(|(point, observer)| params(point, observer, method)).collect())
}

fn row_len(graph: &Graph, value: ValueId) -> usize {
    graph.dims(value).last().map_or(1, |&n| n as usize).max(1)
}

/// What of each row a Softmax can tell from nothing: elements further than [`FAR`] below the row's largest count as that far. A
/// mask, however low, then lies at the end of the range; a row of nothing else is left out.
fn weighed(x: &[f32], row_len: usize) -> Vec<f32> {
    let each = |row: &[f32]| {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let known = row.iter().filter(|_| largest > SHUT_OUT && largest.is_finite());
        known.map(|v| v.max(largest - FAR)).collect::<Vec<_>>()
    };
    x.chunks(row_len).flat_map(each).collect()
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
