//! `Conv` and `ConvTranspose` on integers.

use super::{Match, Quantized, bias, dequantized, multipliers, steps, weights};
use crate::ir::{Graph, IrError, Tensor, ValueId};
use siskin::Shape;
use siskin::attrs::Quad;
use siskin::op::{
    Conv, ConvAttrs, ConvTranspose, QLinearConv, QLinearConvAttrs, QLinearConvTranspose, QLinearConvTransposeAttrs,
    QLinearDepthwiseConv, QLinearDepthwiseConvAttrs, Reshape, ReshapeAttrs,
};

/// The integer form of a convolution over one or two axes.
pub(in super::super) fn conv(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let Some(parts) = Parts::of(graph, m) else { return Ok(None) };
    let name = &m.node.name;
    let x = lift(graph, name, parts.x.value)?;
    let (attrs, dims) = (parts.attrs, parts.weights.dims().to_vec());
    let depthwise = attrs.group > 1 && attrs.group == dims[0] && dims[3] == 1;
    let zeros = m.zeros(&parts.x, [attrs.min, attrs.max]);
    let bias = graph.add_const("bias", Tensor::vector(&parts.bias));
    let scale = graph.add_const("scale", Tensor::vector(&parts.scales));
    let y = if depthwise {
        let Some(w) = taps_first(&parts.weights) else { return Ok(None) };
        let w = graph.add_const(name, w);
        let attrs = QLinearDepthwiseConvAttrs { window: parts.window, pads: parts.pads, zeros };
        graph.add::<QLinearDepthwiseConv>(name, &attrs, &[Some(x), Some(w), Some(bias), Some(scale)])?[0]
    } else {
        let w = graph.add_const(name, parts.weights);
        let attrs = QLinearConvAttrs { window: parts.window, pads: parts.pads, zeros, group: attrs.group };
        graph.add::<QLinearConv>(name, &attrs, &[Some(x), Some(w), Some(bias), Some(scale)])?[0]
    };
    Ok(Some(unlift(graph, name, y, m)?))
}

/// The integer form of a transposed convolution over two axes, without groups.
pub(in super::super) fn conv_transpose(graph: &mut Graph, m: &Match<'_>) -> Result<Option<ValueId>, IrError> {
    let Some((inputs, attrs)) = transposed_parts(graph, m) else { return Ok(None) };
    let (x, weights, integers, scales) = inputs;
    let w = graph.add_const(&m.node.name, weights);
    let bias = graph.add_const("bias", Tensor::vector(&integers));
    let scale = graph.add_const("scale", Tensor::vector(&scales));
    let operands = [Some(x), Some(w), Some(bias), Some(scale)];
    Ok(Some(graph.add::<QLinearConvTranspose>(&m.node.name, &attrs, &operands)?[0]))
}

type TransposedInputs = (ValueId, Tensor, Vec<i32>, Vec<f32>);

fn transposed_parts(graph: &Graph, m: &Match<'_>) -> Option<(TransposedInputs, QLinearConvTransposeAttrs)> {
    let a = m.node.get::<ConvTranspose>()?;
    let x = dequantized(graph, m.node.input(0)?)?;
    let w = weights(graph, m.node.input(1)?, 0)?;
    if a.group != 1 || w.integers.dims().len() != 4 {
        return None;
    }
    let bias = bias(graph, m.node.input(2), &steps(x.scale, &w.scales))?;
    let ([_, sh, sw], [_, dh, dw]) = (small(a.stride)?, small(a.dilation)?);
    let ([_, top, left], [_, bottom, right]) = (small(a.pad_begin)?, small(a.pad_end)?);
    let [_, high, wide] = small(a.output_padding)?;
    let attrs = QLinearConvTransposeAttrs {
        window: Quad([sh, sw, dh, dw]),
        pads: Quad([top, left, bottom, right]),
        output_padding: Quad([high, wide, 0, 0]),
        zeros: m.zeros(&x, [a.min, a.max]),
    };
    Some(((x.value, w.integers, bias, multipliers(x.scale, &w.scales, m.y.scale)), attrs))
}

struct Parts {
    attrs: ConvAttrs,
    x: Quantized,
    /// `[out, height, width, in / group]`.
    weights: Tensor,
    bias: Vec<i32>,
    scales: Vec<f32>,
    window: Quad,
    pads: Quad,
}

impl Parts {
    fn of(graph: &Graph, m: &Match<'_>) -> Option<Parts> {
        let attrs = m.node.get::<Conv>()?;
        let x = dequantized(graph, m.node.input(0)?)?;
        let w = weights(graph, m.node.input(1)?, 0)?;
        let bias = bias(graph, m.node.input(2), &steps(x.scale, &w.scales))?;
        let weights = match *w.integers.dims() {
            [out, width, channels] => w.integers.reshaped(&[out, 1, width, channels])?,
            [_, _, _, _] => w.integers,
            _ => return None,
        };
        let [_, sh, sw] = small(attrs.stride)?;
        let [_, dh, dw] = small(attrs.dilation)?;
        let ([_, top, left], [_, bottom, right]) = (small(attrs.pad_begin)?, small(attrs.pad_end)?);
        let scales = multipliers(x.scale, &w.scales, m.y.scale);
        let (window, pads) = (Quad([sh, sw, dh, dw]), Quad([top, left, bottom, right]));
        Some(Parts { attrs, x, weights, bias, scales, window, pads })
    }
}

pub(super) fn small(v: [u32; 3]) -> Option<[u8; 3]> {
    Some([u8::try_from(v[0]).ok()?, u8::try_from(v[1]).ok()?, u8::try_from(v[2]).ok()?])
}

/// `[channels, height, width, 1]` to `[height, width, channels]`.
fn taps_first(w: &Tensor) -> Option<Tensor> {
    let [c, height, width, _] = *w.dims() else { return None };
    let (from, taps) = (w.get::<i8>()?, (height * width) as usize);
    let moved: Vec<i8> = (0..taps).flat_map(|t| (0..c as usize).map(move |o| from[o * taps + t])).collect();
    Tensor::new(&[height, width, c], &moved)
}

/// `[batch, width, channels]` to `[batch, 1, width, channels]`; two spatial axes stay.
pub(super) fn lift(graph: &mut Graph, name: &str, x: ValueId) -> Result<ValueId, IrError> {
    match *graph.dims(x) {
        [n, width, c] => reshape(graph, name, x, &[n, 1, width, c]),
        _ => Ok(x),
    }
}

pub(super) fn unlift(graph: &mut Graph, name: &str, y: ValueId, m: &Match<'_>) -> Result<ValueId, IrError> {
    let dims = graph.dims(m.node.outputs[0]).to_vec();
    if graph.dims(y) == dims { Ok(y) } else { reshape(graph, name, y, &dims) }
}

fn reshape(graph: &mut Graph, name: &str, x: ValueId, dims: &[u32]) -> Result<ValueId, IrError> {
    let shape = Shape::new(dims).ok_or_else(|| IrError::Definition(name.into()))?;
    Ok(graph.add::<Reshape>(name, &ReshapeAttrs { shape }, &[Some(x)])?[0])
}

#[cfg(test)]
mod tests {
    /// Steps of 0.5 by 0.5 and 0.25, of which a bias of 1 is 4 and 8; over a step of 0.25 of the output, 1 and 0.5.
    #[test]
    fn a_convolution_keeps_its_integers() {
        super::super::check(
            "in q: i8[1,3,3,1]\nx: f32[1,3,3,1] = DQ(q, s, z) pair\nconst wi: i8[2,2,2,1] = 1 2 3 4 5 6 7 8\n\
             const ws: f32[2] = 0.5 0.25\nw: f32[2,2,2,1] = DQ(wi, ws, _) pair\nconst b: f32[2] = 1 1\n\
             r: f32[1,2,2,2] = Conv(x, w, b) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] group=1 min=0 max=inf\n\
             y: i8[1,2,2,2] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,3,3,1]\nconst w: i8[2,2,2,1] = 1 2 3 4 5 6 7 8\nconst b: i32[2] = 4 8\nconst m: f32[2] = 1 0.5\n\
             y: i8[1,2,2,2] = QLinearConv(q, w, b, m) window=[1,1,1,1] pads=[0,0,0,0] zeros=[1,-2,-2,127] group=1\nout y\n",
        );
    }

    #[test]
    fn taps_of_a_depthwise_convolution_come_first() {
        super::super::check(
            "in q: i8[1,2,2,2]\nx: f32[1,2,2,2] = DQ(q, s, z) pair\nconst wi: i8[2,1,2,1] = 1 2 3 4\n\
             w: f32[2,1,2,1] = DQ(wi, s, _) pair\n\
             r: f32[1,2,1,2] = Conv(x, w) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] group=2 min=-inf max=inf\n\
             y: i8[1,2,1,2] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,2,2,2]\nconst w: i8[1,2,2] = 1 3 2 4\nconst b: i32[2] = 0 0\nconst m: f32[2] = 1 1\n\
             y: i8[1,2,1,2] = QLinearDepthwiseConv(q, w, b, m) window=[1,1,1,1] pads=[0,0,0,0] zeros=[1,-2,-128,127]\nout y\n",
        );
    }

    #[test]
    fn one_axis_becomes_two() {
        super::super::check(
            "in q: i8[1,3,1]\nx: f32[1,3,1] = DQ(q, s, z) pair\nconst wi: i8[1,2,1] = 1 2\nw: f32[1,2,1] = DQ(wi, s, _) pair\n\
             r: f32[1,2,1] = Conv(x, w) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] group=1 min=-inf max=inf\n\
             y: i8[1,2,1] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,3,1]\np: i8[1,1,3,1] = Reshape(q) shape=[1,1,3,1]\nconst w: i8[1,1,2,1] = 1 2\n\
             const b: i32[1] = 0\nconst m: f32[1] = 1\n\
             c: i8[1,1,2,1] = QLinearConv(p, w, b, m) window=[1,1,1,1] pads=[0,0,0,0] zeros=[1,-2,-128,127] group=1\n\
             y: i8[1,2,1] = Reshape(c) shape=[1,2,1]\nout y\n",
        );
    }

    #[test]
    fn a_transposed_convolution_keeps_its_integers() {
        super::super::check(
            "in q: i8[1,1,2,1]\nx: f32[1,1,2,1] = DQ(q, s, z) pair\nconst wi: i8[1,1,2,1] = 1 2\n\
             w: f32[1,1,2,1] = DQ(wi, s, _) pair\n\
             r: f32[1,1,4,1] = ConvTranspose(x, w) stride=[1,1,2] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] \
             output_padding=[0,0,0] group=1 min=-inf max=inf\n\
             y: i8[1,1,4,1] = QuantizeLinear(r, t, u) pair dtype=i8\nout y\n",
            "in q: i8[1,1,2,1]\nconst w: i8[1,1,2,1] = 1 2\nconst b: i32[1] = 0\nconst m: f32[1] = 1\n\
             y: i8[1,1,4,1] = QLinearConvTranspose(q, w, b, m) window=[1,2,1,1] pads=[0,0,0,0] output_padding=[0,0,0,0] \
             zeros=[1,-2,-128,127]\nout y\n",
        );
    }
}
