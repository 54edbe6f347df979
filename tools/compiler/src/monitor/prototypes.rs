//! What inputs of each class look like in the layer before the scores: the means of what it stores.

use super::collect::Seen;
use siskin::DType;
use std::collections::BTreeMap;

/// The prototypes, one after the other, and the step of real elements. A class is the label, or else what the model says.
pub(super) fn prototypes(seen: &Seen, dtype: DType) -> (Vec<i8>, f32) {
    let largest = seen.layers.iter().flatten().fold(0.0f32, |m, v| m.max(v.abs()));
    let step = if dtype == DType::F32 && largest > 0.0 { largest / 127.0 } else { 1.0 };
    let mut classes: BTreeMap<usize, (Vec<f64>, f64)> = BTreeMap::new();
    for (layer, scored) in seen.layers.iter().zip(&seen.scored) {
        let class = scored.label.unwrap_or_else(|| super::confidence::class(scored));
        let (sums, n) = classes.entry(class).or_insert_with(|| (vec![0.0; layer.len()], 0.0));
        sums.iter_mut().zip(layer).for_each(|(sum, &v)| *sum += f64::from(v / step));
        *n += 1.0;
    }
    let mean = |sum: f64, n: f64| (sum / n).round_ties_even().clamp(-128.0, 127.0) as i8;
    (classes.values().flat_map(|(sums, n)| sums.iter().map(|&sum| mean(sum, *n))).collect(), step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::Scored;

    #[test]
    fn a_prototype_is_the_mean_of_a_class() {
        let scored = |label| Scored { label, scores: vec![0.0, 1.0], ..Scored::default() };
        let seen = Seen {
            layers: vec![vec![1.0, 2.0], vec![3.0, -2.0], vec![127.0, 5.0]],
            scored: vec![scored(Some(0)), scored(Some(0)), scored(None)],
            ..Seen::default()
        };
        assert_eq!(prototypes(&seen, DType::I8), (vec![2, 0, 127, 5], 1.0));
        assert_eq!(prototypes(&seen, DType::F32), (vec![2, 0, 127, 5], 1.0));
    }
}
