//! Stores weights that have few different values in few bits, and puts an `UnpackWeights` before the layer that reads them.
//!
//! ```text
//! y = QLinearConv(x, w, …)      becomes      u = UnpackWeights(codes, tables, select);  y = QLinearConv(x, u, …)
//! ```
//!
//! Nothing is rounded here: how many bits a tensor takes is read off its values, for the whole tensor, for each output, and for
//! groups of neighbours. Whatever gives the fewest bytes is taken, if it saves any.

use crate::ir::{Graph, IrError, Tensor};
use crate::quantize::Levels;
use siskin::Shape;
use siskin::op::{
    QLinearConv, QLinearConvTranspose, QLinearDepthwiseConv, QLinearMatMul, UnpackWeights, UnpackWeightsAttrs,
};
use std::collections::BTreeSet;

/// Bytes that an operator takes in a file, with its tensors, shapes and attributes.
const OVERHEAD: usize = 80;
/// A selection is a byte.
const MOST_TABLES: usize = 256;

/// Packs the weights of every integer layer; `group` neighbours may have levels of their own.
///
/// # Errors
/// If the graph is not consistent.
pub fn pack_weights(graph: &mut Graph, group: Option<usize>) -> Result<(), IrError> {
    for id in graph.order() {
        let node = graph.node(id);
        let depthwise = node.is::<QLinearDepthwiseConv>();
        let dense = node.is::<QLinearConv>() || node.is::<QLinearConvTranspose>() || node.is::<QLinearMatMul>();
        let Some(w) = node.input(1).filter(|_| depthwise || dense) else { continue };
        let Some(tensor) = graph.constant(w).cloned() else { continue };
        let name = node.name.clone();
        let Some(packed) = Packed::of(&tensor, depthwise, group) else { continue };
        let unpacked = packed.add(graph, &name, &tensor)?;
        graph.node_mut(id).inputs[1] = Some(unpacked);
    }
    Ok(())
}

/// A tensor's integers as codes, and what codes stand for.
struct Packed {
    bits: u32,
    run: usize,
    codes: Vec<u8>,
    tables: Vec<Vec<i8>>,
    /// The table of each class of elements, `i / run % select.len()`.
    select: Vec<u8>,
}

impl Packed {
    /// The form of fewest bytes; nothing if the tensor itself has fewer.
    fn of(tensor: &Tensor, depthwise: bool, group: Option<usize>) -> Option<Packed> {
        let values = tensor.get::<i8>()?;
        let dims = tensor.dims();
        let outputs = *if depthwise { dims.last()? } else { dims.first()? } as usize;
        let by_output = if depthwise { (1, outputs) } else { (values.len().checked_div(outputs)?, outputs) };
        let by_group = group.filter(|&g| !depthwise && g > 0 && by_output.0.is_multiple_of(g));
        let by_group = by_group.map(|g| (g, values.len() / g));
        let forms = [(values.len(), 1), by_output].into_iter().chain(by_group);
        let all =
            forms.flat_map(|(run, classes)| (1..=4).filter_map(move |bits| Packed::with(values, bits, run, classes)));
        all.min_by_key(Packed::bytes).filter(|p| p.bytes() + OVERHEAD < values.len())
    }

    /// With these bits, and a table for each of `classes` runs; nothing if one of them has more values than codes.
    fn with(values: &[i8], bits: u32, run: usize, classes: usize) -> Option<Packed> {
        let run = run.max(1);
        let mut sets = vec![BTreeSet::new(); classes];
        for (i, &v) in values.iter().enumerate() {
            sets[i / run % classes].insert(v);
        }
        let (tables, select) = [Vec::new(), usual(bits)]
            .into_iter()
            .filter_map(|seeds| tables(&sets, seeds, 1 << bits))
            .min_by_key(|t| t.0.len())?;
        let mut codes = vec![0u8; (values.len() * bits as usize).div_ceil(8)];
        for (i, v) in values.iter().enumerate() {
            let code = tables[usize::from(select[i / run % classes])].iter().position(|t| t == v)?;
            let (at, bit) = (i * bits as usize / 8, i * bits as usize % 8);
            let both = (code as u16) << bit;
            codes[at] |= both as u8;
            if both > 0xFF {
                codes[at + 1] |= (both >> 8) as u8;
            }
        }
        let select = if tables.len() > 1 { select } else { Vec::new() };
        Some(Packed { bits, run, codes, tables, select })
    }

    fn bytes(&self) -> usize {
        self.codes.len() + (self.tables.len() << self.bits) + self.select.len()
    }

    fn add(&self, graph: &mut Graph, name: &str, tensor: &Tensor) -> Result<crate::ir::ValueId, IrError> {
        let missing = || IrError::Definition(name.into());
        let tables =
            Tensor::new(&[self.tables.len() as u32, 1 << self.bits], &self.tables.concat()).ok_or_else(missing)?;
        let codes = graph.add_const("codes", Tensor::vector(&self.codes));
        let mut inputs = vec![Some(codes), Some(graph.add_const("tables", tables))];
        if !self.select.is_empty() {
            inputs.push(Some(graph.add_const("select", Tensor::vector(&self.select))));
        }
        let shape = Shape::new(tensor.dims()).ok_or_else(missing)?;
        let attrs = UnpackWeightsAttrs { shape, bits: self.bits, run: self.run as u32 };
        Ok(graph.add::<UnpackWeights>(name, &attrs, &inputs)?[0])
    }
}

/// The levels that rounding to so many bits chooses from.
fn usual(bits: u32) -> Vec<BTreeSet<i8>> {
    if bits < 2 {
        return Vec::new();
    }
    Levels::tables(bits as u8).iter().map(|levels| levels.integers().iter().copied().collect()).collect()
}

/// Few tables of `most` entries that hold each set, and which of them holds it, some of them `tables` or grown from those: each set
/// goes where it adds fewest values.
fn tables(sets: &[BTreeSet<i8>], mut tables: Vec<BTreeSet<i8>>, most: usize) -> Option<(Vec<Vec<i8>>, Vec<u8>)> {
    let mut chosen: Vec<usize> = Vec::new();
    // The largest sets first: small ones find room in them.
    let mut order: Vec<usize> = (0..sets.len()).collect();
    order.sort_by_key(|&i| (core::cmp::Reverse(sets[i].len()), i));
    chosen.resize(sets.len(), 0);
    for i in order {
        let grown = |t: &BTreeSet<i8>| sets[i].difference(t).count();
        let fitting = tables.iter().enumerate().filter(|(_, t)| t.len() + grown(t) <= most);
        let place = fitting.min_by_key(|(_, t)| grown(t)).map(|(k, _)| k);
        if place.is_none() && (sets[i].len() > most || tables.len() == MOST_TABLES) {
            return None;
        }
        let k = place.unwrap_or(tables.len());
        if k == tables.len() {
            tables.push(BTreeSet::new());
        }
        tables[k].extend(&sets[i]);
        chosen[i] = k;
    }
    let used: Vec<usize> = (0..tables.len()).filter(|k| chosen.contains(k)).collect();
    let full = |&k: &usize| {
        let mut table: Vec<i8> = tables[k].iter().copied().collect();
        table.resize(most, table.last().copied().unwrap_or(0));
        table
    };
    let place = |k: usize| used.iter().position(|&u| u == k).unwrap_or(0) as u8;
    Some((used.iter().map(full).collect(), chosen.into_iter().map(place).collect()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use siskin::op::UnpackWeights;

    fn pass(graph: &mut Graph) -> Result<bool, IrError> {
        pack_weights(graph, Some(32)).map(|()| true)
    }

    /// A product by weights of 4 outputs and 128 inputs, `value` of output and input.
    fn product(value: impl Fn(usize, usize) -> i8) -> (String, Vec<i8>) {
        let weights: Vec<i8> = (0..4).flat_map(|o| (0..128).map(|k| value(o, k)).collect::<Vec<_>>()).collect();
        let list: Vec<String> = weights.iter().map(ToString::to_string).collect();
        let text = format!(
            "graph g\nin x: i8[1,128]\nconst w: i8[4,128] = {}\nconst b: i32[4] = 0 0 0 0\nconst m: f32[4] = 1 1 1 1\n\
             y: i8[1,4] = QLinearMatMul(x, w, b, m) zeros=[0,0,-128,127]\nout y\n",
            list.join(" ")
        );
        (text, weights)
    }

    /// Packs, and checks that what the operator unpacks is what was packed; bits, tables and selections.
    fn packed(value: impl Fn(usize, usize) -> i8) -> (u32, u32, u32, u32) {
        let (text, weights) = product(value);
        let mut graph = crate::ir::parse(&text).unwrap();
        pass(&mut graph).unwrap();
        graph.verify().unwrap();
        let node = graph.node(graph.all::<UnpackWeights>()[0]).clone();
        let operands: Vec<_> = (0..3).map(|i| node.input(i).map(|v| graph.constant(v).unwrap().clone())).collect();
        let operands: Vec<_> = operands.iter().map(|t| t.as_deref()).collect();
        let y = crate::run::eval(node.op, &node.attrs, &operands).unwrap();
        assert_eq!(y[0], Tensor::new(&[4, 128], &weights).unwrap());
        let attrs = node.get::<UnpackWeights>().unwrap();
        let len = |i: usize| node.input(i).map_or(0, |v| graph.dims(v)[0]);
        (attrs.bits, attrs.run, len(1), len(2))
    }

    #[test]
    fn one_table_if_values_are_few() {
        assert_eq!(packed(|o, k| ((o * 31 + k * 7) % 13) as i8 - 6), (4, 512, 1, 0));
        assert_eq!(packed(|o, k| ((o + k) % 3) as i8 - 1), (2, 512, 1, 0));
    }

    #[test]
    fn a_table_for_outputs_of_other_values() {
        // Outputs 0 and 2 have multiples of 3, the others of 5: 16 values each, more than 16 together.
        assert_eq!(packed(|o, k| [3, 5][o % 2] * ((o + k * 7) % 16) as i8 - 40), (4, 128, 2, 4));
    }

    #[test]
    fn a_table_for_groups_of_neighbours() {
        let step = |k: usize| [1, 2, 5, 11][k / 32];
        assert_eq!(packed(|o, k| step(k) * (((o + k) % 8) as i8 - 4)), (3, 32, 4, 16));
    }

    #[test]
    fn many_values_stay() {
        let (text, _) = product(|o, k| (o * 61 + k) as u8 as i8);
        super::super::check(("pack_weights", |g| pack_weights(g, None).map(|()| false)), &text, &text);
    }
}
