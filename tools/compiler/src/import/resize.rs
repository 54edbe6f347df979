//! `Resize` and `Upsample`: tables of positions and weights for each axis that changes, one `ResizeAxis` an axis.
//!
//! ```text
//! place j of y -> coordinate in x -> the taps around it and their weights
//! ```
//!
//! Modes, coordinate transformations and antialiasing all end here, as numbers computed in `f64`. Extrapolation
//! becomes a `Pad` around the places whose coordinates lie inside. Axes that shrink go first: later ones then have
//! less to do.

mod spec;
mod table;

use self::spec::{AxisSpec, Mode, Spec, read, read_upsample};
use self::table::{Table, table};
use super::binary::convert;
use super::generate::tensor_of;
use super::shape::{Made, one};
use super::slicing::pad;
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::DType;
use siskin::op::ResizeAxis;
use siskin::op::resize_axis::ResizeAxisAttrs;

pub(super) const OPERATORS: &[(&str, Translate)] = &[("Resize", resize_node), ("Upsample", upsample_node)];

fn resize_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let (spec, axes) = read(cx, x)?;
    one(resize(cx, x, &spec, &axes)?)
}

fn upsample_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let (spec, axes) = read_upsample(cx, x)?;
    one(resize(cx, x, &spec, &axes)?)
}

fn resize(cx: &mut NodeContext<'_>, x: ValueId, spec: &Spec, axes: &[AxisSpec]) -> Result<ValueId, ImportError> {
    let dtype = cx.dtype(x);
    if dtype.is_float() || matches!(spec.mode, Mode::Nearest(_)) {
        return resize_axes(cx, x, spec, axes);
    }
    // Between integers lie real numbers, which truncate in the end.
    let real = convert(cx, x, DType::F32)?;
    let y = resize_axes(cx, real, spec, axes)?;
    convert(cx, y, dtype)
}

fn resize_axes(cx: &mut NodeContext<'_>, x: ValueId, spec: &Spec, axes: &[AxisSpec]) -> Result<ValueId, ImportError> {
    let mut order: Vec<usize> = (0..axes.len()).collect();
    order.sort_by(|&a, &b| axes[a].growth().total_cmp(&axes[b].growth()));
    let (mut y, mut widths) = (x, vec![(0, 0); axes.len()]);
    for axis in order {
        let (table, outside) = table(spec, &axes[axis]);
        widths[axis] = outside;
        y = apply(cx, y, axis as u32, axes[axis].input, table)?;
    }
    let value = tensor_of(cx.dtype(x), &[], &[f64::from(spec.extrapolation)]);
    let value = value.map(|t| cx.add_const(t));
    pad(cx, y, &widths, value)
}

fn apply(cx: &mut NodeContext<'_>, x: ValueId, axis: u32, len: u32, table: Table) -> Result<ValueId, ImportError> {
    if table.is_identity(len) {
        return Ok(x);
    }
    let dims = [table.places(), table.taps];
    let positions =
        Tensor::new(&dims, &table.positions).ok_or_else(|| cx.error("a table of positions is too large"))?;
    let mut inputs = vec![Some(x), Some(cx.add_const(positions))];
    if !table.picks() {
        let weights = Tensor::new(&dims, &table.weights).ok_or_else(|| cx.error("a table of weights is too large"))?;
        inputs.push(Some(cx.add_const(weights)));
    }
    cx.add::<ResizeAxis>(&ResizeAxisAttrs { axis }, &inputs)
}
