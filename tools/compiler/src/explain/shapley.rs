//! KernelSHAP: Shapley values as a weighted least squares fit over coalitions of regions.
//!
//! ```text
//! min Σ_z w(z) · (f(z) - f(0) - Σ_i φ_i z_i)²      with  Σ φ = f(1) - f(0)
//! w(z) = (M - 1) / (C(M, s) · s · (M - s))         s: regions present in z
//! ```
//!
//! Coalitions of one and of all but one region come first, then of two, as long as the budget holds all of a size;
//! what is left of it is spent on sizes by their weight, each coalition with its complement. If every coalition fits,
//! the values are exact. Source: Lundberg and Lee, "A unified approach to interpreting model predictions", 2017;
//! complements: Covert and Lee, 2021.

use super::Draws;
use std::collections::BTreeMap;

/// The Shapley values of `regions` (at most 64) under `f`, which takes the set of regions that are present. Calls `f`
/// at most `budget` times, for every coalition but the empty and the full one, whose values are `empty` and `full`.
/// Nothing if the budget is below twice the regions and not enough for all coalitions.
///
/// # Errors
/// What `f` says.
pub fn kernel_shap<E>(
    regions: usize,
    [empty, full]: [f64; 2],
    budget: u64,
    seed: u64,
    mut f: impl FnMut(u64) -> Result<f64, E>,
) -> Result<Option<Vec<f64>>, E> {
    if regions == 1 {
        return Ok(Some(vec![full - empty]));
    }
    let coalitions = choose(regions, budget, seed);
    if budget < 2 * regions as u64 && !is_whole(regions, budget) {
        return Ok(None);
    }
    let mut fit = Fit::new(regions, full - empty);
    for (&set, &weight) in &coalitions {
        fit.add(set, weight, f(set)? - empty);
    }
    Ok(fit.solve())
}

/// Whether a budget holds every coalition.
fn is_whole(regions: usize, budget: u64) -> bool {
    regions < 63 && budget >= (1 << regions) - 2
}

/// Coalitions of greatest weight, each with its weight.
fn choose(regions: usize, budget: u64, seed: u64) -> BTreeMap<u64, f64> {
    let mut chosen = BTreeMap::new();
    let all = u64::MAX >> (64 - regions);
    let (mut left, mut rest) = (budget, sizes(regions));
    // A size is taken with its complement's, which weighs the same.
    while let Some(&(size, weight)) = rest.first() {
        let pairs = if 2 * size == regions { 1 } else { 2 };
        let sets = binomial(regions, size).saturating_mul(pairs);
        let total: f64 = rest.iter().map(|r| r.1).sum();
        let share = left as f64 * weight / total;
        if sets > left || (share < sets as f64 && !is_whole(regions, budget)) {
            break;
        }
        each_subset(regions, size, |set| {
            chosen.insert(set, weight / sets as f64);
            chosen.insert(all ^ set, weight / sets as f64);
        });
        left -= sets;
        rest.remove(0);
    }
    if !rest.is_empty() {
        draw(regions, &rest, left, seed, &mut chosen);
    }
    chosen
}

/// Sizes up to a half, and the weight of all coalitions of that size or its complement's.
fn sizes(regions: usize) -> Vec<(usize, f64)> {
    let weight = |s: usize| {
        let one = (regions - 1) as f64 / (s * (regions - s)) as f64;
        if 2 * s == regions { one } else { 2.0 * one }
    };
    (1..=regions / 2).map(|s| (s, weight(s))).collect()
}

/// Draws coalitions of sizes that are not taken whole, until `left` different ones are there or chance finds no more.
fn draw(regions: usize, rest: &[(usize, f64)], left: u64, seed: u64, chosen: &mut BTreeMap<u64, f64>) {
    let all = u64::MAX >> (64 - regions);
    let total: f64 = rest.iter().map(|r| r.1).sum();
    let (mut draws, mut counts) = (Draws::new(seed), BTreeMap::<u64, f64>::new());
    let mut tries = 0;
    while counts.len() as u64 + 2 <= left && tries < 4 * left {
        tries += 1;
        let mut at = f64::from(draws.0.next_unit()) * total;
        let size = rest.iter().find(|r| {
            at -= r.1;
            at < 0.0
        });
        let size = size.or(rest.last()).map_or(1, |r| r.0);
        let set = draws.order(regions).iter().take(size).fold(0u64, |set, &i| set | 1 << i);
        for set in [set, all ^ set] {
            *counts.entry(set).or_default() += 1.0;
        }
    }
    let drawn: f64 = counts.values().sum();
    chosen.extend(counts.into_iter().map(|(set, n)| (set, total * n / drawn)));
}

fn binomial(n: usize, k: usize) -> u64 {
    let exact = (0..k).try_fold(1u128, |c, i| Some(c.checked_mul((n - i) as u128)? / (i + 1) as u128));
    exact.and_then(|c| u64::try_from(c).ok()).unwrap_or(u64::MAX)
}

/// Every set of `size` of the numbers below `n`, in order (Gosper).
fn each_subset(n: usize, size: usize, mut see: impl FnMut(u64)) {
    let (mut set, end) = ((1u128 << size) - 1, 1u128 << n);
    while set < end {
        see(set as u64);
        let low = set & set.wrapping_neg();
        let ripple = set + low;
        set = (((ripple ^ set) >> 2) / low) | ripple;
    }
}

/// The normal equations, without the last region, whose value the sum decides.
struct Fit {
    regions: usize,
    sum: f64,
    /// Rows of the left side, each with its right side.
    rows: Vec<Vec<f64>>,
}

impl Fit {
    fn new(regions: usize, sum: f64) -> Fit {
        Fit { regions, sum, rows: vec![vec![0.0; regions]; regions - 1] }
    }

    fn add(&mut self, set: u64, weight: f64, value: f64) {
        let last = self.regions - 1;
        let present = |i: usize| f64::from((set >> i & 1) as u8);
        let x = |i: usize| present(i) - present(last);
        let y = value - present(last) * self.sum;
        for (i, row) in self.rows.iter_mut().enumerate() {
            for (j, slot) in row.iter_mut().take(last).enumerate() {
                *slot += weight * x(i) * x(j);
            }
            row[last] += weight * x(i) * y;
        }
    }

    /// Gauss with pivots; nothing if coalitions do not tell the regions apart.
    fn solve(mut self) -> Option<Vec<f64>> {
        let n = self.rows.len();
        for k in 0..n {
            let pivot = (k..n).max_by(|&a, &b| self.rows[a][k].abs().total_cmp(&self.rows[b][k].abs()))?;
            self.rows.swap(k, pivot);
            if self.rows[k][k].abs() < 1e-12 {
                return None;
            }
            let (above, below) = self.rows.split_at_mut(k + 1);
            for row in below {
                let factor = row[k] / above[k][k];
                row.iter_mut().zip(&above[k]).skip(k).for_each(|(r, a)| *r -= factor * a);
            }
        }
        let mut values = vec![0.0; n];
        for k in (0..n).rev() {
            let known: f64 = (k + 1..n).map(|j| self.rows[k][j] * values[j]).sum();
            values[k] = (self.rows[k][n] - known) / self.rows[k][k];
        }
        values.push(self.sum - values.iter().sum::<f64>());
        Some(values)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    /// Products, a threshold and a sum of eight numbers: nothing that is linear.
    fn game(set: u64) -> f64 {
        let v = |i: u64| f64::from((set >> i & 1) as u8);
        3.0 * v(0) + 2.0 * v(1) * v(2) - 1.5 * v(3) * v(4) * v(5) + (v(5) + v(6) + v(7) - 1.5).max(0.0) + v(0) * v(7)
    }

    /// By the definition: the mean over all orders of what a region adds to those before it.
    fn by_enumeration(n: u64, f: impl Fn(u64) -> f64) -> Vec<f64> {
        let factorial = |k: u64| (1..=k).map(|i| i as f64).product::<f64>();
        let value = |i: u64| -> f64 {
            (0..1u64 << n)
                .filter(|s| s >> i & 1 == 0)
                .map(|s| {
                    let k = u64::from(s.count_ones());
                    factorial(k) * factorial(n - k - 1) / factorial(n) * (f(s | 1 << i) - f(s))
                })
                .sum()
        };
        (0..n).map(value).collect()
    }

    fn shap(n: usize, budget: u64, seed: u64, f: impl Fn(u64) -> f64) -> Vec<f64> {
        let ends = [f(0), f(u64::MAX >> (64 - n))];
        let mut calls = 0;
        let counted = |set| {
            calls += 1;
            Ok::<f64, ()>(f(set))
        };
        let values = kernel_shap(n, ends, budget, seed, counted).unwrap().unwrap();
        assert!(calls <= budget, "{calls} of {budget}");
        assert!((values.iter().sum::<f64>() - (ends[1] - ends[0])).abs() < 1e-9, "efficiency");
        values
    }

    #[test]
    fn all_coalitions_give_shapley_values() {
        let exact = by_enumeration(8, game);
        for (got, want) in shap(8, 254, 0, game).iter().zip(&exact) {
            assert!((got - want).abs() < 1e-9, "{got} {want}");
        }
        let two = |set: u64| game(set & 3);
        assert_eq!(by_enumeration(2, two).len(), 2);
        for (got, want) in shap(2, 2, 0, two).iter().zip(by_enumeration(2, two)) {
            assert!((got - want).abs() < 1e-12);
        }
        assert_eq!(shap(1, 0, 0, |set| 5.0 * set as f64), [5.0]);
    }

    #[test]
    fn samples_come_close_and_closer() {
        let exact = by_enumeration(8, game);
        let error = |budget: u64| -> f64 {
            let off = |seed| -> f64 {
                shap(8, budget, seed, game).iter().zip(&exact).map(|(g, w)| (g - w).abs()).fold(0.0, f64::max)
            };
            (0..20).map(off).sum::<f64>() / 20.0
        };
        let (few, many) = (error(40), error(160));
        assert!(many < few && few < 0.5, "{few} {many}");
        assert_eq!(shap(8, 40, 3, game), shap(8, 40, 3, game));
    }

    #[test]
    fn a_linear_game_is_exact_at_any_budget() {
        let linear = |set: u64| (0..20).map(|i| (set >> i & 1) as f64 * (i as f64 - 7.0)).sum();
        for (i, value) in shap(20, 60, 1, linear).iter().enumerate() {
            assert!((value - (i as f64 - 7.0)).abs() < 1e-9);
        }
        let none = kernel_shap(20, [0.0, 1.0], 39, 0, |_| Ok::<f64, ()>(0.0)).unwrap();
        assert_eq!(none, None, "too few coalitions");
    }
}
