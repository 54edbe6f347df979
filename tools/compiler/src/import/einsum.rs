//! `Einsum`: sums of products by labelled axes, two operands at a time.
//!
//! ```text
//! one operand    diagonals, then sums over labels that nothing needs
//! two operands   labels   in both and needed later: the stack; in both and not needed: summed by the product;
//!                         in one: its rows or columns
//!                [stack.., rows, summed] · [stack.., summed, columns] -> [stack.., rows, columns]
//! at the end     the axes in the output's order
//! ```
//!
//! Axes of length 1 broadcast as numpy's do.

use super::matmul::product;
use super::shape::{Made, expand, one, reshape, transpose};
use super::slicing::{Cut, slice};
use super::{ImportError, NodeContext, Translate};
use crate::ir::ValueId;
use siskin::attrs::NoAttrs;
use siskin::op::{Mul, ReduceAttrs, ReduceSum};
use std::collections::BTreeMap;

pub(super) const OPERATORS: &[(&str, Translate)] = &[("Einsum", einsum)];

/// The name of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Label {
    /// An axis of the ellipsis, counted from its last.
    Dots(usize),
    /// A letter.
    Letter(char),
}

/// A value with a label for each axis.
#[derive(Clone)]
struct Term {
    value: ValueId,
    labels: Vec<Label>,
}

fn einsum(cx: &mut NodeContext<'_>) -> Made {
    let equation: String = cx.text_or("equation", "")?.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation.as_str(), None),
    };
    let operands = cx.all_inputs()?;
    let sides: Vec<&str> = left.split(',').collect();
    if sides.len() != operands.len() || operands.is_empty() {
        let (found, said) = (operands.len(), sides.len());
        return cx.fail(format!("equation '{equation}' is for {said} operands, but {found} are given"));
    }
    let mut terms = Vec::new();
    for (&value, side) in operands.iter().zip(sides) {
        terms.push(Term { value, labels: labels(cx, side, cx.rank(value))? });
    }
    let output = output_labels(cx, &terms, right)?;
    spread_summed(cx, &mut terms, &output)?;
    let mut rest = terms.into_iter();
    let Some(mut sum) = rest.next() else { return cx.fail("it has no operands") };
    sum = diagonal(cx, sum)?;
    while let Some(next) = rest.next() {
        let later: Vec<Label> = rest.clone().flat_map(|t| t.labels).chain(output.iter().copied()).collect();
        let next = diagonal(cx, next)?;
        sum = contract(cx, sum, next, &later)?;
    }
    sum = reduce(cx, sum, &output)?;
    let order: Option<Vec<u32>> =
        output.iter().map(|l| sum.labels.iter().position(|m| m == l).map(|i| i as u32)).collect();
    let order = order.ok_or_else(|| cx.error(format!("equation '{equation}': its output names an axis of no operand")))?;
    one(transpose(cx, sum.value, &order)?)
}

/// The labels of one side of an equation, for a value of this many axes.
fn labels(cx: &NodeContext<'_>, side: &str, rank: usize) -> Result<Vec<Label>, ImportError> {
    let letters = |text: &str| -> Result<Vec<Label>, ImportError> {
        if let Some(odd) = text.chars().find(|c| !c.is_ascii_alphabetic()) {
            return cx.fail(format!("'{odd}' in '{side}' is no label: use letters and one ellipsis (...)"));
        }
        Ok(text.chars().map(Label::Letter).collect())
    };
    let Some((before, after)) = side.split_once("...") else {
        let all = letters(side)?;
        return if all.len() == rank { Ok(all) } else { cx.fail(format!("'{side}' does not label {rank} axes")) };
    };
    let (mut all, after) = (letters(before)?, letters(after)?);
    let Some(dots) = rank.checked_sub(all.len() + after.len()) else {
        return cx.fail(format!("'{side}' labels more than {rank} axes"));
    };
    all.extend((0..dots).rev().map(Label::Dots));
    all.extend(after);
    Ok(all)
}

/// The labels of the output; without an arrow the ellipsis, then every letter that occurs once, in alphabetical order.
fn output_labels(cx: &NodeContext<'_>, terms: &[Term], right: Option<&str>) -> Result<Vec<Label>, ImportError> {
    let all = || terms.iter().flat_map(|t| t.labels.iter().copied());
    let dots = all().filter_map(|l| if let Label::Dots(i) = l { Some(i + 1) } else { None }).max().unwrap_or(0);
    let Some(right) = right else {
        let mut counts = BTreeMap::new();
        all().filter(|l| matches!(l, Label::Letter(_))).for_each(|l| *counts.entry(l).or_insert(0) += 1);
        let once = counts.into_iter().filter(|&(_, n)| n == 1).map(|(l, _)| l);
        return Ok((0..dots).rev().map(Label::Dots).chain(once).collect());
    };
    let letters = right.replace("...", "").chars().count();
    let rank = letters + if right.contains("...") { dots } else { 0 };
    let output = labels(cx, right, rank)?;
    let twice = output.iter().enumerate().find(|(i, l)| output[..*i].contains(l));
    if twice.is_some() { cx.fail(format!("'{right}' names an axis twice")) } else { Ok(output) }
}

/// Repeats axes of length 1 whose label is longer elsewhere and summed: a product would not broadcast them.
fn spread_summed(cx: &mut NodeContext<'_>, terms: &mut [Term], output: &[Label]) -> Result<(), ImportError> {
    let mut lengths: BTreeMap<Label, u32> = BTreeMap::new();
    for term in &*terms {
        for (&label, dim) in term.labels.iter().zip(cx.dims(term.value)) {
            let known = lengths.entry(label).or_insert(dim);
            if *known != dim && *known != 1 && dim != 1 {
                return cx.fail(format!("one label stands for axes of lengths {known} and {dim}"));
            }
            *known = if *known == 1 { dim } else { *known };
        }
    }
    for term in terms {
        let repeated = |l: &Label| term.labels.iter().filter(|m| *m == l).count() > 1;
        let mut dims = cx.dims(term.value);
        for (dim, label) in dims.iter_mut().zip(&term.labels) {
            if !output.contains(label) || repeated(label) {
                *dim = lengths[label];
            }
        }
        term.value = expand(cx, term.value, &dims)?;
    }
    Ok(())
}

/// Leaves one axis of each label that a term repeats: its diagonal.
fn diagonal(cx: &mut NodeContext<'_>, mut term: Term) -> Result<Term, ImportError> {
    while let Some((i, j)) = pair(&term.labels) {
        // The pair comes to the end as one axis, whose every (n + 1)th element is on the diagonal.
        let mut order: Vec<u32> = (0..term.labels.len() as u32).filter(|&a| a != i as u32 && a != j as u32).collect();
        order.extend([i as u32, j as u32]);
        let moved = transpose(cx, term.value, &order)?;
        let mut dims = cx.dims(moved);
        let n = dims.pop().unwrap_or(1);
        let (flat, last) = (n.checked_mul(n).ok_or_else(|| cx.error("an axis is too long"))?, dims.len() - 1);
        dims[last] = flat;
        let flat = reshape(cx, moved, &dims)?;
        let mut cuts: Vec<Cut> = dims.iter().map(|&d| Cut::whole(d)).collect();
        cuts[last] = Cut { start: 0, step: i64::from(n) + 1, len: n };
        let value = slice(cx, flat, &cuts)?;
        let labels = order[..=last].iter().map(|&a| term.labels[a as usize]).collect();
        term = Term { value, labels };
    }
    Ok(term)
}

/// Two axes of one label.
fn pair(labels: &[Label]) -> Option<(usize, usize)> {
    labels.iter().enumerate().find_map(|(j, l)| Some((labels[..j].iter().position(|m| m == l)?, j)))
}

/// Sums over the labels that are not kept.
fn reduce(cx: &mut NodeContext<'_>, term: Term, keep: &[Label]) -> Result<Term, ImportError> {
    let gone = |l: &Label| !keep.contains(l);
    let axes = term.labels.iter().enumerate().filter(|(_, l)| gone(l)).fold(0, |bits, (i, _)| bits | 1 << i);
    if axes == 0 {
        return Ok(term);
    }
    let value = cx.op::<ReduceSum>(&ReduceAttrs { axes, keepdims: false }, &[term.value])?;
    Ok(Term { value, labels: term.labels.into_iter().filter(|l| !gone(l)).collect() })
}

/// The product of two terms, summed over the labels of both that are not needed later.
fn contract(cx: &mut NodeContext<'_>, a: Term, b: Term, later: &[Label]) -> Result<Term, ImportError> {
    let needed = |other: &Term| other.labels.iter().chain(later).copied().collect::<Vec<_>>();
    let a = reduce(cx, a, &needed(&b))?;
    let b = reduce(cx, b, &needed(&a))?;
    let of = |keep: &dyn Fn(&Label) -> bool, t: &Term| t.labels.iter().copied().filter(|l| keep(l)).collect::<Vec<_>>();
    let stack = of(&|l| b.labels.contains(l) && later.contains(l), &a);
    let summed = of(&|l| b.labels.contains(l) && !later.contains(l), &a);
    let rows = of(&|l| !b.labels.contains(l), &a);
    let columns = of(&|l| !a.labels.contains(l), &b);
    let value = if summed.is_empty() {
        // Each axis for itself: a product element by element.
        let left = arranged(cx, &a, &[&stack, &rows], columns.len())?;
        let right = arranged(cx, &b, &[&stack, &columns], 0)?;
        let dims = cx.dims(right);
        let (outer, inner) = dims.split_at(stack.len());
        let dims: Vec<u32> = [outer, &vec![1; rows.len()], inner].concat();
        let right = reshape(cx, right, &dims)?;
        cx.op::<Mul>(&NoAttrs {}, &[left, right])?
    } else {
        let left = matrices(cx, &a, &stack, &rows, &summed)?;
        // Columns that lie as rows already are left there where the product takes them so.
        let as_rows = cx.dtype(a.value) == siskin::DType::F32 && b.labels == [&stack[..], &columns, &summed].concat();
        let (first, second) = if as_rows { (&columns, &summed) } else { (&summed, &columns) };
        let right = matrices(cx, &b, &stack, first, second)?;
        let y = product(cx, left, right, as_rows, None)?;
        let dims = cx.dims(y)[..stack.len()].to_vec();
        let dims = [dims, lengths(cx, &a, &rows), lengths(cx, &b, &columns)].concat();
        reshape(cx, y, &dims)?
    };
    Ok(Term { value, labels: [stack, rows, columns].concat() })
}

/// The lengths of some axes of a term.
fn lengths(cx: &NodeContext<'_>, term: &Term, labels: &[Label]) -> Vec<u32> {
    let dims = cx.dims(term.value);
    labels.iter().filter_map(|l| dims.get(term.labels.iter().position(|m| m == l)?).copied()).collect()
}

/// A term with its axes in this order, and `ones` more of length 1.
fn arranged(
    cx: &mut NodeContext<'_>,
    term: &Term,
    groups: &[&[Label]],
    ones: usize,
) -> Result<ValueId, ImportError> {
    let labels = groups.concat();
    let order: Vec<u32> =
        labels.iter().filter_map(|l| term.labels.iter().position(|m| m == l)).map(|i| i as u32).collect();
    let value = transpose(cx, term.value, &order)?;
    let mut dims = cx.dims(value);
    dims.extend(core::iter::repeat_n(1, ones));
    reshape(cx, value, &dims)
}

/// A term as a stack of matrices.
fn matrices(
    cx: &mut NodeContext<'_>,
    term: &Term,
    stack: &[Label],
    first: &[Label],
    second: &[Label],
) -> Result<ValueId, ImportError> {
    let value = arranged(cx, term, &[stack, first, second], 0)?;
    let mut dims = lengths(cx, term, stack);
    dims.push(lengths(cx, term, first).iter().product());
    dims.push(lengths(cx, term, second).iter().product());
    reshape(cx, value, &dims)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::import::testing::{fold, text};
    use crate::ir::Tensor;

    /// A tensor of 1, 2, 3, ….
    fn counted(dims: &[u32]) -> Tensor {
        let values: Vec<f32> = (1..=dims.iter().product::<u32>()).map(|v| v as f32).collect();
        Tensor::new(dims, &values).unwrap()
    }

    fn sum(equation: &str, operands: &[&[u32]]) -> Result<Tensor, ImportError> {
        let operands: Vec<Tensor> = operands.iter().map(|dims| counted(dims)).collect();
        let inputs: Vec<_> = operands.iter().map(Some).collect();
        fold(einsum, &[text("equation", equation)], &inputs)
    }

    #[test]
    fn equals_numpy() {
        type Case<'a> = (&'a str, &'a [&'a [u32]], &'a [u32], &'a [f32]);
        let cases: &[Case<'_>] = &[
            ("ij -> ji", &[&[2, 3]], &[3, 2], &[1.0, 4.0, 2.0, 5.0, 3.0, 6.0]),
            ("ij->", &[&[2, 3]], &[], &[21.0]),
            ("ii", &[&[3, 3]], &[], &[15.0]),
            ("...ii->...i", &[&[2, 2, 2]], &[2, 2], &[1.0, 4.0, 5.0, 8.0]),
            ("ba", &[&[2, 2]], &[2, 2], &[1.0, 3.0, 2.0, 4.0]),
            ("i,j->ji", &[&[2], &[3]], &[3, 2], &[1.0, 2.0, 2.0, 4.0, 3.0, 6.0]),
            ("ij,ij->i", &[&[2, 2], &[2, 2]], &[2], &[5.0, 25.0]),
            ("ij,jk->ki", &[&[1, 2], &[2, 2]], &[2, 1], &[7.0, 10.0]),
            ("ij,kj->ik", &[&[1, 2], &[2, 2]], &[1, 2], &[5.0, 11.0]),
            ("bij,bjk->bik", &[&[2, 1, 2], &[2, 2, 1]], &[2, 1, 1], &[5.0, 25.0]),
            ("...ij,...j->...i", &[&[2, 1, 2], &[2]], &[2, 1], &[5.0, 11.0]),
            ("ij,j->i", &[&[2, 1], &[3]], &[2], &[6.0, 12.0]),
            ("i,i,i->", &[&[2], &[2], &[2]], &[], &[9.0]),
            ("ij,ik,il->jkl", &[&[1, 1], &[1, 2], &[1, 1]], &[1, 2, 1], &[1.0, 2.0]),
        ];
        for &(equation, operands, dims, want) in cases {
            let got = sum(equation, operands).unwrap();
            assert_eq!((got.dims(), got.get::<f32>().unwrap()), (dims, want), "{equation}");
        }
    }

    #[test]
    fn refusals_say_what_is_wrong() {
        for (equation, operands, reason) in [
            ("ij,jk->ik", &[&[2u32, 2][..]][..], "is for 2 operands, but 1 are given"),
            ("ij->i", &[&[2, 2, 2]], "'ij' does not label 3 axes"),
            ("ij,jk->ik", &[&[2, 2], &[3, 2]], "one label stands for axes of lengths 2 and 3"),
            ("i1->i", &[&[2, 2]], "'1' in 'i1' is no label"),
            ("ij->iji", &[&[2, 2]], "'iji' names an axis twice"),
            ("ij->k", &[&[2, 2]], "its output names an axis of no operand"),
        ] {
            let e = sum(equation, operands).unwrap_err().to_string();
            assert!(e.contains(reason), "{equation}: {e}");
        }
    }
}
