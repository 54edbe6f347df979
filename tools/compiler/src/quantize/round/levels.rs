//! The integers that weights of a few bits may be.
//!
//! | bits | levels |
//! |---|---|
//! | 8 | -127 to 127 |
//! | 4, 3, 2 | `2^bits` at equal distances: one more below zero than above, one more above than below, or none at zero |

/// Integers in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Levels(Vec<i8>);

impl Levels {
    /// Levels of weights of so many bits that lie symmetric around zero, zero among them.
    pub(in super::super) fn symmetric(bits: u8) -> Levels {
        let most = Levels::most(bits);
        Levels((-most..=most).collect())
    }

    /// The greatest of [`Levels::symmetric`].
    pub(in super::super) fn most(bits: u8) -> i8 {
        (1i16 << (bits - 1)).saturating_sub(1).clamp(1, 127) as i8
    }

    /// The sets of levels that weights of so many bits choose from, each for one output.
    pub(crate) fn tables(bits: u8) -> Vec<Levels> {
        if bits >= 8 {
            return vec![Levels::symmetric(8)];
        }
        let most = Levels::most(bits);
        let odd = (0..=most).flat_map(|k| [-(2 * k + 1), 2 * k + 1]);
        let mut odd: Vec<i8> = odd.collect();
        odd.sort_unstable();
        vec![Levels((-most - 1..=most).collect()), Levels((-most..=most + 1).collect()), Levels(odd)]
    }

    /// The levels, in ascending order.
    pub(crate) fn integers(&self) -> &[i8] {
        &self.0
    }

    /// The level nearest to `v`, the higher of two.
    pub(super) fn nearest(&self, v: f64) -> i8 {
        let (first, last) = (self.0[0], self.0[self.0.len() - 1]);
        if usize::from(last.abs_diff(first)) + 1 == self.0.len() {
            return v.round().clamp(first.into(), last.into()) as i8;
        }
        let above = self.0.partition_point(|&level| f64::from(level) <= v);
        match (above.checked_sub(1).map(|i| self.0[i]), self.0.get(above)) {
            (Some(low), Some(&high)) => {
                if v - f64::from(low) < f64::from(high) - v {
                    low
                } else {
                    high
                }
            }
            (Some(low), None) => low,
            (None, _) => first,
        }
    }

    /// The levels next to `v`, below and above; beyond an end that end, twice.
    pub(super) fn around(&self, v: f64) -> [i8; 2] {
        let above = self.0.partition_point(|&level| f64::from(level) <= v);
        let last = self.0.len() - 1;
        [self.0[above.saturating_sub(1)], self.0[above.min(last)]]
    }

    /// The least step at which no weight is clipped; nothing if there is no such normal number.
    pub(super) fn full_scale(&self, w: &[f64]) -> Option<f64> {
        let (first, last) = (f64::from(self.0[0]), f64::from(self.0[self.0.len() - 1]));
        let full = w.iter().fold(0.0f64, |m, &w| m.max(if w < 0.0 { w / first } else { w / last }));
        Some(full).filter(|&s| (s as f32).is_normal())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_as_many_levels_as_their_bits_tell_apart() {
        for bits in 2..=4 {
            assert!(Levels::tables(bits).iter().all(|t| t.0.len() == 1 << bits), "{bits}");
        }
        assert_eq!(Levels::tables(3)[2], Levels(vec![-7, -5, -3, -1, 1, 3, 5, 7]));
        assert_eq!(Levels::symmetric(4), Levels((-7..=7).collect()));
    }

    #[test]
    fn the_nearest_level_wins_and_ends_clip() {
        let odd = &Levels::tables(2)[2];
        assert_eq!([-9.0, -2.1, -1.9, 0.1, 9.0].map(|v| odd.nearest(v)), [-3, -3, -1, 1, 3]);
        let whole = &Levels::tables(2)[0];
        assert_eq!([-9.0, -0.4, 0.6, 9.0].map(|v| whole.nearest(v)), [-2, 0, 1, 1]);
        assert_eq!(
            [-9.0, -2.0, -1.9, 0.5, 1.0, 9.0].map(|v| whole.around(v)),
            [[-2; 2], [-2, -1], [-2, -1], [0, 1], [1; 2], [1; 2]]
        );
        assert_eq!(whole.full_scale(&[-4.0, 1.5]), Some(2.0));
        assert_eq!(whole.full_scale(&[0.0]), None);
    }
}
