//! The order of operators, and the lives of the values that need arena.

use super::LowerError;
use crate::ir::{Def, Graph, NodeId, ValueId};
use crate::plan::{Buffer, InPlace, Problem};
use siskin::{Code, DType, Type};
use std::collections::HashMap;

/// One operator of the plan.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) code: Code,
    pub(super) attrs: Vec<u32>,
    pub(super) inputs: Vec<Option<ValueId>>,
    pub(super) outputs: Vec<Target>,
    /// The buffer of its scratch and the bytes of it.
    pub(super) scratch: Option<(usize, u32)>,
}

/// Where an output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    /// To a value in the arena.
    Value(ValueId),
    /// To the state that this value reads.
    State(ValueId),
}

/// The operators in order, and one planner's buffer for each value or scratch in the arena.
#[derive(Clone, Debug)]
pub(super) struct Schedule {
    pub(super) steps: Vec<Step>,
    pub(super) buffers: HashMap<ValueId, usize>,
    pub(super) problem: Problem,
}

/// Fixes the order and finds who lives how long.
pub(super) fn schedule(graph: &Graph) -> Result<Schedule, LowerError> {
    let mut made = Schedule { steps: Vec::new(), buffers: HashMap::new(), problem: Problem::default() };
    for port in &graph.inputs {
        made.buffer(port.value, graph.ty(port.value), 0)?;
    }
    for id in graph.order() {
        made.node(graph, id)?;
    }
    for state in &graph.states {
        made.write_state(graph, state.write, state.read);
    }
    made.find_last_uses(graph)?;
    made.wish_in_place(graph);
    Ok(made)
}

impl Schedule {
    fn buffer(&mut self, value: ValueId, ty: Type, first: u32) -> Result<usize, LowerError> {
        let size = ty.checked_bytes().ok_or(LowerError::Limit("4 GiB for one tensor"))?;
        let index = self.problem.buffers.len();
        self.problem.buffers.push(Buffer { size, align: ty.dtype.size().max(4), first, last: first });
        self.buffers.insert(value, index);
        Ok(index)
    }

    fn node(&mut self, graph: &Graph, id: NodeId) -> Result<(), LowerError> {
        let node = graph.node(id);
        let now = self.steps.len() as u32 + 1;
        for &output in &node.outputs {
            self.buffer(output, graph.ty(output), now)?;
        }
        let scratch = graph.infer(&node.name, node.op, &node.attrs, &node.inputs)?.scratch;
        let scratch = (scratch > 0).then(|| {
            self.problem.buffers.push(Buffer { size: scratch, align: 8, first: now, last: now });
            (self.problem.buffers.len() - 1, scratch)
        });
        let outputs = node.outputs.iter().copied().map(Target::Value).collect();
        let (attrs, inputs) = (node.attrs.clone(), node.inputs.clone());
        self.steps.push(Step { code: node.op.code, attrs, inputs, outputs, scratch });
        Ok(())
    }

    /// A state is written by a copy after everything that reads it.
    fn write_state(&mut self, graph: &Graph, write: ValueId, read: ValueId) {
        debug_assert!(matches!(graph.value(read).def, Def::State), "only a state is written");
        let code = <siskin::op::Identity as siskin::Op>::CODE;
        let (inputs, outputs) = (vec![Some(write)], vec![Target::State(read)]);
        self.steps.push(Step { code, attrs: vec![], inputs, outputs, scratch: None });
    }

    fn find_last_uses(&mut self, graph: &Graph) -> Result<(), LowerError> {
        let end = u32::from(u16::try_from(self.steps.len()).map_err(|_| LowerError::Limit("65,535 operators"))?) + 1;
        let mut last = |value: &ValueId, step: u32| {
            if let Some(buffer) = self.buffers.get(value).and_then(|&b| self.problem.buffers.get_mut(b)) {
                buffer.last = buffer.last.max(step);
            }
        };
        for (step, now) in self.steps.iter().zip(1..) {
            step.inputs.iter().flatten().for_each(|v| last(v, now));
        }
        // Callers write inputs before the first operator, so even one that nothing reads lives until that has run.
        graph.inputs.iter().for_each(|p| last(&p.value, end.min(1)));
        graph.outputs.iter().for_each(|p| last(&p.value, end));
        Ok(())
    }

    /// Output 0 may sit on an operand that dies here, if the operator says so and both are equally long.
    fn wish_in_place(&mut self, graph: &Graph) {
        for id in graph.order() {
            let node = graph.node(id);
            let Some(&output) = node.outputs.first() else { continue };
            for (k, &input) in node.inputs.iter().enumerate() {
                let Some(pair) = input.and_then(|i| self.dying_pair(i, output)) else { continue };
                let once = node.inputs.iter().filter(|&&i| i == input).count() == 1;
                if once && graph.in_place(node, k) {
                    self.problem.in_place.push(pair);
                }
            }
        }
    }

    fn dying_pair(&self, input: ValueId, output: ValueId) -> Option<InPlace> {
        let (&i, &o) = (self.buffers.get(&input)?, self.buffers.get(&output)?);
        let (a, b) = (self.problem.buffers.get(i)?, self.problem.buffers.get(o)?);
        (a.last == b.first && a.size == b.size && a.size > 0).then_some(InPlace { output: o, input: i })
    }

    /// The index of the operand that output 0 of `step` shares its offset with.
    pub(super) fn taken_over(&self, step: &Step, shared: &[(usize, usize)]) -> Option<usize> {
        let Some(Target::Value(output)) = step.outputs.first() else { return None };
        let output = self.buffers.get(output)?;
        step.inputs.iter().position(|input| {
            let input = input.and_then(|v| self.buffers.get(&v));
            input.is_some_and(|&i| shared.contains(&(*output, i)))
        })
    }
}

/// The type that a scratch of this many bytes has in a file.
pub(super) fn scratch_type(bytes: u32) -> Option<Type> {
    Some(Type::new(DType::U8, siskin::Shape::new(&[bytes])?))
}
