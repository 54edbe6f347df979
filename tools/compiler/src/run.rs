//! Runs things with the shipped kernels: one operator on tensors, or a whole artifact.
//!
//! Constant folding, calibration and evaluation all come through here, so that no figure comes from arithmetic
//! that the device does not do.

use crate::ir::Tensor;
use siskin::{Entry, Error, Io, MAX_OUTPUTS, Model, OpSet, Operands, Refusal, Session, Sig, Type, TypeRef, Values};

/// The operands of a single operator.
struct Slices<'a>(&'a [Option<&'a Tensor>]);

impl Operands for Slices<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        Some(self.0.get(i).copied().flatten()?.view())
    }
}

impl<'a> Values<'a> for Slices<'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        Some(self.0.get(i).copied().flatten()?.bytes())
    }
}

/// Runs one operator.
///
/// # Errors
/// As the operator's rule of types.
pub fn eval(op: &Entry, attrs: &[u32], inputs: &[Option<&Tensor>]) -> Result<Vec<Tensor>, Refusal> {
    let slices = Slices(inputs);
    let rule = op.infer(attrs, &Sig(&slices))?;
    let types: Vec<Type> = rule.types().collect();
    let mut tensors: Vec<Tensor> = types.iter().copied().map(Tensor::zeros).collect();
    let mut scratch = vec![0u128; (rule.scratch as usize).div_ceil(16)];
    let mut outputs = [const { None }; MAX_OUTPUTS];
    for ((slot, ty), tensor) in outputs.iter_mut().zip(&types).zip(&mut tensors) {
        *slot = Some((ty.view(), tensor.bytes_mut()));
    }
    op.run(attrs, &mut Io::new(&slices, outputs, bytemuck::cast_slice_mut(&mut scratch), None));
    Ok(tensors)
}

/// The digest of a file's content, as its header should have it.
#[must_use]
pub fn content_digest(file: &[u8]) -> [u8; 16] {
    use sha2::Digest;
    let hash: [u8; 32] = sha2::Sha256::digest(file.get(siskin_format::Header::LEN..).unwrap_or(&[])).into();
    hash.first_chunk().copied().unwrap_or_default()
}

/// A file with the memory that it needs, ready for sessions.
#[derive(Debug)]
pub struct Loaded {
    bytes: Vec<u128>,
    len: usize,
    arena: Vec<u128>,
    state: Vec<u128>,
    packed: Vec<u128>,
    ops: OpSet,
}

impl Loaded {
    /// Verifies a file and allocates its memory.
    ///
    /// # Errors
    /// As [`Model::parse`].
    pub fn new(file: &[u8]) -> Result<Loaded, Error> {
        let mut bytes = vec![0u128; file.len().div_ceil(16)];
        bytemuck::cast_slice_mut::<_, u8>(&mut bytes)[..file.len()].copy_from_slice(file);
        let mut loaded = Loaded {
            bytes,
            len: file.len(),
            arena: vec![],
            state: vec![],
            packed: vec![],
            ops: crate::ir::catalogue(),
        };
        let model = loaded.model()?;
        let (arena, state) = (model.arena_len(), model.state_len());
        loaded.arena = vec![0; arena.div_ceil(16)];
        loaded.state = vec![0; state.div_ceil(16)];
        Ok(loaded)
    }

    /// The model.
    ///
    /// # Errors
    /// As [`Model::parse`].
    pub fn model(&self) -> Result<Model<'_>, Error> {
        Model::parse(&bytemuck::cast_slice(&self.bytes)[..self.len], &self.ops)
    }

    /// A session, and memory for the artifact's monitor.
    ///
    /// # Errors
    /// As [`Loaded::session`]; [`Error::NoMonitor`] if the artifact has none.
    pub fn monitored(&mut self) -> Result<(Session<'_>, Vec<u64>), Error> {
        let baseline = self.model()?.artifact().baseline()?.ok_or(Error::NoMonitor)?;
        let memory = vec![0; (baseline.record.memory_len as usize).div_ceil(8)];
        Ok((self.session()?, memory))
    }

    /// A session over the model and its memory.
    ///
    /// # Errors
    /// As [`Model::parse`] and [`Session::new`].
    pub fn session(&mut self) -> Result<Session<'_>, Error> {
        let model = Model::parse(&bytemuck::cast_slice(&self.bytes)[..self.len], &self.ops)?;
        Session::new(&model, bytemuck::cast_slice_mut(&mut self.arena), bytemuck::cast_slice_mut(&mut self.state))
    }

    /// A session on the fastest kernels of this machine, its constants packed for them: the same integers, floats rounded in
    /// another order.
    ///
    /// # Errors
    /// As [`Loaded::session`].
    pub fn native_session(&mut self) -> Result<Session<'_>, Error> {
        let model = Model::parse(&bytemuck::cast_slice(&self.bytes)[..self.len], &siskin::op::native())?;
        self.packed.resize(model.packed_len().div_ceil(16), 0);
        let model = model.pack(bytemuck::cast_slice_mut(&mut self.packed));
        Session::new(&model, bytemuck::cast_slice_mut(&mut self.arena), bytemuck::cast_slice_mut(&mut self.state))
    }
}
