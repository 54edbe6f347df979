//! Operators over real numbers, which runtimes sum in orders of their own: the answers differ in the last bits.

use super::graph::Attribute;
use super::layer::{Layer, Order};
use super::{ExportError, Rule};
use siskin::{DType, op};

pub(super) const OPERATORS: &[(&str, Rule)] = &[
    ("Abs", |layer| same(layer, "Abs")),
    ("Add", |layer| same(layer, "Add")),
    ("AveragePool", average_pool),
    ("Clip", clip),
    ("Conv", conv),
    ("Div", |layer| same(layer, "Div")),
    ("Erf", |layer| same(layer, "Erf")),
    ("Exp", |layer| same(layer, "Exp")),
    ("Gelu", gelu),
    ("HardSwish", |layer| same(layer, "HardSwish")),
    ("LayerNormalization", layer_normalization),
    ("LeakyRelu", leaky_relu),
    ("Log", |layer| same(layer, "Log")),
    ("LogSoftmax", log_softmax),
    ("MatMul", matmul),
    ("Max", |layer| same(layer, "Max")),
    ("MaxPool", max_pool),
    ("Min", |layer| same(layer, "Min")),
    ("Mul", |layer| same(layer, "Mul")),
    ("Neg", |layer| same(layer, "Neg")),
    ("Reciprocal", |layer| same(layer, "Reciprocal")),
    ("Relu", |layer| same(layer, "Relu")),
    ("Sigmoid", |layer| same(layer, "Sigmoid")),
    ("Softmax", softmax),
    ("Softplus", |layer| same(layer, "Softplus")),
    ("Sqrt", |layer| same(layer, "Sqrt")),
    ("Sub", |layer| same(layer, "Sub")),
    ("Tanh", |layer| same(layer, "Tanh")),
];

/// ONNX's operator of the same name, which has no attributes and looks at one place at a time.
fn same(layer: &mut Layer<'_, '_>, op: &'static str) -> Result<(), ExportError> {
    let operands: Vec<usize> = (0..layer.step.inputs().len()).collect();
    let order = layer.common(&operands);
    let inputs: Vec<String> = operands.into_iter().map(|i| layer.input(i, order)).collect::<Result<_, _>>()?;
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = layer.node(op, &inputs, &[]);
    layer.give(order, y);
    Ok(())
}

fn leaky_relu(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let alpha = layer.attrs::<op::LeakyRelu>().alpha;
    let order = layer.common(&[0]);
    let x = layer.input(0, order)?;
    let y = layer.node("LeakyRelu", &[&x], &[("alpha", Attribute::Float(alpha))]);
    layer.give(order, y);
    Ok(())
}

fn clip(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::Clip>();
    let order = layer.common(&[0]);
    let x = layer.input(0, order)?;
    let y = clamped(layer, x, a.min, a.max);
    layer.give(order, y);
    Ok(())
}

/// `x` within these bounds, which may be infinite.
fn clamped(layer: &mut Layer<'_, '_>, x: String, min: f32, max: f32) -> String {
    match (min, max) {
        (f32::NEG_INFINITY, f32::INFINITY) => x,
        (0.0, f32::INFINITY) => layer.node("Relu", &[&x], &[]),
        _ => {
            let (min, max) = (layer.graph.scalar(min), layer.graph.scalar(max));
            layer.node("Clip", &[&x, &min, &max], &[])
        }
    }
}

/// ONNX has an operator for it from opset 20 on: here `x / 2 · (1 + erf(x / √2))`, or with the approximation through `tanh`.
fn gelu(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let is_tanh = layer.attrs::<op::Gelu>().tanh;
    let order = layer.common(&[0]);
    let x = layer.input(0, order)?;
    let mut number = |v: f32| layer.graph.scalar(v);
    let [half, one, root] = [0.5, 1.0, core::f32::consts::SQRT_2].map(&mut number);
    let [cubic, slope] = [0.044_715, (2.0 / core::f32::consts::PI).sqrt()].map(&mut number);
    let bent = if is_tanh {
        let square = layer.node("Mul", &[&x, &x], &[]);
        let cube = layer.node("Mul", &[&square, &x], &[]);
        let part = layer.node("Mul", &[&cube, &cubic], &[]);
        let inner = layer.node("Add", &[&x, &part], &[]);
        let scaled = layer.node("Mul", &[&inner, &slope], &[]);
        layer.node("Tanh", &[&scaled], &[])
    } else {
        let scaled = layer.node("Div", &[&x, &root], &[]);
        layer.node("Erf", &[&scaled], &[])
    };
    let raised = layer.node("Add", &[&bent, &one], &[]);
    let halved = layer.node("Mul", &[&x, &half], &[]);
    let y = layer.node("Mul", &[&halved, &raised], &[]);
    layer.give(order, y);
    Ok(())
}

fn softmax(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let axis = layer.attrs::<op::Softmax>().axis;
    along(layer, "Softmax", axis)
}

fn log_softmax(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let axis = layer.attrs::<op::LogSoftmax>().axis;
    along(layer, "LogSoftmax", axis)
}

fn along(layer: &mut Layer<'_, '_>, op: &'static str, axis: u32) -> Result<(), ExportError> {
    let x = layer.input(0, Order::Rows)?;
    let y = layer.node(op, &[&x], &[("axis", Attribute::Int(axis.into()))]);
    layer.give(Order::Rows, y);
    Ok(())
}

fn layer_normalization(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::LayerNormalization>();
    if a.statistics || !layer.has(1) {
        return Err(layer.refuse("it has no scale, or gives statistics"));
    }
    let given: Vec<usize> = (0..3).filter(|&i| layer.has(i)).collect();
    let inputs: Vec<String> = given.into_iter().map(|i| layer.input(i, Order::Rows)).collect::<Result<_, _>>()?;
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let attributes = [("axis", Attribute::Int(a.axis.into())), ("epsilon", Attribute::Float(a.epsilon))];
    let y = layer.node("LayerNormalization", &inputs, &attributes);
    layer.give(Order::Rows, y);
    Ok(())
}

/// Input `i`, weights that may be stored in half precision, in single precision.
fn single(layer: &mut Layer<'_, '_>, i: usize, order: Order) -> Result<String, ExportError> {
    let is_half = layer.dtype(i) == Some(DType::F16);
    let w = layer.input(i, order)?;
    Ok(if is_half { layer.graph.cast(&w, DType::F32) } else { w })
}

fn matmul(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::MatMul>();
    let (x, mut w) = (layer.input(0, Order::Rows)?, single(layer, 1, Order::Rows)?);
    if a.transpose_b {
        let rank = layer.shape(1).len() as i64;
        let perm: Vec<i64> = (0..rank - 2).chain([rank - 1, rank - 2]).collect();
        w = layer.graph.transpose(&w, &perm);
    }
    let mut y = layer.node("MatMul", &[&x, &w], &[]);
    if layer.has(2) {
        let bias = layer.input(2, Order::Rows)?;
        y = layer.node("Add", &[&y, &bias], &[]);
    }
    let y = clamped(layer, y, a.min, a.max);
    layer.give(Order::Rows, y);
    Ok(())
}

/// The attributes of a window over the last axes of three.
struct Window {
    stride: [u32; 3],
    dilation: [u32; 3],
    begin: [u32; 3],
    end: [u32; 3],
}

impl Window {
    /// As ONNX has them, for an image of this rank.
    fn attributes(&self, rank: usize) -> Vec<(&'static str, Attribute)> {
        let pads: Vec<u32> = [self.begin, self.end].iter().flat_map(|side| last(side, rank)).collect();
        vec![
            ("strides", ints(&last(&self.stride, rank))),
            ("dilations", ints(&last(&self.dilation, rank))),
            ("pads", ints(&pads)),
        ]
    }
}

/// The entries of the spatial axes.
fn last(entries: &[u32; 3], rank: usize) -> Vec<u32> {
    entries.iter().skip(5usize.saturating_sub(rank)).copied().collect()
}

fn ints(values: &[u32]) -> Attribute {
    Attribute::Ints(values.iter().map(|&v| v.into()).collect())
}

fn conv(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::Conv>();
    let rank = layer.shape(0).len();
    let (x, w) = (layer.input(0, Order::Planes)?, single(layer, 1, Order::Planes)?);
    let window = Window { stride: a.stride, dilation: a.dilation, begin: a.pad_begin, end: a.pad_end };
    let mut attributes = window.attributes(rank);
    attributes.push(("group", Attribute::Int(a.group.into())));
    let mut inputs = vec![x, w];
    if layer.has(2) {
        inputs.push(layer.input(2, Order::Rows)?);
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = layer.node("Conv", &inputs, &attributes);
    let y = clamped(layer, y, a.min, a.max);
    layer.give(Order::Planes, y);
    Ok(())
}

fn max_pool(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::MaxPool>();
    if a.indices {
        return Err(layer.refuse("it gives positions"));
    }
    let window = Window { stride: a.stride, dilation: a.dilation, begin: a.pad_begin, end: a.pad_end };
    pool(layer, "MaxPool", &a.kernel, window.attributes(layer.shape(0).len()))
}

fn average_pool(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let a = layer.attrs::<op::AveragePool>();
    if a.dilation != [1; 3] || (a.count_include_pad && a.uncounted != [0; 3]) {
        return Err(layer.refuse("its window is dilated, or ends beyond the padding"));
    }
    let window = Window { stride: a.stride, dilation: a.dilation, begin: a.pad_begin, end: a.pad_end };
    let mut attributes = window.attributes(layer.shape(0).len());
    attributes.retain(|(name, _)| *name != "dilations");
    attributes.push(("count_include_pad", Attribute::Int(a.count_include_pad.into())));
    pool(layer, "AveragePool", &a.kernel, attributes)
}

fn pool(
    layer: &mut Layer<'_, '_>,
    op: &'static str,
    kernel: &[u32; 3],
    mut attributes: Vec<(&'static str, Attribute)>,
) -> Result<(), ExportError> {
    attributes.push(("kernel_shape", ints(&last(kernel, layer.shape(0).len()))));
    let x = layer.input(0, Order::Planes)?;
    let y = layer.node(op, &[&x], &attributes);
    layer.give(Order::Planes, y);
    Ok(())
}
