//! Answers whose length depends on values: `NonZero`, `Unique`, `NonMaxSuppression`.
//!
//! Memory is planned when a model is compiled, so each works only where its operands are constants, and becomes one.

mod boxes;

use self::boxes::{Limits, suppress};
use super::gathering::gather_constant;
use super::shape::{Made, one, reshape};
use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};
use siskin::DType;

pub(super) const OPERATORS: &[(&str, Translate)] =
    &[("NonZero", non_zero), ("Unique", unique), ("NonMaxSuppression", non_max_suppression)];

/// Operand `i`, on whose values the length of the answer depends.
fn deciding(cx: &NodeContext<'_>, i: usize) -> Result<Tensor, ImportError> {
    cx.constant(cx.input(i)?).ok_or_else(|| {
        cx.error(
            "how many elements it finds is known only at run time: cut the model before it, and do this in the program",
        )
    })
}

/// Integers in the order of the elements: equal where they are, floats ordered as numbers with NaN last.
fn keys(tensor: &Tensor) -> Vec<i128> {
    let float = |v: f64| {
        // Adding 0 turns -0 into 0; one NaN stands for all.
        let bits = if v.is_nan() { f64::NAN.abs() } else { v + 0.0 }.to_bits().cast_signed();
        i128::from(bits ^ (bits >> 63).cast_unsigned().wrapping_shr(1).cast_signed())
    };
    if let Some(v) = tensor.get::<f64>() {
        v.iter().map(|&v| float(v)).collect()
    } else if let Some(v) = tensor.get::<u64>() {
        v.iter().map(|&v| v.into()).collect()
    } else if let Some(v) = tensor.to_i64() {
        v.into_iter().map(i128::from).collect()
    } else {
        tensor.to_f32().into_iter().map(|v| float(v.into())).collect()
    }
}

fn non_zero(cx: &mut NodeContext<'_>) -> Made {
    let x = deciding(cx, 0)?;
    let dims = if x.dims().is_empty() { vec![1] } else { x.dims().to_vec() };
    let found: Vec<usize> = keys(&x).iter().enumerate().filter(|&(_, &k)| k != 0).map(|(i, _)| i).collect();
    let mut positions = Vec::new();
    for axis in 0..dims.len() {
        let inner: usize = dims[axis + 1..].iter().map(|&d| d as usize).product();
        positions.extend(found.iter().map(|i| (i / inner % dims[axis] as usize) as i64));
    }
    let made = Tensor::new(&[dims.len() as u32, found.len() as u32], &positions);
    one(cx.add_const(made.ok_or_else(|| cx.error("it finds too many elements"))?))
}

fn unique(cx: &mut NodeContext<'_>) -> Made {
    let values = deciding(cx, 0)?;
    let mut x = cx.input(0)?;
    let axis = match cx.int("axis")? {
        Some(axis) => cx.axis(axis, cx.rank(x))?,
        None => {
            x = reshape(cx, x, &[values.ty().shape.elements() as u32])?;
            0
        }
    };
    let entries = entries(&keys(&values), &cx.dims(x), axis);
    let mut groups = grouped(&entries);
    if cx.int_or("sorted", 1)? == 0 {
        groups.sort_by_key(|members| members.first().copied());
    }
    let firsts: Vec<i64> = groups.iter().filter_map(|members| Some(*members.first()? as i64)).collect();
    let mut inverse = vec![0i64; entries.len()];
    for (group, members) in groups.iter().enumerate() {
        members.iter().for_each(|&m| inverse[m] = group as i64);
    }
    let counts: Vec<i64> = groups.iter().map(|members| members.len() as i64).collect();
    let kept = gather_constant(cx, x, axis as u32, &firsts.iter().map(|&i| i as i32).collect::<Vec<_>>())?;
    let lists = [firsts, inverse, counts].map(|list| Some(cx.add_const(Tensor::vector(&list))));
    Ok([Some(kept)].into_iter().chain(lists).collect())
}

/// The elements at each place of an axis, in row-major order.
fn entries(keys: &[i128], dims: &[u32], axis: usize) -> Vec<Vec<i128>> {
    let len = dims[axis] as usize;
    let inner: usize = dims[axis + 1..].iter().map(|&d| d as usize).product();
    let mut entries = vec![Vec::new(); len];
    for (i, &key) in keys.iter().enumerate() {
        entries[i / inner % len].push(key);
    }
    entries
}

/// Equal entries together, each group in ascending order of places, groups in ascending order of entries.
fn grouped(entries: &[Vec<i128>]) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_by_key(|&i| &entries[i]);
    order.chunk_by(|&a, &b| entries[a] == entries[b]).map(<[usize]>::to_vec).collect()
}

fn non_max_suppression(cx: &mut NodeContext<'_>) -> Made {
    let (boxes, scores) = (deciding(cx, 0)?, deciding(cx, 1)?);
    let first = |list: Option<Vec<f32>>| list.and_then(|l| l.first().copied());
    let most = cx.ints(2)?.and_then(|n| n.first().copied()).unwrap_or(0);
    let limits = Limits {
        most: usize::try_from(most).unwrap_or(0),
        overlap: first(cx.floats(3)?).unwrap_or(0.0),
        score: first(cx.floats(4)?),
        centered: cx.int_or("center_point_box", 0)? != 0,
    };
    let (&[batch, n, 4], &[same_batch, classes, same_n]) = (boxes.dims(), scores.dims()) else {
        return cx.fail("boxes must be [batch, n, 4] and scores [batch, classes, n]");
    };
    let floats = boxes.ty().dtype == DType::F32 && scores.ty().dtype == DType::F32;
    if batch != same_batch || n != same_n || !floats {
        return cx.fail("boxes and scores must be floats of the same batch and number");
    }
    let (all_boxes, all_scores) = (boxes.to_f32(), scores.to_f32());
    let mut found: Vec<i64> = Vec::new();
    for sample in 0..batch as usize {
        let (boxes, _) = all_boxes.as_chunks::<4>();
        let boxes = &boxes[sample * n as usize..][..n as usize];
        for class in 0..classes as usize {
            let scores = &all_scores[(sample * classes as usize + class) * n as usize..][..n as usize];
            found.extend(
                suppress(boxes, scores, &limits).into_iter().flat_map(|i| [sample as i64, class as i64, i as i64]),
            );
        }
    }
    one(constant_rows(cx, &found)?)
}

fn constant_rows(cx: &mut NodeContext<'_>, triples: &[i64]) -> Result<ValueId, ImportError> {
    let tensor = Tensor::new(&[triples.len() as u32 / 3, 3], triples);
    let tensor = tensor.ok_or_else(|| cx.error("it finds too many boxes"))?;
    Ok(cx.add_const(tensor))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_order_like_numbers() {
        let sorted = keys(&Tensor::vector(&[f32::NEG_INFINITY, -1.0, -0.0, 1e-30, 2.0, f32::INFINITY, f32::NAN]));
        assert!(sorted.is_sorted_by(|a, b| a < b), "{sorted:?}");
        assert_eq!(keys(&Tensor::vector(&[0.0f64, -0.0])), [0, 0]);
        assert_eq!(keys(&Tensor::vector(&[u64::MAX])), [i128::from(u64::MAX)]);
    }

    #[test]
    fn equal_entries_come_together() {
        let entries = entries(&[1, 0, 2, 0, 1, 0], &[3, 2], 0);
        assert_eq!(grouped(&entries), [vec![0, 2], vec![1]]);
    }
}
