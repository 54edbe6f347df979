//! Every integer kernel of a set against the portable one, on drawn operands: shapes, strides, paddings, tails, zero
//! points, limits, offsets in memory, and scales that are no numbers.
//!
//! Tests of the host cannot run a core's assembly, so this is their place.

mod draw;

use draw::Draw;
use siskin::format::Prng;
use siskin::kernels::int8::{AveragePoolI8, BinaryI8, ConvI8, MatMulI8, SoftmaxI8};
use siskin::kernels::{Axis, Conv, Kernels, ToI8};
use siskin::{Generic, Native};

/// Bytes of each operand and output.
const ROOM: usize = 12 << 10;
/// Output channels.
const CHANNELS: usize = 160;

/// What the cases work in.
pub struct Memory {
    x: [i8; ROOM],
    w: [i8; ROOM],
    y: [[i8; ROOM]; 2],
    bias: [i32; CHANNELS],
    scale: [f32; CHANNELS],
}

impl Memory {
    /// Zeros, so that a `static` costs no flash.
    pub const fn new() -> Memory {
        Memory { x: [0; ROOM], w: [0; ROOM], y: [[0; ROOM]; 2], bias: [0; CHANNELS], scale: [0.0; CHANNELS] }
    }
}

impl Default for Memory {
    fn default() -> Memory {
        Memory::new()
    }
}

/// How often each kernel gave what the portable one gives, and the first case that it did not, counted from 1.
#[derive(Default)]
pub struct Verdict {
    /// Cases.
    pub cases: u32,
    /// Cases whose outputs, or the bytes behind them, differ.
    pub wrong: u32,
    /// The kernel of the first of them, in the order of [`compare`], and its number.
    pub first: (u32, u32),
}

/// Draws `n` cases of each kernel of [`Native`].
pub fn compare(n: u32, memory: &mut Memory) -> Verdict {
    let mut draw = Draw(Prng::new(1));
    let mut verdict = Verdict::default();
    let kernels: [fn(&mut Draw, &mut Memory) -> bool; 10] =
        [dense, pointwise, depthwise, depthwise_three, transposed, pool, matmul, binary, softmax, lut];
    for (kernel, number) in kernels.iter().zip(1..) {
        for _ in 0..n {
            verdict.cases = verdict.cases.wrapping_add(1);
            if !kernel(&mut draw, memory) {
                if verdict.wrong == 0 {
                    verdict.first = (number, verdict.cases);
                }
                verdict.wrong = verdict.wrong.wrapping_add(1);
            }
        }
    }
    verdict
}

/// [`compare`] for firmware: prints a line, which is the verdict, and ends the program.
#[cfg(target_os = "none")]
pub fn run(memory: &'static mut Memory) -> ! {
    use crate::report::Line;
    let verdict = compare(300, memory);
    let (kernel, case) = verdict.first;
    Line::new()
        .number("cases", verdict.cases)
        .number("wrong", verdict.wrong)
        .number("kernel", kernel)
        .number("case", case)
        .end();
    crate::semihosting::exit(0)
}

/// Runs both kernels over outputs that begin with the same bytes; whether they end with the same.
fn same(y: &mut [[i8; ROOM]; 2], len: usize, native: impl FnOnce(&mut [i8]), generic: impl FnOnce(&mut [i8])) -> bool {
    let [a, b] = y;
    a.fill(99);
    b.fill(99);
    native(a.get_mut(..len).unwrap_or_default());
    generic(b.get_mut(..len).unwrap_or_default());
    a == b
}

/// Draws geometries until one has room.
fn drawn<'m>(
    draw: &mut Draw,
    memory: &'m mut Memory,
    geometry: fn(&mut Draw) -> (Conv, usize),
) -> Option<(ConvI8<'m>, &'m mut [[i8; ROOM]; 2], usize)> {
    loop {
        let (g, weights) = geometry(draw);
        let [_, rows, cols] = g.axes;
        let sizes =
            [[g.batch, rows.input, cols.input, g.in_channels], [g.batch, rows.output, cols.output, g.out_channels]];
        let fits = |sizes: &[usize; 4]| sizes.iter().fold(1usize, |n, &d| n.saturating_mul(d)) < ROOM - 4;
        if sizes.iter().all(fits) && weights < ROOM - 4 && g.out_channels <= CHANNELS {
            return draw.conv(g, weights, memory);
        }
    }
}

fn dense(draw: &mut Draw, memory: &mut Memory) -> bool {
    let geometry = |draw: &mut Draw| {
        let groups = if draw.one_in(4) { draw.range(2, 3) } else { 1 };
        let ins = if draw.one_in(3) { draw.range(1, 5).wrapping_mul(4) } else { draw.range(1, 20) };
        let outs = if draw.one_in(6) { draw.range(30, 40) } else { draw.range(1, 18) };
        let (kernel_h, kernel_w) = (draw.range(1, 4), draw.range(1, 4));
        let axes = [Axis::UNIT, draw.axis(kernel_h, 2), draw.axis(kernel_w, 2)];
        let (in_channels, out_channels) = (ins.wrapping_mul(groups), outs.wrapping_mul(groups));
        let g = Conv { batch: draw.range(1, 2), in_channels, out_channels, groups, axes };
        (g, out_channels.wrapping_mul(kernel_h).wrapping_mul(kernel_w).wrapping_mul(ins))
    };
    check_conv(draw, memory, geometry, Native::conv_i8, Generic::conv_i8)
}

/// Products of few rows too, as fully connected layers have.
fn pointwise(draw: &mut Draw, memory: &mut Memory) -> bool {
    let geometry = |draw: &mut Draw| {
        let pixels = draw.range(1, 13);
        let cols = Axis { input: pixels, output: pixels, ..Axis::UNIT };
        let ins = if draw.one_in(2) { draw.range(1, 20).wrapping_mul(8) } else { draw.range(1, 300) };
        let outs = draw.range(1, 70);
        let axes = [Axis::UNIT, Axis::UNIT, cols];
        let g = Conv { batch: draw.range(1, 2), in_channels: ins, out_channels: outs, groups: 1, axes };
        (g, ins.wrapping_mul(outs))
    };
    check_conv(draw, memory, geometry, Native::conv_i8, Generic::conv_i8)
}

fn depthwise(draw: &mut Draw, memory: &mut Memory) -> bool {
    let geometry = |draw: &mut Draw| {
        let (channels, kernel_h, kernel_w) = (draw.range(1, 50), draw.range(1, 6), draw.range(1, 6));
        let axes = [Axis::UNIT, draw.axis(kernel_h, 2), draw.axis(kernel_w, 2)];
        let g = Conv { batch: draw.range(1, 2), in_channels: channels, out_channels: channels, groups: channels, axes };
        (g, channels.wrapping_mul(kernel_h).wrapping_mul(kernel_w))
    };
    check_conv(draw, memory, geometry, Native::depthwise_conv_i8, Generic::depthwise_conv_i8)
}

/// Three taps wide, as most are, over wide images.
fn depthwise_three(draw: &mut Draw, memory: &mut Memory) -> bool {
    let geometry = |draw: &mut Draw| {
        let (channels, kernel_h) = (draw.range(1, 20), draw.range(1, 3));
        let mut axes = [Axis::UNIT, draw.axis(kernel_h, 2), draw.axis(3, 2)];
        let ([_, _, cols], more) = (&mut axes, draw.range(0, 40));
        cols.input = cols.input.wrapping_add(more.wrapping_mul(cols.stride));
        cols.output = cols.output.wrapping_add(more);
        let g = Conv { batch: draw.range(1, 2), in_channels: channels, out_channels: channels, groups: channels, axes };
        (g, channels.wrapping_mul(kernel_h).wrapping_mul(3))
    };
    check_conv(draw, memory, geometry, Native::depthwise_conv_i8, Generic::depthwise_conv_i8)
}

fn transposed(draw: &mut Draw, memory: &mut Memory) -> bool {
    let geometry = |draw: &mut Draw| {
        let (ins, outs) = (draw.range(1, 12), draw.range(1, 12));
        let mut axes = [Axis::UNIT; 3];
        for axis in axes.iter_mut().skip(1) {
            let (input, kernel, stride) = (draw.range(1, 6), draw.range(1, 4), draw.range(1, 3));
            let reach = input.wrapping_sub(1).wrapping_mul(stride).wrapping_add(kernel);
            let pad = draw.range(0, reach.wrapping_sub(1) / 2);
            *axis = Axis { input, output: reach.wrapping_sub(pad), kernel, stride, dilation: 1, pad };
        }
        let [_, rows, cols] = axes;
        let g = Conv { batch: 1, in_channels: ins, out_channels: outs, groups: 1, axes };
        (g, ins.wrapping_mul(outs).wrapping_mul(rows.kernel).wrapping_mul(cols.kernel))
    };
    check_conv(draw, memory, geometry, Native::conv_transpose_i8, Generic::conv_transpose_i8)
}

type Kernel = fn(&ConvI8<'_>, &mut [i8]);

fn check_conv(
    draw: &mut Draw,
    memory: &mut Memory,
    geometry: fn(&mut Draw) -> (Conv, usize),
    native: Kernel,
    generic: Kernel,
) -> bool {
    let Some((conv, y, len)) = drawn(draw, memory, geometry) else { return false };
    same(y, len, |y| native(&conv, y), |y| generic(&conv, y))
}

fn pool(draw: &mut Draw, memory: &mut Memory) -> bool {
    let geometry = |draw: &mut Draw| {
        let channels = draw.range(1, 70);
        let (kernel_h, kernel_w) = (draw.range(1, 6), draw.range(1, 6));
        let axes = [Axis::UNIT, draw.axis(kernel_h, 2), draw.axis(kernel_w, 2)];
        (
            Conv { batch: draw.range(1, 2), in_channels: channels, out_channels: channels, groups: channels, axes },
            channels,
        )
    };
    let (scale, count_include_pad) = (draw.range(1, 999) as f32 * 3e-3, draw.one_in(2));
    let Some((conv, y, len)) = drawn(draw, memory, geometry) else { return false };
    let ConvI8 { geometry, x, x_zero, output, .. } = conv;
    let pool = AveragePoolI8 { geometry, x, x_zero, scale, count_include_pad, output };
    same(y, len, |y| Native::average_pool_i8(&pool, y), |y| Generic::average_pool_i8(&pool, y))
}

fn matmul(draw: &mut Draw, memory: &mut Memory) -> bool {
    let Memory { x, w, y, .. } = memory;
    let (rows, cols, depth) = (draw.range(1, 9), draw.range(1, 40), draw.range(1, 140));
    let (a, b) = (x.get_mut(draw.range(0, 3)..).unwrap_or_default(), w.get_mut(draw.range(0, 3)..).unwrap_or_default());
    draw.bytes(a);
    draw.bytes(b);
    let scale = draw.range(0, 999) as f32 * 2e-6;
    let (a_zero, b_zero, transposed, output) = (draw.byte(), draw.byte(), draw.one_in(2), draw.output());
    let a = a.get(..rows.wrapping_mul(depth)).unwrap_or(&[]);
    let b = b.get(..cols.wrapping_mul(depth)).unwrap_or(&[]);
    let product = MatMulI8 { depth, cols, a, a_zero, b, b_zero, transposed, scale, output };
    same(y, rows.wrapping_mul(cols), |y| Native::matmul_i8(&product, y), |y| Generic::matmul_i8(&product, y))
}

/// Sums and products, of two tensors or with one number.
fn binary(draw: &mut Draw, memory: &mut Memory) -> bool {
    let Memory { x, w, y, .. } = memory;
    let (from, len) = (draw.range(0, 3), draw.range(1, 300));
    let a = x.get_mut(from..from.wrapping_add(len)).unwrap_or_default();
    let from = draw.range(0, 3);
    let b = w.get_mut(from..from.wrapping_add(if draw.one_in(5) { 1 } else { len })).unwrap_or_default();
    draw.bytes(a);
    draw.bytes(b);
    let mut step = || draw.range(1, 999) as f32 * 1e-4;
    let (a_scale, b_scale, y_scale) = (step(), step(), step());
    let (a_zero, b_zero, output) = (draw.byte(), draw.byte(), draw.output());
    let steps = BinaryI8 { a_scale, a_zero, b_scale, b_zero, y_scale, output };
    let (a, b) = (&*a, &*b);
    let on = |kernel: fn(&BinaryI8, &mut [i8], &[i8])| {
        move |y: &mut [i8]| {
            y.iter_mut().zip(a).for_each(|(y, &a)| *y = a);
            kernel(&steps, y, b);
        }
    };
    same(y, len, on(Native::add_i8), on(Generic::add_i8)) && same(y, len, on(Native::mul_i8), on(Generic::mul_i8))
}

fn softmax(draw: &mut Draw, memory: &mut Memory) -> bool {
    let Memory { x, y, .. } = memory;
    let (len, row) = (draw.range(1, 100), draw.range(1, 30));
    let x = x.get_mut(..len).unwrap_or_default();
    draw.bytes(x);
    // exp(-1/8) and its squares.
    let mut power = 0.882_496_9_f32;
    let powers: [f32; 8] = core::array::from_fn(|_| {
        let this = power;
        power *= power;
        this
    });
    let softmax = SoftmaxI8 { powers: &powers, row, y_scale: 1.0 / 256.0, output: ToI8::new(-128, -128, 127) };
    let x = &*x;
    let on = |kernel: fn(&SoftmaxI8<'_>, &mut [i8])| {
        move |y: &mut [i8]| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
            kernel(&softmax, y);
        }
    };
    same(y, len, on(Native::softmax_i8), on(Generic::softmax_i8))
}

fn lut(draw: &mut Draw, memory: &mut Memory) -> bool {
    let Memory { x, w, y, .. } = memory;
    let (from, len) = (draw.range(0, 3), draw.range(1, 300));
    let x = x.get_mut(from..from.wrapping_add(len)).unwrap_or_default();
    let table = w.get_mut(..256).unwrap_or_default();
    draw.bytes(x);
    draw.bytes(table);
    let (x, table) = (&*x, &*table);
    let on = |kernel: fn(&[i8], &mut [i8])| {
        move |y: &mut [i8]| {
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
            kernel(table, y);
        }
    };
    same(y, len, on(Native::lut_i8), on(Generic::lut_i8))
}
