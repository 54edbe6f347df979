//! Puts a Q/DQ pair on every point and replaces weights and biases by dequantized integers.

use super::Integers;
use super::observe::{QuantParams, weight_scales};
use super::points::{Kind, Point, kind};
use crate::ir::{Def, Graph, IrError, NodeId, Tensor, ValueId};
use siskin::op::{
    Conv, ConvAttrs, ConvTranspose, ConvTransposeAttrs, DequantizeAttrs, DequantizeLinear, MatMul, MatMulAttrs,
    QuantizeAttrs, QuantizeLinear,
};
use siskin::{DType, attrs::Attrs};
use std::collections::{BTreeMap, HashMap};

/// A layer whose weights were rounded.
#[derive(Clone, Debug)]
pub(super) struct Weighted {
    pub(super) node: NodeId,
    /// The weights before rounding.
    pub(super) float: Tensor,
    /// The weights after it, as real values.
    pub(super) rounded: Tensor,
    /// The layer's attributes without its fused clamp.
    pub(super) unclamped: Vec<u32>,
    /// The integer bias, a constant.
    pub(super) bias: ValueId,
    /// The step of each bias.
    pub(super) bias_scale: Vec<f32>,
}

/// Inserts pairs and integers, those of `chosen` as they are; returns the layers whose weights were rounded.
pub(super) fn insert(
    graph: &mut Graph,
    points: &[Point],
    params: &[QuantParams],
    chosen: &BTreeMap<NodeId, Integers>,
) -> Result<Vec<Weighted>, IrError> {
    let order = graph.order();
    let kinds: HashMap<NodeId, Kind> = order.iter().map(|&n| (n, kind(graph, graph.node(n)))).collect();
    let mut scales = HashMap::new();
    for (point, &p) in points.iter().zip(params) {
        for &value in &point.values {
            let pair = add_pair(graph, value, p)?;
            redirect(graph, value, pair, &kinds, &order);
            scales.insert(pair, p.scale);
        }
    }
    let mut layers = Vec::new();
    for id in order {
        let node = graph.node(id);
        let weighted = node.is::<Conv>() || node.is::<ConvTranspose>() || node.is::<MatMul>();
        if weighted
            && kinds.get(&id) == Some(&Kind::Computes)
            && node.input(1).is_some_and(|w| graph.constant(w).is_some())
        {
            let input_scale = node.input(0).and_then(|x| scales.get(&x)).copied();
            if let Some(scale) = input_scale {
                layers.push(round_weights(graph, id, scale, chosen.get(&id))?);
            }
        }
    }
    Ok(layers)
}

/// `value -> QuantizeLinear -> DequantizeLinear`; returns the pair's output.
fn add_pair(graph: &mut Graph, value: ValueId, p: QuantParams) -> Result<ValueId, IrError> {
    let name = graph.value(value).name.clone();
    let scale = graph.add_const("scale", Tensor::scalar(p.scale));
    let zero = graph.add_const("zero_point", Tensor::scalar(p.zero_point.clamp(-128, 127) as i8));
    let q = QuantizeAttrs { axis: 0, block: 0, dtype: DType::I8 };
    let q = graph.add::<QuantizeLinear>(&name, &q, &[Some(value), Some(scale), Some(zero)])?[0];
    let d = dequantize(graph, &name, q, scale, Some(zero), 0)?;
    Ok(d)
}

fn dequantize(
    graph: &mut Graph,
    name: &str,
    q: ValueId,
    scale: ValueId,
    zero: Option<ValueId>,
    axis: u32,
) -> Result<ValueId, IrError> {
    Ok(graph.add::<DequantizeLinear>(name, &DequantizeAttrs { axis, block: 0 }, &[Some(q), Some(scale), zero])?[0])
}

/// Lets readers of `value` read `pair`: all of them where integers are all there is (an input, or the output of an
/// integer operator), otherwise only integer operators.
fn redirect(graph: &mut Graph, value: ValueId, pair: ValueId, kinds: &HashMap<NodeId, Kind>, order: &[NodeId]) {
    let integer = |id: &NodeId| kinds.get(id).is_some_and(|k| *k != Kind::Stays);
    let everywhere = match graph.value(value).def {
        Def::Input => true,
        Def::Node(producer, _) => integer(&producer),
        Def::Const(_) | Def::State => false,
    };
    for &id in order {
        if everywhere || integer(&id) {
            for input in &mut graph.node_mut(id).inputs {
                if *input == Some(value) {
                    *input = Some(pair);
                }
            }
        }
    }
    if everywhere {
        for port in graph.outputs.iter_mut().filter(|p| p.value == value) {
            port.value = pair;
        }
        for state in graph.states.iter_mut().filter(|s| s.write == value) {
            state.write = pair;
        }
    }
}

/// Rounds a layer's weights per output channel and its bias to steps of `input_scale * weight_scale`.
fn round_weights(
    graph: &mut Graph,
    id: NodeId,
    input_scale: f32,
    chosen: Option<&Integers>,
) -> Result<Weighted, IrError> {
    let node = graph.node(id).clone();
    let missing = || IrError::Definition(node.name.clone());
    let w = node.input(1).and_then(|v| graph.constant(v)).ok_or_else(missing)?.clone();
    let axis = output_axis(graph, id);
    let float = Tensor::new(w.dims(), &w.to_f32()).ok_or_else(missing)?;
    let values = float.get::<f32>().unwrap_or(&[]);
    let channels = float.dims().get(axis).map_or(1, |&c| c as usize);
    let inner: usize = float.dims().iter().skip(axis + 1).map(|&d| d as usize).product();
    let channel_of = |i: usize| i / inner.max(1) % channels.max(1);
    let bias = node.input(2).and_then(|b| graph.constant(b)).map_or_else(|| vec![0.0; channels], |t| t.to_f32());
    let chosen = chosen.filter(|c| c.q.dims() == float.dims() && c.scales.len() == channels);
    let mut scales = chosen.map_or_else(|| weight_scales(values, channels, channel_of), |c| c.scales.clone());
    for (s, b) in scales.iter_mut().zip(&bias) {
        // A bias must fit 32 bits with room for the sum: a channel of tiny weights takes larger steps.
        *s = s.max(b.abs() / (input_scale * 1_073_741_824.0));
    }
    let nearest =
        |(i, v): (usize, &f32)| siskin::quant::round_half_even(v / scales[channel_of(i)]).clamp(-127.0, 127.0) as i8;
    let given = chosen.filter(|c| c.scales == scales).and_then(|c| c.q.get::<i8>());
    let q: Vec<i8> = given.map_or_else(|| values.iter().enumerate().map(nearest).collect(), <[i8]>::to_vec);
    let real: Vec<f32> = q.iter().enumerate().map(|(i, &q)| f32::from(q) * scales[channel_of(i)]).collect();
    let rounded = Tensor::new(float.dims(), &real).ok_or_else(missing)?;
    let bias_scale: Vec<f32> = scales.iter().map(|s| s * input_scale).collect();
    let steps: Vec<i32> =
        bias.iter().zip(&bias_scale).map(|(b, s)| (f64::from(*b) / f64::from(*s)).round() as i32).collect();

    let q = graph.add_const(&node.name, Tensor::new(float.dims(), &q).ok_or_else(missing)?);
    let s = graph.add_const("scale", Tensor::vector(&scales));
    let weights = dequantize(graph, &node.name, q, s, None, axis as u32)?;
    let bias = graph.add_const("bias", Tensor::vector(&steps));
    let s = graph.add_const("scale", Tensor::vector(&bias_scale));
    let real_bias = dequantize(graph, &node.name, bias, s, None, 0)?;
    graph.node_mut(id).inputs = vec![node.input(0), Some(weights), Some(real_bias)];
    Ok(Weighted { node: id, float, rounded, unclamped: unclamped(graph, id), bias, bias_scale })
}

/// The axis of the weights that counts output channels.
fn output_axis(graph: &Graph, id: NodeId) -> usize {
    let node = graph.node(id);
    match node.get::<MatMul>() {
        Some(attrs) if !attrs.transpose_b => 1,
        _ => 0,
    }
}

/// The attributes of a layer without its fused clamp.
fn unclamped(graph: &Graph, id: NodeId) -> Vec<u32> {
    let node = graph.node(id);
    let mut words = Vec::new();
    let put = &mut |w| words.push(w);
    let (min, max) = (f32::NEG_INFINITY, f32::INFINITY);
    if let Some(a) = node.get::<Conv>() {
        ConvAttrs { min, max, ..a }.write(put);
    } else if let Some(a) = node.get::<ConvTranspose>() {
        ConvTransposeAttrs { min, max, ..a }.write(put);
    } else if let Some(a) = node.get::<MatMul>() {
        MatMulAttrs { min, max, ..a }.write(put);
    }
    words
}
