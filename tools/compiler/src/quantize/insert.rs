//! Puts a Q/DQ pair on every point and replaces weights and biases by dequantized integers.

use super::observe::QuantParams;
use super::points::{Kind, Point, kind};
use super::round::Rounded;
use crate::fit::{Layer, unclamped};
use crate::ir::{Def, Graph, IrError, NodeId, Tensor, ValueId};
use siskin::DType;
use siskin::op::{Conv, ConvTranspose, DequantizeAttrs, DequantizeLinear, MatMul, QuantizeAttrs, QuantizeLinear};
use std::collections::HashMap;

/// A layer whose weights were rounded.
#[derive(Clone, Debug)]
pub(super) struct Weighted {
    pub(super) node: NodeId,
    /// What rounding took from the weights.
    pub(super) difference: Tensor,
    /// The layer's attributes without its fused clamp.
    pub(super) unclamped: Vec<u32>,
    /// The integer bias, a constant.
    pub(super) bias: ValueId,
    /// The step of each bias.
    pub(super) bias_scale: Vec<f32>,
}

/// Inserts pairs; returns the layers whose weights are to be rounded, in order.
pub(super) fn insert(graph: &mut Graph, points: &[Point], params: &[QuantParams]) -> Result<Vec<Layer>, IrError> {
    let order = graph.order();
    let kinds: HashMap<NodeId, Kind> = order.iter().map(|&n| (n, kind(graph, graph.node(n)))).collect();
    let mut params_of = HashMap::new();
    for (point, &p) in points.iter().zip(params) {
        for &value in &point.values {
            let pair = add_pair(graph, value, p)?;
            redirect(graph, value, pair, &kinds, &order);
            params_of.insert(pair, p);
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
            let input = node.input(0).and_then(|x| params_of.get(&x)).copied();
            layers.extend(input.and_then(|input| Layer::of(graph, id, input)));
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

/// Replaces a layer's weights and bias by dequantized integers; the bias counts steps of `input_scale * weight_scale`.
pub(super) fn set_weights(graph: &mut Graph, layer: &Layer, rounded: &Rounded) -> Result<Weighted, IrError> {
    let missing = || IrError::Definition(layer.name.clone());
    let real = |(i, &q): (usize, &i8)| f32::from(q) * rounded.scales[layer.output_of(i)];
    let real: Vec<f32> = rounded.q.iter().enumerate().map(real).collect();
    let difference: Vec<f32> = layer.weights.iter().zip(&real).map(|(w, r)| w - r).collect();
    let difference = Tensor::new(&layer.dims, &difference).ok_or_else(missing)?;
    let bias_scale: Vec<f32> = rounded.scales.iter().map(|s| s * layer.input.scale).collect();
    // The cast saturates.
    let steps: Vec<i32> =
        rounded.bias.iter().zip(&bias_scale).map(|(b, s)| (b / f64::from(*s)).round() as i32).collect();

    let q = graph.add_const(&layer.name, Tensor::new(&layer.dims, &rounded.q).ok_or_else(missing)?);
    let s = graph.add_const("scale", Tensor::vector(&rounded.scales));
    let weights = dequantize(graph, &layer.name, q, s, None, layer.axis as u32)?;
    let bias = graph.add_const("bias", Tensor::vector(&steps));
    let s = graph.add_const("scale", Tensor::vector(&bias_scale));
    let real_bias = dequantize(graph, &layer.name, bias, s, None, 0)?;
    let x = graph.node(layer.node).input(0);
    graph.node_mut(layer.node).inputs = vec![x, Some(weights), Some(real_bias)];
    Ok(Weighted { node: layer.node, difference, unclamped: unclamped(graph, layer.node), bias, bias_scale })
}
