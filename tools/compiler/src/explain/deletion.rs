//! Is a map true? Hide the regions that it calls most important first, and see how fast the model loses the class.
//!
//! The area under that curve is small if the map is faithful; an order of chance is what it must beat. Source: Petsiuk,
//! Das and Saenko, "RISE", 2018.

use super::{Draws, ExplainError, Subject};
use crate::progress::Progress;
use siskin::explain::Masked;

/// The most points of a curve, after its first.
const STEPS: usize = 32;
/// Orders of chance.
const ORDERS: usize = 10;

/// How sure the model is of a class as regions are hidden.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// The fraction of regions that are hidden, point by point.
    pub hidden: Vec<f64>,
    /// The class's probability (the score of a model of one), most important regions first.
    pub curve: Vec<f64>,
    /// The mean of orders of chance.
    pub random: Vec<f64>,
    /// The area under `curve`.
    pub area: f64,
    /// The area under an order of chance: mean and standard deviation.
    pub random_area: [f64; 2],
    /// The runs that this took.
    pub runs: u64,
}

/// Hides regions in the order of `values`, greatest first, and in orders of chance.
///
/// # Errors
/// If the input does not suit the model.
pub fn deletion(
    subject: &mut Subject<'_>,
    masked: &Masked<'_>,
    class: u16,
    values: &[f64],
    seed: u64,
    progress: &mut dyn Progress,
) -> Result<Deletion, ExplainError> {
    let n = values.len();
    let steps = n.min(STEPS);
    let cuts: Vec<usize> = (0..=steps).map(|i| i * n / steps).collect();
    progress.begin("deletion", ((ORDERS + 1) * cuts.len()) as u64);
    let mut follow = |order: &[usize]| -> Result<Vec<f64>, ExplainError> {
        let mut rank = vec![0; n];
        order.iter().enumerate().for_each(|(i, &r)| rank[r] = i);
        cuts.iter()
            .map(|&cut| {
                progress.step();
                Ok(subject.run(masked, |r| rank[r] < cut)?.certainty(class))
            })
            .collect()
    };
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let curve = follow(&order)?;
    let mut draws = Draws::new(seed);
    let random: Vec<Vec<f64>> = (0..ORDERS).map(|_| follow(&draws.order(n))).collect::<Result<_, _>>()?;
    progress.end();
    let areas: Vec<f64> = random.iter().map(|c| area(c)).collect();
    Ok(Deletion {
        hidden: cuts.iter().map(|&c| c as f64 / n as f64).collect(),
        area: area(&curve),
        random_area: mean_and_deviation(&areas),
        random: (0..curve.len()).map(|i| random.iter().map(|c| c[i]).sum::<f64>() / ORDERS as f64).collect(),
        runs: ((ORDERS + 1) * curve.len()) as u64,
        curve,
    })
}

/// By trapezoids, over a width of 1.
fn area(curve: &[f64]) -> f64 {
    let sum: f64 = curve.windows(2).map(|w| (w[0] + w[1]) / 2.0).sum();
    sum / (curve.len() as f64 - 1.0).max(1.0)
}

/// The mean and the standard deviation of a sample.
pub(super) fn mean_and_deviation(values: &[f64]) -> [f64; 2] {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n.max(1.0);
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    [mean, (squares / (n - 1.0).max(1.0)).sqrt()]
}
