//! Runs a model over a data set, with the kernels that ship.
//!
//! ```text
//! sample -> every input -> run -> see        states: zeros -> sample 0 -> sample 1 -> ..
//! ```
//!
//! A data set is one stream: a model that keeps states sees its samples in order, as it would on a device. Where the
//! set says which `group` a sample belongs to, states begin anew with every group: a group is a recording.

use crate::data::{DataError, Dataset, Place, Sample, SampleData};
use siskin::attrs::Attrs;
use siskin::op::Gather;
use siskin::op::gather::GatherAttrs;
use siskin::{DType, Model, Op, Session};

/// Why a data set cannot be run through a model.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A sample that the model does not take.
    #[error("{place}: sample {sample}: {error}")]
    Sample {
        /// The file, and the array in it.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// The runtime's refusal.
        error: siskin::Error,
    },
    /// A number that looks something up where nothing is.
    #[error("{place}: sample {sample}: input '{input}' holds {value}, but the table that it reads has {rows} rows, 0 to {}", rows - 1)]
    Lookup {
        /// The file, and the array in it.
        place: Place,
        /// The sample's index.
        sample: usize,
        /// The input.
        input: String,
        /// The number.
        value: i64,
        /// The length of the axis that it counts along.
        rows: u32,
    },
}

/// Runs every sample, and shows each to `see` with the session that holds its outputs.
///
/// # Errors
/// [`WalkError`], or what `see` says; the rest is not run.
pub fn walk<E: From<WalkError>>(
    session: &mut Session<'_>,
    data: &Dataset,
    mut see: impl FnMut(usize, &Sample, &Session<'_>) -> Result<(), E>,
) -> Result<(), E> {
    feed_each(session, data, |i, sample, session| {
        session.run();
        see(i, sample, session)
    })
}

/// Feeds every sample to the model, and leaves it to `run` to run it.
///
/// # Errors
/// [`WalkError`], or what `run` says; the rest is not fed.
pub fn feed_each<'m, E: From<WalkError>>(
    session: &mut Session<'m>,
    data: &Dataset,
    mut run: impl FnMut(usize, &Sample, &mut Session<'m>) -> Result<(), E>,
) -> Result<(), E> {
    let mut feeder = Feeder::new(session, data);
    for (i, sample) in data.iter().enumerate() {
        let sample = sample.map_err(WalkError::from)?;
        feeder.feed(session, i, &sample)?;
        run(i, &sample, session)?;
    }
    Ok(())
}

/// Runs every sample through two models, each as its own data set prepares it, and shows both to `see`.
///
/// # Errors
/// [`WalkError`], or what `see` says; the rest is not run.
pub fn walk_both<E: From<WalkError>>(
    [a, b]: [&mut Session<'_>; 2],
    [for_a, for_b]: [&Dataset; 2],
    mut see: impl FnMut(usize, [&Session<'_>; 2]) -> Result<(), E>,
) -> Result<(), E> {
    let (mut feed_a, mut feed_b) = (Feeder::new(a, for_a), Feeder::new(b, for_b));
    for (i, (x, y)) in for_a.iter().zip(for_b.iter()).enumerate() {
        feed_a.feed(a, i, &x.map_err(WalkError::from)?)?;
        feed_b.feed(b, i, &y.map_err(WalkError::from)?)?;
        a.run();
        b.run();
        see(i, [a, b])?;
    }
    Ok(())
}

/// Gives samples to a session, in order.
struct Feeder<'d> {
    data: &'d Dataset,
    tables: Vec<(String, Option<u32>)>,
    group: Option<i64>,
}

impl<'d> Feeder<'d> {
    fn new(session: &mut Session<'_>, data: &'d Dataset) -> Feeder<'d> {
        session.reset();
        Feeder { data, tables: tables(session), group: None }
    }

    fn feed(&mut self, session: &mut Session<'_>, i: usize, sample: &Sample) -> Result<(), WalkError> {
        if sample.group != self.group && i > 0 {
            session.reset();
        }
        self.group = sample.group;
        let place = || self.data.place();
        for (x, (input, rows)) in sample.x.iter().zip(&self.tables) {
            let Some((rows, value)) = rows.and_then(|rows| Some((rows, beyond(x, rows)?))) else { continue };
            return Err(WalkError::Lookup { place: place(), sample: i, input: input.clone(), value, rows });
        }
        feed(session, &sample.x).map_err(|error| WalkError::Sample { place: place(), sample: i, error })
    }
}

/// Each input's name and, if what it holds are positions that a Gather reads, the length of the shortest axis that they count
/// along. A device cannot refuse such a number, it reads the nearest there is; data can be refused.
fn tables(session: &Session<'_>) -> Vec<(String, Option<u32>)> {
    let model = session.model();
    let ports = model.artifact().inputs().zip(model.inputs());
    ports.map(|(io, port)| (port.name.to_string(), shortest_table(model, io.tensor))).collect()
}

/// Follows the positions through what leaves them as they are.
fn shortest_table(model: &Model<'_>, input: u16) -> Option<u32> {
    let mut known = vec![input];
    let mut shortest: Option<u32> = None;
    for step in model.steps() {
        let reads = |i: usize| step.inputs().get(i).is_some_and(|t| known.contains(t));
        if matches!(step.entry.name, "Cast" | "Reshape" | "Identity" | "Transpose") && reads(0) {
            known.extend(step.outputs());
        } else if step.entry.code == Gather::CODE && reads(1) {
            let axis = GatherAttrs::read(step.attrs()).ok()?.axis as usize;
            let rows = step.inputs().first().and_then(|&t| step.ty(t)?.shape.get(axis).copied());
            shortest = rows.map(|n| shortest.map_or(n, |s| s.min(n))).or(shortest);
        }
    }
    shortest
}

/// The first value that counts beyond `rows`, from either end.
fn beyond(x: &SampleData, rows: u32) -> Option<i64> {
    let out = |v: &i64| !(-i64::from(rows)..i64::from(rows)).contains(v);
    match x {
        SampleData::I64(v) => v.iter().copied().find(out),
        SampleData::F32(v) => v.iter().map(|&v| v as i64).find(out),
    }
}

/// Writes one sample to the model's inputs.
///
/// # Errors
/// If the number of inputs, or an input's element type or length, differs from the sample's, or an integer does not
/// fit it.
pub fn feed(session: &mut Session<'_>, x: &[SampleData]) -> Result<(), siskin::Error> {
    if session.model().inputs().count() != x.len() {
        return Err(siskin::Error::NoSuchPort(u16::try_from(x.len()).unwrap_or(u16::MAX)));
    }
    x.iter().enumerate().try_for_each(|(i, x)| feed_one(session, i, x))
}

fn feed_one(session: &mut Session<'_>, i: usize, x: &SampleData) -> Result<(), siskin::Error> {
    let Some(port) = session.model().inputs().nth(i) else {
        return Err(siskin::Error::NoSuchPort(u16::try_from(i).unwrap_or(u16::MAX)));
    };
    if port.outer == DType::F32 {
        return session.write_f32(i, &x.to_f32());
    }
    let values: Vec<i64> = match x {
        SampleData::I64(v) => v.clone(),
        // An integer input has no use for a fraction: such data is not quantized yet.
        SampleData::F32(v) if v.iter().any(|v| v.fract() != 0.0) => return Err(siskin::Error::PortType(port.dtype)),
        SampleData::F32(v) => v.iter().map(|&v| v as i64).collect(),
    };
    if values.len() != port.shape.elements() {
        return Err(siskin::Error::Length(port.shape.elements() as u32));
    }
    macro_rules! fill {
        ($($d:ident: $t:ty),*) => {
            match port.dtype {
                $(DType::$d => {
                    for (slot, &v) in session.input::<$t>(i)?.iter_mut().zip(&values) {
                        *slot = <$t>::try_from(v).map_err(|_| siskin::Error::PortType(DType::$d))?;
                    }
                })*
                other => return Err(siskin::Error::PortType(other)),
            }
        };
    }
    fill!(I8: i8, U8: u8, I16: i16, U16: u16, I32: i32, U32: u32, I64: i64, U64: u64, Bool: u8);
    Ok(())
}

/// The values of output `i`, as real numbers.
///
/// # Errors
/// If there is no such output.
pub fn read(session: &Session<'_>, i: usize) -> Result<Vec<f32>, siskin::Error> {
    let (ty, bytes) = session.output_bytes(i)?;
    let mut values = vec![0.0; ty.owned().shape.elements()];
    if session.read_f32(i, &mut values).is_err() {
        values = crate::ir::Tensor::from_bytes(ty.owned(), bytes).map(|t| t.to_f32()).unwrap_or_default();
    }
    Ok(values)
}
