//! Every float convolution against the formula itself, in `f64`.

extern crate std;

use super::*;
use crate::drawn::values;
use crate::{Axis, Conv, ConvF32, Weights};
use half::f16;
use std::{vec, vec::Vec};

/// Positions of a three-dimensional grid.
fn grid(lengths: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    let [d, h, w] = lengths;
    (0..d).flat_map(move |z| (0..h).flat_map(move |y| (0..w).map(move |x| [z, y, x])))
}

fn flat([z, y, x]: [usize; 3], lengths: [usize; 3]) -> usize {
    (z * lengths[1] + y) * lengths[2] + x
}

/// The formula: `at` says which input lies under a tap of an output.
fn naive(g: &Conv, x: &[f32], w: &[f32], bias: &[f32], at: fn(&Axis, usize, usize) -> Option<usize>) -> Vec<f64> {
    let (input, output) = (g.axes.map(|a| a.input), g.axes.map(|a| a.output));
    let kernel = g.axes.map(|a| a.kernel);
    let (each, volume) = (g.group_in(), input.iter().product::<usize>());
    let mut y = vec![];
    for n in 0..g.batch {
        for o in grid(output) {
            for f in 0..g.out_channels {
                let mut sum = f64::from(bias.get(f).copied().unwrap_or(0.0));
                for k in grid(kernel) {
                    let under: [Option<usize>; 3] = core::array::from_fn(|i| at(&g.axes[i], o[i], k[i]));
                    let [Some(z), Some(y), Some(x_)] = under else { continue };
                    for c in 0..each {
                        let pixel = n * volume + flat([z, y, x_], input);
                        let v = x[pixel * g.in_channels + f / g.group_out() * each + c];
                        sum += f64::from(v) * f64::from(w[(f * g.taps() + flat(k, kernel)) * each + c]);
                    }
                }
                y.push(sum);
            }
        }
    }
    y
}

fn compare(g: Conv, kernel: fn(ConvF32<'_>), at: fn(&Axis, usize, usize) -> Option<usize>) {
    let pixels = |len: fn(&Axis) -> usize| g.batch * g.axes.iter().map(len).product::<usize>();
    let x = values(pixels(|a| a.input) * g.in_channels, 1);
    let half: Vec<f16> = values(g.filter_len() * g.out_channels, 2).into_iter().map(f16::from_f32).collect();
    let w: Vec<f32> = half.iter().map(|w| w.to_f32()).collect();
    let bias = values(g.out_channels, 3);
    let clamp = (-0.75, f32::INFINITY);
    let want: Vec<f64> = naive(&g, &x, &w, &bias, at).into_iter().map(|v| v.max(-0.75)).collect();
    let mut scratch = vec![f32::NAN; ConvF32::scratch_len(&g)];
    for w in [Weights::F32(&w), Weights::F16(&half)] {
        let mut y = vec![f32::NAN; want.len()];
        kernel(ConvF32 { geometry: g, x: &x, w, bias: &bias, clamp, scratch: &mut scratch, y: &mut y });
        for (i, (y, want)) in y.iter().zip(&want).enumerate() {
            assert!((f64::from(*y) - want).abs() < 1e-5, "{g:?}: y[{i}] is {y}, not {want}");
        }
    }
    assert_eq!(want.len(), pixels(|a| a.output) * g.out_channels);
}

/// `[input, kernel, stride, dilation, pad before, pad after]`, then what a convolution makes of it.
fn conv_axis([input, kernel, stride, dilation, before, after]: [usize; 6]) -> Axis {
    let output = (input + before + after - (kernel - 1) * dilation - 1) / stride + 1;
    Axis { input, output, kernel, stride, dilation, pad: before }
}

/// Batch, input channels, output channels and groups, then the axes.
type Case = ([usize; 4], [[usize; 6]; 3]);

const NONE: [usize; 6] = [1, 1, 1, 1, 0, 0];

const CASES: &[Case] = &[
    ([2, 3, 8, 1], [NONE, [5, 3, 2, 1, 1, 1], [6, 3, 2, 1, 0, 1]]),
    ([1, 5, 9, 1], [NONE, [4, 1, 1, 1, 0, 0], [3, 1, 1, 1, 0, 0]]),
    ([2, 4, 12, 1], [[3, 2, 1, 1, 0, 1], [4, 3, 1, 2, 2, 2], [5, 2, 1, 2, 1, 0]]),
    ([1, 6, 4, 2], [NONE, NONE, [9, 4, 3, 1, 2, 2]]),
    ([2, 11, 11, 11], [NONE, [5, 3, 1, 1, 1, 1], [7, 3, 1, 1, 1, 1]]),
    ([1, 8, 8, 8], [NONE, [6, 5, 2, 1, 2, 2], [9, 3, 2, 2, 3, 1]]),
    ([1, 3, 6, 3], [NONE, [2, 2, 1, 1, 1, 0], [2, 2, 1, 1, 0, 1]]),
    ([1, 1, 1, 1], [NONE, NONE, [3, 7, 1, 1, 9, 9]]),
];

#[test]
fn conv_is_the_formula() {
    for &([batch, in_channels, out_channels, groups], axes) in CASES {
        let axes = axes.map(conv_axis);
        compare(Conv { batch, in_channels, out_channels, groups, axes }, conv_f32, Axis::at);
    }
}

/// As [`conv_axis`] for a transposed convolution; the last entry is output padding.
fn transposed_axis([input, kernel, stride, dilation, before, output_padding]: [usize; 6]) -> Axis {
    let output = (input - 1) * stride + (kernel - 1) * dilation + 1 + output_padding - before;
    Axis { input, output, kernel, stride, dilation, pad: before }
}

#[test]
fn conv_transpose_is_the_formula() {
    for &([batch, in_channels, out_channels, groups], axes) in &[
        ([2, 3, 10, 1], [NONE, [3, 3, 2, 1, 1, 1], [4, 2, 2, 1, 0, 0]]),
        ([1, 4, 6, 2], [[2, 2, 1, 2, 0, 0], [3, 1, 3, 1, 0, 2], [3, 3, 1, 2, 3, 0]]),
        ([1, 9, 9, 9], [NONE, NONE, [5, 4, 3, 1, 2, 1]]),
    ] {
        let axes = axes.map(transposed_axis);
        compare(Conv { batch, in_channels, out_channels, groups, axes }, conv_transpose_f32, Axis::source);
    }
}
