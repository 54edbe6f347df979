//! Runs data through an artifact and keeps what its monitor sees, with the code that ships.

use super::MonitorError;
use crate::data::Dataset;
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::{feed_each, read};
use siskin::monitor::Witness;
use siskin::{DType, Monitor, TypeRef};

/// A classifier's answer to one sample.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The scores as they are stored.
    pub scores: Vec<f32>,
    /// The output's values: probabilities, if a softmax makes it.
    pub output: Vec<f32>,
    /// The right class, if the data says.
    pub label: Option<usize>,
}

/// What was seen of a data set, in its order.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The value of each feature, sample after sample.
    pub rows: Vec<Vec<i32>>,
    /// The scores of each sample.
    pub scored: Vec<Scored>,
    /// The layer whose distance from prototypes is watched, as distances count it; real elements as they are.
    pub layers: Vec<Vec<f32>>,
}

#[derive(Default)]
struct Row {
    values: Vec<i32>,
    scores: Vec<f32>,
    layer: Vec<f32>,
}

impl Witness for Row {
    fn value(&mut self, _: usize, value: i32) {
        self.values.push(value);
    }

    fn scores(&mut self, ty: Option<TypeRef<'_>>, bytes: &[u8]) {
        self.scores = stored(ty, bytes);
    }

    fn layer(&mut self, ty: Option<TypeRef<'_>>, bytes: &[u8]) {
        self.layer = stored(ty, bytes);
        if ty.is_some_and(|ty| ty.dtype == DType::U8) {
            self.layer.iter_mut().for_each(|v| *v -= 128.0);
        }
    }
}

/// What a tensor stores, as real numbers.
fn stored(ty: Option<TypeRef<'_>>, bytes: &[u8]) -> Vec<f32> {
    match ty.map(|t| t.dtype) {
        Some(DType::I8) => bytes.iter().map(|&b| f32::from(b.cast_signed())).collect(),
        Some(DType::U8) => bytes.iter().map(|&b| f32::from(b)).collect(),
        Some(DType::F32) => bytemuck::pod_collect_to_vec(bytes),
        _ => Vec::new(),
    }
}

/// Runs every sample.
///
/// # Errors
/// If the artifact has no monitor, or a sample does not suit the model.
pub fn collect(loaded: &mut Loaded, data: &Dataset, progress: &mut dyn Progress) -> Result<Seen, MonitorError> {
    let (mut session, mut memory) = loaded.monitored()?;
    let model = *session.model();
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory))?;
    let mut seen = Seen::default();
    progress.begin("watch", data.len() as u64);
    feed_each(&mut session, data, |_, sample, session| {
        let mut row = Row::default();
        monitor.run_before(session, &mut row);
        let label = sample.y.as_ref().and_then(crate::data::Target::class);
        let label = label.and_then(|class| usize::try_from(class).ok());
        seen.rows.push(row.values);
        seen.layers.push(row.layer);
        seen.scored.push(Scored { scores: row.scores, output: read(session, 0)?, label });
        progress.step();
        Ok::<_, MonitorError>(())
    })?;
    progress.end();
    Ok(seen)
}
