//! A graph as training runs it: forward with the runtime's own operators, backward by the rules of [`op`](crate::op).
//!
//! ```text
//! constants --rounded--> shared ----------\
//! sample --------------------------------> forward: values -> loss -> backward: gradients
//! ```
//!
//! A program runs one sample at a time with exactly the types, attributes and kernels that ship, so what is trained is what
//! is compiled. What samples share, packed and rounded weights, is made once a step ([`Shared`]); what one sample leaves is in
//! a [`Workspace`], one for each thread.
//!
//! What is absent: batch statistics. Batch norm was folded before training begins.

use crate::TrainError;
use crate::fake::Fake;
use crate::op::{self, Rule};
use siskin::{Entry, Io, MAX_OUTPUTS, Operands, Type, TypeRef, Values};
use siskin_compiler::ir::{Def, Graph, NodeId, Tensor, ValueId};
use std::collections::HashMap;
use std::sync::Arc;

/// A value of a program.
pub(crate) struct Slot {
    pub(crate) value: ValueId,
    pub(crate) ty: Type,
    /// The constant that it is, as the graph has it.
    pub(crate) constant: Option<Arc<Tensor>>,
    /// Whether training changes it: a constant that a rule trains.
    pub(crate) trained: bool,
    /// Whether a gradient is wanted: it is trained, or depends on what is.
    wanted: bool,
}

/// A node of a program. Operands and results are slots.
pub(crate) struct Step {
    pub(crate) node: NodeId,
    op: &'static Entry,
    attrs: Vec<u32>,
    inputs: Vec<Option<usize>>,
    outputs: Vec<usize>,
    scratch: usize,
    rule: Option<Box<dyn Rule>>,
}

/// A graph up to one value, ready to run forward and backward.
pub(crate) struct Program {
    pub(crate) slots: Vec<Slot>,
    pub(crate) steps: Vec<Step>,
    input: usize,
    output: usize,
}

/// What all samples of a step share.
pub(crate) struct Shared {
    /// The constants by slot, rounded where they are.
    pub(crate) constants: Vec<Option<Tensor>>,
    /// The roundings of computed values by slot.
    pub(crate) fakes: HashMap<usize, Fake>,
    /// Each step's constants, packed for its kernel, and what its rule made of them.
    prepared: Vec<Prepared>,
}

#[derive(Default)]
struct Prepared {
    packed: Vec<u128>,
    packed_len: usize,
    reverse: Vec<f32>,
}

/// What one sample leaves behind.
#[derive(Default)]
pub(crate) struct Workspace {
    values: Vec<Option<Tensor>>,
    /// Values before rounding, where they are rounded.
    raw: Vec<Vec<f32>>,
    grads: Vec<Vec<f32>>,
    scratch: Vec<u128>,
    pool: Vec<Vec<f32>>,
}

/// Gradients of constants and of rounding steps, by slot; empty where none is wanted.
#[derive(Clone, Default)]
pub(crate) struct Gradients {
    pub(crate) constants: Vec<Vec<f32>>,
    pub(crate) steps: Vec<f32>,
}

impl Program {
    /// The program that computes `output` of a graph with one input of real numbers. `trains` says whether training may change
    /// a constant: of a node, the operands that are its parameters, and the operand that the constant is.
    ///
    /// # Errors
    /// [`TrainError::Input`]; [`TrainError::Operator`] names a node that a gradient would have to pass, but cannot.
    pub(crate) fn new(
        graph: &Graph,
        output: ValueId,
        trains: &dyn Fn(NodeId, &[usize], usize) -> bool,
    ) -> Result<Program, TrainError> {
        let [port] = graph.inputs.as_slice() else { return Err(TrainError::Input(graph.inputs.len())) };
        let mut pruned = graph.clone();
        pruned.outputs.clear();
        pruned.states.clear();
        pruned.add_output("output", output);
        let mut build = Builder { graph: &pruned, slots: Vec::new(), known: HashMap::new() };
        let input = build.slot(port.value);
        let mut steps = Vec::new();
        for id in pruned.order() {
            steps.push(build.step(id, trains)?);
        }
        let output = build.slot(output);
        Ok(Program { slots: build.slots, steps, input, output })
    }

    /// The slot of a value, if the program has it.
    pub(crate) fn slot_of(&self, value: ValueId) -> Option<usize> {
        self.slots.iter().position(|s| s.value == value)
    }

    /// Elements of one sample.
    pub(crate) fn input_len(&self) -> usize {
        self.slots[self.input].ty.shape.elements()
    }

    /// Axes of one sample.
    pub(crate) fn input_dims(&self) -> &[u32] {
        self.slots[self.input].ty.shape.dims()
    }

    /// Elements of the output.
    pub(crate) fn output_len(&self) -> usize {
        self.slots[self.output].ty.shape.elements()
    }

    /// The constants as the graph has them.
    pub(crate) fn constants(&self) -> Vec<Option<Tensor>> {
        self.slots.iter().map(|s| s.constant.as_deref().cloned()).collect()
    }

    /// What samples share, made of `constants`.
    pub(crate) fn share(&self, constants: Vec<Option<Tensor>>, fakes: HashMap<usize, Fake>) -> Shared {
        let mut shared = Shared { constants, fakes, prepared: Vec::new() };
        shared.prepared = self.steps.iter().map(|_| Prepared::default()).collect();
        self.renew(&mut shared, true);
        shared
    }

    /// Renews what was made of the constants that training changed, or of all.
    pub(crate) fn renew(&self, shared: &mut Shared, all: bool) {
        let mut prepared = core::mem::take(&mut shared.prepared);
        for (step, prepared) in self.steps.iter().zip(&mut prepared) {
            if all || step.inputs.iter().flatten().any(|&s| self.slots[s].trained) {
                self.prepare(step, &shared.constants, prepared);
            }
        }
        shared.prepared = prepared;
    }

    fn prepare(&self, step: &Step, constants: &[Option<Tensor>], prepared: &mut Prepared) {
        let operands = StepOperands { program: self, step, constants, values: &[] };
        let io = |scratch| Io::new(&operands, [const { None }; MAX_OUTPUTS], scratch, None);
        prepared.packed_len = step.op.pack(&step.attrs, &io(&mut []), &mut []);
        prepared.packed.resize(prepared.packed_len.div_ceil(16), 0);
        let room = &mut bytemuck::cast_slice_mut(&mut prepared.packed)[..prepared.packed_len];
        step.op.pack(&step.attrs, &io(&mut []), room);
        if let Some(rule) = &step.rule {
            let constant = |i: usize| {
                let slot = step.inputs.get(i).copied().flatten()?;
                constants[slot].as_ref()?.get::<f32>()
            };
            prepared.reverse = rule.prepare(&constant);
        }
    }

    /// Computes the output for one sample; returns it.
    pub(crate) fn forward<'w>(&self, shared: &Shared, space: &'w mut Workspace, x: &[f32]) -> &'w [f32] {
        self.make_room(shared, space);
        if let Some(input) = space.values[self.input].as_mut().and_then(|t| t.get_mut::<f32>()) {
            input.copy_from_slice(x);
        }
        round(shared, space, self.input);
        for (step, prepared) in self.steps.iter().zip(&shared.prepared) {
            self.run(step, prepared, shared, space);
            for &slot in &step.outputs {
                round(shared, space, slot);
            }
        }
        // An output may be a constant, or the input itself.
        space.values[self.output].as_ref().and_then(|t| t.get::<f32>()).unwrap_or(&[])
    }

    /// The value of a slot after [`Program::forward`], before it was rounded.
    pub(crate) fn seen<'w>(&self, space: &'w Workspace, slot: usize) -> &'w [f32] {
        space.values[slot].as_ref().and_then(|t| t.get::<f32>()).unwrap_or(&[])
    }

    fn make_room(&self, shared: &Shared, space: &mut Workspace) {
        if space.values.len() == self.slots.len() {
            return;
        }
        let room = |s: &Slot| s.constant.is_none().then(|| Tensor::zeros(s.ty));
        space.values = self.slots.iter().map(room).collect();
        let wanted = |s: &Slot| if s.wanted && s.constant.is_none() { s.ty.shape.elements() } else { 0 };
        space.grads = self.slots.iter().map(|s| vec![0.0; wanted(s)]).collect();
        let rounded = |(i, s): (usize, &Slot)| if shared.fakes.contains_key(&i) { s.ty.shape.elements() } else { 0 };
        space.raw = self.slots.iter().enumerate().map(|s| vec![0.0; rounded(s)]).collect();
        let scratch = self.steps.iter().map(|s| s.scratch).max().unwrap_or(0);
        space.scratch = vec![0; scratch.div_ceil(16)];
    }

    fn run(&self, step: &Step, prepared: &Prepared, shared: &Shared, space: &mut Workspace) {
        let mut results: Vec<Option<Tensor>> = step.outputs.iter().map(|&s| space.values[s].take()).collect();
        let types: Vec<Type> = step.outputs.iter().map(|&s| self.slots[s].ty).collect();
        let mut outputs = [const { None }; MAX_OUTPUTS];
        for ((slot, result), ty) in outputs.iter_mut().zip(&mut results).zip(&types) {
            *slot = result.as_mut().map(|t| (ty.view(), t.bytes_mut()));
        }
        let operands = StepOperands { program: self, step, constants: &shared.constants, values: &space.values };
        let packed = &bytemuck::cast_slice(&prepared.packed)[..prepared.packed_len];
        let scratch = &mut bytemuck::cast_slice_mut(&mut space.scratch)[..step.scratch];
        step.op.run(&step.attrs, &mut Io::new(&operands, outputs, scratch, None).with_packed(packed));
        for (&slot, result) in step.outputs.iter().zip(results) {
            space.values[slot] = result;
        }
    }

    /// Adds to `sums` what the last sample's output gradient `dy` says of the constants.
    pub(crate) fn backward(&self, shared: &Shared, space: &mut Workspace, sums: &mut Gradients, dy: &[f32]) {
        space.grads.iter_mut().for_each(|g| g.fill(0.0));
        if !space.grads[self.output].is_empty() {
            space.grads[self.output].copy_from_slice(dy);
        }
        for (step, prepared) in self.steps.iter().zip(&shared.prepared).rev() {
            let Some(rule) = &step.rule else { continue };
            let mut dy: Vec<Vec<f32>> = step.outputs.iter().map(|&s| core::mem::take(&mut space.grads[s])).collect();
            for (&slot, dy) in step.outputs.iter().zip(&mut dy) {
                if let Some(fake) = shared.fakes.get(&slot) {
                    sums.steps[slot] += fake.backward(&space.raw[slot], dy);
                }
            }
            rule.backward(&mut Reverse {
                program: self,
                step,
                constants: &shared.constants,
                values: &space.values,
                raw: &space.raw,
                dy: &dy,
                prepared: &prepared.reverse,
                inner: &mut space.grads,
                outer: &mut sums.constants,
                pool: &mut space.pool,
            });
            for (&slot, dy) in step.outputs.iter().zip(dy) {
                space.grads[slot] = dy;
            }
        }
        if let Some(fake) = shared.fakes.get(&self.input) {
            let raw = &space.raw[self.input];
            if let Some(grad) = space.grads.get_mut(self.input).filter(|g| g.len() == raw.len()) {
                sums.steps[self.input] += fake.backward(raw, grad);
            }
        }
    }

    /// Gradients of zeros.
    pub(crate) fn zeros(&self) -> Gradients {
        let len = |s: &Slot| if s.trained { s.ty.shape.elements() } else { 0 };
        Gradients {
            constants: self.slots.iter().map(|s| vec![0.0; len(s)]).collect(),
            steps: vec![0.0; self.slots.len()],
        }
    }

    /// The layers whose weights may be rounded: node, slot of the weights, and the weights' axis of output channels.
    pub(crate) fn layers(&self) -> Vec<(NodeId, usize, usize)> {
        let weighted = |s: &Step| {
            let axis = s.rule.as_ref()?.channels()?;
            let slot = s.inputs.get(1).copied().flatten()?;
            self.slots[slot].trained.then_some((s.node, slot, axis))
        };
        self.steps.iter().filter_map(weighted).collect()
    }
}

/// Rounds a computed value and keeps what it was.
fn round(shared: &Shared, space: &mut Workspace, slot: usize) {
    let Some(fake) = shared.fakes.get(&slot) else { return };
    if let Some(values) = space.values[slot].as_mut().and_then(|t| t.get_mut::<f32>()) {
        space.raw[slot].copy_from_slice(values);
        fake.round(values);
    }
}

struct Builder<'g> {
    graph: &'g Graph,
    slots: Vec<Slot>,
    known: HashMap<ValueId, usize>,
}

impl Builder<'_> {
    fn slot(&mut self, value: ValueId) -> usize {
        *self.known.entry(value).or_insert_with(|| {
            let definition = self.graph.value(value);
            let constant = if let Def::Const(tensor) = &definition.def { Some(tensor.clone()) } else { None };
            self.slots.push(Slot { value, ty: definition.ty, constant, trained: false, wanted: false });
            self.slots.len() - 1
        })
    }

    fn step(&mut self, id: NodeId, trains: &dyn Fn(NodeId, &[usize], usize) -> bool) -> Result<Step, TrainError> {
        let node = self.graph.node(id);
        let inputs: Vec<Option<usize>> = node.inputs.iter().map(|v| v.map(|v| self.slot(v))).collect();
        let outputs: Vec<usize> = node.outputs.iter().map(|&v| self.slot(v)).collect();
        let rule = op::rule(self.graph, node);
        for (i, &slot) in inputs.iter().enumerate() {
            let parameter = rule.as_ref().is_some_and(|rule| trains(id, rule.trains(), i));
            let Some(slot) = slot.filter(|_| parameter).map(|s| &mut self.slots[s]) else { continue };
            if slot.constant.as_ref().is_some_and(|c| c.get::<f32>().is_some_and(trainable)) {
                (slot.trained, slot.wanted) = (true, true);
            }
        }
        let wanted = inputs.iter().flatten().any(|&s| self.slots[s].wanted);
        if wanted && rule.is_none() {
            return Err(TrainError::Operator { node: node.name.clone(), op: node.op.name });
        }
        for &slot in &outputs {
            self.slots[slot].wanted = wanted;
        }
        let answer = self.graph.infer(&node.name, node.op, &node.attrs, &node.inputs)?;
        let op = siskin::op::native().get(node.op.code).unwrap_or(node.op);
        let rule = rule.filter(|_| wanted);
        let attrs = node.attrs.clone();
        Ok(Step { node: id, op, attrs, inputs, outputs, scratch: answer.scratch as usize, rule })
    }
}

/// Masks that shut elements out are no parameters.
fn trainable(values: &[f32]) -> bool {
    values.iter().all(|v| v.abs() < 1000.0)
}

/// The operands of a step: constants, and what was computed so far.
struct StepOperands<'a> {
    program: &'a Program,
    step: &'a Step,
    constants: &'a [Option<Tensor>],
    values: &'a [Option<Tensor>],
}

impl<'a> StepOperands<'a> {
    fn tensor(&self, i: usize) -> Option<&'a Tensor> {
        let slot = self.step.inputs.get(i).copied().flatten()?;
        self.constants.get(slot)?.as_ref().or_else(|| self.values.get(slot)?.as_ref())
    }
}

impl Operands for StepOperands<'_> {
    fn count(&self) -> usize {
        self.step.inputs.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        let slot = self.step.inputs.get(i).copied().flatten()?;
        Some(self.program.slots[slot].ty.view())
    }
}

impl<'a> Values<'a> for StepOperands<'a> {
    fn bytes(&self, i: usize) -> Option<&'a [u8]> {
        Some(self.tensor(i)?.bytes())
    }
}

/// What a rule's backward sees: the node's operands and results, the results' gradients, and where the operands' go.
pub(crate) struct Reverse<'a> {
    program: &'a Program,
    step: &'a Step,
    constants: &'a [Option<Tensor>],
    values: &'a [Option<Tensor>],
    raw: &'a [Vec<f32>],
    dy: &'a [Vec<f32>],
    prepared: &'a [f32],
    inner: &'a mut [Vec<f32>],
    outer: &'a mut [Vec<f32>],
    pool: &'a mut Vec<Vec<f32>>,
}

impl<'a> Reverse<'a> {
    /// Operand `i`; empty if it is absent.
    pub(crate) fn x(&self, i: usize) -> &'a [f32] {
        let Some(slot) = self.slot(i) else { return &[] };
        let tensor = self.constants[slot].as_ref().or(self.values[slot].as_ref());
        tensor.and_then(|t| t.get::<f32>()).unwrap_or(&[])
    }

    /// Result `i` as the operator gave it.
    pub(crate) fn y(&self, i: usize) -> &'a [f32] {
        let Some(&slot) = self.step.outputs.get(i) else { return &[] };
        let raw = self.raw[slot].as_slice();
        if raw.is_empty() { self.values[slot].as_ref().and_then(|t| t.get::<f32>()).unwrap_or(&[]) } else { raw }
    }

    /// The gradient of result `i`.
    pub(crate) fn dy(&self, i: usize) -> &'a [f32] {
        self.dy.get(i).map_or(&[], Vec::as_slice)
    }

    /// What [`Rule::prepare`] made.
    pub(crate) fn prepared(&self) -> &'a [f32] {
        self.prepared
    }

    /// The sum that operand `i`'s gradient is added to, if it is wanted.
    pub(crate) fn dx(&mut self, i: usize) -> Option<&mut [f32]> {
        let slot = self.slot(i)?;
        let constant = self.program.slots[slot].constant.is_some();
        let sum = if constant { &mut self.outer[slot] } else { &mut self.inner[slot] };
        (!sum.is_empty()).then_some(sum)
    }

    /// Memory of `len` elements of any content; [`Reverse::give`] it back.
    pub(crate) fn take(&mut self, len: usize) -> Vec<f32> {
        let mut memory = self.pool.pop().unwrap_or_default();
        memory.resize(len, 0.0);
        memory
    }

    /// Returns memory of [`Reverse::take`].
    pub(crate) fn give(&mut self, memory: Vec<f32>) {
        self.pool.push(memory);
    }

    fn slot(&self, i: usize) -> Option<usize> {
        self.step.inputs.get(i).copied().flatten()
    }
}
