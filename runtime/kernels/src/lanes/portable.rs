//! Lanes that are arrays, so that every host, and miri, tests what is written once for all instruction sets.

use super::{Four, Lanes};
use crate::ToI8;

pub(super) struct Portable;

// SAFETY: they are registers or arrays of integers.
unsafe impl Lanes<8, 2> for Portable {
    type Element = i8;
    type Weights = [[i8; 2]; 4];
    type Sums = [i32; 4];
    type Reals = [f32; 4];
    const ZERO: i8 = 0;
    const NO_WEIGHTS: [[i8; 2]; 4] = [[0; 2]; 4];

    fn element(x: i8) -> i8 {
        x
    }

    fn elements(x: &[i8; 8]) -> [i8; 8] {
        *x
    }

    fn in_place(x: &[i8]) -> Option<&[i8]> {
        Some(x)
    }

    fn weights(rows: [&[i8; 8]; 4], sums: [i32; 4]) -> ([[[i8; 2]; 4]; 4], [i32; 4]) {
        let units = [0, 1, 2, 3].map(|u| rows.map(|row| [row[2 * u], row[2 * u + 1]]));
        let totals = rows.map(|row| row.iter().map(|&w| i32::from(w)).sum());
        (units, Portable::add(sums, totals))
    }

    fn dot(sums: [i32; 4], x: &[i8; 2], w: [[i8; 2]; 4]) -> [i32; 4] {
        Portable::add(sums, w.map(|w| i32::from(w[0]) * i32::from(x[0]) + i32::from(w[1]) * i32::from(x[1])))
    }

    fn sums(x: [i32; 4]) -> [i32; 4] {
        x
    }

    fn values(sums: [i32; 4]) -> [i32; 4] {
        sums
    }

    fn add(a: [i32; 4], b: [i32; 4]) -> [i32; 4] {
        each(|i| a[i].wrapping_add(b[i]))
    }

    fn tap_weights(a: &[i8; 8], b: &[i8; 8]) -> [[i16; 8]; 2] {
        [a.map(i16::from), b.map(i16::from)]
    }

    fn taps(sums: [[i32; 4]; 2], a: &[i8; 8], b: &[i8; 8], weights: &[[i16; 8]; 2]) -> [[i32; 4]; 2] {
        let product =
            |i: usize| i32::from(a[i]) * i32::from(weights[0][i]) + i32::from(b[i]) * i32::from(weights[1][i]);
        [Portable::add(sums[0], each(product)), Portable::add(sums[1], each(|i| product(i + 4)))]
    }

    fn real(x: &[i8; 8], zero: i8) -> [[f32; 4]; 2] {
        let real = |i: usize| (i32::from(x[i]) - i32::from(zero)) as f32;
        [each(real), each(|i| real(i + 4))]
    }

    fn round(v: [[f32; 4]; 2], output: ToI8) -> [i8; 8] {
        core::array::from_fn(|i| output.round(v[i / 4][i % 4]))
    }

    fn requantize(sums: [[i32; 4]; 2], scale: [[f32; 4]; 2], output: ToI8) -> [i8; 8] {
        core::array::from_fn(|i| output.requantize(sums[i / 4][i % 4], scale[i / 4][i % 4]))
    }
}

impl Four for [f32; 4] {
    fn splat(x: f32) -> [f32; 4] {
        [x; 4]
    }

    fn load(x: &[f32; 4]) -> [f32; 4] {
        *x
    }

    fn values(self) -> [f32; 4] {
        self
    }

    fn add(self, b: [f32; 4]) -> [f32; 4] {
        each(|i| self[i] + b[i])
    }

    fn mul(self, b: [f32; 4]) -> [f32; 4] {
        each(|i| self[i] * b[i])
    }

    fn div(self, b: [f32; 4]) -> [f32; 4] {
        each(|i| self[i] / b[i])
    }

    fn mul_add(self, a: [f32; 4], b: [f32; 4]) -> [f32; 4] {
        each(|i| self[i] + a[i] * b[i])
    }

    fn clamp(self, min: [f32; 4], max: [f32; 4]) -> [f32; 4] {
        each(|i| crate::conv::clamp(self[i], (min[i], max[i])))
    }
}

fn each<T>(f: impl Fn(usize) -> T) -> [T; 4] {
    core::array::from_fn(f)
}
