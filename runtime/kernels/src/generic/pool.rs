//! Pooling: a fold over each window of each channel.
//!
//! ```text
//! y[n, o, c] = fold over taps k of step, from start, x[n, o · stride + k · dilation - pad, c]
//! ```
//!
//! Taps in the padding are left out; the others come in rising order, each with all of its channels: they lie in a row.

use crate::{Axis, Pool};

/// One place of the input under one window.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    /// The sample.
    pub sample: usize,
    /// The number of the output, over all samples.
    pub output: usize,
    /// The number of the input, over all samples.
    pub input: usize,
    /// The position of the input along each axis.
    pub at: [usize; 3],
}

/// Calls `f` with every tap of every window.
pub fn each_tap(g: &Pool, f: &mut dyn FnMut(Tap)) {
    let [z_axis, y_axis, x_axis] = &g.axes;
    each_output(&g.axes, g.batch, &mut |sample, output, [z, y, x]| {
        let (ys, xs) = (y_axis.taps(y), x_axis.taps(x));
        for kz in z_axis.taps(z) {
            let z = z_axis.position(z, kz);
            let plane = sample.wrapping_mul(z_axis.input).wrapping_add(z);
            for ky in ys.clone() {
                let y = y_axis.position(y, ky);
                let row = plane.wrapping_mul(y_axis.input).wrapping_add(y);
                for kx in xs.clone() {
                    let x = x_axis.position(x, kx);
                    let input = row.wrapping_mul(x_axis.input).wrapping_add(x);
                    f(Tap { sample, output, input, at: [z, y, x] });
                }
            }
        }
    });
}

/// Calls `f` with the sample, the number and the position of every output.
fn each_output(axes: &[Axis; 3], batch: usize, f: &mut dyn FnMut(usize, usize, [usize; 3])) {
    let [z_axis, y_axis, x_axis] = axes;
    let mut output = 0usize;
    for sample in 0..batch {
        for z in 0..z_axis.output {
            for y in 0..y_axis.output {
                for x in 0..x_axis.output {
                    f(sample, output, [z, y, x]);
                    output = output.wrapping_add(1);
                }
            }
        }
    }
}

/// Pools with any fold; see the module.
pub fn pool<T: Copy>(g: &Pool, x: &[T], y: &mut [T], start: T, step: impl Fn(T, T) -> T) {
    y.fill(start);
    each_tap(g, &mut |tap| {
        let (from, to) = (tap.input.wrapping_mul(g.channels), tap.output.wrapping_mul(g.channels));
        let x = x.get(from..from.wrapping_add(g.channels)).unwrap_or(&[]);
        let y = y.get_mut(to..to.wrapping_add(g.channels)).unwrap_or(&mut []);
        y.iter_mut().zip(x).for_each(|(y, &x)| *y = step(*y, x));
    });
}

/// An element that has a greatest.
pub trait Ordered: Copy + PartialOrd {
    /// Not greater than any element.
    const LOWEST: Self;
}

macro_rules! ordered {
    ($($t:ty: $lowest:expr),*) => {$(impl Ordered for $t { const LOWEST: $t = $lowest; })*};
}
ordered!(f32: f32::NEG_INFINITY, half::f16: half::f16::NEG_INFINITY, i8: i8::MIN, u8: u8::MIN);

/// The greatest element of each window; NaN is never the greatest.
pub fn max_pool<T: Ordered>(g: &Pool, x: &[T], y: &mut [T]) {
    pool(g, x, y, T::LOWEST, |a, x| if x > a { x } else { a });
}

/// The mean of each window: the sum divided by the taps that lie within `counted`, but at least 1. `counted` are
/// the axes of `g`, or such as have the padding as part of their input.
pub fn average_pool_f32(g: &Pool, counted: &[Axis; 3], x: &[f32], y: &mut [f32]) {
    pool(g, x, y, 0.0, |a, x| a + x);
    let mut pixels = y.chunks_exact_mut(g.channels.max(1));
    each_output(&g.axes, g.batch, &mut |_, _, at| {
        let count: f32 = counted.iter().zip(at).map(|(a, o)| a.taps(o).len() as f32).product();
        pixels.next().unwrap_or(&mut []).iter_mut().for_each(|y| *y /= count.max(1.0));
    });
}
