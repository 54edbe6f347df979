//! Why few bits, or 8, are too few for a layer.
//!
//! | cause | what is seen |
//! |---|---|
//! | clipped range | more than [`CLIPPED`] of what the layer reads lies outside the range that it is quantized in |
//! | outlier channel | one channel of its input reaches further than [`OUTLIER`] times the median channel, and takes the others' steps |
//! | dead scale, input | channels of its input are never further from zero than half a step: they are read as zeros |
//! | outlier weights | an output's largest weight is more than [`PEAK`] times their root mean square, and sets the step of all |
//! | dead scale, weights | every weight of an output is rounded to zero at the width |

use super::super::calibrate::Probe;
use super::super::correct::channels;
use super::super::round::Layer;
use super::super::{Paired, QuantizeError};
use super::{Sensitivity, Tried};
use crate::data::Dataset;
use crate::ir::IrError;
use crate::progress::Progress;
use core::fmt;

const CLIPPED: f64 = 1e-3;
const OUTLIER: f32 = 16.0;
const PEAK: f64 = 6.0;

/// A cause, with the figure that tells it.
#[derive(Clone, Debug, PartialEq)]
pub enum Cause {
    /// This part of the layer's input lies outside its range.
    ClippedRange(f64),
    /// The channel of the input, and how many times the median channel's reach it has.
    OutlierChannel(usize, f32),
    /// So many channels of the input are read as zeros.
    DeadInputs(usize),
    /// The output, and its largest weight over the root mean square.
    OutlierWeights(usize, f64),
    /// At this width so many outputs have no weight but zeros.
    DeadOutputs(u8, usize),
}

impl Cause {
    /// The name in JSON.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Cause::ClippedRange(_) => "clipped range",
            Cause::OutlierChannel(..) => "outlier channel",
            Cause::DeadInputs(_) | Cause::DeadOutputs(..) => "dead scale",
            Cause::OutlierWeights(..) => "outlier weights",
        }
    }

    /// What `compress` does about it.
    #[must_use]
    pub const fn fix(&self) -> &'static str {
        match self {
            Cause::ClippedRange(_) => "--method minmax covers everything that was seen",
            Cause::OutlierChannel(..) | Cause::DeadInputs(_) => "--equalize shares the step out between channels",
            Cause::OutlierWeights(..) => {
                "--rounding descent clips where that costs the output less; --budget gives it more bits"
            }
            Cause::DeadOutputs(..) => "--budget gives it more bits",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::ClippedRange(part) => write!(f, "clipped range: {:.2}% of its input", 100.0 * part),
            Cause::OutlierChannel(k, times) => {
                write!(f, "outlier channel: input {k} reaches {times:.0} times as far as the median one")
            }
            Cause::DeadInputs(n) => write!(f, "dead scale: {n} input channels lie within half a step of zero"),
            Cause::OutlierWeights(o, times) => {
                write!(f, "outlier weights: output {o} has one of {times:.1} times the root mean square")
            }
            Cause::DeadOutputs(bits, n) => write!(f, "dead scale: {n} outputs are all zeros at {bits} bits"),
        }
    }
}

/// What reaches a layer over the calibration data.
struct Reach {
    channels: Vec<f32>,
    clipped: u64,
    count: u64,
}

/// The causes of each layer; `few` holds each layer at the widths below 8.
pub(super) fn causes(
    paired: &Paired,
    few: &[&[Tried]],
    calib: &Dataset,
    progress: &mut dyn Progress,
) -> Result<Vec<Vec<Cause>>, QuantizeError> {
    let reaches = reaches(paired, calib, progress)?;
    let each = paired.layers.iter().zip(&reaches).zip(few);
    Ok(each
        .map(|((layer, reach), few)| of_input(layer, reach).into_iter().chain(of_weights(layer, few)).collect())
        .collect())
}

fn reaches(paired: &Paired, calib: &Dataset, progress: &mut dyn Progress) -> Result<Vec<Reach>, QuantizeError> {
    let Paired { float, layers, .. } = paired;
    let input = |l: &Layer| float.node(l.node).input(0).ok_or_else(|| IrError::Definition(l.name.clone()));
    let watched = layers.iter().map(input).collect::<Result<Vec<_>, _>>()?;
    let fresh = |&v| Reach { channels: vec![0.0; channels(float, v)], clipped: 0, count: 0 };
    let mut reaches: Vec<Reach> = watched.iter().map(fresh).collect();
    let see = |_: usize, k: usize, x: &[f32]| {
        let (reach, [low, high]) = (&mut reaches[k], layers[k].input_range());
        for row in x.chunks_exact(reach.channels.len().max(1)) {
            reach.channels.iter_mut().zip(row).for_each(|(r, v)| *r = r.max(v.abs()));
        }
        reach.clipped += x.iter().filter(|v| **v < low || **v > high).count() as u64;
        reach.count += x.len() as u64;
        Ok(())
    };
    Probe::new(float, watched)?.run(calib, see, progress, "diagnose")?;
    Ok(reaches)
}

fn of_input(layer: &Layer, reach: &Reach) -> Vec<Cause> {
    let mut found = Vec::new();
    let clipped = reach.clipped as f64 / reach.count.max(1) as f64;
    if clipped > CLIPPED {
        found.push(Cause::ClippedRange(clipped));
    }
    // Channels that are always zero have nothing to lose.
    let mut used: Vec<(usize, f32)> = reach.channels.iter().copied().enumerate().filter(|c| c.1 > 0.0).collect();
    used.sort_by(|a, b| a.1.total_cmp(&b.1));
    if let (Some(median), Some(most)) = (used.get(used.len() / 2), used.last())
        && most.1 > OUTLIER * median.1
    {
        found.push(Cause::OutlierChannel(most.0, most.1 / median.1));
    }
    let dead = used.iter().filter(|c| c.1 < 0.5 * layer.input.scale).count();
    if dead > 0 {
        found.push(Cause::DeadInputs(dead));
    }
    found
}

fn of_weights(layer: &Layer, few: &[Tried]) -> Vec<Cause> {
    let mut found = Vec::new();
    let rows: Vec<Vec<f64>> = (0..layer.outputs())
        .map(|o| (0..layer.depth()).map(|k| f64::from(layer.weights[layer.at(o, k)])).collect())
        .collect();
    let peak = |row: &Vec<f64>| {
        let rms = (row.iter().map(|w| w * w).sum::<f64>() / row.len().max(1) as f64).sqrt();
        row.iter().fold(0.0f64, |m, w| m.max(w.abs())) / rms.max(f64::MIN_POSITIVE)
    };
    let most = rows.iter().map(peak).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    found.extend(most.filter(|m| m.1 > PEAK).map(|(o, times)| Cause::OutlierWeights(o, times)));
    // The widest width at which it happens says it of all below.
    for (&bits, (rounded, _)) in Sensitivity::WIDTHS[1..].iter().zip(few) {
        let zeros = |o: &usize| {
            let used = rows[*o].iter().any(|&w| w != 0.0);
            used && (0..layer.depth()).all(|k| rounded.q[layer.at(*o, k)] == 0)
        };
        let dead = (0..layer.outputs()).filter(zeros).count();
        if dead > 0 {
            found.push(Cause::DeadOutputs(bits, dead));
            break;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantize::observe::{QuantParams, Range};
    use crate::quantize::round::Rounded;

    /// A product with weights of two outputs and eight inputs, quantized in [-1, 1].
    fn layer(weights: &[f32]) -> Layer {
        Layer::plain(weights, 2, QuantParams::from_range(Range { min: -1.0, max: 1.0 }))
    }

    #[test]
    fn each_cause_is_seen_and_its_absence_is_not() {
        let quiet = Reach { channels: vec![0.9, 0.8, 0.0, 0.7], clipped: 0, count: 1000 };
        assert!(of_input(&layer(&[1.0; 16]), &quiet).is_empty());
        let loud = Reach { channels: vec![1.0, 0.02, 0.03, 0.001], clipped: 2, count: 1000 };
        let found = of_input(&layer(&[1.0; 16]), &loud);
        assert_eq!(found[0], Cause::ClippedRange(0.002));
        assert!(matches!(found[1], Cause::OutlierChannel(0, times) if times > 30.0), "{found:?}");
        assert_eq!(found[2], Cause::DeadInputs(1));
    }

    #[test]
    fn weights_tell_their_own() {
        let even = layer(&[0.5; 16]);
        let rounded = |q: Vec<i8>| (Rounded { q, scales: vec![1.0; 2], bias: vec![0.0; 2] }, None);
        assert!(of_weights(&even, &[rounded(vec![1; 16])]).is_empty());
        // Output 1 is gone at 3 bits.
        let half: Vec<i8> = (0..16).map(|i| i8::from(i < 8)).collect();
        let found = of_weights(&even, &[rounded(vec![1; 16]), rounded(half)]);
        assert_eq!(found, [Cause::DeadOutputs(3, 1)]);
    }
}
