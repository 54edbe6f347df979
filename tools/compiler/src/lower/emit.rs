//! Records of a file from a schedule and its plan.

use super::LowerError;
use super::schedule::{Schedule, Step, Target, scratch_type};
use crate::ir::{Graph, Port, ValueId};
use crate::plan::Plan;
use siskin::{DType, Type};
use siskin_format::{ABSENT, IoRecord, OpRecord, Place, Role, TensorRecord, Writer};
use std::collections::HashMap;

/// Bytes of all constants that live nodes or outputs read, each once.
pub(super) fn constant_bytes(graph: &Graph) -> u32 {
    let mut seen = std::collections::HashSet::new();
    let order = graph.order();
    let operands = order.iter().flat_map(|&n| graph.node(n).inputs.iter().flatten().copied());
    let all = operands.chain(graph.outputs.iter().map(|p| p.value));
    all.filter(|&v| seen.insert(v)).filter_map(|v| Some(graph.constant(v)?.bytes().len() as u32)).sum()
}

/// Makes the records.
pub(super) fn emit(graph: &Graph, schedule: &Schedule, plan: &Plan) -> Result<Writer, LowerError> {
    let mut emitter = Emitter {
        graph,
        schedule,
        plan,
        writer: Writer { arena_len: plan.arena, ..Writer::default() },
        tensors: HashMap::new(),
        constants: HashMap::new(),
        states: HashMap::new(),
    };
    emitter.states()?;
    for port in &graph.inputs {
        emitter.arena_tensor(port.value)?;
    }
    // Arena tensors stand in the table in the order in which they come to life; constants follow.
    let scratch = emitter.results()?;
    for (step, scratch) in schedule.steps.iter().zip(scratch) {
        emitter.op(step, scratch)?;
    }
    for port in &graph.inputs {
        emitter.port(port, Role::Input)?;
    }
    for port in &graph.outputs {
        emitter.port(port, Role::Output)?;
    }
    Ok(emitter.writer)
}

struct Emitter<'a> {
    graph: &'a Graph,
    schedule: &'a Schedule,
    plan: &'a Plan,
    writer: Writer,
    tensors: HashMap<ValueId, u16>,
    /// Offsets of constants already stored, by content.
    constants: HashMap<(Vec<u8>, u32), u32>,
    states: HashMap<ValueId, u32>,
}

impl Emitter<'_> {
    fn states(&mut self) -> Result<(), LowerError> {
        for state in &self.graph.states {
            let offset = self.writer.state_len.next_multiple_of(8);
            let bytes = self.graph.ty(state.read).checked_bytes().ok_or(LowerError::Limit("4 GiB of state"))?;
            self.writer.state_len = offset.checked_add(bytes).ok_or(LowerError::Limit("4 GiB of state"))?;
            self.states.insert(state.read, offset);
        }
        Ok(())
    }

    fn results(&mut self) -> Result<Vec<Option<u16>>, LowerError> {
        let mut scratch = Vec::new();
        for (step, at) in self.schedule.steps.iter().zip(0u16..) {
            for target in &step.outputs {
                if let Target::Value(value) = *target {
                    self.arena_tensor(value)?;
                }
            }
            scratch.push(step.scratch.map(|(buffer, bytes)| self.scratch(buffer, bytes, at)).transpose()?);
        }
        Ok(scratch)
    }

    fn arena_tensor(&mut self, value: ValueId) -> Result<u16, LowerError> {
        let buffer = *self.schedule.buffers.get(&value).ok_or(LowerError::Limit("values in the arena"))?;
        let (offset, last) = (self.plan.offsets[buffer], self.schedule.problem.buffers[buffer].last);
        // Step 0 is before operator 0.
        let last = u16::try_from(last.saturating_sub(1)).map_err(|_| LowerError::Limit("65,535 operators"))?;
        let index = self.record(self.graph.ty(value), Place::Arena, offset, last)?;
        self.tensors.insert(value, index);
        Ok(index)
    }

    fn scratch(&mut self, buffer: usize, bytes: u32, at: u16) -> Result<u16, LowerError> {
        let ty = scratch_type(bytes).ok_or(LowerError::Limit("scratch"))?;
        self.record(ty, Place::Arena, self.plan.offsets[buffer], at)
    }

    fn record(&mut self, ty: Type, place: Place, offset: u32, last_use: u16) -> Result<u16, LowerError> {
        let dims = self
            .writer
            .intern_words(ty.shape.dims())
            .ok_or(LowerError::Limit("65,536 words of shapes and attributes"))?;
        let index = u16::try_from(self.writer.tensors.len()).map_err(|_| LowerError::Limit("65,535 tensors"))?;
        self.writer.tensors.push(TensorRecord {
            offset,
            dims,
            last_use,
            dtype: ty.dtype.code(),
            rank: ty.shape.rank() as u8,
            place: place as u8,
            reserved: 0,
        });
        Ok(index)
    }

    /// The tensor of a value, made if it is a constant or a state that was not met yet.
    fn tensor(&mut self, value: ValueId) -> Result<u16, LowerError> {
        if let Some(&index) = self.tensors.get(&value) {
            return Ok(index);
        }
        let ty = self.graph.ty(value);
        let index = if let Some(tensor) = self.graph.constant(value) {
            let align = ty.dtype.size().max(4);
            let key = (tensor.bytes().to_vec(), align);
            let offset = match self.constants.get(&key) {
                Some(&offset) => offset,
                None => {
                    let at =
                        self.writer.push_weights(tensor.bytes(), align as usize).ok_or(LowerError::Limit("4 GiB"))?;
                    *self.constants.entry(key).or_insert(at)
                }
            };
            self.record(ty, Place::Weights, offset, 0)?
        } else {
            let offset = *self.states.get(&value).ok_or(LowerError::Limit("values without a definition"))?;
            self.record(ty, Place::State, offset, 0)?
        };
        self.tensors.insert(value, index);
        Ok(index)
    }

    fn op(&mut self, step: &Step, scratch: Option<u16>) -> Result<(), LowerError> {
        let mut operands = Vec::new();
        for input in &step.inputs {
            operands.push(input.map_or(Ok(ABSENT), |v| self.tensor(v))?);
        }
        for target in &step.outputs {
            let (Target::Value(value) | Target::State(value)) = *target;
            operands.push(self.tensor(value)?);
        }
        operands.extend(scratch);
        let at = u16::try_from(self.writer.operands.len()).map_err(|_| LowerError::Limit("65,535 operands"))?;
        self.writer.operands.extend(operands);
        let taken = self.schedule.taken_over(step, &self.plan.shared).map_or(0, |k| k + 1);
        let small = |n: usize, what| u8::try_from(n).map_err(|_| LowerError::Limit(what));
        let attrs =
            self.writer.intern_words(&step.attrs).ok_or(LowerError::Limit("65,536 words of shapes and attributes"))?;
        self.writer.ops.push(OpRecord {
            code: step.code.0,
            operands: at,
            attrs,
            attrs_len: small(step.attrs.len(), "255 attribute words")?,
            inputs: small(step.inputs.len(), "255 inputs of one operator")?,
            outputs: small(step.outputs.len(), "255 outputs of one operator")?,
            scratch: u8::from(scratch.is_some()),
            in_place: small(taken, "254 inputs of one operator")?,
            reserved: 0,
        });
        Ok(())
    }

    fn port(&mut self, port: &Port, role: Role) -> Result<(), LowerError> {
        let tensor = self.tensor(port.value)?;
        let at = u16::try_from(self.writer.names.len()).map_err(|_| LowerError::Limit("64 KiB of names"))?;
        let name_len = u16::try_from(port.name.len()).map_err(|_| LowerError::Limit("64 KiB of names"))?;
        self.writer.names.extend_from_slice(port.name.as_bytes());
        let outer = if port.quant.is_some() { DType::F32 } else { self.graph.dtype(port.value) };
        let (scale, zero_point) = port.quant.map_or((1.0, 0), |q| (q.scale, q.zero_point));
        let (role, outer) = (role as u8, outer.code());
        self.writer.io.push(IoRecord { tensor, role, outer, name: at, name_len, scale, zero_point });
        Ok(())
    }
}
