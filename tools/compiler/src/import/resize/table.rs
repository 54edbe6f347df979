//! Positions and weights of one axis.

use super::spec::{AxisSpec, Mode, Nearest, Spec, Transform};

/// For each place of `y`: `taps` positions in `x` with their weights; unused taps stand at -1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Table {
    pub(super) taps: u32,
    pub(super) positions: Vec<i32>,
    pub(super) weights: Vec<f32>,
}

impl Table {
    /// The number of places.
    pub(super) fn places(&self) -> u32 {
        self.positions.len() as u32 / self.taps.max(1)
    }

    /// Whether every place copies one element.
    pub(super) fn picks(&self) -> bool {
        self.taps == 1 && self.weights.iter().all(|&w| w == 1.0)
    }

    /// Whether `y` is `x`, an axis of `len` elements.
    pub(super) fn is_identity(&self, len: u32) -> bool {
        self.picks() && self.places() == len && self.positions.iter().zip(0..).all(|(&p, i)| p == i)
    }

    /// Lays rows of any length side by side.
    fn of(rows: &[Vec<(i32, f32)>]) -> Table {
        let taps = rows.iter().map(Vec::len).max().unwrap_or(1).max(1);
        let padded = |row: &Vec<(i32, f32)>| {
            let unused = taps - row.len();
            row.clone().into_iter().chain(core::iter::repeat_n((-1, 0.0), unused)).collect::<Vec<_>>()
        };
        let (positions, weights) = rows.iter().flat_map(padded).unzip();
        Table { taps: taps as u32, positions, weights }
    }
}

/// The table of an axis, and how many places before and after it lie outside `x` and take the extrapolation value.
pub(super) fn table(spec: &Spec, axis: &AxisSpec) -> (Table, (i64, i64)) {
    let last = f64::from(axis.input) - 1.0;
    let coordinates: Vec<f64> = (0..axis.output).map(|j| snap(coordinate(spec.transform, axis, j.into()))).collect();
    let outside = |&x: &f64| spec.transform == Transform::CropAndResize && !(0.0..=last).contains(&x);
    let before = coordinates.iter().take_while(|x| outside(x)).count();
    let after = coordinates.iter().skip(before).rev().take_while(|x| outside(x)).count();
    let inside = &coordinates[before..coordinates.len() - after];
    let rows: Vec<_> = inside.iter().map(|&x| row(spec, axis, x)).collect();
    (Table::of(&rows), (before as i64, after as i64))
}

/// Brings a coordinate that rounding moved off a whole or a half number back, so that 2.9999999 is not floored to 2.
/// Scales are given in `f32`, hence its precision.
fn snap(x: f64) -> f64 {
    let near = (2.0 * x).round() / 2.0;
    if (x - near).abs() <= f64::from(f32::EPSILON) * (x.abs() + 1.0) { near } else { x }
}

/// Where place `j` of `y` lies in `x`.
fn coordinate(transform: Transform, axis: &AxisSpec, j: f64) -> f64 {
    let input = f64::from(axis.input);
    // As ONNX defines it: before rounding to a whole length.
    let output = axis.scale * input;
    let half_pixel = (j + 0.5) / axis.scale - 0.5;
    match transform {
        Transform::HalfPixel => half_pixel,
        Transform::HalfPixelSymmetric => {
            let adjustment = f64::from(axis.output) / output;
            input / 2.0 * (1.0 - adjustment) + half_pixel
        }
        Transform::PytorchHalfPixel if axis.output == 1 => 0.0,
        Transform::PytorchHalfPixel => half_pixel,
        Transform::AlignCorners if output == 1.0 => 0.0,
        Transform::AlignCorners => j * (input - 1.0) / (output - 1.0),
        Transform::Asymmetric => j / axis.scale,
        Transform::CropAndResize => {
            let [start, end] = axis.crop;
            let within = if output == 1.0 {
                (end - start) * (input - 1.0) / 2.0
            } else {
                j * (end - start) * (input - 1.0) / (output - 1.0)
            };
            within + start * (input - 1.0)
        }
    }
}

/// The taps around a coordinate: positions inside `x`, ascending, each once.
fn row(spec: &Spec, axis: &AxisSpec, x: f64) -> Vec<(i32, f32)> {
    let (first, mut weights) = kernel(spec, axis, x);
    let last = i64::from(axis.input) - 1;
    if spec.exclude_outside {
        for (tap, at) in weights.iter_mut().zip(first..) {
            *tap = if (0..=last).contains(&at) { *tap } else { 0.0 };
        }
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
    }
    // Beyond the ends the outermost element is repeated.
    let mut row: Vec<(i64, f64)> = Vec::new();
    for (weight, at) in weights.into_iter().zip(first..) {
        let at = at.clamp(0, last.max(0));
        match row.last_mut() {
            Some((same, sum)) if *same == at => *sum += weight,
            _ => row.push((at, weight)),
        }
    }
    row.into_iter().filter(|&(_, w)| w != 0.0).map(|(at, w)| (at as i32, w as f32)).collect()
}

/// The position of the first tap, which may lie outside, and the taps' weights.
fn kernel(spec: &Spec, axis: &AxisSpec, x: f64) -> (i64, Vec<f64>) {
    let floor = x.floor();
    let (at, ratio) = (floor as i64, x - floor);
    // Antialiasing widens the kernel where the axis shrinks.
    let scale = if spec.antialias { axis.scale.min(1.0) } else { 1.0 };
    match spec.mode {
        Mode::Nearest(nearest) => (at + i64::from(rounds_up(nearest, ratio, axis.scale)), vec![1.0]),
        Mode::Linear => widened(at, ratio, scale, 1.0, |d| 1.0 - d),
        Mode::Cubic(a) => widened(at, ratio, scale, 2.0, |d| cubic(a, d)),
    }
}

fn rounds_up(nearest: Nearest, ratio: f64, scale: f64) -> bool {
    match nearest {
        Nearest::RoundPreferFloor => ratio > 0.5,
        Nearest::RoundPreferCeil => ratio >= 0.5,
        Nearest::Floor => false,
        Nearest::Ceil => ratio > 0.0,
        Nearest::ByScale => ratio > 0.0 && scale < 1.0,
    }
}

/// A kernel that reaches `reach` elements to either side, stretched by `1 / scale`, with its weights brought to sum 1.
fn widened(at: i64, ratio: f64, scale: f64, reach: f64, f: impl Fn(f64) -> f64) -> (i64, Vec<f64>) {
    let start = (-reach / scale).floor() as i64 + 1;
    let weight = |k: i64| {
        let distance = ((k as f64 - ratio) * scale).abs();
        if distance < reach { f(distance) } else { 0.0 }
    };
    let weights: Vec<f64> = (start..2 - start).map(weight).collect();
    let sum: f64 = weights.iter().sum();
    (at + start, weights.into_iter().map(|w| w / sum).collect())
}

/// Keys' cubic with coefficient `a`.
fn cubic(a: f64, d: f64) -> f64 {
    if d <= 1.0 { ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0 } else { ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(mode: Mode, transform: Transform) -> Spec {
        Spec { mode, transform, antialias: false, exclude_outside: false, extrapolation: 0.0 }
    }

    fn axis(input: u32, output: u32) -> AxisSpec {
        AxisSpec { input, output, scale: f64::from(output) / f64::from(input), crop: [0.0, 1.0] }
    }

    #[test]
    fn doubling_linearly_takes_quarters() {
        let (table, _) = table(&spec(Mode::Linear, Transform::HalfPixel), &axis(2, 4));
        assert_eq!(table.positions, [0, -1, 0, 1, 0, 1, 1, -1]);
        assert_eq!(table.weights, [1.0, 0.0, 0.75, 0.25, 0.25, 0.75, 1.0, 0.0]);
    }

    #[test]
    fn the_same_length_is_nothing_to_do() {
        for transform in [Transform::HalfPixel, Transform::AlignCorners, Transform::Asymmetric] {
            for mode in [Mode::Linear, Mode::Cubic(-0.75), Mode::Nearest(Nearest::Floor)] {
                let (table, outside) = table(&spec(mode, transform), &axis(7, 7));
                assert!(table.is_identity(7) && outside == (0, 0), "{mode:?} {transform:?} {table:?}");
            }
        }
    }

    #[test]
    fn rounding_errors_do_not_move_a_pixel() {
        // The centre of a single place is element 3 of 7, though 0.5 / (1 / 7) - 0.5 is a little less.
        for nearest in [Nearest::Floor, Nearest::Ceil] {
            let (table, _) = table(&spec(Mode::Nearest(nearest), Transform::HalfPixel), &axis(7, 1));
            assert_eq!(table.positions, [3]);
        }
    }

    #[test]
    fn antialiasing_averages_what_is_left_out() {
        let mut spec = spec(Mode::Linear, Transform::HalfPixel);
        spec.antialias = true;
        let (table, _) = table(&spec, &axis(8, 2));
        assert_eq!(table.taps, 6);
        assert!(table.weights.chunks(6).all(|row| (row.iter().sum::<f32>() - 1.0).abs() < 1e-6), "{table:?}");
    }

    #[test]
    fn a_crop_beyond_the_axis_counts_places_outside() {
        let mut part = axis(4, 4);
        part.crop = [0.5, 1.5];
        let (table, outside) = table(&spec(Mode::Linear, Transform::CropAndResize), &part);
        assert_eq!((table.places(), outside), (2, (0, 2)));
    }
}
