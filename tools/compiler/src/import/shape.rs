//! Other axes over the same elements: `Reshape` and its kin, `Transpose`, `Expand`, and the axes themselves.
//!
//! `Flatten`, `Squeeze` and `Unsqueeze` become `Reshape`; `DepthToSpace` and `SpaceToDepth` a `Transpose` between two;
//! `Tile` an `Expand` between two for each repeated axis. `Shape` and `Size` are constants: every axis is known.

use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::op::{Expand, Reshape, Transpose};
use siskin::op::{expand::ExpandAttrs, reshape::ReshapeAttrs, transpose::TransposeAttrs};
use siskin::{Shape, strided};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("Transpose", transpose_node),
    ("Reshape", reshape_node),
    ("Flatten", flatten),
    ("Squeeze", squeeze),
    ("Unsqueeze", unsqueeze),
    ("Shape", shape_node),
    ("Size", size),
    ("Expand", expand_node),
    ("Tile", tile),
    ("DepthToSpace", depth_to_space),
    ("SpaceToDepth", space_to_depth),
];

/// What a translator returns.
pub(super) type Made = Result<Vec<Option<ValueId>>, ImportError>;

/// The only output.
pub(super) fn one(value: ValueId) -> Made {
    Ok(vec![Some(value)])
}

/// The shape of these axes.
pub(super) fn shape_of(cx: &NodeContext<'_>, dims: &[u32]) -> Result<Shape, ImportError> {
    Shape::new(dims)
        .ok_or_else(|| cx.error(format!("{} axes are too many: at most {} are supported", dims.len(), siskin::MAX_RANK)))
}

/// `x` under these axes; itself if it has them.
pub(super) fn reshape(cx: &mut NodeContext<'_>, x: ValueId, dims: &[u32]) -> Result<ValueId, ImportError> {
    if cx.graph.dims(x) == dims {
        return Ok(x);
    }
    let shape = shape_of(cx, dims)?;
    cx.op::<Reshape>(&ReshapeAttrs { shape }, &[x])
}

/// `x` with its axes in this order; itself if they are.
pub(super) fn transpose(cx: &mut NodeContext<'_>, x: ValueId, order: &[u32]) -> Result<ValueId, ImportError> {
    if order.iter().copied().eq(0..order.len() as u32) {
        return Ok(x);
    }
    let attrs = TransposeAttrs::new(order).ok_or_else(|| cx.error("too many axes"))?;
    cx.op::<Transpose>(&attrs, &[x])
}

/// `x` repeated to these axes; itself if it has them.
pub(super) fn expand(cx: &mut NodeContext<'_>, x: ValueId, dims: &[u32]) -> Result<ValueId, ImportError> {
    if cx.graph.dims(x) == dims {
        return Ok(x);
    }
    let shape = shape_of(cx, dims)?;
    cx.op::<Expand>(&ExpandAttrs { shape }, &[x])
}

/// The number of elements of some axes.
pub(super) fn count(dims: &[u32]) -> u64 {
    dims.iter().fold(1, |n: u64, &d| n.saturating_mul(d.into()))
}

/// Lengths that a node gives, as ours.
pub(super) fn lengths(cx: &NodeContext<'_>, values: &[i64]) -> Result<Vec<u32>, ImportError> {
    let all: Option<_> = values.iter().map(|&v| u32::try_from(v).ok()).collect();
    all.ok_or_else(|| cx.error(format!("lengths {values:?} must lie between 0 and 2^32")))
}

fn transpose_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let rank = cx.rank(x);
    let order = match cx.int_list("perm")? {
        Some(perm) => perm.iter().map(|&p| Ok(cx.axis(p, rank)? as u32)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank as u32).rev().collect(),
    };
    if order.len() != rank {
        return cx.fail(format!("'perm' {order:?} must name each of the {rank} axes once"));
    }
    one(transpose(cx, x, &order)?)
}

fn reshape_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let wanted = if cx.opset() < 5 {
        cx.int_list("shape")?.ok_or_else(|| cx.error("attribute 'shape' is missing"))?
    } else {
        cx.need_ints(1)?
    };
    let dims = resolve(cx, x, &wanted)?;
    one(reshape(cx, x, &dims)?)
}

/// ONNX's shape: 0 keeps the axis (unless `allowzero`), one -1 takes what is left.
fn resolve(cx: &NodeContext<'_>, x: ValueId, wanted: &[i64]) -> Result<Vec<u32>, ImportError> {
    let own = cx.dims(x);
    let keep_zero = cx.int_or("allowzero", 0)? != 0;
    let mut dims = Vec::new();
    for (i, &d) in wanted.iter().enumerate() {
        dims.push(match d {
            -1 => 1,
            0 if !keep_zero => {
                *own.get(i).ok_or_else(|| cx.error(format!("shape {wanted:?} keeps axis {i}, which {own:?} lacks")))?
            }
            d => u32::try_from(d).map_err(|_| cx.error(format!("shape {wanted:?} has a length out of range")))?,
        });
    }
    let (total, rest) = (count(&own), count(&dims));
    let mut open = wanted.iter().enumerate().filter(|&(_, &d)| d == -1).map(|(i, _)| i);
    if let Some(slot) = open.next().and_then(|i| dims.get_mut(i)) {
        // Without elements what is left is nothing.
        *slot = total.checked_div(rest).unwrap_or(0) as u32;
    }
    if open.next().is_some() || count(&dims) != total {
        return cx.fail(format!(
            "the {total} elements of {own:?} do not fill shape {wanted:?}: if it fixes another batch, export the model \
             with a batch of 1 or a dynamic one"
        ));
    }
    Ok(dims)
}

fn flatten(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let axis = cx.int_or("axis", 1)?;
    // One past the last is an axis here.
    let at = cx.axis(if axis < 0 { axis + dims.len() as i64 } else { axis }, dims.len() + 1)?;
    let (outer, inner) = dims.split_at(at);
    one(reshape(cx, x, &[count(outer) as u32, count(inner) as u32])?)
}

/// The axes that a node names, by operand from opset 13 on.
fn named_axes(cx: &NodeContext<'_>, rank: usize) -> Result<Option<Vec<usize>>, ImportError> {
    let axes = if cx.opset() < 13 { cx.int_list("axes")? } else { cx.ints(1)? };
    axes.map(|axes| axes.iter().map(|&a| cx.axis(a, rank)).collect()).transpose()
}

fn squeeze(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let axes = named_axes(cx, dims.len())?;
    if let Some(&long) = axes.iter().flatten().find(|&&a| dims[a] != 1) {
        return cx.fail(format!("axis {long} of {dims:?} is longer than 1 and cannot be dropped"));
    }
    let drop = |a: usize| axes.as_ref().map_or(dims[a] == 1, |axes| axes.contains(&a));
    let left: Vec<u32> = (0..dims.len()).filter(|&a| !drop(a)).map(|a| dims[a]).collect();
    one(reshape(cx, x, &left)?)
}

fn unsqueeze(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let own = cx.dims(x);
    let given = if cx.opset() < 13 { cx.int_list("axes")? } else { cx.ints(1)? }.unwrap_or_default();
    let rank = own.len() + given.len();
    let axes = given.iter().map(|&a| cx.axis(a, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut own = own.into_iter();
    let dims: Vec<u32> = (0..rank).map(|a| if axes.contains(&a) { 1 } else { own.next().unwrap_or(1) }).collect();
    if own.next().is_some() {
        return cx.fail(format!("axes {given:?} name an axis twice"));
    }
    one(reshape(cx, x, &dims)?)
}

fn shape_node(cx: &mut NodeContext<'_>) -> Made {
    let dims: Vec<i64> = cx.dims(cx.input(0)?).into_iter().map(i64::from).collect();
    let rank = dims.len() as i64;
    let clip = |i: i64| (if i < 0 { i.saturating_add(rank) } else { i }).clamp(0, rank) as usize;
    let (start, end) = (clip(cx.int_or("start", 0)?), clip(cx.int_or("end", rank)?));
    let taken = Tensor::vector(dims.get(start..end).unwrap_or(&[]));
    one(cx.add_const(taken))
}

fn size(cx: &mut NodeContext<'_>) -> Made {
    let elements = count(&cx.dims(cx.input(0)?));
    one(cx.add_const(Tensor::scalar(elements as i64)))
}

fn expand_node(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let wanted = lengths(cx, &cx.need_ints(1)?)?;
    let (own, wanted) = (cx.ty(x).shape, shape_of(cx, &wanted)?);
    let both = strided::broadcast_shape(&own, &wanted)
        .ok_or_else(|| cx.error(format!("{own} and {wanted} do not broadcast")))?;
    one(expand(cx, x, both.dims())?)
}

fn tile(cx: &mut NodeContext<'_>) -> Made {
    let mut x = cx.input(0)?;
    let mut dims = cx.dims(x);
    let repeats = if cx.opset() < 6 { old_repeats(cx, dims.len())? } else { cx.need_ints(1)? };
    let repeats = lengths(cx, &repeats)?;
    if repeats.len() != dims.len() {
        return cx.fail(format!("{} repeats are given for {} axes", repeats.len(), dims.len()));
    }
    // Innermost first: the blocks that later axes repeat are then whole.
    for (axis, &n) in repeats.iter().enumerate().rev().filter(|&(_, &n)| n != 1) {
        let (outer, inner) = (count(&dims[..axis]) as u32, count(&dims[axis..]) as u32);
        x = reshape(cx, x, &[outer, 1, inner])?;
        x = expand(cx, x, &[outer, n, inner])?;
        dims[axis] =
            dims[axis].checked_mul(n).ok_or_else(|| cx.error(format!("{n} repeats of axis {axis} exceed 2^32")))?;
    }
    one(reshape(cx, x, &dims)?)
}

/// Before opset 6 one axis was repeated: operands `tiles` and `axis`.
fn old_repeats(cx: &NodeContext<'_>, rank: usize) -> Result<Vec<i64>, ImportError> {
    let (tiles, axis) = (cx.need_ints(1)?, cx.need_ints(2)?);
    let axis = cx.axis(axis.first().copied().unwrap_or(0), rank)?;
    Ok((0..rank).map(|a| if a == axis { tiles.first().copied().unwrap_or(1) } else { 1 }).collect())
}

/// `[n, c, h, w]` and the block size.
fn blocks(cx: &NodeContext<'_>, x: ValueId) -> Result<([u32; 4], u32), ImportError> {
    let dims = cx.dims(x);
    let Ok(nchw) = <[u32; 4]>::try_from(dims.as_slice()) else {
        return cx.fail(format!("4 axes are needed, {dims:?} are given"));
    };
    let block = cx.int("blocksize")?.and_then(|b| u32::try_from(b).ok()).filter(|b| (1..1 << 16).contains(b));
    Ok((nchw, block.ok_or_else(|| cx.error("'blocksize' must be a positive number below 2^16"))?))
}

fn depth_to_space(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let ([n, c, h, w], b) = blocks(cx, x)?;
    if c % (b * b) != 0 {
        return cx.fail(format!("{c} channels are no multiple of {b} x {b}"));
    }
    let depth = c / (b * b);
    let (parts, order) = match cx.text_or("mode", "DCR")?.as_str() {
        "DCR" => ([n, b, b, depth, h, w], [0, 3, 4, 1, 5, 2]),
        "CRD" => ([n, depth, b, b, h, w], [0, 1, 4, 2, 5, 3]),
        other => return cx.fail(format!("mode '{other}' is neither DCR nor CRD")),
    };
    let split = reshape(cx, x, &parts)?;
    let moved = transpose(cx, split, &order)?;
    one(reshape(cx, moved, &[n, depth, h * b, w * b])?)
}

fn space_to_depth(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let ([n, c, h, w], b) = blocks(cx, x)?;
    if h % b != 0 || w % b != 0 {
        return cx.fail(format!("height {h} and width {w} must be multiples of the block size {b}"));
    }
    let split = reshape(cx, x, &[n, c, h / b, b, w / b, b])?;
    let moved = transpose(cx, split, &[0, 3, 5, 1, 2, 4])?;
    one(reshape(cx, moved, &[n, c * b * b, h / b, w / b])?)
}
