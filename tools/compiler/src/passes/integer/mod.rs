//! The integer form of each float operator between Q/DQ pairs, one operator a file.

pub(super) mod binary;
pub(super) mod conv;
pub(super) mod matmul;
pub(super) mod moved;
pub(super) mod pool;
pub(super) mod softmax;
pub(super) mod table;

use super::fuse_qdq::Match;
use crate::ir::{Graph, Tensor, ValueId};
use siskin::DType;
use siskin::attrs::SignedQuad;
use siskin::op::{DequantizeLinear, QuantizeLinear};

/// An `i8` tensor with its one scale and zero point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Quantized {
    /// The integers.
    pub(super) value: ValueId,
    /// The step.
    pub(super) scale: f32,
    /// The integer that stands for 0.
    pub(super) zero: i32,
}

impl Quantized {
    /// The integer that stands for a real value, as `QuantizeLinear` gives it.
    pub(super) fn quantize(&self, v: f32) -> i8 {
        siskin::quant::quantize(v, self.scale, self.zero) as i8
    }

    /// Zero as the `i8` that it is.
    pub(super) fn zero_i8(&self) -> i8 {
        self.zero.clamp(-128, 127) as i8
    }
}

impl Match<'_> {
    /// The integers that the operator's clamp, and the one after it, leave.
    pub(super) fn limits(&self, own: [f32; 2]) -> [i8; 2] {
        let (low, high) = (own[0].max(self.clamp[0]), own[1].min(self.clamp[1]));
        [self.y.quantize(low), self.y.quantize(high)]
    }

    /// Zero points and limits, packed as the integer operators take them.
    pub(super) fn zeros(&self, x: &Quantized, own: [f32; 2]) -> SignedQuad {
        let [min, max] = self.limits(own);
        SignedQuad([x.zero_i8(), self.y.zero_i8(), min, max])
    }
}

/// The one scale and zero point of a Q or DQ node, if it has but one.
fn parameters(graph: &Graph, scale: Option<ValueId>, zero: Option<ValueId>) -> Option<(f32, i32)> {
    let scale = graph.constant(scale?)?;
    let zero = match zero {
        Some(z) => graph.constant(z)?.to_i64()?,
        None => vec![0],
    };
    let (scales, zero) = (scale.to_f32(), *zero.first()?);
    (scales.len() == 1).then_some((scales[0], i32::try_from(zero).ok()?))
}

/// The parameters of a value that a `QuantizeLinear` makes.
pub(super) fn quantized(graph: &Graph, value: ValueId) -> Option<Quantized> {
    let node = graph.node(graph.producer(value)?);
    if !node.is::<QuantizeLinear>() {
        return None;
    }
    let (scale, zero) = parameters(graph, node.input(1), node.input(2))?;
    Some(Quantized { value, scale, zero })
}

/// The `i8` integers behind a value that a `DequantizeLinear` of one scale makes.
pub(super) fn dequantized(graph: &Graph, value: ValueId) -> Option<Quantized> {
    let node = graph.node(graph.producer(value)?);
    let q = node.input(0).filter(|&q| node.is::<DequantizeLinear>() && graph.dtype(q) == DType::I8)?;
    let (scale, zero) = parameters(graph, node.input(1), node.input(2))?;
    Some(Quantized { value: q, scale, zero })
}

/// Constant integers behind a value, with a scale per element of `axis`.
pub(super) struct Weights {
    /// The integers, zero points subtracted.
    pub(super) integers: Tensor,
    /// One scale per channel.
    pub(super) scales: Vec<f32>,
}

/// The symmetric `i8` weights behind a value that a `DequantizeLinear` of a constant makes, scales along `axis`.
pub(super) fn weights(graph: &Graph, value: ValueId, axis: u32) -> Option<Weights> {
    let node = graph.node(graph.producer(value)?);
    let attrs = node.get::<DequantizeLinear>()?;
    let tensor = graph.constant(node.input(0)?)?;
    let mut scales = graph.constant(node.input(1)?)?.to_f32();
    let channels = *tensor.dims().get(axis as usize)? as usize;
    if scales.len() > 1 && (attrs.axis != axis || attrs.block != 0 || scales.len() != channels) {
        return None;
    }
    scales.resize(channels, *scales.first()?);
    let zeros = match node.input(2) {
        Some(z) => graph.constant(z)?.to_i64()?,
        None => vec![0],
    };
    let inner: usize = tensor.dims().iter().skip(axis as usize + 1).map(|&d| d as usize).product();
    let zero = |i: usize| zeros.get(if zeros.len() == 1 { 0 } else { i / inner % channels }).copied().unwrap_or(0);
    let integers = tensor.to_i64()?;
    let shifted: Option<Vec<i8>> = integers.iter().enumerate().map(|(i, q)| i8::try_from(q - zero(i)).ok()).collect();
    Some(Weights { integers: Tensor::new(tensor.dims(), &shifted?)?, scales })
}

/// A bias in steps of `steps`, one per channel: the integers of a `DequantizeLinear` where those are its steps already,
/// otherwise rounded. Zeros if there is none; nothing if it is not constant.
pub(super) fn bias(graph: &Graph, value: Option<ValueId>, steps: &[f32]) -> Option<Vec<i32>> {
    let Some(value) = value else { return Some(vec![0; steps.len()]) };
    let spread = |v: Vec<f32>| if v.len() == 1 { vec![v[0]; steps.len()] } else { v };
    if let Some(tensor) = graph.constant(value) {
        return Some(round(&spread(tensor.to_f32()), steps));
    }
    let node = graph.node(graph.producer(value)?);
    let integers = node.input(0).filter(|_| node.is::<DequantizeLinear>())?;
    let (integers, scales) = (graph.constant(integers)?.to_i64()?, spread(graph.constant(node.input(1)?)?.to_f32()));
    let zero = node.input(2).and_then(|z| graph.constant(z)?.to_i64()?.first().copied()).unwrap_or(0);
    let near = |a: f32, b: f32| (a - b).abs() <= 1e-5 * b.abs();
    if integers.len() == steps.len() && scales.iter().zip(steps).all(|(&a, &b)| near(a, b)) {
        return integers.iter().map(|q| i32::try_from(q - zero).ok()).collect();
    }
    let real: Vec<f32> = integers.iter().zip(scales.iter().cycle()).map(|(&q, s)| (q - zero) as f32 * s).collect();
    Some(round(&spread(real), steps))
}

fn round(values: &[f32], steps: &[f32]) -> Vec<i32> {
    // The cast saturates.
    values.iter().zip(steps).map(|(v, s)| (f64::from(*v) / f64::from(*s)).round() as i32).collect()
}

/// The requantization scale of each channel.
pub(super) fn multipliers(x: f32, w: &[f32], y: f32) -> Vec<f32> {
    w.iter().map(|w| x * w / y).collect()
}

/// The step of each channel's accumulator.
pub(super) fn steps(x: f32, w: &[f32]) -> Vec<f32> {
    w.iter().map(|w| x * w).collect()
}

/// Runs `fuse_qdq` on `body`, drops what nothing reads any more, and compares with `after`: the shape of every rule's test. Both
/// texts may name the parameters `s`, `z` of operands (a step of 0.5, 1 for zero) and `t`, `u` of results (0.25, -2).
#[cfg(test)]
fn check(body: &str, after: &str) {
    let head = "graph g\nconst s: f32[] = 0.5\nconst z: i8[] = 1\nconst t: f32[] = 0.25\nconst u: i8[] = -2\n";
    let text =
        |body: &str| format!("{head}{body}").replace("DQ(", "DequantizeLinear(").replace(" pair", " axis=0 block=0");
    super::check(("fuse_qdq", super::fuse_qdq::fuse_qdq), &text(body), &text(after));
}
