//! One step of a GRU or LSTM with the usual activations: packed products, then the gates eight at a time.
//!
//! Sigmoid and tanh are those of [`crate::math`], within 3 units in the last place. Other activations, clipping and peepholes are left to the
//! portable kernels.

use super::conv_f32::{Product, panels_len};
use super::strip::Pixels;
use crate::math::{sigmoid, tanh};
use crate::{Activation, Function, GruF32, LstmF32};

/// `y = matrix·v + bias`
#[inline]
#[target_feature(enable = "avx2,fma")]
fn product(y: &mut [f32], packed: &[f32], v: &[f32], bias: &[f32]) {
    let (k, n) = (v.len(), y.len());
    let product = Product { k, n, bias, clamp: (f32::NEG_INFINITY, f32::INFINITY) };
    product.run(v, packed, Pixels::rows(1, k, n), y);
}

/// Whether matrices of `rows` rows were packed for vectors of these lengths.
fn fits(packed: [&[f32]; 2], rows: usize, lengths: [usize; 2]) -> bool {
    let [w, r] = packed;
    let [x, h] = lengths;
    x > 0 && h > 0 && w.len() == panels_len(rows, x) && r.len() == panels_len(rows, h)
}

fn usual(activations: &[Activation], functions: &[Function], clip: f32) -> bool {
    let same = activations.iter().map(|a| a.function).eq(functions.iter().copied());
    same && clip == f32::INFINITY
}

/// See [`GruF32`]; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn gru_f32(p: &mut GruF32<'_>, packed: [&[f32]; 2]) -> bool {
    let n = p.h.len();
    let rows = n.saturating_mul(3);
    let usual = usual(&p.activations, &[Function::Sigmoid, Function::Tanh], p.clip) && p.linear_before_reset;
    let Some((from_x, from_h)) = p.scratch.split_at_mut_checked(rows) else { return false };
    let Some(from_h) = from_h.get_mut(..rows) else { return false };
    if !usual || !fits(packed, rows, [p.x.len(), n]) {
        return false;
    }
    let (w_bias, r_bias) = p.bias.split_at_checked(rows).unwrap_or((&[], &[]));
    product(from_x, packed[0], p.x, w_bias);
    product(from_h, packed[1], p.h, r_bias);
    let (z, rest) = from_x.split_at_mut(n);
    let (r, c) = rest.split_at_mut(n);
    let (hz, rest) = from_h.split_at(n);
    let (hr, hc) = rest.split_at(n);
    for (z, hz) in z.iter_mut().zip(hz) {
        *z = sigmoid(*z + hz);
    }
    for (((c, r), hr), hc) in c.iter_mut().zip(r).zip(hr).zip(hc) {
        *c = tanh(*c + sigmoid(*r + hr) * hc);
    }
    for ((h, z), c) in p.h.iter_mut().zip(z).zip(c) {
        *h = (1.0 - *z) * *c + *z * *h;
    }
    true
}

/// See [`LstmF32`]; says whether it could.
#[target_feature(enable = "avx2,fma")]
pub(super) fn lstm_f32(p: &mut LstmF32<'_>, packed: [&[f32]; 2]) -> bool {
    let n = p.h.len();
    let rows = n.saturating_mul(4);
    let functions = [Function::Sigmoid, Function::Tanh, Function::Tanh];
    let usual = usual(&p.activations, &functions, p.clip) && p.peepholes.is_empty() && !p.input_forget;
    let Some((gates, from_h)) = p.scratch.split_at_mut_checked(rows) else { return false };
    let Some(from_h) = from_h.get_mut(..rows) else { return false };
    if !usual || !fits(packed, rows, [p.x.len(), n]) || p.c.len() != n {
        return false;
    }
    let (w_bias, r_bias) = p.bias.split_at_checked(rows).unwrap_or((&[], &[]));
    product(gates, packed[0], p.x, w_bias);
    product(from_h, packed[1], p.h, r_bias);
    let three = n.saturating_mul(3);
    for (gate, h) in gates.iter_mut().zip(&*from_h).take(three) {
        *gate = sigmoid(*gate + h);
    }
    for (gate, h) in gates.iter_mut().zip(&*from_h).skip(three) {
        *gate = tanh(*gate + h);
    }
    let (i, rest) = gates.split_at(n);
    let (o, rest) = rest.split_at(n);
    let (forget, new) = rest.split_at(n);
    for (((((h, c), i), o), forget), new) in p.h.iter_mut().zip(&mut *p.c).zip(i).zip(o).zip(forget).zip(new) {
        *c = forget * *c + i * new;
        *h = o * tanh(*c);
    }
    true
}
