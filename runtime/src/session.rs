//! A model with memory: write inputs, run, read outputs.

use crate::io::{Io, MAX_OUTPUTS, Operands, Values};
use crate::memory::{Pieces, WRITES};
use crate::model::RecordTypes;
use crate::op::Code;
use crate::{Axes, DType, Error, Model, TypeRef, draw, quant};
use bytemuck::Pod;
use core::ops::Range;
use siskin_format::{ALIGN, Golden, IoRecord, OpRecord, Place, Prng, TensorRecord};

/// A model with the caller's memory.
#[derive(Debug)]
pub struct Session<'m> {
    model: Model<'m>,
    arena: &'m mut [u8],
    state: &'m mut [u8],
    next: usize,
}

/// Where a session stands, without its memory: what [`Session::pause`] leaves and [`Session::resume`] takes.
#[derive(Clone, Copy, Debug)]
pub struct Paused<'m> {
    /// The model.
    pub model: Model<'m>,
    next: usize,
}

/// What a self-test ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// Golden vectors that gave the expected answer: all of the file's.
    pub vectors: u16,
}

impl<'m> Session<'m> {
    /// A session over `arena` and `state`, of at least [`Model::arena_len`] and [`Model::state_len`] bytes, each
    /// beginning at a multiple of [`ALIGN`] in memory. The state is set to zero.
    ///
    /// # Errors
    /// [`Error::Arena`], [`Error::State`] or [`Error::Alignment`], with what is needed.
    pub fn new(model: &Model<'m>, arena: &'m mut [u8], state: &'m mut [u8]) -> Result<Session<'m>, Error> {
        let session = Session::resume(Paused { model: *model, next: 0 }, arena, state)?;
        session.state.fill(0);
        Ok(session)
    }

    /// Hands the memory back to the caller: for sessions that take turns with it, and for callers who keep it by pointer.
    #[must_use]
    pub const fn pause(self) -> Paused<'m> {
        Paused { model: self.model, next: self.next }
    }

    /// Goes on where [`Session::pause`] left: nothing is verified again and no byte is touched. The memory must hold
    /// what it held then, or the next answer is wrong; nothing worse can happen.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn resume(paused: Paused<'m>, arena: &'m mut [u8], state: &'m mut [u8]) -> Result<Session<'m>, Error> {
        let Paused { model, next } = paused;
        let header = model.artifact.header();
        for (memory, len) in [(&*arena, model.arena_len()), (&*state, model.state_len())] {
            if len > 0 && memory.as_ptr().align_offset(ALIGN) != 0 {
                return Err(Error::Alignment(ALIGN as u32));
            }
        }
        let arena = arena.get_mut(..model.arena_len()).ok_or(Error::Arena(header.arena_len))?;
        let state = state.get_mut(..model.state_len()).ok_or(Error::State(header.state_len))?;
        Ok(Session { model, arena, state, next })
    }

    /// The model.
    #[must_use]
    pub const fn model(&self) -> &Model<'m> {
        &self.model
    }

    /// Runs every operator. Inputs may be overwritten: write them before each run.
    pub fn run(&mut self) {
        self.next = 0;
        while self.step() {}
    }

    /// Runs one operator and says whether more remain; for callers that must yield between operators. The first
    /// call after the last operator begins again.
    pub fn step(&mut self) -> bool {
        let ops = self.model.artifact.ops();
        if let Some(record) = ops.get(self.next) {
            run_op(&self.model, self.next, record, self.arena, self.state);
        }
        self.next = self.next.saturating_add(1);
        if self.next >= ops.len() {
            self.next = 0;
        }
        self.next != 0
    }

    /// Makes the next step the first operator's.
    pub(crate) const fn begin(&mut self) {
        self.next = 0;
    }

    /// Runs the first `ops` operators and no more. The next step is the first operator's again.
    pub(crate) fn run_to(&mut self, ops: u16) {
        self.begin();
        for _ in 0..ops {
            self.step();
        }
        self.begin();
    }

    /// The type and bytes of a tensor, which hold its values from the operator that writes it to the last that reads it.
    pub(crate) fn tensor(&self, index: u16) -> (Option<TypeRef<'m>>, &[u8]) {
        let artifact = &self.model.artifact;
        let placed = artifact.tensor(index).and_then(|t| Some((t.place()?, artifact.ty(t)?, artifact.range(t)?)));
        let Some((place, ty, range)) = placed else { return (None, &[]) };
        let memory = match place {
            Place::Weights => artifact.weights(),
            Place::State => &*self.state,
            Place::Arena => &*self.arena,
        };
        (Some(ty), memory.get(range).unwrap_or(&[]))
    }

    /// Forgets the past: the state as [`Session::new`] left it.
    pub fn reset(&mut self) {
        self.state.fill(0);
    }

    /// The state's bytes, to be saved.
    #[must_use]
    pub fn state(&self) -> &[u8] {
        self.state
    }

    /// Sets the state to bytes that [`Session::state`] gave.
    ///
    /// # Errors
    /// [`Error::State`] if the length differs.
    pub fn restore(&mut self, state: &[u8]) -> Result<(), Error> {
        if state.len() != self.state.len() {
            return Err(Error::State(self.model.artifact.header().state_len));
        }
        for (s, &b) in self.state.iter_mut().zip(state) {
            *s = b;
        }
        Ok(())
    }

    /// The elements of input `i` in the arena, to be filled before a run.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`], or [`Error::PortType`] with the element type that it holds.
    pub fn input<T: Element>(&mut self, i: usize) -> Result<&mut [T], Error> {
        let io = self.input_record(i)?;
        let (ty, range) = self.placed(io, i)?;
        check_element::<T>(ty)?;
        let bytes = self.arena.get_mut(range).unwrap_or(&mut []);
        Ok(bytemuck::try_cast_slice_mut(bytes).unwrap_or(&mut []))
    }

    /// The elements of output `i` after a run.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`], or [`Error::PortType`] with the element type that it holds.
    pub fn output<T: Element>(&self, i: usize) -> Result<&[T], Error> {
        let (ty, bytes) = self.output_bytes(i)?;
        check_element::<T>(ty)?;
        Ok(bytemuck::try_cast_slice(bytes).unwrap_or(&[]))
    }

    /// The bytes of input `i` in the arena, whatever its element type.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn input_bytes(&mut self, i: usize) -> Result<&mut [u8], Error> {
        let (_, range) = self.placed(self.input_record(i)?, i)?;
        Ok(self.arena.get_mut(range).unwrap_or(&mut []))
    }

    /// The type and bytes of output `i`, whatever its element type.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`].
    pub fn output_bytes(&self, i: usize) -> Result<(TypeRef<'m>, &[u8]), Error> {
        let io = self.model.artifact.outputs().nth(i).ok_or(Error::NoSuchPort(small(i)))?;
        let (ty, range) = self.placed(io, i)?;
        let tensor = self.model.artifact.tensor(io.tensor);
        let memory = match tensor.and_then(TensorRecord::place) {
            Some(Place::Weights) => self.model.artifact.weights(),
            Some(Place::State) => &*self.state,
            _ => &*self.arena,
        };
        Ok((ty, memory.get(range).unwrap_or(&[])))
    }

    /// Writes real values to input `i`, quantized if the tensor is an integer one.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`], [`Error::Length`] with the elements needed, or [`Error::PortType`] if the input
    /// holds neither `f32` nor quantized values.
    pub fn write_f32(&mut self, i: usize, values: &[f32]) -> Result<(), Error> {
        let (ty, _) = self.placed(self.input_record(i)?, i)?;
        if values.len() != ty.shape.elements() {
            return Err(Error::Length(small_u32(ty.shape.elements())));
        }
        self.write_f32_at(i, 0, values)
    }

    /// Writes a part of input `i`, from element `start`, as [`Session::write_f32`] does the whole.
    ///
    /// # Errors
    /// As [`Session::write_f32`]'s; [`Error::Length`] if the part ends beyond the input.
    pub fn write_f32_at(&mut self, i: usize, start: usize, values: &[f32]) -> Result<(), Error> {
        let io = self.input_record(i)?;
        let (ty, range) = self.placed(io, i)?;
        let size = ty.dtype.size() as usize;
        let part = start.checked_mul(size).zip(values.len().checked_mul(size));
        let bytes = self.arena.get_mut(range).unwrap_or(&mut []);
        let bytes = part.and_then(|(from, len)| bytes.get_mut(from..)?.get_mut(..len));
        let bytes = bytes.ok_or(Error::Length(small_u32(ty.shape.elements())))?;
        let (scale, zero) = (io.scale, io.zero_point);
        match ty.dtype {
            DType::F32 => fill(bytes, values, |v| v),
            DType::I8 if io.outer != ty.dtype.code() => fill(bytes, values, |v| quant::quantize(v, scale, zero) as i8),
            DType::U8 if io.outer != ty.dtype.code() => {
                fill(bytes, values, |v| (round(v, scale, zero)).clamp(0, 255) as u8);
            }
            DType::I16 if io.outer != ty.dtype.code() => {
                fill(bytes, values, |v| round(v, scale, zero).clamp(-32768, 32767) as i16);
            }
            other => return Err(Error::PortType(other)),
        }
        Ok(())
    }

    /// Reads output `i` as real values, dequantized if the tensor is an integer one.
    ///
    /// # Errors
    /// [`Error::NoSuchPort`], [`Error::Length`] with the elements needed, or [`Error::PortType`] if the output
    /// holds neither `f32` nor 8-bit or 16-bit integers.
    pub fn read_f32(&self, i: usize, values: &mut [f32]) -> Result<(), Error> {
        let (ty, bytes) = self.output_bytes(i)?;
        let io = self.model.artifact.outputs().nth(i).ok_or(Error::NoSuchPort(small(i)))?;
        if values.len() != ty.shape.elements() {
            return Err(Error::Length(small_u32(ty.shape.elements())));
        }
        let real = |q: i32| (q - io.zero_point) as f32 * io.scale;
        match ty.dtype {
            DType::F32 => read(values, bytes, |v: f32| v),
            DType::I8 => read(values, bytes, |v: i8| real(v.into())),
            DType::U8 => read(values, bytes, |v: u8| real(v.into())),
            DType::I16 => read(values, bytes, |v: i16| real(v.into())),
            other => return Err(Error::PortType(other)),
        }
        Ok(())
    }

    /// Runs the file's golden vectors: bit for bit for integer models, within a relative 1e-4 for float models.
    /// Overwrites inputs and resets the state before and after.
    ///
    /// # Errors
    /// [`Error::SelfTest`] with the index of the first vector that gave another answer.
    pub fn self_test(&mut self) -> Result<SelfTest, Error> {
        let artifact = self.model.artifact;
        let mut vectors = 0;
        for golden in artifact.goldens().with_inputs(artifact.inputs().count()) {
            self.fill_golden(&golden);
            self.run();
            let right = if golden.record.exact == 1 {
                self.output_crc() == golden.record.crc
            } else {
                self.samples_match(golden.samples)
            };
            self.reset();
            if !right {
                return Err(Error::SelfTest(vectors));
            }
            vectors = vectors.saturating_add(1);
        }
        Ok(SelfTest { vectors })
    }

    /// Fills the inputs as a golden vector says, from a fresh state.
    pub fn fill_golden(&mut self, golden: &Golden<'_>) {
        self.reset();
        let mut prng = Prng::new(golden.record.seed);
        for (i, &[lo, hi]) in golden.ranges.iter().enumerate() {
            let Ok((ty, range)) = self.input_record(i).and_then(|io| self.placed(io, i)) else { continue };
            draw::fill(self.arena.get_mut(range).unwrap_or(&mut []), ty.dtype, lo, hi, &mut prng);
        }
    }

    /// CRC-32 over the bytes of all outputs, in order.
    #[must_use]
    pub fn output_crc(&self) -> u32 {
        let mut crc = 0u32;
        for i in 0..self.model.artifact.outputs().count() {
            let bytes = self.output_bytes(i).map_or(&[][..], |(_, b)| b);
            // Chained so that the order of outputs counts.
            crc = crc.rotate_left(1) ^ siskin_format::crc32(bytes);
        }
        crc
    }

    fn samples_match(&self, samples: &[f32]) -> bool {
        let Ok(y) = self.output::<f32>(0) else { return samples.is_empty() };
        let stride = y.len().checked_div(samples.len()).unwrap_or(1).max(1);
        let largest = samples.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        y.iter().step_by(stride).zip(samples).all(|(y, s)| (y - s).abs() <= 1e-4 * largest + 1e-6)
    }

    fn input_record(&self, i: usize) -> Result<&'m IoRecord, Error> {
        self.model.artifact.inputs().nth(i).ok_or(Error::NoSuchPort(small(i)))
    }

    fn placed(&self, io: &IoRecord, i: usize) -> Result<(TypeRef<'m>, Range<usize>), Error> {
        let artifact = &self.model.artifact;
        let tensor = artifact.tensor(io.tensor).ok_or(Error::NoSuchPort(small(i)))?;
        artifact.ty(tensor).zip(artifact.range(tensor)).ok_or(Error::NoSuchPort(small(i)))
    }
}

/// An element type that ports can hold.
pub trait Element: Pod {
    /// The file's name for it.
    const DTYPE: DType;
}

macro_rules! elements {
    ($($t:ty: $d:ident),*) => {$(impl Element for $t { const DTYPE: DType = DType::$d; })*};
}
elements!(f32: F32, half::f16: F16, f64: F64, i8: I8, u8: U8, i16: I16, u16: U16, i32: I32, u32: U32, i64: I64, u64: U64);

fn check_element<T: Element>(ty: TypeRef<'_>) -> Result<(), Error> {
    let same = ty.dtype == T::DTYPE || (ty.dtype == DType::Bool && T::DTYPE == DType::U8);
    if same { Ok(()) } else { Err(Error::PortType(ty.dtype)) }
}

fn small(i: usize) -> u16 {
    u16::try_from(i).unwrap_or(u16::MAX)
}

fn small_u32(i: usize) -> u32 {
    u32::try_from(i).unwrap_or(u32::MAX)
}

fn round(v: f32, scale: f32, zero: i32) -> i32 {
    (quant::round_half_even(v / scale) as i32).saturating_add(zero)
}

fn fill<T: Pod>(bytes: &mut [u8], values: &[f32], f: impl Fn(f32) -> T) {
    let slots: &mut [T] = bytemuck::try_cast_slice_mut(bytes).unwrap_or(&mut []);
    for (slot, &v) in slots.iter_mut().zip(values) {
        *slot = f(v);
    }
}

fn read<T: Pod>(values: &mut [f32], bytes: &[u8], f: impl Fn(T) -> f32) {
    let slots: &[T] = bytemuck::try_cast_slice(bytes).unwrap_or(&[]);
    for (v, &slot) in values.iter_mut().zip(slots) {
        *v = f(slot);
    }
}

/// The inputs of one operator at run time.
struct RecordValues<'s, 'a> {
    types: RecordTypes<'s, 'a>,
    model: &'s Model<'a>,
    arena: &'s Pieces<'a>,
    state: &'s Pieces<'a>,
    in_place: Option<usize>,
}

impl Operands for RecordValues<'_, '_> {
    fn count(&self) -> usize {
        self.types.count()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        self.types.ty(i)
    }
}

impl<'a> Values<'a> for RecordValues<'a, 'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        if self.in_place == Some(i) {
            return None;
        }
        let artifact = self.types.artifact;
        let index = *self.types.inputs.get(i)?;
        let tensor = artifact.tensor(index)?;
        let range = range(self.model, index, tensor)?;
        match tensor.place()? {
            Place::Weights => artifact.weights().get(range),
            Place::Arena => self.arena.read(range),
            Place::State => self.state.read(range),
        }
    }
}

/// The bytes of tensor `index` within their place.
#[allow(unused_variables, reason = "the table is by number, the file by record")]
fn range(model: &Model<'_>, index: u16, tensor: &TensorRecord) -> Option<Range<usize>> {
    #[cfg(feature = "pack")]
    return model.packed_range(index);
    #[cfg(not(feature = "pack"))]
    model.artifact.range(tensor)
}

/// Where what an operator writes lies in `place`: its outputs, `count` of them, then in the last slot its scratch.
fn written(model: &Model<'_>, written: &[u16], count: usize, place: Place) -> [Range<usize>; WRITES] {
    // Filled in where it is: copies of what was just written wait for it.
    let mut ranges = [const { 0..0 }; WRITES];
    for (i, &index) in written.iter().enumerate() {
        let tensor = model.artifact.tensor(index).filter(|tensor| tensor.place() == Some(place));
        let slot = ranges.get_mut(if i < count { i } else { MAX_OUTPUTS });
        if let (Some(slot), Some(range)) = (slot, tensor.and_then(|tensor| range(model, index, tensor))) {
            *slot = range;
        }
    }
    ranges
}

/// Runs operator `i` of a verified plan.
#[cfg_attr(not(feature = "pack"), allow(unused_variables, reason = "only packed constants are found by number"))]
fn run_op(model: &Model<'_>, i: usize, record: &OpRecord, arena: &mut [u8], state: &mut [u8]) {
    let artifact = &model.artifact;
    #[cfg(feature = "pack")]
    let (packed, known) = model.packed_op(i);
    #[cfg(not(feature = "pack"))]
    let known = None;
    let Some(entry) = known.or_else(|| model.ops.get(Code(record.code))) else { return };
    let operands = artifact.operands(record);
    let Some((inputs, outs)) = operands.split_at_checked(record.inputs.into()) else { return };
    let count = usize::from(record.outputs);
    let mut arena = Pieces::cut(arena, &written(model, outs, count, Place::Arena));
    let mut state = Pieces::cut(state, &written(model, outs, count, Place::State));
    let mut outputs = [const { None }; MAX_OUTPUTS];
    for (i, (output, &index)) in outputs.iter_mut().zip(outs).take(count).enumerate() {
        let Some(tensor) = artifact.tensor(index) else { continue };
        let from = if tensor.place() == Some(Place::State) { &mut state } else { &mut arena };
        *output = artifact.ty(tensor).map(|ty| (ty, from.take(i)));
    }
    let scratch = arena.take(MAX_OUTPUTS);
    let in_place = record.in_place.checked_sub(1).map(usize::from);
    let values =
        RecordValues { types: RecordTypes { artifact, inputs }, model, arena: &arena, state: &state, in_place };
    let io = Io::new(&values, outputs, scratch, in_place);
    #[cfg(feature = "pack")]
    let io = io.with_packed(packed);
    #[cfg(feature = "threads")]
    let io = io.with_pool(model.pool.map(|pool| pool.0));
    entry.run(artifact.attrs(record), &mut { io });
}
