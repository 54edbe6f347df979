//! Refits every layer to what those before it now give, one after the other.

use super::PruneError;
use super::channels::Structure;
use super::remove::Removed;
use crate::data::Dataset;
use crate::fit::{Layer, MOMENTS, Moments, Refit, Seen, dot, watch};
use crate::ir::{Graph, NodeId, Tensor};
use crate::progress::Progress;
use siskin::op::{Conv, MatMul};

/// The part of the mean variance that draws weights to what they were.
const PULL: f64 = 0.01;

/// Makes up for what is gone by least squares on calibration data, layer by layer.
pub(super) fn refit(
    float: &Graph,
    small: &mut Graph,
    structure: &Structure,
    removed: &Removed,
    calib: &Dataset,
    progress: &mut dyn Progress,
) -> Result<(), PruneError> {
    let layers: Vec<NodeId> = float.order().into_iter().filter(|&n| layer(float, n)).collect();
    for (i, &id) in layers.iter().enumerate() {
        let (Some(was), Some(now)) = (Layer::float(float, id), Layer::float(small, id)) else { continue };
        if !was.has_windows() || Moments::bytes(was.depth(), was.groups()) > MOMENTS {
            continue;
        }
        let outputs = kept(structure, removed, id, was.axis, was.outputs());
        let (groups, elements) = if was.groups() > 1 {
            // The outputs of a group stay together; so each kept group is told by its first.
            let each = was.outputs() / was.groups();
            (outputs.iter().step_by(each).map(|o| o / each).collect(), (0..was.depth()).collect())
        } else {
            (vec![0], elements(structure, removed, id, was.depth()))
        };
        let seen = Seen { float: &was, now: &now, groups, elements };
        let stage = format!("refit {} of {}", i + 1, layers.len());
        let moments = watch([float, small], &seen, calib, progress, &stage)?;
        let (weights, bias) = solve(&seen, &outputs, &moments);
        write(small, &now, weights, bias);
    }
    Ok(())
}

/// Whether a node is a layer of constant weights that can be refitted.
fn layer(graph: &Graph, id: NodeId) -> bool {
    let node = graph.node(id);
    let constant =
        |i: usize| node.input(i).is_some_and(|v| graph.constant(v).is_some_and(|t| t.get::<f32>().is_some()));
    let rows = node.input(1).is_some_and(|w| graph.dims(w).len() == 2);
    let computed = node.input(0).is_some_and(|x| graph.constant(x).is_none());
    computed
        && (node.is::<Conv>() || node.is::<MatMul>() && rows)
        && constant(1)
        && (node.input(2).is_none() || constant(2))
}

/// The places that stay of an axis of a layer's weights.
fn kept(structure: &Structure, removed: &Removed, id: NodeId, axis: usize, len: usize) -> Vec<usize> {
    let cut = structure.cuts.iter().find(|c| c.node == id && c.operand == 1 && c.axis == axis);
    cut.map_or_else(|| (0..len).collect(), |c| removed.kept(structure, &c.units))
}

/// The elements that stay of a layer's windows.
fn elements(structure: &Structure, removed: &Removed, id: NodeId, depth: usize) -> Vec<usize> {
    let Some((_, units)) = structure.readers.iter().find(|r| r.0 == id) else { return (0..depth).collect() };
    let stay = removed.kept(structure, units);
    (0..depth).step_by(units.len().max(1)).flat_map(|tap| stay.iter().map(move |c| tap + c)).collect()
}

/// The weights as they lie in their tensor, and the bias.
fn solve(seen: &Seen<'_>, outputs: &[usize], moments: &[Moments]) -> (Vec<f32>, Vec<f32>) {
    let (was, now) = (seen.float, seen.now);
    let mut weights = now.weights.clone();
    let mut bias = now.bias.clone();
    let each = outputs.len() / moments.len().max(1);
    for (group, moments) in moments.iter().enumerate() {
        let Some(refit) = Refit::new(moments, PULL) else { continue };
        let (mean_x, mean_q) = (moments.mean_x(), moments.mean_q());
        for o in group * each..(group + 1) * each {
            let old: Vec<f64> = (0..was.depth()).map(|k| f64::from(was.weights[was.at(outputs[o], k)])).collect();
            let row = refit.row(&old);
            seen.elements.iter().enumerate().for_each(|(k, &e)| weights[now.at(o, k)] = row[e] as f32);
            // What was lost is 0 in the mean, too.
            bias[o] = (f64::from(was.bias[outputs[o]]) + dot(&old, &mean_x) - dot(&row, &mean_q)) as f32;
        }
    }
    (weights, bias)
}

fn write(graph: &mut Graph, layer: &Layer, weights: Vec<f32>, bias: Vec<f32>) {
    let Some(weights) = Tensor::new(&layer.dims, &weights) else { return };
    let weights = graph.add_const("weights", weights);
    let bias = graph.add_const("bias", Tensor::vector(&bias));
    let inputs = &mut graph.node_mut(layer.node).inputs;
    inputs.resize(3, None);
    (inputs[1], inputs[2]) = (Some(weights), Some(bias));
}
