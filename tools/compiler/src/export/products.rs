//! Sums of products: convolutions, matrix products, averages.
//!
//! They are computed in floats, which hold whole numbers below 2^24 exactly: no order of summing, and no fusing of a product
//! with a sum, can change them. `ConvInteger` and `MatMulInteger` would be shorter, but on processors without an exact 8-bit
//! product some runtimes saturate in the middle of them.

use super::graph::{Attribute, Graph};
use super::layer::{Layer, Order};
use super::{ExportError, Rule};
use crate::ir::Tensor;
use siskin::{DType, op};

pub(super) const OPERATORS: &[(&str, Rule)] = &[
    ("QLinearAveragePool", average_pool),
    ("QLinearBatchMatMul", batch_matmul),
    ("QLinearConv", conv),
    ("QLinearDepthwiseConv", depthwise_conv),
    ("QLinearMatMul", matmul),
];

/// Floats hold every whole number up to this.
const EXACT: i64 = 1 << 24;

const TOO_GREAT: &str = "its sums may exceed what two floats hold exactly: it has more than 8,000 inputs";

fn conv(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::QLinearConv>();
    let &[outs, height, width, ins] = layer.shape(1).as_slice() else {
        return Err(layer.refuse("its weights have no 4 axes"));
    };
    let weights = Weights::read(layer, [outs, ins, height, width], |w, [o, i, y, x]| {
        w[((o * height + y) * width + x) as usize * ins as usize + i as usize]
    })?;
    slide(layer, &weights, a.window.0, a.pads.0, a.group, a.zeros.0)
}

fn depthwise_conv(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::QLinearDepthwiseConv>();
    let &[height, width, channels] = layer.shape(1).as_slice() else {
        return Err(layer.refuse("its weights have no 3 axes"));
    };
    let weights = Weights::read(layer, [channels, 1, height, width], |w, [c, _, y, x]| {
        w[((y * width + x) * channels + c) as usize]
    })?;
    slide(layer, &weights, a.window.0, a.pads.0, channels, a.zeros.0)
}

/// A window over an image: sums, then what becomes of them. `zeros` is `[x_zero, y_zero, min, max]`.
fn slide(
    layer: &mut Layer<'_, '_>,
    weights: &Weights,
    window: [u8; 4],
    pads: [u8; 4],
    group: u32,
    zeros: [i8; 4],
) -> Result<(), ExportError> {
    let x = layer.input(0, Order::Planes)?;
    let x = layer.graph.centred(&x, zeros[0]);
    let attributes = conv_attributes(window, pads, group);
    let sums = weights.sums(layer.graph, zeros[0], |graph, w| graph.node("Conv", &[&x, w], &attributes));
    let sums = sums.ok_or_else(|| layer.refuse(TOO_GREAT))?;
    let y = requantize(layer, &sums, zeros, 2)?;
    layer.give(Order::Planes, y);
    Ok(())
}

/// `window` is `[stride_h, stride_w, dilation_h, dilation_w]`, `pads` `[top, left, bottom, right]`, as ONNX has them.
fn conv_attributes(window: [u8; 4], pads: [u8; 4], group: u32) -> Vec<(&'static str, Attribute)> {
    let ints = |values: &[u8]| Attribute::Ints(values.iter().map(|&v| v.into()).collect());
    let ([strides @ .., _, _], [_, _, dilations @ ..]) = (&window, &window);
    let (strides, dilations) = (strides as &[u8; 2], dilations as &[u8; 2]);
    vec![
        ("strides", ints(strides)),
        ("dilations", ints(dilations)),
        ("pads", ints(&pads)),
        ("group", Attribute::Int(group.into())),
    ]
}

fn matmul(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let zeros = layer.attrs::<op::QLinearMatMul>().zeros.0;
    let &[outs, depth] = layer.shape(1).as_slice() else { return Err(layer.refuse("its weights have no 2 axes")) };
    let weights = Weights::read(layer, [outs, depth, 1, 1], |w, [o, k, ..]| w[(o * depth + k) as usize])?.columns();
    let x = layer.input(0, Order::Rows)?;
    let x = layer.graph.centred(&x, zeros[0]);
    let sums = weights.sums(layer.graph, zeros[0], |graph, w| graph.node("MatMul", &[&x, w], &[]));
    let sums = sums.ok_or_else(|| layer.refuse(TOO_GREAT))?;
    let y = requantize(layer, &sums, zeros, 0)?;
    layer.give(Order::Rows, y);
    Ok(())
}

/// Adds the bias to sums, scales and rounds them; channels are followed by `after` axes.
fn requantize(layer: &mut Layer<'_, '_>, sums: &str, zeros: [i8; 4], after: usize) -> Result<String, ExportError> {
    let (bias, scale) = (layer.elements::<i32>(2)?, layer.elements::<f32>(3)?);
    let mut dims = vec![bias.len() as u32];
    dims.resize(1 + after, 1);
    let [_, zero, min, max] = zeros;
    let graph = &mut *layer.graph;
    let (bias, scale) = (shaped(graph, &dims, &bias), shaped(graph, &dims, &scale));
    let sums = graph.node("Add", &[sums, &bias], &[]);
    let real = graph.cast(&sums, DType::F32);
    let steps = graph.node("Mul", &[&real, &scale], &[]);
    Ok(graph.rounded(&steps, [zero, min, max]))
}

/// The name of a constant of these axes.
fn shaped<T: crate::ir::Scalar>(graph: &mut Graph, dims: &[u32], elements: &[T]) -> String {
    graph.constant(Tensor::new(dims, elements).unwrap_or_else(|| Tensor::vector(elements)))
}

/// The digits of four bits of a weight, each from -8 to 8: `w = 16 · high + low`.
fn high(w: i8) -> i8 {
    ((i16::from(w) + 8) >> 4) as i8
}

fn low(w: i8) -> i8 {
    (i16::from(w) - 16 * i16::from(high(w))) as i8
}

/// The weights of a layer as ONNX orders them.
struct Weights {
    dims: Vec<u32>,
    /// `[outs, ..]`
    elements: Vec<i8>,
    outs: usize,
    is_columns: bool,
}

impl Weights {
    /// Takes the weights `[outs, ins, height, width]` out of input 1, where `at` finds them.
    fn read(layer: &Layer<'_, '_>, dims: [u32; 4], at: impl Fn(&[i8], [u32; 4]) -> i8) -> Result<Weights, ExportError> {
        let stored: Vec<i8> = layer.elements(1)?;
        let [outs, ins, height, width] = dims;
        let mut elements = Vec::with_capacity(stored.len());
        for o in 0..outs {
            for i in 0..ins {
                for y in 0..height {
                    elements.extend((0..width).map(|x| at(&stored, [o, i, y, x])));
                }
            }
        }
        Ok(Weights { dims: dims.to_vec(), elements, outs: outs as usize, is_columns: false })
    }

    /// The same as the right side of a matrix product: `[ins, outs]`.
    fn columns(mut self) -> Weights {
        self.dims.truncate(2);
        self.is_columns = true;
        self
    }

    /// The sums as `i32`, of inputs with this zero point; `product` makes floats of weights in floats.
    /// Nothing if even digits of the weights make sums that floats do not hold.
    fn sums(&self, graph: &mut Graph, x_zero: i8, product: impl Fn(&mut Graph, &str) -> String) -> Option<String> {
        let reach = (i64::from(x_zero) + 128).max(127 - i64::from(x_zero));
        let fits = |part: &dyn Fn(i8) -> i8| self.greatest(part) * reach < EXACT;
        if fits(&|w| w) {
            return Some(self.part(graph, &|w| w, &product));
        }
        if !fits(&high) || !fits(&low) {
            return None;
        }
        let (high, low) = (self.part(graph, &high, &product), self.part(graph, &low, &product));
        let sixteen = graph.scalar(16i32);
        let high = graph.node("Mul", &[&high, &sixteen], &[]);
        Some(graph.node("Add", &[&high, &low], &[]))
    }

    /// The greatest sum of the sizes of an output's weights.
    fn greatest(&self, part: &dyn Fn(i8) -> i8) -> i64 {
        let rows = self.elements.chunks((self.elements.len() / self.outs.max(1)).max(1));
        rows.map(|row| row.iter().map(|&w| i64::from(part(w).unsigned_abs())).sum()).max().unwrap_or(0)
    }

    fn part(
        &self,
        graph: &mut Graph,
        part: &dyn Fn(i8) -> i8,
        product: &impl Fn(&mut Graph, &str) -> String,
    ) -> String {
        let parts: Vec<i8> = self.elements.iter().map(|&w| part(w)).collect();
        let stored = if let (true, &[outs, ins]) = (self.is_columns, self.dims.as_slice()) {
            let turned: Vec<i8> =
                (0..ins).flat_map(|k| (0..outs).map(move |o| (o * ins + k) as usize)).map(|at| parts[at]).collect();
            shaped(graph, &[ins, outs], &turned)
        } else {
            shaped(graph, &self.dims, &parts)
        };
        let floats = graph.cast(&stored, DType::F32);
        let sums = product(graph, &floats);
        graph.cast(&sums, DType::I32)
    }
}

fn batch_matmul(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let attrs = layer.attrs::<op::QLinearBatchMatMul>();
    let [a_zero, b_zero, y_zero, _] = attrs.zeros.0;
    let depth = layer.shape(0).last().copied().unwrap_or(1);
    if i64::from(depth) * 255 * 255 >= EXACT {
        return Err(layer.refuse(format!("sums of {depth} products of activations may exceed 2^24")));
    }
    let (a, b) = (layer.input(0, Order::Rows)?, layer.input(1, Order::Rows)?);
    let a = layer.graph.centred(&a, a_zero);
    let mut b = layer.graph.centred(&b, b_zero);
    if attrs.transpose_b {
        let rank = layer.shape(1).len() as i64;
        let perm: Vec<i64> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        b = layer.graph.transpose(&b, &perm);
    }
    let sums = layer.node("MatMul", &[&a, &b], &[]);
    // By way of integers: a runtime that sees a product and a factor may make one of them.
    let sums = layer.graph.cast(&sums, DType::I32);
    let real = layer.graph.cast(&sums, DType::F32);
    let scale = layer.graph.scalar(attrs.scale);
    let steps = layer.node("Mul", &[&real, &scale], &[]);
    let y = layer.graph.rounded(&steps, [y_zero, -128, 127]);
    layer.give(Order::Rows, y);
    Ok(())
}

/// A convolution with ones, then each place by what its window counts.
fn average_pool(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::QLinearAveragePool>();
    let &[_, height, width, channels] = layer.shape(0).as_slice() else {
        return Err(layer.refuse("its input is no image"));
    };
    let out = layer.out_shape();
    let [x_zero, y_zero, min, max] = a.zeros.0;
    let taps = |kernel: u8, whole: u32| if kernel == 0 { whole } else { kernel.into() };
    let kernel = [taps(a.kernel.0[0], height), taps(a.kernel.0[1], width)];
    if i64::from(kernel[0]) * i64::from(kernel[1]) * 255 >= EXACT {
        return Err(layer.refuse("sums over its window may exceed 2^24"));
    }
    let x = layer.input(0, Order::Planes)?;
    let x = layer.graph.centred(&x, x_zero);
    let ones = vec![1i8; (channels * kernel[0] * kernel[1]) as usize];
    let ones = shaped(layer.graph, &[channels, 1, kernel[0], kernel[1]], &ones);
    let ones = layer.graph.cast(&ones, DType::F32);
    let sums = layer.node("Conv", &[&x, &ones], &conv_attributes(a.window.0, a.pads.0, channels));
    let sums = layer.graph.cast(&sums, DType::I32);
    let real = layer.graph.cast(&sums, DType::F32);
    let along = |axis: usize, input: u32| -> Vec<u32> {
        let [stride, dilation] = [a.window.0[axis], a.window.0[axis + 2]].map(i64::from);
        let hits = |at: u32| {
            let first = i64::from(at) * stride - i64::from(a.pads.0[axis]);
            (0..i64::from(kernel[axis])).filter(|k| (0..i64::from(input)).contains(&(first + k * dilation))).count()
                as u32
        };
        (0..out[axis + 1]).map(hits).collect()
    };
    let (rows, columns) = (along(0, height), along(1, width));
    let scale = |row: u32, column: u32| {
        let count = if a.count_include_pad { kernel[0] * kernel[1] } else { row * column };
        if count == 0 { 0.0 } else { a.scale / count as f32 }
    };
    let scales: Vec<f32> = rows.iter().flat_map(|&row| columns.iter().map(move |&column| scale(row, column))).collect();
    let scales = shaped(layer.graph, &[1, 1, out[1], out[2]], &scales);
    let steps = layer.node("Mul", &[&real, &scales], &[]);
    let y = layer.graph.rounded(&steps, [y_zero, min, max]);
    layer.give(Order::Planes, y);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use siskin::format::DType::I32;

    #[test]
    fn digits_make_up_every_weight() {
        for w in i8::MIN..=i8::MAX {
            assert_eq!(i16::from(w), 16 * i16::from(high(w)) + i16::from(low(w)));
            assert!(high(w).abs() <= 8 && low(w).abs() <= 8, "{w}");
        }
    }

    /// How many products the sums of `k` weights of 127 take, of inputs around 0.
    fn products(k: usize) -> Option<usize> {
        let weights = Weights { dims: vec![1, k as u32], elements: vec![127; k], outs: 1, is_columns: true };
        let mut graph = Graph::default();
        weights.sums(&mut graph, 0, |graph, w| graph.node("MatMul", &["x", w], &[]))?;
        let last = if k > 1032 { "Add" } else { "Cast" };
        assert_eq!(graph.nodes.last().map(|n| n.op), Some(last));
        let to = i64::from(crate::import::element_code(I32));
        let whole =
            graph.nodes.iter().filter(|n| matches!(n.attributes.as_slice(), [("to", Attribute::Int(t))] if *t == to));
        Some(whole.count())
    }

    #[test]
    fn sums_that_floats_do_not_hold_are_made_of_two() {
        // 2^24 is 1,032.1 · 127 · 128.
        assert_eq!([1000, 1032, 1033, 8000, 20_000].map(products), [Some(1), Some(1), Some(2), Some(2), None]);
    }
}
