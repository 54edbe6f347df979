//! A layer as a matrix: rows of weights, and the windows of its input that they are multiplied with.
//!
//! ```text
//! output o at position p = Σ_k weight[o][k] · window[p, group(o)][k]        k over taps and channels of the group
//! ```

use crate::ir::{Graph, NodeId};
use crate::quantize::observe::QuantParams;
use siskin::attrs::Attrs;
use siskin::op::{Conv, ConvAttrs, ConvTranspose, ConvTransposeAttrs, MatMul, MatMulAttrs};

/// A layer's weights, and where they lie.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    pub(crate) node: NodeId,
    pub(crate) name: String,
    /// The weights as they lie in their tensor.
    pub(crate) weights: Vec<f32>,
    pub(crate) dims: Vec<u32>,
    /// The axis of the weights that counts outputs.
    pub(crate) axis: usize,
    /// One for each output; zeros if the layer has none.
    pub(crate) bias: Vec<f32>,
    /// What the layer's input is quantized with.
    pub(crate) input: QuantParams,
    windows: Option<Windows>,
}

/// How windows are cut.
#[derive(Clone, Copy, Debug)]
struct Windows {
    groups: usize,
    /// Channels of the input.
    channels: usize,
    /// Height and width.
    input: [usize; 2],
    output: [usize; 2],
    kernel: [usize; 2],
    stride: [usize; 2],
    dilation: [usize; 2],
    pad: [usize; 2],
}

impl Layer {
    /// The layer of a node with constant weights, whose input is not quantized.
    pub(crate) fn float(graph: &Graph, id: NodeId) -> Option<Layer> {
        Layer::of(graph, id, QuantParams { scale: 1.0, zero_point: 0 })
    }

    /// The layer of a node with constant weights.
    pub(crate) fn of(graph: &Graph, id: NodeId, input: QuantParams) -> Option<Layer> {
        let node = graph.node(id);
        let w = graph.constant(node.input(1)?)?;
        let axis = usize::from(node.get::<MatMul>().is_some_and(|a| !a.transpose_b));
        let outputs = *w.dims().get(axis)? as usize;
        let bias = node.input(2).and_then(|b| graph.constant(b)).map_or_else(|| vec![0.0; outputs], |b| b.to_f32());
        let windows = Windows::of(graph, id);
        let (name, weights, dims) = (node.name.clone(), w.to_f32(), w.dims().to_vec());
        Some(Layer { node: id, name, weights, dims, axis, bias, input, windows })
    }

    /// The number of outputs.
    pub(crate) fn outputs(&self) -> usize {
        self.dims.get(self.axis).map_or(1, |&d| d as usize).max(1)
    }

    /// The number of weights of one output.
    pub(crate) fn depth(&self) -> usize {
        self.weights.len() / self.outputs()
    }

    /// The index in the tensor of weight `k` of output `o`.
    pub(crate) fn at(&self, o: usize, k: usize) -> usize {
        if self.axis == 0 { o * self.depth() + k } else { k * self.outputs() + o }
    }

    /// The output that the element `i` of the tensor belongs to.
    pub(crate) fn output_of(&self, i: usize) -> usize {
        if self.axis == 0 { i / self.depth() } else { i % self.outputs() }
    }

    /// What the layer's input can be told from: values beyond are clipped by more than they are rounded.
    pub(crate) fn input_range(&self) -> [f32; 2] {
        let QuantParams { scale, .. } = self.input;
        [self.input.dequantize(-128) - scale, self.input.dequantize(127) + scale]
    }

    /// Whether windows can be cut from the layer's input; a transposed convolution has none.
    pub(crate) fn has_windows(&self) -> bool {
        self.windows.is_some()
    }

    /// Outputs that see the same windows lie in one group; how many groups there are.
    pub(crate) fn groups(&self) -> usize {
        self.windows.map_or(1, |w| w.groups)
    }

    /// Windows of one sample.
    pub(crate) fn positions(&self, x: &[f32]) -> usize {
        self.windows.map_or(0, |w| x.len() / (w.input[0] * w.input[1] * w.channels).max(1) * w.output[0] * w.output[1])
    }

    /// Appends the window at `position` of a group.
    pub(crate) fn window(&self, x: &[f32], position: usize, group: usize, out: &mut Vec<f32>) {
        let Some(w) = self.windows else { return };
        let each = w.channels / w.groups;
        let (batch, rest) = (position / (w.output[0] * w.output[1]), position % (w.output[0] * w.output[1]));
        let (i, j) = (rest / w.output[1], rest % w.output[1]);
        for k in 0..w.kernel[0] {
            for l in 0..w.kernel[1] {
                let row = (i * w.stride[0] + k * w.dilation[0]).checked_sub(w.pad[0]).filter(|&r| r < w.input[0]);
                let col = (j * w.stride[1] + l * w.dilation[1]).checked_sub(w.pad[1]).filter(|&c| c < w.input[1]);
                match row.zip(col) {
                    Some((row, col)) => {
                        let at = ((batch * w.input[0] + row) * w.input[1] + col) * w.channels + group * each;
                        out.extend_from_slice(&x[at..at + each]);
                    }
                    None => out.resize(out.len() + each, 0.0),
                }
            }
        }
    }
}

impl Windows {
    fn of(graph: &Graph, id: NodeId) -> Option<Windows> {
        let node = graph.node(id);
        let dims = |v| graph.dims(v).iter().map(|&d| d as usize).collect::<Vec<_>>();
        let (x, w) = (dims(node.input(0)?), dims(node.input(1)?));
        let y = dims(*node.outputs.first()?);
        if node.is::<MatMul>() {
            let one = [1, 1];
            let channels = *x.last()?;
            return Some(Windows {
                groups: 1,
                channels,
                input: one,
                output: one,
                kernel: one,
                stride: one,
                dilation: one,
                pad: [0, 0],
            });
        }
        let a: ConvAttrs = node.get::<Conv>()?;
        // One spatial axis is two, the first of length 1; the attributes of absent axes say so already.
        let spatial = |d: &[usize]| match *d {
            [_, width, _] => Some([1, width]),
            [_, height, width, _] => Some([height, width]),
            _ => None,
        };
        let last = |v: [u32; 3]| [v[1] as usize, v[2] as usize];
        Some(Windows {
            groups: a.group as usize,
            channels: *x.last()?,
            input: spatial(&x)?,
            output: spatial(&y)?,
            kernel: spatial(&w)?,
            stride: last(a.stride),
            dilation: last(a.dilation),
            pad: last(a.pad_begin),
        })
    }
}

/// The attributes of a layer without its fused clamp.
pub(crate) fn unclamped(graph: &Graph, id: NodeId) -> Vec<u32> {
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

#[cfg(test)]
impl Layer {
    /// A layer out of any graph, of weights `[outputs, depth]`.
    pub(in super::super) fn plain(weights: &[f32], outputs: usize, input: QuantParams) -> Layer {
        let dims = vec![outputs as u32, (weights.len() / outputs) as u32];
        let graph =
            crate::ir::parse("graph g\nin x: f32[1]\ny: f32[1] = Relu(x)\nout y\n").expect("a graph of one node");
        let (node, name, bias) = (graph.order()[0], "plain".into(), vec![0.0; outputs]);
        Layer { node, name, weights: weights.to_vec(), dims, axis: 0, bias, input, windows: None }
    }
}
