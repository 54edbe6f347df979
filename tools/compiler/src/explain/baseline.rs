//! The mean input of a monitor's reference, as its histograms tell it.

use siskin::explain::Grid;
use siskin::format::{BINS, FeatureRecord};
use siskin::monitor::statistic;
use siskin::{DType, Model, Port};

/// The mean of each element of the first input over the monitor's reference; nothing without a monitor, or one that
/// does not watch the means of every column and channel. A region's mean is that of the middles of its bins, so it is
/// known to a part of a bin, and is the same for every element of the region.
#[must_use]
pub fn reference_mean(model: &Model<'_>) -> Option<Vec<f32>> {
    let baseline = model.artifact().baseline().ok()??;
    let (port, io) = (model.inputs().next()?, model.artifact().inputs().next()?);
    let mut known: Vec<Option<f32>> = vec![None; port.shape.elements()];
    for f in baseline.features.iter().filter(|f| f.statistic == statistic::MEAN && f.tensor == io.tensor) {
        let mean = real(&port, f, middle(f)?);
        for row in 0..f.rows {
            for column in 0..f.columns {
                let at = f.start + row * f.row_stride + column * f.column_stride;
                *known.get_mut(at as usize)? = Some(mean);
            }
        }
    }
    spread(&known, &Grid::new(port.shape.dims(), 2)?)
}

/// The mean of the middles of the bins; of the outer ones their only end.
fn middle(f: &FeatureRecord) -> Option<f64> {
    let cuts: Vec<f64> = f.cuts.iter().filter(|&&c| c < i32::MAX).map(|&c| f64::from(c)).collect();
    let at = |i: usize| cuts.get(i).copied();
    let value = |bin: usize| match bin.checked_sub(1).and_then(at) {
        Some(low) => Some((low + at(bin).unwrap_or(low)) / 2.0),
        None => at(0),
    };
    let weighted = (0..=cuts.len().min(BINS - 1)).map(|b| Some(value(b)? * f64::from(f.reference[b])));
    let sum = weighted.sum::<Option<f64>>()?;
    let total: f64 = f.reference[..=cuts.len()].iter().map(|&p| f64::from(p)).sum();
    Some(sum / total)
}

/// The value of one element, of the sum of a region.
fn real(port: &Port<'_>, f: &FeatureRecord, sum: f64) -> f32 {
    let mean = sum / f64::from(f.rows * f.columns);
    let value = match port.dtype {
        DType::F32 => mean * f64::from(f.step),
        _ => (mean - f64::from(port.zero_point)) * f64::from(port.scale),
    };
    value as f32
}

/// Rows that the monitor leaves out have the mean of those that it watches.
fn spread(known: &[Option<f32>], grid: &Grid) -> Option<Vec<f32>> {
    let [rows, columns] = grid.size();
    let mut values = vec![0.0; known.len()];
    for column in 0..columns {
        for channel in 0..grid.channels() {
            let at = |row: usize| grid.element(row, column, channel);
            let seen: Vec<f32> = (0..rows).filter_map(|r| known[at(r)]).collect();
            let mean = seen.iter().sum::<f32>() / seen.len() as f32;
            if seen.is_empty() {
                return None;
            }
            (0..rows).for_each(|r| values[at(r)] = known[at(r)].unwrap_or(mean));
        }
    }
    Some(values)
}
