//! Structured pruning: channels are taken out of a float graph, and what stays makes up for them.
//!
//! ```text
//! graph -> channels that depend on each other -> loss of each on calibration data -> removal -> least squares, layer by layer
//! ```
//!
//! What comes out is a smaller plain float graph: other shapes, fewer channels, the same nodes. Any pass, training and quantization go on
//! from there.
//!
//! What is absent: training (`siskin-train`, which takes the smaller graph and the whole one as its teacher), and sparsity within channels.

mod channels;
mod choose;
mod loss;
mod refit;
mod remove;
#[cfg(test)]
mod tests;
mod units;

use crate::data::Dataset;
use crate::fit::{Layer, MOMENTS, Moments, Seen, watch};
use crate::ir::{Graph, IrError};
use crate::progress::Progress;
use crate::quantize::QuantizeError;
use channels::Structure;
use choose::{Reader, choose};
use loss::Losing;
use remove::{macs, remove};

/// How much goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// The part of the multiply-accumulates that may stay, above 0 and below 1.
    pub ops: f64,
    /// Widths stay multiples of this where they lose channels: what kernels compute at once.
    pub multiple: usize,
}

impl core::str::FromStr for Options {
    type Err = String;

    fn from_str(s: &str) -> Result<Options, String> {
        let mut options = Options { ops: 0.0, multiple: 8 };
        for word in s.split(',') {
            match word.split_once('=') {
                Some(("ops", v)) => options.ops = v.parse().map_err(|_| format!("ops={v}: a number expected"))?,
                Some(("multiple", v)) => {
                    options.multiple = v.parse().map_err(|_| format!("multiple={v}: a whole number expected"))?;
                }
                _ => return Err(format!("'{word}': ops=PART or multiple=CHANNELS expected")),
            }
        }
        if !(options.ops > 0.0 && options.ops < 1.0) {
            return Err("ops=PART, the part of the operations that may stay, must be above 0 and below 1".into());
        }
        if options.multiple == 0 {
            return Err("multiple=0: at least 1".into());
        }
        Ok(options)
    }
}

/// Why a graph cannot be pruned.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The calibration data, or the graph on it.
    #[error(transparent)]
    Calibration(#[from] QuantizeError),
    /// The graph.
    #[error(transparent)]
    Graph(#[from] IrError),
    /// No more channels may go.
    #[error(
        "--prune ops={ops}: {:.1}% of the operations is the least that can be reached with widths of at least {multiple} \
         channels{}: ask for more operations{}", 100.0 * reached, pinned(stay), if *multiple > 4 { ", or for multiple=4" } else { "" }
    )]
    Ratio {
        /// The part that was asked for.
        ops: f64,
        /// The least part.
        reached: f64,
        /// What widths must be multiples of.
        multiple: usize,
        /// What makes channels stay, each once.
        stay: Vec<String>,
    },
}

fn pinned(stay: &[String]) -> String {
    if stay.is_empty() { String::new() } else { format!("; some stay because {}", stay.join(", ")) }
}

impl PruneError {
    fn ratio(structure: &Structure, options: &Options, reached: f64) -> PruneError {
        let units = structure.makers.iter().flat_map(|(_, units)| units);
        let mut stay: Vec<String> = units.filter_map(|&u| structure.units.pinned(u)).map(Into::into).collect();
        stay.sort();
        stay.dedup();
        PruneError::Ratio { ops: options.ops, reached, multiple: options.multiple, stay }
    }
}

/// The width of a layer's output.
#[derive(Clone, Debug, PartialEq)]
pub struct Width {
    /// The layer.
    pub layer: String,
    /// Channels before and after.
    pub channels: [usize; 2],
}

/// A smaller graph, and what became smaller.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The graph.
    pub graph: Graph,
    /// Multiply-accumulates before and after.
    pub macs: [u64; 2],
    /// Layers that lost outputs.
    pub widths: Vec<Width>,
}

/// Takes channels out of a float graph until at most a part of its operations is left.
///
/// # Errors
/// [`PruneError::Ratio`] says how far it can go and what holds it; else the graph or the data.
pub fn prune(
    graph: &Graph,
    calib: &Dataset,
    options: &Options,
    progress: &mut dyn Progress,
) -> Result<Pruned, PruneError> {
    let mut structure = Structure::of(graph);
    let readers = readers(graph, &mut structure, calib, progress)?;
    let removed = choose(graph, &structure, &readers, options)?;
    let mut small = remove(graph, &structure, &removed)?;
    refit::refit(graph, &mut small, &structure, &removed, calib, progress)?;
    small.verify()?;
    let width = |(node, units): &(crate::ir::NodeId, Vec<usize>)| Width {
        layer: graph.node(*node).name.clone(),
        channels: [units.len(), removed.kept(&structure, units).len()],
    };
    let widths = structure.makers.iter().map(width).filter(|w| w.channels[0] > w.channels[1]).collect();
    Ok(Pruned { macs: [macs(graph), macs(&small)], graph: small, widths })
}

/// What every layer would lose with its inputs; a layer that cannot tell keeps them.
fn readers(
    graph: &Graph,
    structure: &mut Structure,
    calib: &Dataset,
    progress: &mut dyn Progress,
) -> Result<Vec<Reader>, PruneError> {
    let mut readers = Vec::new();
    for (i, (node, units)) in structure.readers.iter().enumerate() {
        let name = &graph.node(*node).name;
        let layer = Layer::float(graph, *node).filter(|l| l.has_windows() && Moments::bytes(l.depth(), 1) <= MOMENTS);
        let Some(layer) = layer else {
            structure.units.pin(units, &format!("layer '{name}' is too large, or has three spatial axes"));
            continue;
        };
        let stage = format!("measure {} of {}", i + 1, structure.readers.len());
        let moments = watch([graph, graph], &Seen::whole(&layer), calib, progress, &stage)?;
        match moments.first().and_then(|m| Losing::new(&layer, m)) {
            Some(losing) => {
                let units = (0..layer.depth()).map(|k| units[k % units.len()]).collect();
                readers.push(Reader { losing, units });
            }
            None => structure.units.pin(units, &format!("the input of layer '{name}' never changes")),
        }
    }
    Ok(readers)
}
