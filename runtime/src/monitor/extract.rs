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
const BEYOND: i16 = 128;

/// The number that `feature` asks for, of the tensor that its region lies in.
pub(super) fn extract(feature: &FeatureRecord, dtype: DType, bytes: &[u8]) -> i32 {
    let region = Region::of(feature);
    let mut sums = Sums::of(feature, &region);
    match dtype {
        DType::I8 => {
            let x: &[i8] = bytemuck::cast_slice(bytes);
            let ends = [i8::MIN, i8::MAX];
            if region.stride == 1 {
                region.rows(x).for_each(|row| sums.add(row, ends));
            } else {
                walk(&region, x, i16::from, &mut |part| sums.add(part, ends.map(i16::from)));
            }
        }
        DType::U8 | DType::Bool => walk(&region, bytes, i16::from, &mut |part| sums.add(part, [0, 255])),
        DType::I16 => {
            let x: &[i16] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
            walk(&region, x, |v| v, &mut |part| sums.add(part, [i16::MIN, i16::MAX]));
        }
        DType::F32 => {
            let x: &[f32] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
            let value = |v: f32| (v / feature.step).clamp(-255.0, 255.0) as i16;
            walk(&region, x, value, &mut |part| sums.add(part, [-BEYOND, BEYOND]));
        }
        _ => {}
    }
    sums.finish()
}

/// Elements that are made whole numbers at a time.
const PART: usize = 64;

/// Shows a region's elements, as whole numbers and side by side, in parts.
fn walk<T: Copy>(region: &Region, x: &[T], value: impl Fn(T) -> i16, see: &mut dyn FnMut(&[i16])) {
    let mut whole = [0; PART];
    let stride = region.stride.max(1);
    for mut row in region.rows(x) {
        while !row.is_empty() {
            let len = row.len().div_ceil(stride).min(PART);
            for (slot, from) in whole.iter_mut().zip(row.chunks(stride)) {
                *slot = from.first().map_or(0, |&v| value(v));
            }
            see(whole.get(..len).unwrap_or(&[]));
            row = row.get(stride.saturating_mul(PART)..).unwrap_or(&[]);
        }
    }
}

/// A region in as few rows as it has: the longer they are, the faster.
struct Region {
    start: usize,
    rows: usize,
    row_stride: usize,
    columns: usize,
    stride: usize,
    /// The elements of a row of the region as the file has it.
    width: usize,
}

impl Region {
    fn of(f: &FeatureRecord) -> Region {
        let stride = f.column_stride.max(1);
        let as_is = Region {
            start: f.start as usize,
            rows: f.rows as usize,
            row_stride: f.row_stride as usize,
            columns: f.columns as usize,
            stride: stride as usize,
            width: f.columns as usize,
        };
        let all = as_is.rows.saturating_mul(as_is.columns);
        if f.columns == 1 && f.row_stride > 0 {
            // A column is a row.
            Region { rows: 1, columns: all, stride: as_is.row_stride, ..as_is }
        } else if stride == 1 && f.row_stride == f.columns {
            // Rows that touch are one.
            Region { rows: 1, columns: all, ..as_is }
        } else {
            as_is
        }
    }

    /// The rows, each from its first element to its last.
    fn rows<'x, T>(&self, x: &'x [T]) -> impl Iterator<Item = &'x [T]> {
        let len = self.columns.wrapping_sub(1).saturating_mul(self.stride).saturating_add(1);
        let has_columns = self.columns > 0;
        let from = move |start: usize| x.get(start..).filter(|row| !row.is_empty() && has_columns);
        let (mut start, row_stride, mut left) = (self.start, self.row_stride, self.rows);
        core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let rest = from(start)?;
            start = start.wrapping_add(row_stride);
            // What comes after a row that is cut off lies outside as well.
            rest.get(..len).or_else(|| {
                left = 0;
                Some(rest)
            })
        })
    }
}

/// What a walk over a region finds: only what its statistic needs.
struct Sums {
    statistic: u8,
    /// Of an input both ends of the range count.
    both_ends: bool,
    count: u32,
    /// Of elements, of distances, or of ones at an end.
    sum: i32,
    squares: u32,
    /// The elements of a row as the file has it, and how many of one have been seen.
    width: usize,
    column: usize,
    last: i32,
}

impl Sums {
    fn of(f: &FeatureRecord, region: &Region) -> Sums {
        let (statistic, both_ends, width) = (f.statistic, f.after == 0, region.width);
        Sums { statistic, both_ends, count: 0, sum: 0, squares: 0, width, column: 0, last: 0 }
    }

    /// Takes in what comes next.
    fn add<T: Copy + Into<i32> + PartialOrd>(&mut self, part: &[T], [low, top]: [T; 2]) {
        let sum = match self.statistic {
            SATURATION if self.both_ends => hits(part, |v| (v >= top) | (v <= low)),
            SATURATION => hits(part, |v| v >= top),
            ROUGHNESS => self.roughness(part),
            SPREAD => {
                self.count = self.count.wrapping_add(part.len() as u32);
                let squares = total(part, |v| v.into().wrapping_mul(v.into()));
                self.squares = self.squares.wrapping_add(squares.cast_unsigned());
                total(part, T::into)
            }
            _ => total(part, T::into),
        };
        self.sum = self.sum.wrapping_add(sum);
    }

    /// The sum of the distances between neighbours.
    fn roughness<T: Copy + Into<i32>>(&mut self, part: &[T]) -> i32 {
        let (Some(&first), Some(&last)) = (part.first(), part.last()) else { return 0 };
        let distance = |(&a, &b): (&T, &T)| a.into().wrapping_sub(b.into()).wrapping_abs();
        let from = |n: usize| part.get(n..).unwrap_or(&[]);
        let all = part.iter().zip(from(1)).map(distance).fold(0, i32::wrapping_add);
        // The end of a row and the beginning of the next are no neighbours.
        let width = self.width.max(1);
        let ends = width.wrapping_sub(self.column).wrapping_sub(1);
        let (ends, beginnings) = (from(ends).iter(), from(ends.wrapping_add(1)).iter());
        let across = ends.step_by(width).zip(beginnings.step_by(width)).map(distance);
        let across = across.fold(0, i32::wrapping_add);
        let before = if self.column == 0 { 0 } else { first.into().wrapping_sub(self.last).wrapping_abs() };
        self.column = self.column.wrapping_add(part.len()).checked_rem(width).unwrap_or(0);
        self.last = last.into();
        all.wrapping_sub(across).wrapping_add(before)
    }

    fn finish(&self) -> i32 {
        if self.statistic != SPREAD {
            return self.sum;
        }
        let n = i64::from(self.count);
        let square = i64::from(self.sum).wrapping_mul(self.sum.into()).checked_div(n).unwrap_or(0);
        let deviations = i64::from(self.squares).wrapping_sub(square);
        deviations.wrapping_mul(16).checked_div(n).unwrap_or(0) as i32
    }
}

/// The sum of what `of` makes of each.
fn total<T: Copy>(part: &[T], of: impl Fn(T) -> i32) -> i32 {
    part.iter().map(|&v| of(v)).fold(0, i32::wrapping_add)
}

/// How many are so.
fn hits<T: Copy>(part: &[T], is_so: impl Fn(T) -> bool) -> i32 {
    // A byte for each count: sixteen in a register.
    let count = |part: &[T]| part.iter().map(|&v| u8::from(is_so(v))).fold(0, u8::wrapping_add);
    part.chunks(u8::MAX.into()).map(|part| count(part).into()).fold(0, i32::wrapping_add)
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

    fn of(statistic: u8, region: FeatureRecord, dtype: DType, bytes: &[u8]) -> i32 {
        extract(&FeatureRecord { statistic, ..region }, dtype, bytes)
    }

    #[test]
    fn a_channel_of_a_picture() {
        // 2 rows of 3 pixels of 2 channels; channel 1 is 1 4 9 / -2 -2 6.
        let x: [i8; 12] = [0, 1, 0, 4, 0, 9, 0, -2, 0, -2, 0, 6];
        let channel = |s| of(s, region(1, [2, 6], [3, 2]), DType::I8, bytemuck::cast_slice(&x));
        // 16 · (142 - 256 / 6) / 6, divisions cut.
        assert_eq!([MEAN, SPREAD, ROUGHNESS].map(channel), [16, 266, 16]);
    }

    #[test]
    fn neighbours_are_walked_as_others_are() {
        let x: [i8; 100] = core::array::from_fn(|i| (i * 37 % 256) as u8 as i8);
        // The same values with a zero after each.
        let apart: [i8; 200] = core::array::from_fn(|i| if i % 2 == 0 { x[i / 2] } else { 0 });
        for statistic in [MEAN, SPREAD, ROUGHNESS, SATURATION] {
            let near = of(statistic, region(2, [3, 30], [29, 1]), DType::I8, bytemuck::cast_slice(&x));
            let far = of(statistic, region(4, [3, 60], [29, 2]), DType::I8, bytemuck::cast_slice(&apart));
            assert_eq!(near, far, "statistic {statistic}");
        }
    }

    /// The definition, element by element.
    fn defined(f: &FeatureRecord, x: &[i32], [low, top]: [i32; 2]) -> i32 {
        let (mut n, mut sum, mut squares) = (0i64, 0i64, 0i64);
        let at = |row: u32, column: u32| x[(f.start + row * f.row_stride + column * f.column_stride) as usize];
        for (row, column) in (0..f.rows).flat_map(|row| (0..f.columns).map(move |column| (row, column))) {
            let v = at(row, column);
            n += 1;
            squares += i64::from(v * v);
            sum += i64::from(match f.statistic {
                SATURATION => i32::from(v == top || (v == low && f.after == 0)),
                ROUGHNESS if column == 0 => 0,
                ROUGHNESS => (v - at(row, column - 1)).abs(),
                _ => v,
            });
        }
        if f.statistic == SPREAD { ((squares - sum * sum / n) * 16 / n) as i32 } else { sum as i32 }
    }

    #[test]
    fn every_region_gives_what_the_definition_gives() {
        let mut seed = 1u32;
        let mut draw = |below: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) % below
        };
        let bytes: [u8; 2000] = core::array::from_fn(|_| if draw(5) == 0 { 127 } else { draw(256) as u8 });
        let signed = bytes.map(|b| i32::from(b.cast_signed()));
        let real = signed.map(|v| v as f32 * 0.5);
        for _ in 0..2000 {
            let (columns, column_stride) = (1 + draw(90), 1 + draw(2) * draw(4));
            let rows = 1 + draw(4) * draw(20);
            let touching = draw(2) * columns * column_stride;
            let row_stride = if touching > 0 { touching } else { 1 + draw(300) };
            let f = region(draw(9), [rows, row_stride], [columns, column_stride]);
            let end = f.start + (rows - 1) * row_stride + columns * column_stride;
            if end as usize > bytes.len() {
                continue;
            }
            for (statistic, after) in [MEAN, SPREAD, ROUGHNESS, SATURATION].into_iter().zip([0, 1, 0, draw(2) as u16]) {
                let f = FeatureRecord { statistic, after, ..f };
                let unsigned = bytes.map(i32::from);
                assert_eq!(extract(&f, DType::I8, &bytes), defined(&f, &signed, [-128, 127]), "{f:?}");
                assert_eq!(extract(&f, DType::U8, &bytes), defined(&f, &unsigned, [0, 255]), "{f:?}");
                let whole = defined(&f, &signed, [-128, 128]);
                assert_eq!(extract(&f, DType::F32, bytemuck::cast_slice(&real)), whole, "{f:?}");
            }
        }
    }

    #[test]
    fn saturated_elements_are_counted_by_where_the_region_is() {
        let x: [i8; 6] = [-128, 127, 0, 127, -128, -128];
        let saturated = |after| {
            let f = FeatureRecord { after, ..region(0, [2, 3], [3, 1]) };
            of(SATURATION, f, DType::I8, bytemuck::cast_slice(&x))
        };
        assert_eq!([saturated(0), saturated(1)], [5, 2], "of an input both ends, of a layer the upper one");
        // Steps of a half: 127.5 steps are within, 128 beyond.
        let real = [63.5f32, 63.9, 64.0, -70.0];
        assert_eq!(of(SATURATION, region(0, [1, 0], [4, 1]), DType::F32, bytemuck::cast_slice(&real)), 2);
    }

    #[test]
    fn real_values_are_cut_to_whole_ones() {
        let x = [0.6f32, -1.0, f32::NAN, 1e9];
        assert_eq!(of(MEAN, region(0, [1, 0], [4, 1]), DType::F32, bytemuck::cast_slice(&x)), 1 - 2 + 255);
    }

    #[test]
    fn a_region_that_leaves_the_tensor_ends() {
        let endless = region(1, [u32::MAX, 0], [u32::MAX, u32::MAX]);
        assert_eq!(of(MEAN, endless, DType::I8, &[1, 2]), 2);
        assert_eq!(of(MEAN, region(1, [u32::MAX, 0], [u32::MAX, 1]), DType::I8, &[1, 2, 3]), 5);
    }
}
