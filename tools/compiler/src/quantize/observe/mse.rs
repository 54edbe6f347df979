//! MSE: the range whose int8 grid has the least expected squared error.
//!
//! Values are taken as uniform within their bin, so the error of a bin `[l, r)` with `n` values is
//! `n · (F(r) − F(l)) / (r − l)`, with `F` the antiderivative of `(x − Q(x))²`. On the grid, with
//! `u = x / scale = k + f` and `k` the nearest whole number,
//!
//! `F(x) = scale³ · (k / 12 + f³ / 3)`, and beyond an end `e` of the grid `F(x) = F(e) + (x − e)³ / 3`:
//!
//! rounding inside, clipping outside. Being exact, it holds also where a step is smaller than a bin. Exact
//! zeros have no error and are left out.
//!
//! The search is over `[min · 2⁻ᵃ, max · 2⁻ᵇ]`: a grid of halves of an octave down to 2⁻⁸, then a pattern search
//! from its best point with steps of 1/4 to 1/64 of an octave (Hooke and Jeeves, 1961). The ends move
//! independently, so a skewed distribution loses only its long tail. The error is that of the rounded zero
//! point and scale, as they will be shipped.
//!
//! Source of the criterion: Nagel et al., "A White Paper on Neural Network Quantization", 2021, "Quantization range
//! setting".

use super::{
    QuantParams, Range,
    histogram::{BINS, Histogram},
};

/// Octaves by which the ends are pulled in.
type Point = (f64, f64);

pub(super) fn range(histogram: &Histogram, seen: Range) -> Range {
    let at = |(a, b): Point| Range::new(shrink(seen.min, a), shrink(seen.max, b));
    let cost = |point: Point| error(histogram, QuantParams::from_range(at(point)));
    let mut best = least((cost((0.0, 0.0)), (0.0, 0.0)), coarse(seen), cost);
    let mut step = 0.25;
    while step >= 1.0 / 64.0 {
        // A bound on the moves, although each lowers the error: the ends are at most 24 octaves away.
        for _ in 0..(16.0 / step) as usize {
            let moved = least(best, around(best.1, step, seen), cost);
            if moved.1 == best.1 {
                break;
            }
            best = moved;
        }
        step /= 2.0;
    }
    at(best.1)
}

fn shrink(end: f32, octaves: f64) -> f32 {
    (f64::from(end) * (-octaves).exp2()) as f32
}

/// The first point of all that costs less than those before it.
fn least(start: (f64, Point), points: impl Iterator<Item = Point>, cost: impl Fn(Point) -> f64) -> (f64, Point) {
    points.map(|point| (cost(point), point)).fold(start, |best, next| if next.0 < best.0 { next } else { best })
}

/// An end at 0 has nowhere to go.
fn coarse(seen: Range) -> impl Iterator<Item = Point> {
    let steps = |end: f32| if end == 0.0 { 1 } else { 17 };
    let (lows, highs) = (steps(seen.min), steps(seen.max));
    (0..lows).flat_map(move |a| (0..highs).map(move |b| (f64::from(a) / 2.0, f64::from(b) / 2.0)))
}

fn around((a, b): Point, step: f64, seen: Range) -> impl Iterator<Item = Point> {
    let moves = |end: f32| if end == 0.0 { vec![0.0] } else { vec![-step, 0.0, step] };
    let (lows, highs) = (moves(seen.min), moves(seen.max));
    let all = lows.into_iter().flat_map(move |da| highs.clone().into_iter().map(move |db| (a + da, b + db)));
    all.filter(|&(a, b)| a >= 0.0 && b >= 0.0)
}

/// Expected sum of squared errors of all values.
fn error(histogram: &Histogram, params: QuantParams) -> f64 {
    let scale = f64::from(params.scale);
    let low = f64::from(-128 - params.zero_point) * scale;
    let high = f64::from(127 - params.zero_point) * scale;
    let grid = |x: f64| {
        let steps = x / scale;
        let nearest = steps.round();
        scale.powi(3) * (nearest / 12.0 + (steps - nearest).powi(3) / 3.0)
    };
    let integral = |x: f64| grid(x.clamp(low, high)) + (x - x.clamp(low, high)).powi(3) / 3.0;
    let mut left = integral(histogram.edge(0));
    let mut sum = 0.0;
    for (count, bin) in histogram.counts().iter().zip(1..=BINS) {
        let right = integral(histogram.edge(bin));
        sum += *count as f64 * (right - left);
        left = right;
    }
    sum / histogram.width()
}
