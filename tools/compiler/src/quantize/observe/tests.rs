//! Against numpy and onnxruntime, and the cases that have no distribution.
//!
//! The constants come from a Python script over the same samples (`samples` below, in numpy): `PERCENTILE_*` from
//! `np.quantile` and onnxruntime 1.32's `HistogramCollector(num_bins=2048).compute_percentile`; `LEAST_MSE` from an
//! exhaustive search over 50 x 50 fractions of both ends and refinements of it, quantizing the samples themselves;
//! `ENTROPY` from a direct transcription of the definition with `np.histogram` and `np.bincount`; its last column from
//! onnxruntime's `get_entropy_threshold` (4096 bins and 512 levels over `[-max|x|, max|x|]`).

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use super::*;

const ALL: [Method; 4] = [Method::MinMax, Method::Percentile(99.0), Method::Mse, Method::Entropy];

/// Knuth's generator; the upper 53 bits as a number in [0, 1).
fn uniform(seed: u64) -> impl Iterator<Item = f64> {
    let next = |s: &u64| Some(s.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    core::iter::successors(Some(seed), next).skip(1).map(|s| (s >> 11) as f64 / (1_u64 << 53) as f64)
}

fn normal(seed: u64) -> impl Iterator<Item = f64> {
    let mut u = uniform(seed);
    core::iter::from_fn(move || {
        let (a, b) = (u.next()?, u.next()?);
        Some((-2.0 * (1.0 - a).ln()).sqrt() * (core::f64::consts::TAU * b).cos())
    })
}

fn laplace(u: f64) -> f64 {
    -(u - 0.5).signum() * (1.0 - 2.0 * (u - 0.5).abs()).ln()
}

fn samples(name: &str, count: usize) -> Vec<f32> {
    let outlier = |(i, x): (usize, f64)| if i % 1000 == 0 { 12.0 * x } else { x };
    let all: Box<dyn Iterator<Item = f64>> = match name {
        "normal" => Box::new(normal(1)),
        "relu" => Box::new(normal(2).map(|x| x.max(0.0))),
        "laplace" => Box::new(uniform(3).map(laplace)),
        "exponential" => Box::new(uniform(4).map(|u| -(1.0 - u).ln())),
        "skewed" => Box::new(uniform(5).map(|u| -(1.0 - u).ln() - 0.5)),
        "normal+outliers" => Box::new(normal(8).enumerate().map(outlier)),
        other => panic!("no distribution {other}"),
    };
    all.take(count).map(|x| x as f32).collect()
}

/// Both passes, in batches of an odd size.
fn observe(values: &[f32]) -> Observer {
    let mut observer = Observer::new();
    values.chunks(777).for_each(|batch| observer.observe_range(batch));
    values.chunks(777).for_each(|batch| observer.observe_histogram(batch));
    observer
}

fn squared_error(values: &[f32], range: Range) -> f64 {
    let params = QuantParams::from_range(range);
    let error = |&x: &f32| f64::from(params.dequantize(params.quantize(x)) - x).powi(2);
    values.iter().map(error).sum::<f64>() / values.len() as f64
}

fn bin(seen: Range) -> f32 {
    (seen.max - seen.min) / histogram::BINS as f32
}

/// Name, then the lower and upper end by numpy and by onnxruntime, for percentile:99.
const PERCENTILE: [(&str, [f32; 2], [f32; 2]); 5] = [
    ("normal", [-2.520_987, 2.570_245_3], [-2.522_300_7, 2.576_710_7]),
    ("relu", [0.0, 2.595_315_5], [0.0, 2.595_913_4]),
    ("laplace", [-4.606_239, 4.636_467_5], [-4.606_357_6, 4.637_273]),
    ("exponential", [0.0, 5.172_635_5], [0.0, 5.170_912_7]),
    ("skewed", [-0.495_814_17, 4.810_150_6], [-0.496_718_4, 4.818_168_6]),
];

#[test]
fn percentile_agrees_with_numpy_and_onnxruntime() {
    for (name, numpy, onnxruntime) in PERCENTILE {
        let observer = observe(&samples(name, 20_000));
        let range = observer.range(Method::Percentile(99.0));
        // onnxruntime's bins are up to twice as wide, since they are symmetric, and it takes their edges.
        for (expected, bins) in [(numpy, 1.0), (onnxruntime, 3.0)] {
            let off = (range.min - expected[0]).abs().max((range.max - expected[1]).abs());
            let allowed = bins * bin(observer.range(Method::MinMax));
            assert!(off <= allowed, "{name}: {range:?}, expected {expected:?} within {allowed}");
        }
        assert_eq!(observer.range(Method::Percentile(100.0)), observer.range(Method::MinMax));
    }
}

/// Name, the least mean squared error that any range gives, and that of the full range.
const LEAST_MSE: [(&str, f64, f64); 6] = [
    ("normal", 6.608_300_567_915_148e-5, 7.049_546_371_956_814e-5),
    ("relu", 1.052_238_599_488_459_4e-5, 1.079_068_307_613_732_8e-5),
    ("laplace", 4.087_821_566_973_836e-4, 4.291_923_339_589_304e-4),
    ("exponential", 8.883_812_772_268_287e-5, 9.193_803_411_546_112e-5),
    ("skewed", 1.404_232_188_420_213e-4, 1.464_256_464_381_012_9e-4),
    ("normal+outliers", 2.018_485_264_865_291_6e-3, 2.156_081_943_995_423_7e-3),
];

#[test]
fn mse_finds_the_least_error() {
    for (name, least, full) in LEAST_MSE {
        let values = samples(name, 20_000);
        let observer = observe(&values);
        let error = squared_error(&values, observer.range(Method::Mse));
        assert!(error <= 1.01 * least, "{name}: {error:e}, numpy finds {least:e}");
        let unclipped = squared_error(&values, observer.range(Method::MinMax));
        assert!((unclipped / full - 1.0).abs() < 1e-3, "{name}: {unclipped:e}, numpy {full:e}");
    }
}

#[test]
fn mse_clips_a_lone_outlier() {
    // 100 000 values within [-1, 1] and one at 50: clipping it a little makes every other step finer.
    let mut values: Vec<f32> = uniform(9).take(100_000).map(|u| (2.0 * u - 1.0) as f32).collect();
    values.push(50.0);
    let error = |max: f32| squared_error(&values, Range { min: -1.0, max });
    let least = (1..=500).map(|i| error(i as f32 / 10.0)).min_by(f64::total_cmp).unwrap();
    let range = observe(&values).range(Method::Mse);
    assert!(squared_error(&values, range) <= 1.01 * least && least < 0.9 * error(50.0), "{range:?}, {least}");
}

/// Name, samples, the ends by numpy, and onnxruntime's upper end.
const ENTROPY: [(&str, usize, [f32; 2], f32); 6] = [
    ("normal", 1_000_000, [-4.407_294, 4.404_82], 4.389_320_4),
    ("normal+outliers", 20_000, [-3.360_555_6, 3.373_101_2], 3.383_367_5),
    ("exponential", 20_000, [0.0, 7.219_453], 7.463_13),
    ("laplace", 20_000, [-7.775_231, 7.885_562_4], 6.626_148),
    ("skewed", 20_000, [-0.499_965_4, 7.780_802_2], 7.689_201_4),
    ("relu", 20_000, [0.0, 3.631_474_3], f32::NAN),
];

#[test]
fn entropy_agrees_with_the_definition_in_numpy() {
    for (name, count, expected, _) in ENTROPY {
        let observer = observe(&samples(name, count));
        let range = observer.range(Method::Entropy);
        let off = (range.min - expected[0]).abs().max((range.max - expected[1]).abs());
        assert!(off <= bin(observer.range(Method::MinMax)), "{name}: {range:?}, expected {expected:?}");
    }
}

#[test]
fn entropy_agrees_with_onnxruntime() {
    // To a few bins on the first two. On the others the divergence is flat around its minimum, and onnxruntime's
    // whole number of bins per level decides (see the module): there its threshold must be nearly as good.
    for (name, count, _, onnxruntime) in ENTROPY.into_iter().filter(|(.., max)| max.is_finite()) {
        let observer = observe(&samples(name, count));
        let range = observer.range(Method::Entropy);
        let bins = (range.max - onnxruntime).abs() / bin(observer.range(Method::MinMax));
        let histogram = observer.histogram.as_ref().unwrap();
        let at = |end: f32| ((f64::from(end) - histogram.edge(0)) / histogram.width()).round().max(0.0) as usize;
        let divergence = |min: f32, max: f32| entropy::divergence(histogram.counts(), at(min), at(max));
        let ratio = divergence(-onnxruntime, onnxruntime) / divergence(range.min, range.max);
        assert!(ratio >= 1.0, "{name}: a better window than ours");
        assert!(bins < 4.0 || (bins < 150.0 && ratio < 1.15), "{name}: {bins} bins apart, {ratio}");
        assert!(bins < 4.0 || !name.starts_with("normal"), "{name}: {bins} bins apart");
    }
}

#[test]
fn tensors_without_a_distribution() {
    let cases: [(&[f32], f32, f32); 6] = [
        (&[], 0.0, 0.0),
        (&[0.0; 9], 0.0, 0.0),
        (&[3.0; 9], 0.0, 3.0),
        (&[-2.0; 9], -2.0, 0.0),
        (&[7.5], 0.0, 7.5),
        (&[-1.0, 1.0], -1.0, 1.0),
    ];
    for (values, min, max) in cases {
        for method in ALL {
            let range = observe(values).range(method);
            assert!(range.min >= min && range.max <= max, "{method} of {values:?}: {range:?}");
            let error = values.iter().map(|&x| {
                let params = QuantParams::from_range(range);
                (params.dequantize(params.quantize(x)) - x).abs() / (max - min)
            });
            assert!(error.fold(0.0, f32::max) < 0.02, "{method} of {values:?}: {range:?}");
        }
    }
}

#[test]
fn numbers_at_the_limits_neither_loop_nor_panic() {
    let extremes = [f32::MAX, f32::MIN, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1e-45, -1e-45, 0.0, -0.0];
    for a in extremes {
        for b in extremes {
            let observer = observe(&[a, b, 1e-40]);
            for method in ALL {
                let range = observer.range(method);
                assert!(range.min <= 0.0 && range.max >= 0.0 && range.min.is_finite() && range.max.is_finite());
                let params = QuantParams::from_range(range);
                assert!(params.scale.is_normal() && params.scale > 0.0 && (-128..=127).contains(&params.zero_point));
                assert_eq!(params.dequantize(params.quantize(0.0)), 0.0);
            }
        }
    }
}

#[test]
fn one_pass_only_means_min_and_max() {
    let mut observer = Observer::new();
    observer.observe_range(&[-1.0, 4.0]);
    for method in ALL {
        assert_eq!(observer.range(method), Range { min: -1.0, max: 4.0 });
    }
    // A second pass over other data stays within the first.
    observer.observe_histogram(&[-9.0, 9.0]);
    for method in ALL {
        let range = observer.range(method);
        assert!(range.min >= -1.0 && range.max <= 4.0, "{method}: {range:?}");
    }
}

#[test]
fn methods_are_read_as_they_are_written() {
    for text in ["minmax", "percentile:99.99", "percentile:100", "mse", "entropy"] {
        assert_eq!(text.parse::<Method>().unwrap().to_string(), text);
    }
    for text in ["", "MSE", "percentile", "percentile:", "percentile:0", "percentile:101", "percentile:NaN", "kl"] {
        let error = text.parse::<Method>().unwrap_err().to_string();
        assert!(error.contains(&format!("`{text}`")) && error.contains("percentile:99.99"), "{error}");
    }
}

#[test]
fn parameters_cover_the_range_and_keep_zero() {
    // (min, max) -> scale, zero point; by hand.
    let cases = [
        (0.0, 255.0, 1.0, -128),
        (-255.0, 0.0, 1.0, 127),
        (-1.0, 1.0, 2.0 / 255.0, -1), // -128 + 127.499..., as 2/255 rounds up in f32
        (-0.1, 5.0, 5.1 / 255.0, -123),
        (2.0, 5.1, 5.1 / 255.0, -128), // stretched to 0
        (0.0, 0.0, 1.0, 0),
        (0.0, 1e-40, 1.0, 0),
        (f32::MIN, f32::MAX, 2.668_881e36, 0),
    ];
    for (min, max, scale, zero_point) in cases {
        let params = QuantParams::from_range(Range { min, max });
        assert!((params.scale / scale - 1.0).abs() < 1e-6, "[{min}, {max}]: {params:?}");
        assert_eq!(params.zero_point, zero_point, "[{min}, {max}]");
    }
    let params = QuantParams { scale: 0.5, zero_point: 3 };
    // Ties go to the even step: 0.25 / 0.5 -> 0, 0.75 / 0.5 -> 2; both ends saturate.
    let reals = [0.0, 0.25, 0.75, -0.25, 1e9, -1e9, f32::NAN];
    assert_eq!(reals.map(|x| params.quantize(x)), [3, 3, 5, 3, 127, -128, 3]);
    assert_eq!(params.dequantize(-5), -4.0);
}

#[test]
fn weights_take_the_largest_or_the_least_error() {
    // numpy: the best of the 100 candidates for these 4096 Laplace weights is number 4, 0.968 of the largest.
    let weights: Vec<f32> = uniform(3).take(4096).map(|u| laplace(u) as f32).collect();
    assert!((max_abs_scales(&weights, 1, 127.0, |_| 0)[0] - 0.067_443_39).abs() < 1e-7);
    assert!((weight_scales(&weights, 1, 127.0, |_| 0)[0] - 0.065_285_206).abs() < 1e-7);
}

#[test]
fn every_channel_has_its_own_scale() {
    // Channels 0 to 3: of ordinary weights, of zeros, of denormals, of one outlier among many that it would drown.
    let mut weights = vec![127.0, 0.0, 1e-42, 12.7, -254.0, 0.0, 0.0, 0.04];
    weights.resize(4 * 100_000, 0.04);
    weights.iter_mut().skip(8).enumerate().filter(|(i, _)| i % 4 < 3).for_each(|(_, w)| *w = 0.0);
    assert_eq!(max_abs_scales(&weights, 4, 127.0, |i| i % 4), [2.0, 1.0, 1.0, 0.1]);
    let best = weight_scales(&weights, 4, 127.0, |i| i % 4);
    assert_eq!(best[..3], [2.0, 1.0, 1.0]);
    assert!(best[3] < 0.1, "{best:?}");
    assert_eq!(weight_scales(&[], 2, 127.0, |i| i), [1.0, 1.0]);
    assert!(weight_scales(&[1.0], 0, 127.0, |_| 0).is_empty());
    assert_eq!(weight_scales(&[f32::NAN, f32::INFINITY, 127.0, 127.0], 1, 127.0, |_| 0), [1.0]);
}

#[test]
fn means_are_per_channel() {
    let mut mean = ChannelMean::new(2);
    assert_eq!(mean.means(), [0.0, 0.0]);
    mean.add(&[1.0, 10.0, 2.0, 20.0]);
    mean.add(&[6.0, 30.0]);
    assert_eq!(mean.means(), [3.0, 20.0]);
    // In f32 the sum would stop growing at 2^24.
    let mut long = ChannelMean::new(1);
    (0..200).for_each(|_| long.add(&[1.0; 100_000]));
    long.add(&[20_000_002.0]);
    assert_eq!(long.means(), [(40_000_002.0_f64 / 20_000_001.0) as f32]);
    ChannelMean::new(0).add(&[1.0]);
}

/// Values far from 0 lie in few bins of a window around it: no window may leave them out.
#[test]
fn entropy_keeps_what_lies_far_from_zero() {
    let values: Vec<f32> = (0..4000).map(|i| 2.3 + 0.4 * (i % 1000) as f32 / 1000.0).collect();
    let mut observer = Observer::new();
    observer.observe_range(&values);
    observer.observe_histogram(&values);
    let range = observer.range(Method::Entropy);
    assert!(range.min == 0.0 && range.max > 2.65, "{range:?}");
}
