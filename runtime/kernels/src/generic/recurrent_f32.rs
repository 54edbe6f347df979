//! One step of a recurrent cell: two matrix-vector products, then the gates element by element.
//!
//! The formulas stand with the operands, [`RnnF32`], [`GruF32`] and [`LstmF32`]. The products go through the kernels
//! `K`, so that a faster product speeds up every cell.

use crate::{GruF32, Kernels, LstmF32, MatMulF32, RnnF32, Weights};

/// `y = matrix·v + bias`, with as many rows as `y` has elements.
fn product<K: Kernels>(y: &mut [f32], matrix: Weights<'_>, v: &[f32], bias: &[f32]) {
    let (k, n, min, max) = (v.len(), y.len(), f32::NEG_INFINITY, f32::INFINITY);
    K::matmul_f32(MatMulF32 { a: v, b: matrix, bias, y, k, n, transpose_b: true, min, max });
}

/// `v` in parts of `n`; missing ones are empty.
fn parts<const N: usize>(v: &[f32], n: usize) -> [&[f32]; N] {
    let mut rest = v;
    core::array::from_fn(|_| {
        let (part, later) = rest.split_at_checked(n).unwrap_or_default();
        rest = later;
        part
    })
}

/// As [`parts`], to be written.
fn parts_mut<const N: usize>(v: &mut [f32], n: usize) -> [&mut [f32]; N] {
    let mut rest = v;
    core::array::from_fn(|_| {
        let (part, later) = core::mem::take(&mut rest).split_at_mut_checked(n).unwrap_or_default();
        rest = later;
        part
    })
}

/// See [`RnnF32`].
pub fn rnn_f32<K: Kernels>(p: RnnF32<'_>) {
    let n = p.h.len();
    let [from_x, from_h] = parts_mut(p.scratch, n);
    let [w_bias, r_bias] = parts(p.bias, n);
    product::<K>(from_x, p.w, p.x, w_bias);
    product::<K>(from_h, p.r, p.h, r_bias);
    for ((h, x), r) in p.h.iter_mut().zip(from_x).zip(from_h) {
        *h = p.activation.at(*x + *r, p.clip);
    }
}

/// See [`GruF32`].
pub fn gru_f32<K: Kernels>(p: GruF32<'_>) {
    let n = p.h.len();
    let [f, g] = p.activations;
    let [from_x, from_h] = parts_mut(p.scratch, n.saturating_mul(3));
    let [w_bias, r_bias] = parts(p.bias, n.saturating_mul(3));
    product::<K>(from_x, p.w, p.x, w_bias);
    let [z, r, c] = parts_mut(from_x, n);
    if p.linear_before_reset {
        product::<K>(from_h, p.r, p.h, r_bias);
        let [hz, hr, hc] = parts(from_h, n);
        add_and(z, hz, |v| f.at(v, p.clip));
        add_and(r, hr, |v| f.at(v, p.clip));
        for ((c, r), h) in c.iter_mut().zip(r).zip(hc) {
            *c = g.at(*c + *r * h, p.clip);
        }
    } else {
        let (hzr, hc) = from_h.split_at_mut_checked(n.saturating_mul(2)).unwrap_or_default();
        product::<K>(hzr, p.r, p.h, r_bias.get(..hzr.len()).unwrap_or(&[]));
        let [hz, hr] = parts(hzr, n);
        add_and(z, hz, |v| f.at(v, p.clip));
        add_and(r, hr, |v| f.at(v, p.clip));
        r.iter_mut().zip(&*p.h).for_each(|(r, h)| *r *= h);
        let all = n.saturating_mul(n);
        let last = p.r.get(all.saturating_mul(2)..all.saturating_mul(3));
        product::<K>(hc, last, r, r_bias.get(n.saturating_mul(2)..).unwrap_or(&[]));
        add_and(c, hc, |v| g.at(v, p.clip));
    }
    for ((h, z), c) in p.h.iter_mut().zip(z).zip(c) {
        *h = (1.0 - *z) * *c + *z * *h;
    }
}

/// `y = f(y + x)`
fn add_and(y: &mut [f32], x: &[f32], f: impl Fn(f32) -> f32) {
    y.iter_mut().zip(x).for_each(|(y, x)| *y = f(*y + x));
}

/// See [`LstmF32`].
pub fn lstm_f32<K: Kernels>(p: LstmF32<'_>) {
    let n = p.h.len();
    let [f, g, h_of] = p.activations;
    let [gates, from_h] = parts_mut(p.scratch, n.saturating_mul(4));
    let [w_bias, r_bias] = parts(p.bias, n.saturating_mul(4));
    product::<K>(gates, p.w, p.x, w_bias);
    product::<K>(from_h, p.r, p.h, r_bias);
    add_and(gates, from_h, |v| v);
    let [i, o, forget, new] = parts_mut(gates, n);
    let [pi, po, pf] = parts(p.peepholes, n);
    let peep = |weights: &[f32], at: usize, c: f32| weights.get(at).map_or(0.0, |w| w * c);
    let cells = p.h.iter_mut().zip(p.c).zip(i).zip(o).zip(forget).zip(new);
    for (at, (((((h, c), i), o), forget), new)) in cells.enumerate() {
        let i = f.at(*i + peep(pi, at, *c), p.clip);
        let forget = if p.input_forget { 1.0 - i } else { f.at(*forget + peep(pf, at, *c), p.clip) };
        *c = forget * *c + i * g.at(*new, p.clip);
        // The cell is no pre-activation of a gate: like onnxruntime, do not clip it.
        *h = f.at(*o + peep(po, at, *c), p.clip) * h_of.at(*c, f32::INFINITY);
    }
}
