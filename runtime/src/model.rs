//! A parsed model: proved safe, ready for sessions.

use crate::io::{Operands, Sig};
use crate::op::{Code, Entry, OpSet};
#[cfg(feature = "threads")]
use crate::threads;
use crate::{DType, Error, Refusal, Shape, TypeRef};
use siskin_format::{Artifact, IoRecord, OpRecord};

/// A model that [`Model::parse`] has proved safe to run, borrowed from the caller's bytes.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    pub(crate) artifact: Artifact<'a>,
    pub(crate) ops: OpSet,
    #[cfg(feature = "pack")]
    pub(crate) packed: &'a [u8],
    #[cfg(feature = "threads")]
    pub(crate) pool: Option<threads::Shared<'a>>,
}

/// An input or output of a model.
#[derive(Clone, Copy, Debug)]
pub struct Port<'a> {
    /// The name, as in the source model.
    pub name: &'a str,
    /// The shape of the tensor.
    pub shape: Shape,
    /// The element type of the tensor in the arena.
    pub dtype: DType,
    /// The element type of the source model's port: `F32` over an integer tensor means that
    /// [`crate::Session::write_f32`] and [`crate::Session::read_f32`] convert.
    pub outer: DType,
    /// The quantization step; 1 if `outer` equals `dtype`.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

impl<'a> Model<'a> {
    /// Verifies `bytes`, which must begin at a multiple of [`siskin_format::ALIGN`] in memory, for the operators in
    /// `ops`. Takes one pass, no allocation; borrows the bytes for the model's life.
    ///
    /// # Errors
    /// [`Error::Format`] if the file is damaged; [`Error::Unsupported`] if an operator is not linked;
    /// [`Error::DType`], [`Error::Shape`] or [`Error::Attrs`] if an operator refuses its operands.
    pub fn parse(bytes: &'a [u8], ops: &OpSet) -> Result<Model<'a>, Error> {
        let model = Model {
            artifact: Artifact::parse(bytes)?,
            ops: *ops,
            #[cfg(feature = "pack")]
            packed: &[],
            #[cfg(feature = "threads")]
            pool: None,
        };
        for (record, i) in model.artifact.ops().iter().zip(0u16..) {
            let code = Code(record.code);
            let entry = ops.get(code).ok_or(Error::Unsupported(i, code))?;
            model.check(record, entry).map_err(|e| e.at(i, code))?;
        }
        Ok(model)
    }

    /// Checks that the recorded outputs are what the operator's rule says.
    fn check(&self, record: &OpRecord, entry: &Entry) -> Result<(), Refusal> {
        let operands = self.artifact.operands(record);
        let types =
            RecordTypes { artifact: &self.artifact, inputs: operands.get(..record.inputs.into()).unwrap_or(&[]) };
        let sig = Sig(&types);
        let attrs = self.artifact.attrs(record);
        let rule = entry.infer(attrs, &sig)?;
        let mut written = operands.get(record.inputs.into()..).unwrap_or(&[]).iter();
        for ty in rule.types() {
            if written.next().and_then(|&i| self.ty(i)) != Some(ty.view()) {
                return Err(Refusal::Shape);
            }
        }
        let scratch = match written.next() {
            Some(&i) if record.scratch == 1 => self.ty(i).and_then(|t| t.checked_bytes()).ok_or(Refusal::Shape)?,
            None if record.scratch == 0 => 0,
            _ => return Err(Refusal::Shape),
        };
        let taken = record.in_place.checked_sub(1).map(usize::from);
        let allowed = taken.is_none_or(|k| entry.in_place(attrs, &sig, k));
        if scratch >= rule.scratch && rule.types().count() == usize::from(record.outputs) && allowed {
            Ok(())
        } else {
            Err(Refusal::Shape)
        }
    }

    fn ty(&self, tensor: u16) -> Option<TypeRef<'a>> {
        self.artifact.ty(self.artifact.tensor(tensor)?)
    }

    /// The file that the model views.
    #[must_use]
    pub const fn artifact(&self) -> &Artifact<'a> {
        &self.artifact
    }

    /// Bytes of arena that a session needs.
    #[must_use]
    pub const fn arena_len(&self) -> usize {
        self.artifact.header().arena_len as usize
    }

    /// Bytes of state that a session needs; 0 for a model without memory.
    #[must_use]
    pub const fn state_len(&self) -> usize {
        self.artifact.header().state_len as usize
    }

    /// The inputs, in the source model's order.
    pub fn inputs(&self) -> impl Iterator<Item = Port<'a>> + use<'a> {
        let artifact = self.artifact;
        artifact.inputs().filter_map(move |io| port(&artifact, io))
    }

    /// The outputs, in the source model's order.
    pub fn outputs(&self) -> impl Iterator<Item = Port<'a>> + use<'a> {
        let artifact = self.artifact;
        artifact.outputs().filter_map(move |io| port(&artifact, io))
    }

    /// The operators, in the order they run: entry, attributes, types of inputs and outputs.
    pub fn steps(&self) -> impl Iterator<Item = Step<'a>> + use<'a> {
        let (artifact, ops) = (self.artifact, self.ops);
        artifact
            .ops()
            .iter()
            .filter_map(move |record| Some(Step { entry: ops.get(Code(record.code))?, record, artifact }))
    }
}

/// One operator of the plan, for listings and counts.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The operator.
    pub entry: &'static Entry,
    record: &'a OpRecord,
    artifact: Artifact<'a>,
}

impl<'a> Step<'a> {
    /// Its attribute words.
    #[must_use]
    pub fn attrs(&self) -> &'a [u32] {
        self.artifact.attrs(self.record)
    }

    /// The tensor indices of its inputs; [`siskin_format::ABSENT`] for one not given.
    #[must_use]
    pub fn inputs(&self) -> &'a [u16] {
        self.artifact.operands(self.record).get(..self.record.inputs.into()).unwrap_or(&[])
    }

    /// The tensor indices of its outputs, scratch excluded.
    #[must_use]
    pub fn outputs(&self) -> &'a [u16] {
        let start = usize::from(self.record.inputs);
        let end = start.saturating_add(self.record.outputs.into());
        self.artifact.operands(self.record).get(start..end).unwrap_or(&[])
    }

    /// Whether output 0 takes over an input's bytes.
    #[must_use]
    pub const fn in_place(&self) -> bool {
        self.record.in_place != 0
    }

    /// The type of the tensor of this index.
    #[must_use]
    pub fn ty(&self, tensor: u16) -> Option<TypeRef<'a>> {
        self.artifact.ty(self.artifact.tensor(tensor)?)
    }

    /// The bytes of input `i`, if it is a constant of the file.
    #[must_use]
    pub(crate) fn constant(&self, i: usize) -> Option<&'a [u8]> {
        self.artifact.constant(self.artifact.tensor(*self.inputs().get(i)?)?)
    }

    /// Multiply-accumulates of one run.
    #[must_use]
    pub fn macs(&self) -> u64 {
        let types = RecordTypes { artifact: &self.artifact, inputs: self.inputs() };
        self.entry.macs(self.attrs(), &Sig(&types))
    }
}

/// The input types of a record.
pub(crate) struct RecordTypes<'s, 'a> {
    pub(crate) artifact: &'s Artifact<'a>,
    pub(crate) inputs: &'s [u16],
}

impl Operands for RecordTypes<'_, '_> {
    fn count(&self) -> usize {
        self.inputs.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        self.artifact.ty(self.artifact.tensor(*self.inputs.get(i)?)?)
    }
}

fn port<'a>(artifact: &Artifact<'a>, io: &IoRecord) -> Option<Port<'a>> {
    let ty = artifact.ty(artifact.tensor(io.tensor)?)?;
    Some(Port {
        name: artifact.name(io),
        shape: Shape::new(ty.shape)?,
        dtype: ty.dtype,
        outer: DType::from_code(io.outer)?,
        scale: io.scale,
        zero_point: io.zero_point,
    })
}
