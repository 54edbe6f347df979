//! What a search has measured so far, so that one that was killed goes on where it was.
//!
//! An `.npz` that numpy opens, which appears whole or not at all: `key` is the digest of model, data and options; `names`, `weights`, `costs`
//! the sensitivity; `bits` and `found` a row for each artifact that was made.

use super::{BudgetError, Figures};
use crate::data::{Array, ArrayData, read_npz, write_npz};
use crate::quantize::{Cost, LayerCosts, Loss, Sensitivity};
use std::path::PathBuf;

/// Figures that a [`Cost`] has.
const COST: usize = 5;

/// Measurements of one search.
#[derive(Debug)]
pub(super) struct Journal {
    path: Option<PathBuf>,
    key: Vec<u8>,
    pub(super) sensitivity: Option<Sensitivity>,
    /// Artifacts by the bits of their layers.
    found: Vec<(Vec<u8>, Figures)>,
}

impl Journal {
    /// Reads what is there, if it is of the same search; without a path nothing is read or written.
    pub(super) fn open(path: Option<PathBuf>, key: Vec<u8>) -> Journal {
        let mut journal = Journal { path, key, sensitivity: None, found: Vec::new() };
        let arrays = journal.path.as_ref().filter(|p| p.exists()).and_then(|p| read_npz(p).ok()).unwrap_or_default();
        let find = |name: &str| arrays.iter().find(|(n, _)| n == name).map(|(_, a)| &a.data);
        // A file of another search, or one that is damaged, is worth nothing: it is written anew.
        if find("key") == Some(&ArrayData::U8(journal.key.clone())) {
            journal.sensitivity = sensitivity(find("names"), find("weights"), find("costs"));
            if let (Some(ArrayData::U8(bits)), Some(ArrayData::F64(found)), Some(s)) =
                (find("bits"), find("found"), &journal.sensitivity)
            {
                let rows = bits.chunks_exact(s.layers.len().max(1)).zip(found.chunks_exact(Figures::LEN));
                journal.found = rows.map(|(bits, row)| (bits.to_vec(), Figures::of(row))).collect();
            }
        }
        journal
    }

    pub(super) fn figures(&self, bits: &[u8]) -> Option<Figures> {
        self.found.iter().find(|(b, _)| b == bits).map(|(_, f)| *f)
    }

    pub(super) fn add(&mut self, bits: &[u8], figures: Figures) -> Result<(), BudgetError> {
        self.found.push((bits.to_vec(), figures));
        self.write()
    }

    pub(super) fn set(&mut self, sensitivity: Sensitivity) -> Result<(), BudgetError> {
        self.sensitivity = Some(sensitivity);
        self.write()
    }

    /// Every artifact that was made.
    pub(super) fn all(&self) -> &[(Vec<u8>, Figures)] {
        &self.found
    }

    /// The search is done: there is nothing to go on from.
    pub(super) fn remove(&self) {
        if let Some(path) = &self.path {
            let _gone = std::fs::remove_file(path);
        }
    }

    fn write(&self) -> Result<(), BudgetError> {
        let (Some(path), Some(s)) = (&self.path, &self.sensitivity) else { return Ok(()) };
        let array = |name: &str, data: ArrayData| (name.to_string(), Array { shape: vec![data.len()], data });
        let names: Vec<&str> = s.layers.iter().map(|l| l.name.as_str()).collect();
        let mut costs = vec![f64::from(u8::from(s.measure == Loss::Error)), s.loss];
        let all = s.layers.iter().flat_map(|l| &l.costs);
        costs.extend(all.flat_map(|c| {
            [c.bits.into(), c.sqnr.unwrap_or(f64::NAN), c.loss, c.bytes as f64, c.arena.into()] as [f64; COST]
        }));
        let arrays = [
            array("key", ArrayData::U8(self.key.clone())),
            array("names", ArrayData::U8(names.join("\n").into_bytes())),
            array("weights", ArrayData::I64(s.layers.iter().map(|l| l.weights as i64).collect())),
            array("costs", ArrayData::F64(costs)),
            array("bits", ArrayData::U8(self.found.iter().flat_map(|(b, _)| b.clone()).collect())),
            array("found", ArrayData::F64(self.found.iter().flat_map(|(_, f)| f.row()).collect())),
        ];
        Ok(write_npz(path, &arrays)?)
    }
}

fn sensitivity(
    names: Option<&ArrayData>,
    weights: Option<&ArrayData>,
    costs: Option<&ArrayData>,
) -> Option<Sensitivity> {
    let (Some(ArrayData::U8(names)), Some(ArrayData::I64(weights)), Some(ArrayData::F64(costs))) =
        (names, weights, costs)
    else {
        return None;
    };
    let [error, loss, costs @ ..] = costs.as_slice() else { return None };
    let names = String::from_utf8(names.clone()).ok()?;
    let widths = Sensitivity::WIDTHS.len();
    let cost = |c: &[f64]| Cost {
        bits: c[0] as u8,
        sqnr: Some(c[1]).filter(|v| !v.is_nan()),
        loss: c[2],
        bytes: c[3] as i64,
        arena: c[4] as u32,
    };
    let layers = names.split('\n').zip(weights).zip(costs.chunks_exact(widths * COST)).map(|((name, &n), costs)| {
        let costs = costs.chunks_exact(COST).map(cost).collect();
        LayerCosts { name: name.into(), weights: n as usize, costs, causes: Vec::new() }
    });
    let measure = if *error == 1.0 { Loss::Error } else { Loss::Divergence };
    Some(Sensitivity { measure, loss: *loss, layers: layers.collect() })
}
