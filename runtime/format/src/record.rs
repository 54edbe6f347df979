//! Fixed-size records that a file is viewed as in place.

use crate::{DType, MAX_RANK};
use bytemuck::{Pod, Zeroable};

/// The operand index of an optional input that is not given.
pub const ABSENT: u16 = u16::MAX;

/// Where a tensor's bytes lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Place {
    /// In the arena: an input or a computed value.
    Arena = 0,
    /// In the file's weights section.
    Weights = 1,
    /// In the caller's state, kept from one run to the next.
    State = 2,
}

/// One tensor.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct TensorRecord {
    /// The first byte within the tensor's [`Place`]; a multiple of the element's size.
    pub offset: u32,
    /// Where the dimensions begin in the words section.
    pub dims: u16,
    /// For [`Place::Arena`]: the index of the last operator that reads it, or the number of operators for an output.
    pub last_use: u16,
    /// A [`DType`]'s number.
    pub dtype: u8,
    /// The number of dimensions.
    pub rank: u8,
    /// A [`Place`]'s number.
    pub place: u8,
    /// Zero.
    pub reserved: u8,
}

impl TensorRecord {
    /// The element type, if the number is known.
    #[must_use]
    pub const fn dtype(&self) -> Option<DType> {
        DType::from_code(self.dtype)
    }

    /// The place, if the number is known.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        Some(match self.place {
            0 => Place::Arena,
            1 => Place::Weights,
            2 => Place::State,
            _ => return None,
        })
    }

    /// The shape, read from the words section.
    #[must_use]
    #[inline(never)]
    pub fn shape<'a>(&self, words: &'a [u32]) -> Option<&'a [u32]> {
        let start = usize::from(self.dims);
        let axes = words.get(start..start.checked_add(usize::from(self.rank))?)?;
        (axes.len() <= MAX_RANK).then_some(axes)
    }
}

/// One operator of the plan.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct OpRecord {
    /// Which operator; the runtime's catalogue gives the numbers.
    pub code: u16,
    /// Where its operands begin in the operands section: inputs, outputs, scratch.
    pub operands: u16,
    /// Where its attributes begin in the words section.
    pub attrs: u16,
    /// The number of attribute words.
    pub attrs_len: u8,
    /// The number of inputs, absent ones included.
    pub inputs: u8,
    /// The number of outputs.
    pub outputs: u8,
    /// The number of scratch tensors (0 or 1).
    pub scratch: u8,
    /// 0, or 1 + the index of the input whose bytes output 0 takes over.
    pub in_place: u8,
    /// Zero.
    pub reserved: u8,
}

/// What an [`IoRecord`] names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Role {
    /// Filled by the caller before a run.
    Input = 0,
    /// Read by the caller after a run.
    Output = 1,
}

/// One input or output of the model, by name.
///
/// If `outer` differs from the tensor's element type, the caller's numbers are real values
/// and the tensor holds `round_half_even(value / scale) + zero_point`, saturated.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
pub struct IoRecord {
    /// The tensor.
    pub tensor: u16,
    /// A [`Role`]'s number.
    pub role: u8,
    /// The [`DType`] number of the caller's values.
    pub outer: u8,
    /// The first byte of the name in the names section.
    pub name: u16,
    /// Bytes of the name.
    pub name_len: u16,
    /// Quantization step; 1 if `outer` is the tensor's own type.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

impl IoRecord {
    /// The role, if the number is known.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        Some(match self.role {
            0 => Role::Input,
            1 => Role::Output,
            _ => return None,
        })
    }
}
