//! The multiple-choice knapsack: of each layer one width, so that no choice has both fewer bytes and less loss.
//!
//! ```text
//! F_0 = {(0, 0)}      F_i = undominated { (b + b_ij, l + l_ij) : (b, l) in F_(i-1), j a width of layer i }
//! ```
//!
//! `F_n` is the Pareto front of all choices, the answer for every limit of flash at once. It is exact: dominated parts cannot belong to an
//! undominated whole. Source: Nemhauser and Ullmann, "Discrete Dynamic Programming and Capital Allocation", 1969.
//!
//! Of a model whose bytes have more than [`MOST`] different sums, bytes are counted in units, so that time and memory stay bounded; sums
//! then are exact to a unit for each layer.

/// The most points that a front may have: 4 bytes for each and layer.
const MOST: i64 = 1 << 16;

/// One width of one layer: what it takes and what it costs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Item {
    pub(super) bits: u8,
    pub(super) bytes: i64,
    pub(super) loss: f64,
}

/// A width for each layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) bits: Vec<u8>,
    pub(super) bytes: i64,
    pub(super) loss: f64,
}

/// A point of a front, and where it came from.
#[derive(Clone, Copy)]
struct Point {
    units: i64,
    loss: f64,
    /// The point of the front before, and the item that was added to it.
    from: (u32, u8),
}

/// The Pareto front: ascending bytes, descending loss. Empty if a layer has no item.
pub(super) fn front(layers: &[Vec<Item>]) -> Vec<Choice> {
    let span = |items: &Vec<Item>| {
        let bytes = || items.iter().map(|i| i.bytes);
        bytes().max().unwrap_or(0) - bytes().min().unwrap_or(0)
    };
    let unit = (layers.iter().map(span).sum::<i64>() / MOST + 1).max(1);
    let mut fronts = vec![vec![Point { units: 0, loss: 0.0, from: (0, 0) }]];
    for items in layers {
        let before = &fronts[fronts.len() - 1];
        let add = |(k, item): (usize, &Item)| {
            let units = item.bytes.div_euclid(unit) + i64::from(item.bytes.rem_euclid(unit) > 0);
            let one = |(i, p): (usize, &Point)| Point {
                units: p.units + units,
                loss: p.loss + item.loss,
                from: (i as u32, k as u8),
            };
            before.iter().enumerate().map(one).collect::<Vec<_>>()
        };
        let next = undominated(items.iter().enumerate().flat_map(add).collect());
        fronts.push(next);
    }
    let last = fronts.len() - 1;
    (0..fronts[last].len()).map(|at| choice(layers, &fronts, at)).collect()
}

/// Those that no other has both fewer bytes and no more loss than.
fn undominated(mut points: Vec<Point>) -> Vec<Point> {
    // A stable sort: of equals the first stays, whatever the machine.
    points.sort_by(|a, b| a.units.cmp(&b.units).then(a.loss.total_cmp(&b.loss)));
    let mut least = f64::INFINITY;
    points.retain(|p| {
        let better = p.loss < least;
        least = least.min(p.loss);
        better
    });
    points
}

/// Follows a point of the last front back to the first.
fn choice(layers: &[Vec<Item>], fronts: &[Vec<Point>], mut at: usize) -> Choice {
    let mut items = Vec::new();
    for (layer, front) in layers.iter().zip(&fronts[1..]).rev() {
        let (before, item) = front[at].from;
        items.push(layer[usize::from(item)]);
        at = before as usize;
    }
    items.reverse();
    Choice {
        bits: items.iter().map(|i| i.bits).collect(),
        bytes: items.iter().map(|i| i.bytes).sum(),
        loss: items.iter().map(|i| i.loss).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Items of layers, the same for the same seed.
    fn layers(seed: u64, layers: usize, scale: i64) -> Vec<Vec<Item>> {
        let mut state = seed * 2 + 1;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as i64
        };
        let mut item = |bits| Item { bits, bytes: -(next() % 40) * scale, loss: (next() % 1000) as f64 / 1000.0 };
        (0..layers).map(|_| [8, 4, 3, 2].map(&mut item).to_vec()).collect()
    }

    /// Every choice there is.
    fn all(layers: &[Vec<Item>]) -> Vec<(i64, f64)> {
        layers.iter().fold(vec![(0, 0.0)], |sums, items| {
            sums.iter().flat_map(|s| items.iter().map(move |i| (s.0 + i.bytes, s.1 + i.loss))).collect()
        })
    }

    #[test]
    fn for_every_limit_nothing_is_better() {
        for seed in 0..20 {
            let layers = layers(seed, 6, 1);
            let (front, all) = (front(&layers), all(&layers));
            for limit in -250..=0 {
                let best = all.iter().filter(|s| s.0 <= limit).map(|s| s.1).fold(f64::INFINITY, f64::min);
                let found = front.iter().rev().find(|c| c.bytes <= limit).map_or(f64::INFINITY, |c| c.loss);
                assert!((best - found).abs() < 1e-9 || best == found, "seed {seed}, {limit} bytes: {best}, {found}");
            }
        }
    }

    #[test]
    fn large_models_stay_bounded() {
        let layers = layers(1, 40, 100_000);
        let front = front(&layers);
        assert!(front.len() as i64 <= MOST && front.windows(2).all(|w| w[0].loss > w[1].loss));
        for choice in [&front[0], &front[front.len() - 1]] {
            let sum: i64 = layers
                .iter()
                .zip(&choice.bits)
                .map(|(l, b)| l.iter().find(|i| i.bits == *b).map_or(0, |i| i.bytes))
                .sum();
            assert_eq!(sum, choice.bytes);
        }
    }

    #[test]
    fn a_layer_without_items_has_no_front() {
        assert!(front(&[vec![Item { bits: 8, bytes: 0, loss: 0.0 }], vec![]]).is_empty());
    }
}
