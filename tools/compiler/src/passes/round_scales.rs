//! Rounds the scales of integer layers to few significant bits.
//!
//! A scale turns a sum into steps of the output. The 24 bits of an `f32` say more than the 8 bits of an output can show: with 8 of
//! them a value moves by at most 2^-9 of its distance from zero, and the other two bytes of each scale are zeros, which
//! `siskin pack` stores in next to nothing. The file holds the rounded scales, so every target computes with them.

use crate::ir::{Graph, Tensor};
use siskin::op::{QLinearConv, QLinearConvTranspose, QLinearDepthwiseConv, QLinearMatMul};

/// Significant bits of an `f32`.
const ALL: u8 = 24;

/// Rounds the scales of every integer layer to `bits` significant bits, 1 to 24, half to even.
pub fn round_scales(graph: &mut Graph, bits: u8) {
    if bits >= ALL {
        return;
    }
    for id in graph.order() {
        let node = graph.node(id);
        let conv = node.is::<QLinearConv>() || node.is::<QLinearDepthwiseConv>() || node.is::<QLinearConvTranspose>();
        let Some(value) = node.input(3).filter(|_| conv || node.is::<QLinearMatMul>()) else { continue };
        let Some(scales) = graph.constant(value).and_then(|t| t.get::<f32>()) else { continue };
        let rounded: Vec<f32> = scales.iter().map(|&s| round(s, bits)).collect();
        let rounded = graph.add_const("scale", Tensor::vector(&rounded));
        graph.node_mut(id).inputs[3] = Some(rounded);
    }
}

/// `v` with `bits` significant bits; as it was where that is no finite number.
fn round(v: f32, bits: u8) -> f32 {
    let dropped = u32::from(ALL - bits.clamp(1, ALL));
    if dropped == 0 {
        return v;
    }
    let (unit, odd) = (1u32 << dropped, (v.to_bits() >> dropped) & 1);
    let near = v.to_bits().saturating_add(unit / 2 - 1 + odd) & !(unit - 1);
    Some(f32::from_bits(near)).filter(|r| r.is_finite()).unwrap_or(v)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_keep_their_leading_bits() {
        // 1 + 2^-8 lies half way between neighbours of 8 bits, and goes to the even one.
        let text = |scales: &str| {
            format!(
                "graph g\nin x: i8[1,2]\nconst w: i8[2,2] = 1 2 3 4\nconst b: i32[2] = 0 0\nconst m: f32[2] = {scales}\n\
                 y: i8[1,2] = QLinearMatMul(x, w, b, m) zeros=[0,0,-128,127]\nout y\n"
            )
        };
        let before = text("1.00390625 1.01171875");
        let eight = |g: &mut Graph| (round_scales(g, 8), Ok(true)).1;
        super::super::check(("round_scales", eight), &before, &text("1 1.015625"));
        let all = |g: &mut Graph| (round_scales(g, 24), Ok(false)).1;
        super::super::check(("round_scales", all), &before, &before);
    }

    #[test]
    fn what_is_nearly_infinite_stays() {
        assert_eq!(round(f32::MAX, 8), f32::MAX);
        assert_eq!(round(0.0, 8), 0.0);
    }
}
