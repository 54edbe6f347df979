//! A whole file as checked views.

use crate::golden::Goldens;
use crate::section::Sections;
use crate::{ABSENT, FormatError, Header, IoRecord, Kind, OpRecord, Place, Preparation, Role, TensorRecord, TypeRef};

/// A verified `.siskin` file, borrowed from the caller's bytes.
///
/// Every method is total: after [`Artifact::parse`] no call can panic or read out of bounds.
#[derive(Clone, Copy, Debug)]
pub struct Artifact<'a> {
    pub(crate) header: &'a Header,
    pub(crate) tensors: &'a [TensorRecord],
    pub(crate) ops: &'a [OpRecord],
    pub(crate) operands: &'a [u16],
    pub(crate) words: &'a [u32],
    pub(crate) weights: &'a [u8],
    pub(crate) io: &'a [IoRecord],
    pub(crate) names: &'a [u8],
    pub(crate) golden: &'a [u8],
    pub(crate) card: &'a [u8],
    pub(crate) preparation: &'a [u8],
    pub(crate) monitor: &'a [u8],
}

impl<'a> Artifact<'a> {
    /// Verifies `file`, which must begin at a multiple of [`crate::ALIGN`] in memory.
    ///
    /// # Errors
    /// The first thing wrong, in the order: header, sections, tensors, operators, inputs and outputs.
    pub fn parse(file: &'a [u8]) -> Result<Artifact<'a>, FormatError> {
        if file.as_ptr().align_offset(crate::ALIGN) != 0 {
            return Err(FormatError::Alignment);
        }
        let header = Header::new_checked(file)?;
        let sections = Sections::new_checked(file, header)?;
        let artifact = Artifact {
            header,
            tensors: sections.records(Kind::Tensors)?,
            ops: sections.records(Kind::Ops)?,
            operands: sections.records(Kind::Operands)?,
            words: sections.records(Kind::Words)?,
            weights: sections.bytes(Kind::Weights),
            io: sections.records(Kind::Io)?,
            names: sections.bytes(Kind::Names),
            golden: sections.bytes(Kind::Golden),
            card: sections.bytes(Kind::Card),
            preparation: sections.bytes(Kind::Preparation),
            monitor: sections.bytes(Kind::Monitor),
        };
        artifact.verify()?;
        Ok(artifact)
    }

    /// The header.
    #[must_use]
    pub const fn header(&self) -> &'a Header {
        self.header
    }

    /// Every tensor record.
    #[must_use]
    pub const fn tensors(&self) -> &'a [TensorRecord] {
        self.tensors
    }

    /// Every operator record, in the order they run.
    #[must_use]
    pub const fn ops(&self) -> &'a [OpRecord] {
        self.ops
    }

    /// The weights section.
    #[must_use]
    pub const fn weights(&self) -> &'a [u8] {
        self.weights
    }

    /// The card's bytes (`postcard`), empty if there is none.
    #[must_use]
    pub const fn card(&self) -> &'a [u8] {
        self.card
    }

    /// How input `input` is made, if the file says so in a way that this version knows.
    #[must_use]
    pub fn preparation(&self, input: u16) -> Option<Preparation> {
        Preparation::find(self.preparation, input)
    }

    /// What a monitor compares with; nothing if the file carries none.
    ///
    /// # Errors
    /// [`FormatError::Monitor`] if the section is malformed.
    pub fn baseline(&self) -> Result<Option<crate::Baseline<'a>>, FormatError> {
        if self.monitor.is_empty() { Ok(None) } else { crate::Baseline::new_checked(self.monitor).map(Some) }
    }

    /// The golden vectors.
    #[must_use]
    pub const fn goldens(&self) -> Goldens<'a> {
        Goldens::new(self.golden)
    }

    /// The inputs, in the model's order.
    pub fn inputs(&self) -> impl Iterator<Item = &'a IoRecord> + use<'a> {
        self.io.iter().filter(|io| io.role() == Some(Role::Input))
    }

    /// The outputs, in the model's order.
    pub fn outputs(&self) -> impl Iterator<Item = &'a IoRecord> + use<'a> {
        self.io.iter().filter(|io| io.role() == Some(Role::Output))
    }

    /// The name of an input or output.
    #[must_use]
    pub fn name(&self, io: &IoRecord) -> &'a str {
        let start = usize::from(io.name);
        let end = start.saturating_add(usize::from(io.name_len));
        self.names.get(start..end).and_then(|b| core::str::from_utf8(b).ok()).unwrap_or("")
    }

    /// The operands of `op`: `inputs`, then `outputs`, then `scratch` tensor indices.
    #[must_use]
    #[inline(never)]
    pub fn operands(&self, op: &OpRecord) -> &'a [u16] {
        let start = usize::from(op.operands);
        let n = [op.inputs, op.outputs, op.scratch].iter().fold(0usize, |n, &k| n.saturating_add(usize::from(k)));
        self.operands.get(start..start.saturating_add(n)).unwrap_or(&[])
    }

    /// The attribute words of `op`.
    #[must_use]
    pub fn attrs(&self, op: &OpRecord) -> &'a [u32] {
        let start = usize::from(op.attrs);
        self.words.get(start..start.saturating_add(usize::from(op.attrs_len))).unwrap_or(&[])
    }

    /// The tensor of this index; nothing if absent.
    #[must_use]
    #[inline(never)]
    pub fn tensor(&self, index: u16) -> Option<&'a TensorRecord> {
        if index == ABSENT { None } else { self.tensors.get(usize::from(index)) }
    }

    /// The type of a tensor.
    #[must_use]
    #[inline(never)]
    pub fn ty(&self, tensor: &TensorRecord) -> Option<TypeRef<'a>> {
        Some(TypeRef { dtype: tensor.dtype()?, shape: tensor.shape(self.words)? })
    }

    /// The first byte of a tensor and the one after its last, within its place.
    #[must_use]
    #[inline(never)]
    pub fn range(&self, tensor: &TensorRecord) -> Option<core::ops::Range<usize>> {
        let start = usize::try_from(tensor.offset).ok()?;
        let len = usize::try_from(self.ty(tensor)?.checked_bytes()?).ok()?;
        Some(start..start.checked_add(len)?)
    }

    /// The bytes of a constant; nothing for a tensor that lies elsewhere.
    #[must_use]
    pub fn constant(&self, tensor: &TensorRecord) -> Option<&'a [u8]> {
        if tensor.place() == Some(Place::Weights) { self.weights.get(self.range(tensor)?) } else { None }
    }
}
