//! Operators that make each element of those at the same place, and softmax.

use super::graph::Attribute;
use super::layer::{Layer, Order};
use super::{ExportError, Rule};
use crate::ir::Tensor;
use siskin::{DType, op};

pub(super) const OPERATORS: &[(&str, Rule)] =
    &[("Lut", lut), ("QLinearAdd", add), ("QLinearMul", mul), ("QLinearSoftmax", softmax)];

fn add(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let attrs = layer.attrs::<op::QLinearAdd>();
    binary(layer, "Add", &attrs)
}

fn mul(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let attrs = layer.attrs::<op::QLinearMul>();
    binary(layer, "Mul", &attrs)
}

/// Real numbers are combined, and divided by the step: a product with its inverse would round otherwise.
fn binary(layer: &mut Layer<'_, '_>, op: &'static str, a: &op::QLinearBinaryAttrs) -> Result<(), ExportError> {
    let order = layer.common(&[0, 1]);
    let ([a_zero, b_zero, y_zero, _], [min, max, ..]) = (a.zeros.0, a.limits.0);
    let mut real = |i, zero, scale: f32| {
        let x = layer.input(i, order)?;
        let whole = layer.graph.centred(&x, zero);
        let scale = layer.graph.scalar(scale);
        Ok(layer.node("Mul", &[&whole, &scale], &[]))
    };
    let (x, y) = (real(0, a_zero, a.a_scale)?, real(1, b_zero, a.b_scale)?);
    let both = layer.node(op, &[&x, &y], &[]);
    let step = layer.graph.scalar(a.y_scale);
    let steps = layer.node("Div", &[&both, &step], &[]);
    let y = layer.graph.rounded(&steps, [y_zero, min, max]);
    layer.give(order, y);
    Ok(())
}

fn lut(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let order = layer.common(&[0]);
    let (x, table) = (layer.input(0, order)?, layer.input(1, Order::Rows)?);
    let wide = layer.graph.cast(&x, DType::I32);
    let half = layer.graph.scalar(128i32);
    let place = layer.node("Add", &[&wide, &half], &[]);
    let y = layer.node("Gather", &[&table, &place], &[("axis", Attribute::Int(0))]);
    layer.give(order, y);
    Ok(())
}

/// The sum runs in order, as `CumSum` does and `ReduceSum` need not.
fn softmax(layer: &mut Layer<'_, '_>) -> Result<(), ExportError> {
    let attrs = layer.attrs::<op::QLinearSoftmax>();
    let [_, zero, min, max] = attrs.zeros.0;
    let powers: Vec<f32> = layer.elements(1)?;
    let dims = layer.shape(0);
    let (axis, len) = (dims.len() as i64 - 1, dims.last().copied().unwrap_or(1));
    let x = layer.input(0, Order::Rows)?;
    let wide = layer.graph.cast(&x, DType::I32);
    let most = layer.node("ReduceMax", &[&wide], &[("axes", Attribute::Ints(vec![axis]))]);
    let below = layer.node("Sub", &[&most, &wide], &[]);
    let table = layer.graph.constant(Tensor::vector(&exponentials(&powers)));
    let e = layer.node("Gather", &[&table, &below], &[("axis", Attribute::Int(0))]);
    let along = layer.graph.scalar(axis);
    let sums = layer.node("CumSum", &[&e, &along], &[]);
    let last = layer.graph.list(&[i64::from(len) - 1]);
    let sum = layer.node("Gather", &[&sums, &last], &[("axis", Attribute::Int(axis))]);
    let parts = layer.node("Div", &[&e, &sum], &[]);
    let step = layer.graph.scalar(attrs.y_scale);
    let steps = layer.node("Div", &[&parts, &step], &[]);
    let y = layer.graph.rounded(&steps, [zero, min, max]);
    layer.give(Order::Rows, y);
    Ok(())
}

/// The product of the powers that the bits of each `d` choose, in the kernel's order.
fn exponentials(powers: &[f32]) -> Vec<f32> {
    let one = |d: u32| {
        powers.iter().zip(0..8).filter(|&(_, bit)| d >> bit & 1 == 1).fold(1.0f32, |product, (p, _)| product * p)
    };
    (0..256).map(one).collect()
}
