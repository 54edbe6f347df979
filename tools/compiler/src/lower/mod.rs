//! The IR to a file: schedule, memory plan, records, golden vectors.
//!
//! ```text
//! schedule -> buffers and their lives -> plan -> records -> file -> run golden inputs -> file
//! ```
//!
//! The file is parsed again before it is returned: what [`lower`] gives, a device accepts.

mod emit;
mod golden;
mod schedule;

use crate::ir::{Graph, IrError};
use crate::plan;
use crate::run::Loaded;
use siskin_format::{Card, Preparation};

/// What a lowered model is, beside its graph.
#[derive(Clone, Debug, Default)]
pub struct Extras {
    /// Metadata; without it the file carries none.
    pub card: Option<Card>,
    /// How the first input is made.
    pub preparation: Option<Preparation>,
    /// The range of each input, for golden vectors; `[-1, 1]` where not given.
    pub ranges: Vec<[f32; 2]>,
    /// The number of golden vectors.
    pub goldens: u32,
}

/// A file and how it came about.
#[derive(Clone, Debug)]
pub struct Lowered {
    /// The file.
    pub file: Vec<u8>,
    /// Bytes of arena.
    pub arena: u32,
    /// No plan can do with fewer bytes of arena.
    pub floor: u32,
    /// The planner that won.
    pub planner: &'static str,
    /// Bytes of the constants themselves, alignment excluded.
    pub constants: u32,
}

/// Why a graph cannot become a file.
#[derive(Debug, thiserror::Error)]
pub enum LowerError {
    /// The graph is not consistent.
    #[error(transparent)]
    Graph(#[from] IrError),
    /// The memory plan exceeds 32 bits.
    #[error("the memory plan: {0}")]
    Plan(#[from] plan::Error),
    /// A limit of the format.
    #[error("the model exceeds the format's limit of {0}")]
    Limit(&'static str),
    /// The runtime refuses the file: a bug of the compiler.
    #[error("the emitted file is refused: {0}")]
    Refused(#[from] siskin::Error),
}

/// Lowers a graph.
///
/// # Errors
/// [`LowerError`]; [`LowerError::Limit`] names the limit.
pub fn lower(graph: &Graph, extras: &Extras) -> Result<Lowered, LowerError> {
    graph.verify()?;
    let schedule = schedule::schedule(graph)?;
    let plan = plan::plan(&schedule.problem, 0)?;
    let floor = plan::lower_bound(&schedule.problem)?;
    let mut writer = emit::emit(graph, &schedule, &plan)?;
    if let Some(card) = &extras.card {
        writer.card = card.encode().map_err(|_| LowerError::Limit("the card"))?;
    }
    if let Some(preparation) = &extras.preparation {
        preparation.write(0, &mut writer.preparation);
    }
    let constants = emit::constant_bytes(graph);
    let mut file = finish(&writer)?;
    if extras.goldens > 0 {
        writer.golden = golden::golden(&mut Loaded::new(&file)?, extras)?;
        file = finish(&writer)?;
    }
    Loaded::new(&file)?.session()?.self_test()?;
    Ok(Lowered { file, arena: plan.arena, floor, planner: plan.planner, constants })
}

/// The file of a writer.
pub(crate) fn finish(writer: &siskin_format::Writer) -> Result<Vec<u8>, LowerError> {
    use sha2::Digest;
    writer.finish(|bytes| sha2::Sha256::digest(bytes).into()).ok_or(LowerError::Limit("4 GiB"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::ir::parse;

    #[test]
    fn a_small_graph_runs_as_a_file() {
        let text = "graph g\nin x: f32[2,3]\nt: f32[3,2] = Transpose(x) perm=[1,0,2,3,4,5,6,7]\n\
                    y: f32[3,2] = Identity(t)\nout y\n";
        let extras = Extras { goldens: 2, card: Some(Card::default()), ..Extras::default() };
        let lowered = lower(&parse(text).unwrap(), &extras).unwrap();
        assert_eq!(lowered.arena, 48);
        let mut loaded = Loaded::new(&lowered.file).unwrap();
        let mut session = loaded.session().unwrap();
        session.write_f32(0, &[1., 2., 3., 4., 5., 6.]).unwrap();
        session.run();
        assert_eq!(session.output::<f32>(0).unwrap(), &[1., 4., 2., 5., 3., 6.]);
    }

    #[test]
    fn state_is_kept_between_runs() {
        let mut graph = parse("graph g\nin x: f32[2]\nin h: f32[2]\ny: f32[2] = Identity(h)\nout y\n").unwrap();
        let (x, h) = (graph.inputs[0].value, graph.inputs[1].value);
        graph.add_state(h, x);
        let lowered = lower(&graph, &Extras::default()).unwrap();
        let mut loaded = Loaded::new(&lowered.file).unwrap();
        let mut session = loaded.session().unwrap();
        let mut run = |x: f32| {
            session.write_f32(0, &[x, x]).unwrap();
            session.run();
            session.output::<f32>(0).unwrap()[0]
        };
        assert_eq!([run(1.0), run(2.0), run(3.0)], [0.0, 1.0, 2.0]);
    }
}
