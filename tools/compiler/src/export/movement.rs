//! Operators that move elements or convert them.

use super::graph::Attribute;
use super::layer::{Layer, Order, channels_first, channels_last};
use super::{ExportError, Rule};
use crate::ir::catalogue;
use crate::run::eval;
use siskin::{DType, op};

pub(super) const OPERATORS: &[(&str, Rule)] = &[
    ("Concat", concat),
    ("DequantizeLinear", dequantize),
    ("Identity", identity),
    ("QuantizeLinear", quantize),
    ("Reshape", reshape),
    ("Transpose", transpose),
    ("UnpackWeights", unpack),
];

fn identity(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let order = layer.common(&[0]);
    let x = layer.input(0, order)?;
    layer.give(order, x);
    Ok(())
}

fn reshape(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let x = layer.input(0, Order::Rows)?;
    let dims: Vec<i64> = layer.out_shape().iter().map(|&d| d.into()).collect();
    let shape = layer.graph.list(&dims);
    let y = layer.node("Reshape", &[&x, &shape], &[]);
    layer.give(Order::Rows, y);
    Ok(())
}

/// Between rows and planes, turning is a change of names.
fn transpose(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let rank = layer.shape(0).len();
    let perm: Vec<i64> = layer.attrs::<op::Transpose>().perm.iter().take(rank).map(|&axis| axis.into()).collect();
    if rank > 2 && perm == channels_last(rank) {
        let x = layer.input(0, Order::Rows)?;
        layer.give(Order::Planes, x);
    } else if rank > 2 && perm == channels_first(rank) {
        let x = layer.input(0, Order::Planes)?;
        layer.give(Order::Rows, x);
    } else {
        let x = layer.input(0, Order::Rows)?;
        let y = layer.graph.transpose(&x, &perm);
        layer.give(Order::Rows, y);
    }
    Ok(())
}

fn concat(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let parts: Vec<String> =
        (0..layer.step.inputs().len()).map(|i| layer.input(i, Order::Rows)).collect::<Result<_, _>>()?;
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let axis = Attribute::Int(layer.attrs::<op::Concat>().axis.into());
    let y = layer.node("Concat", &parts, &[("axis", axis)]);
    layer.give(Order::Rows, y);
    Ok(())
}

fn quantize(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let attrs = layer.attrs::<op::QuantizeLinear>();
    linear(layer, "QuantizeLinear", attrs.axis, attrs.block)
}

fn dequantize(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let attrs = layer.attrs::<op::DequantizeLinear>();
    linear(layer, "DequantizeLinear", attrs.axis, attrs.block)
}

fn linear(layer: &mut Layer<'_, '_>, op: &'static str, axis: u32, block: u32) -> Result<(), ExportError> {
    if block > 0 {
        return Err(layer.refuse("blocks of scales need a later opset: compress with a scale for each channel"));
    }
    if !layer.has(2) || layer.dtype(1) != Some(DType::F32) {
        return Err(layer.refuse("it has no zero point, or a scale in half precision, which opset 17 does not know"));
    }
    let inputs: Vec<String> = (0..3).map(|i| layer.input(i, Order::Rows)).collect::<Result<_, _>>()?;
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let y = layer.node(op, &inputs, &[("axis", Attribute::Int(axis.into()))]);
    layer.give(Order::Rows, y);
    Ok(())
}

/// Weights of few bits are written as the `i8` that they stand for.
fn unpack(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let inputs: Vec<_> = (0..layer.step.inputs().len()).map(|i| layer.constant(i)).collect();
    let inputs: Vec<_> = inputs.iter().map(Option::as_ref).collect();
    let entry = catalogue().by_name(layer.step.entry.name);
    let unpacked = entry.and_then(|entry| eval(entry, layer.step.attrs(), &inputs).ok()?.pop());
    let unpacked = unpacked.ok_or_else(|| layer.refuse("its codes are not constants"))?;
    layer.fold(unpacked);
    Ok(())
}
