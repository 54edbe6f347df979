//! From the elements of a tensor to one whole number.
//!
//! All sums are integers that wrap, so every target finds the same number. Real elements are cut to whole ones first.

use siskin_format::{DType, FeatureRecord};

/// The mean of the region: the sum of its elements.
pub const MEAN: u8 = 0;
/// Sixteen times the variance of the region.
pub const SPREAD: u8 = 1;
/// How rough the region is: the sum of the distances between neighbours of a row.
pub const ROUGHNESS: u8 = 2;
/// How many elements of the region are at an end of their range, of real ones beyond that of the reference. Of a layer the upper
/// end alone counts: the lower one is where activations rest.
pub const SATURATION: u8 = 3;

/// Steps of real values larger than the reference's largest, which has 127.
const BEYOND: i32 = 128;

/// What one walk over a region finds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    count: u32,
    sum: i32,
    squares: u32,
    distances: i32,
    saturated: i32,
}

impl Sums {
    /// Walks the region of `feature` in a tensor.
    pub(super) fn of(feature: &FeatureRecord, dtype: DType, bytes: &[u8]) -> Sums {
        match dtype {
            DType::I8 => walk(feature, bytes, [-128, 127], |b| b.cast_signed().into()),
            DType::U8 | DType::Bool => walk(feature, bytes, [0, 255], i32::from),
            DType::I16 => {
                let x: &[i16] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
                walk(feature, x, [-32_768, 32_767], i32::from)
            }
            DType::F32 => {
                let x: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
                walk(feature, x, [-BEYOND, BEYOND], |v| ((v / feature.step) as i32).clamp(-255, 255))
            }
            _ => Sums::default(),
        }
    }

    /// The number that `statistic` asks for.
    pub(super) fn statistic(&self, statistic: u8) -> i32 {
        match statistic {
            MEAN => self.sum,
            SPREAD => self.spread(),
            ROUGHNESS => self.distances,
            SATURATION => self.saturated,
            _ => 0,
        }
    }

    fn spread(&self) -> i32 {
        let n = i64::from(self.count);
        let square = i64::from(self.sum).wrapping_mul(self.sum.into()).checked_div(n).unwrap_or(0);
        let deviations = i64::from(self.squares).wrapping_sub(square);
        deviations.wrapping_mul(16).checked_div(n).unwrap_or(0) as i32
    }
}

/// A region that leaves its tensor ends there: whoever wrote the file, the walk is no longer than the tensor.
fn walk<T: Copy>(f: &FeatureRecord, x: &[T], ends: [i32; 2], value: impl Fn(T) -> i32 + Copy) -> Sums {
    let mut sums = Sums::default();
    let columns = f.columns as usize;
    let mut row = f.start as usize;
    for _ in 0..f.rows {
        let Some(elements) = x.get(row..).filter(|e| !e.is_empty()) else { break };
        let before = sums.count;
        if f.column_stride == 1 {
            let elements = elements.get(..columns).unwrap_or(elements);
            sums.add(f, elements.iter().map(|&v| value(v)), ends);
        } else {
            let stride = (f.column_stride as usize).max(1);
            sums.add(f, elements.iter().step_by(stride).take(columns).map(|&v| value(v)), ends);
        }
        if sums.count.wrapping_sub(before) < f.columns {
            break;
        }
        row = row.wrapping_add(f.row_stride as usize);
    }
    sums
}

impl Sums {
    /// Takes a row in: all of it, or only what is saturated where that is asked for.
    fn add(&mut self, f: &FeatureRecord, row: impl Iterator<Item = i32>, [low, top]: [i32; 2]) {
        if f.statistic == SATURATION {
            let low = if f.after == 0 { low } else { i32::MIN };
            for v in row {
                self.count = self.count.wrapping_add(1);
                self.saturated = self.saturated.wrapping_add((v >= top || v <= low).into());
            }
            return;
        }
        let mut before = None;
        for v in row {
            self.count = self.count.wrapping_add(1);
            self.sum = self.sum.wrapping_add(v);
            self.squares = self.squares.wrapping_add(v.wrapping_mul(v).cast_unsigned());
            self.distances = self.distances.wrapping_add(v.wrapping_sub(before.unwrap_or(v)).wrapping_abs());
            before = Some(v);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytemuck::Zeroable;

    fn region(start: u32, rows: [u32; 2], columns: [u32; 2]) -> FeatureRecord {
        let [rows, row_stride] = rows;
        let [columns, column_stride] = columns;
        FeatureRecord { start, rows, row_stride, columns, column_stride, step: 0.5, ..FeatureRecord::zeroed() }
    }

    #[test]
    fn a_channel_of_a_picture() {
        // 2 rows of 3 pixels of 2 channels; channel 1 is 1 4 9 / -2 -2 6.
        let x: [i8; 12] = [0, 1, 0, 4, 0, 9, 0, -2, 0, -2, 0, 6];
        let sums = Sums::of(&region(1, [2, 6], [3, 2]), DType::I8, bytemuck::cast_slice(&x));
        assert_eq!(sums, Sums { count: 6, sum: 16, squares: 142, distances: 16, saturated: 0 });
        // 16 · (142 - 256 / 6) / 6, divisions cut.
        assert_eq!([MEAN, SPREAD, ROUGHNESS].map(|s| sums.statistic(s)), [16, 266, 16]);
    }

    #[test]
    fn saturated_elements_are_counted_by_where_the_region_is() {
        let x: [i8; 6] = [-128, 127, 0, 127, -128, -128];
        let saturated = |after| {
            let f = FeatureRecord { after, statistic: SATURATION, ..region(0, [2, 3], [3, 1]) };
            Sums::of(&f, DType::I8, bytemuck::cast_slice(&x)).statistic(SATURATION)
        };
        assert_eq!([saturated(0), saturated(1)], [5, 2], "of an input both ends, of a layer the upper one");
        let f = FeatureRecord { statistic: SATURATION, ..region(0, [1, 0], [4, 1]) };
        // Steps of a half: 127.5 steps are within, 128 beyond.
        let real = [63.5f32, 63.9, 64.0, -70.0];
        assert_eq!(Sums::of(&f, DType::F32, bytemuck::cast_slice(&real)).statistic(SATURATION), 2);
    }

    #[test]
    fn real_values_are_cut_to_whole_ones() {
        let x = [0.6f32, -1.0, f32::NAN, 1e9];
        let sums = Sums::of(&region(0, [1, 0], [4, 1]), DType::F32, bytemuck::cast_slice(&x));
        assert_eq!(sums.statistic(MEAN), 1 - 2 + 255);
    }

    #[test]
    fn a_region_that_leaves_the_tensor_ends() {
        let endless = region(0, [u32::MAX, 0], [u32::MAX, u32::MAX]);
        assert_eq!(Sums::of(&endless, DType::I8, &[1, 2]).count, 1);
    }
}
