//! The formulas as loops over every index, in wide integers.

use siskin_kernels::int8::{AveragePoolI8, ConvI8, MatMulI8};
use siskin_kernels::{Conv, round_half_even};

/// `x - x_zero` of channel `c`; 0 in the padding.
fn at(x: &[i8], zero: i8, g: &Conv, n: usize, [i, j]: [Option<usize>; 2], c: usize) -> i64 {
    let (Some(i), Some(j)) = (i, j) else { return 0 };
    let index = ((n * g.axes[1].input + i) * g.axes[2].input + j) * g.in_channels + c;
    i64::from(x[index]) - i64::from(zero)
}

/// Calls `sum` for each output element with `n, i, j, o` and writes what it makes of it.
fn fill(g: &Conv, y: &mut [i8], mut f: impl FnMut(usize, usize, usize, usize) -> i8) {
    let mut y = y.iter_mut();
    for n in 0..g.batch {
        for i in 0..g.axes[1].output {
            for j in 0..g.axes[2].output {
                for o in 0..g.out_channels {
                    *y.next().unwrap() = f(n, i, j, o);
                }
            }
        }
    }
}

fn finish(conv: &ConvI8<'_>, sum: i64, o: usize) -> i8 {
    conv.output.requantize(sum as i32, conv.scale[o])
}

pub(crate) fn conv(conv: &ConvI8<'_>, y: &mut [i8]) {
    let g = conv.geometry;
    let (ins, outs) = (g.in_channels / g.groups, g.out_channels / g.groups);
    fill(&g, y, |n, i, j, o| {
        let mut sum = i64::from(conv.bias[o]);
        for k in 0..g.axes[1].kernel {
            for l in 0..g.axes[2].kernel {
                for c in 0..ins {
                    let w = conv.w[((o * g.axes[1].kernel + k) * g.axes[2].kernel + l) * ins + c];
                    let from = [g.axes[1].at(i, k), g.axes[2].at(j, l)];
                    sum += at(conv.x, conv.x_zero, &g, n, from, o / outs * ins + c) * i64::from(w);
                }
            }
        }
        finish(conv, sum, o)
    });
}

pub(crate) fn depthwise_conv(conv: &ConvI8<'_>, y: &mut [i8]) {
    let g = conv.geometry;
    fill(&g, y, |n, i, j, o| {
        let mut sum = i64::from(conv.bias[o]);
        for k in 0..g.axes[1].kernel {
            for l in 0..g.axes[2].kernel {
                let w = conv.w[(k * g.axes[2].kernel + l) * g.in_channels + o];
                let from = [g.axes[1].at(i, k), g.axes[2].at(j, l)];
                sum += at(conv.x, conv.x_zero, &g, n, from, o) * i64::from(w);
            }
        }
        finish(conv, sum, o)
    });
}

pub(crate) fn conv_transpose(conv: &ConvI8<'_>, y: &mut [i8]) {
    let g = conv.geometry;
    let [_, rows, cols] = g.axes;
    fill(&g, y, |n, i, j, o| {
        let mut sum = i64::from(conv.bias[o]);
        for a in 0..rows.input {
            for b in 0..cols.input {
                for k in (0..rows.kernel).filter(|k| a * rows.stride + k * rows.dilation == i + rows.pad) {
                    for l in (0..cols.kernel).filter(|l| b * cols.stride + l * cols.dilation == j + cols.pad) {
                        for c in 0..g.in_channels {
                            let w = conv.w[((o * rows.kernel + k) * cols.kernel + l) * g.in_channels + c];
                            sum += at(conv.x, conv.x_zero, &g, n, [Some(a), Some(b)], c) * i64::from(w);
                        }
                    }
                }
            }
        }
        finish(conv, sum, o)
    });
}

pub(crate) fn average_pool(pool: &AveragePoolI8<'_>, mut y: Vec<i8>) -> Vec<i8> {
    let g = pool.geometry;
    fill(&g, &mut y, |n, i, j, c| {
        let (mut sum, mut count) = (0, 0u16);
        for k in 0..g.axes[1].kernel {
            for l in 0..g.axes[2].kernel {
                let from = [g.axes[1].at(i, k), g.axes[2].at(j, l)];
                sum += at(pool.x, pool.x_zero, &g, n, from, c);
                count += u16::from(pool.count_include_pad || from.iter().all(Option::is_some));
            }
        }
        pool.output.round(if count == 0 { 0.0 } else { sum as f32 * (pool.scale / f32::from(count)) })
    });
    y
}

pub(crate) fn matmul(p: &MatMulI8<'_>, rows: usize) -> Vec<i8> {
    let mut y = Vec::new();
    for i in 0..rows {
        for j in 0..p.cols {
            let sum: i64 = (0..p.depth)
                .map(|k| {
                    let b = if p.transposed { p.b[j * p.depth + k] } else { p.b[k * p.cols + j] };
                    (i64::from(p.a[i * p.depth + k]) - i64::from(p.a_zero)) * (i64::from(b) - i64::from(p.b_zero))
                })
                .sum();
            y.push(p.output.requantize(sum as i32, p.scale));
        }
    }
    y
}

pub(crate) fn softmax(x: &[i8], powers: &[f32], y_scale: f32, zero: i32) -> Vec<i8> {
    let max = i32::from(*x.iter().max().unwrap());
    let mut exp = Vec::new();
    for &x in x {
        let (distance, mut e) = (max - i32::from(x), 1.0f32);
        for (k, power) in powers.iter().enumerate() {
            if distance & (1 << k) != 0 {
                e *= power;
            }
        }
        exp.push(e);
    }
    let mut sum = 0.0;
    for e in &exp {
        sum += e;
    }
    exp.iter().map(|e| (round_half_even(e / sum / y_scale) as i32 + zero).clamp(-128, 127) as i8).collect()
}
