//! Two models side by side on the same data: how often they say the same, and how far apart their outputs are.

use crate::data::Dataset;
use crate::eval::{EvalError, class};
use crate::progress::Progress;
use crate::run::Loaded;
use crate::walk::{WalkError, read, walk_both};
use siskin::{DType, Model, Session};

/// What two models' first outputs have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// Samples.
    pub n: usize,
    /// Those of which both say the same class.
    pub same_class: usize,
    /// Those of which every value of the output is the same.
    pub same_output: usize,
    /// The first sample whose output differs.
    pub first_other: Option<usize>,
    /// The greatest difference of a value.
    pub greatest: f64,
    /// The mean difference of a value, without its sign.
    pub mean: f64,
}

/// Why two models cannot be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A port differs.
    #[error("the models cannot be compared: {0}: {1} and {2}")]
    Ports(String, String, String),
    /// The data, or a model on it.
    #[error(transparent)]
    Eval(#[from] EvalError),
    /// The data of one have another number of samples.
    #[error("the same data give {0} samples to one model and {1} to the other")]
    Samples(usize, usize),
}

impl From<WalkError> for CompareError {
    fn from(error: WalkError) -> CompareError {
        CompareError::Eval(error.into())
    }
}

impl From<siskin::Error> for CompareError {
    fn from(error: siskin::Error) -> CompareError {
        CompareError::Eval(error.into())
    }
}

/// Whether two models take the same inputs and give the same first output, but for how values are stored.
///
/// # Errors
/// [`CompareError::Ports`], which names the first port that differs.
pub fn comparable(a: &Model<'_>, b: &Model<'_>) -> Result<(), CompareError> {
    let inputs = |m: &Model<'_>| m.inputs().map(|p| Face::of(p.name, p.outer, p.shape.dims())).collect::<Vec<_>>();
    let (x, y) = (inputs(a), inputs(b));
    if x.len() != y.len() {
        return Err(CompareError::Ports("inputs".into(), x.len().to_string(), y.len().to_string()));
    }
    let output = |m: &Model<'_>| m.outputs().next().map(|p| Face::of(p.name, p.outer, p.shape.dims()));
    let outputs = [output(a), output(b)].map(|o| o.into_iter().collect::<Vec<_>>());
    let [p, q] = outputs;
    for (what, x, y) in
        x.iter().zip(&y).map(|(x, y)| ("input", x, y)).chain(p.iter().zip(&q).map(|(x, y)| ("output", x, y)))
    {
        if x.dims != y.dims || x.integers != y.integers {
            let port = if x.name == y.name {
                format!("{what} '{}'", x.name)
            } else {
                format!("{what} '{}' and '{}'", x.name, y.name)
            };
            return Err(CompareError::Ports(port, x.to_string(), y.to_string()));
        }
    }
    Ok(())
}

/// What callers see of a port.
struct Face {
    name: String,
    integers: bool,
    dims: Vec<u32>,
}

impl Face {
    fn of(name: &str, outer: DType, dims: &[u32]) -> Face {
        Face { name: name.into(), integers: !outer.is_float(), dims: dims.to_vec() }
    }
}

impl core::fmt::Display for Face {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} of shape {:?}", if self.integers { "integers" } else { "real numbers" }, self.dims)
    }
}

/// Runs both on every sample; each has its data as it wants them prepared.
///
/// # Errors
/// [`CompareError`].
pub fn compare(
    [a, b]: [&mut Loaded; 2],
    data: [&Dataset; 2],
    progress: &mut dyn Progress,
) -> Result<Comparison, CompareError> {
    comparable(&a.model()?, &b.model()?)?;
    let [n, other] = data.map(Dataset::len);
    if n != other {
        return Err(CompareError::Samples(n, other));
    }
    let (mut a, mut b) = (a.session()?, b.session()?);
    progress.begin("compare", n as u64);
    let mut found = Comparison::default();
    let mut values = 0usize;
    walk_both([&mut a, &mut b], data, |i, sessions: [&Session<'_>; 2]| {
        let [x, y] = [read(sessions[0], 0)?, read(sessions[1], 0)?];
        found.n += 1;
        found.same_class += usize::from(class(&x) == class(&y));
        let equal = |(x, y): (&f32, &f32)| x == y || x.is_nan() && y.is_nan();
        if x.iter().zip(&y).all(equal) {
            found.same_output += 1;
        } else {
            found.first_other.get_or_insert(i);
        }
        for (x, y) in x.iter().zip(&y) {
            let apart = f64::from(x - y).abs();
            found.greatest = found.greatest.max(apart);
            found.mean += apart;
        }
        values += x.len();
        progress.step();
        Ok::<(), CompareError>(())
    })?;
    progress.end();
    found.mean /= values.max(1) as f64;
    Ok(found)
}
