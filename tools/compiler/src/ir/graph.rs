//! The graph itself: values and nodes by newtype ids, and the ways to change it.

use super::{IrError, Tensor};
use core::fmt;
use siskin::attrs::Attrs;
use siskin::{DType, Entry, Op, Operands, Outputs, Sig, Type, TypeRef};
use std::collections::HashSet;
use std::sync::Arc;

/// A value of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(super) u32);

/// A node of a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(super) u32);

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Def {
    /// The caller.
    Input,
    /// The file.
    Const(Arc<Tensor>),
    /// This output of a node.
    Node(NodeId, usize),
    /// The previous run: a state of the model.
    State,
}

/// What flows between nodes.
#[derive(Clone, Debug)]
pub struct Value {
    /// The name, as in the source model.
    pub name: String,
    /// Element type and shape.
    pub ty: Type,
    /// Where it comes from.
    pub def: Def,
}

/// An operator with its operands.
#[derive(Clone, Debug)]
pub struct Node {
    /// The name, as in the source model.
    pub name: String,
    /// The operator, an entry of the runtime's catalogue.
    pub op: &'static Entry,
    /// The operator's attribute words.
    pub attrs: Vec<u32>,
    /// The operands; `None` for an optional one that is not given.
    pub inputs: Vec<Option<ValueId>>,
    /// The results.
    pub outputs: Vec<ValueId>,
}

impl Node {
    /// Whether this is operator `O`.
    #[must_use]
    pub fn is<O: Op>(&self) -> bool {
        self.op.code == O::CODE
    }

    /// The attributes, if this is operator `O`.
    #[must_use]
    pub fn get<O: Op>(&self) -> Option<O::Attrs> {
        if self.is::<O>() { O::Attrs::read(&self.attrs).ok() } else { None }
    }

    /// Replaces the attributes.
    pub fn set<A: Attrs>(&mut self, attrs: &A) {
        self.attrs = words(attrs);
    }

    /// Operand `i`, if given.
    #[must_use]
    pub fn input(&self, i: usize) -> Option<ValueId> {
        self.inputs.get(i).copied().flatten()
    }
}

/// How real values map to a tensor's integers: `round_half_even(v / scale) + zero_point`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quant {
    /// The quantization step.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero_point: i32,
}

/// An input or output of the model.
#[derive(Clone, Debug)]
pub struct Port {
    /// The name that callers use.
    pub name: String,
    /// The value.
    pub value: ValueId,
    /// If given, callers exchange `f32` and the port converts.
    pub quant: Option<Quant>,
}

/// A value kept from one run to the next.
#[derive(Clone, Copy, Debug)]
pub struct State {
    /// The value read during a run; zeros at first.
    pub read: ValueId,
    /// What it becomes after the run.
    pub write: ValueId,
}

/// A model between import and artifact.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The model's name.
    pub name: String,
    /// What the caller gives.
    pub inputs: Vec<Port>,
    /// What the caller gets.
    pub outputs: Vec<Port>,
    /// What is kept between runs.
    pub states: Vec<State>,
    values: Vec<Value>,
    nodes: Vec<Node>,
}

/// The words of attributes.
fn words<A: Attrs>(attrs: &A) -> Vec<u32> {
    let mut words = Vec::with_capacity(A::VALID.len());
    attrs.write(&mut |w| words.push(w));
    words
}

/// The types of a node's operands, for its operator's rule.
pub(super) struct InputTypes<'g> {
    pub(super) graph: &'g Graph,
    pub(super) inputs: &'g [Option<ValueId>],
}

impl Operands for InputTypes<'_> {
    fn count(&self) -> usize {
        self.inputs.len()
    }

    fn ty(&self, i: usize) -> Option<TypeRef<'_>> {
        Some(self.graph.value(self.inputs.get(i).copied().flatten()?).ty.view())
    }
}

impl Graph {
    /// Adds an input.
    pub fn add_input(&mut self, name: &str, ty: Type) -> ValueId {
        let value = self.add_value(name, ty, Def::Input);
        self.inputs.push(Port { name: name.into(), value, quant: None });
        value
    }

    /// Adds an output.
    pub fn add_output(&mut self, name: &str, value: ValueId) {
        self.outputs.push(Port { name: name.into(), value, quant: None });
    }

    /// Adds a constant.
    pub fn add_const(&mut self, name: &str, tensor: Tensor) -> ValueId {
        let ty = tensor.ty();
        self.add_value(name, ty, Def::Const(Arc::new(tensor)))
    }

    /// Turns an input into a state that becomes `write` after each run.
    pub fn add_state(&mut self, read: ValueId, write: ValueId) {
        self.inputs.retain(|p| p.value != read);
        self.value_mut(read).def = Def::State;
        self.states.push(State { read, write });
    }

    fn add_value(&mut self, name: &str, ty: Type, def: Def) -> ValueId {
        let id = ValueId(self.values.len() as u32);
        self.values.push(Value { name: name.into(), ty, def });
        id
    }

    /// Adds a node of operator `O` and returns its outputs, typed by the operator's rule.
    ///
    /// # Errors
    /// [`IrError::Refused`] if the rule refuses the operands.
    pub fn add<O: Op>(
        &mut self,
        name: &str,
        attrs: &O::Attrs,
        inputs: &[Option<ValueId>],
    ) -> Result<Vec<ValueId>, IrError> {
        let entry = super::catalogue().get(O::CODE).ok_or_else(|| IrError::Definition(O::NAME.into()))?;
        self.add_entry(name, entry, words(attrs), inputs)
    }

    /// As [`Graph::add`] for an operator known only at run time.
    ///
    /// # Errors
    /// [`IrError::Refused`] if the rule refuses the operands.
    pub fn add_entry(
        &mut self,
        name: &str,
        op: &'static Entry,
        attrs: Vec<u32>,
        inputs: &[Option<ValueId>],
    ) -> Result<Vec<ValueId>, IrError> {
        let rule = self.infer(name, op, &attrs, inputs)?;
        let id = NodeId(self.nodes.len() as u32);
        let mut outputs = Vec::new();
        for (i, ty) in rule.types().enumerate() {
            let name = if i == 0 { name.to_string() } else { format!("{name}.{i}") };
            outputs.push(self.add_value(&name, ty, Def::Node(id, i)));
        }
        let node = Node { name: name.into(), op, attrs, inputs: inputs.to_vec(), outputs: outputs.clone() };
        self.nodes.push(node);
        Ok(outputs)
    }

    /// What an operator's rule says of these operands.
    ///
    /// # Errors
    /// [`IrError::Refused`] with the operands' types.
    pub fn infer(
        &self,
        name: &str,
        op: &'static Entry,
        attrs: &[u32],
        inputs: &[Option<ValueId>],
    ) -> Result<Outputs, IrError> {
        op.infer(attrs, &Sig(&InputTypes { graph: self, inputs })).map_err(|e| IrError::Refused {
            node: name.into(),
            op: op.name,
            reason: e.to_string(),
            inputs: self.type_list(inputs),
        })
    }

    /// Whether output 0 of `node` may take over operand `i`'s bytes.
    #[must_use]
    pub fn in_place(&self, node: &Node, i: usize) -> bool {
        node.op.in_place(&node.attrs, &Sig(&InputTypes { graph: self, inputs: &node.inputs }), i)
    }

    /// Multiply-accumulates of one node.
    #[must_use]
    pub fn macs(&self, node: &Node) -> u64 {
        node.op.macs(&node.attrs, &Sig(&InputTypes { graph: self, inputs: &node.inputs }))
    }

    fn type_list(&self, inputs: &[Option<ValueId>]) -> String {
        let types = inputs.iter().map(|i| i.map_or("none".into(), |v| self.ty(v).to_string()));
        types.collect::<Vec<_>>().join(", ")
    }

    /// A value.
    #[must_use]
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0 as usize]
    }

    /// A value, to be changed.
    pub fn value_mut(&mut self, id: ValueId) -> &mut Value {
        &mut self.values[id.0 as usize]
    }

    /// Every value, dead ones included.
    pub fn values(&self) -> impl Iterator<Item = (ValueId, &Value)> {
        self.values.iter().enumerate().map(|(i, v)| (ValueId(i as u32), v))
    }

    /// A node.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// A node, to be changed.
    pub fn node_mut(&mut self, id: NodeId) -> &mut Node {
        &mut self.nodes[id.0 as usize]
    }

    /// The type of a value.
    #[must_use]
    pub fn ty(&self, id: ValueId) -> Type {
        self.value(id).ty
    }

    /// The axes of a value.
    #[must_use]
    pub fn dims(&self, id: ValueId) -> &[u32] {
        self.value(id).ty.shape.dims()
    }

    /// The element type of a value.
    #[must_use]
    pub fn dtype(&self, id: ValueId) -> DType {
        self.value(id).ty.dtype
    }

    /// The constant behind a value, if it is one.
    #[must_use]
    pub fn constant(&self, id: ValueId) -> Option<&Arc<Tensor>> {
        if let Def::Const(tensor) = &self.value(id).def { Some(tensor) } else { None }
    }

    /// The node that computes a value, if one does.
    #[must_use]
    pub fn producer(&self, id: ValueId) -> Option<NodeId> {
        if let Def::Node(node, _) = self.value(id).def { Some(node) } else { None }
    }

    /// The node of operator `O` that computes a value which nothing else reads.
    #[must_use]
    pub fn sole_producer<O: Op>(&self, id: ValueId) -> Option<NodeId> {
        let node = self.producer(id).filter(|&n| self.node(n).is::<O>())?;
        (self.use_count(id) == 1).then_some(node)
    }

    /// How often live nodes, outputs and states read a value.
    #[must_use]
    pub fn use_count(&self, id: ValueId) -> usize {
        let by_nodes = self.order().iter().flat_map(|&n| &self.node(n).inputs).filter(|&&i| i == Some(id)).count();
        let by_ports = self.outputs.iter().filter(|p| p.value == id).count();
        by_nodes + by_ports + self.states.iter().filter(|s| s.write == id).count()
    }

    /// The live nodes that read a value, with the operand's index.
    #[must_use]
    pub fn users(&self, id: ValueId) -> Vec<(NodeId, usize)> {
        let mut users = Vec::new();
        for node in self.order() {
            for (i, &input) in self.node(node).inputs.iter().enumerate() {
                if input == Some(id) {
                    users.push((node, i));
                }
            }
        }
        users
    }

    /// Whether a value is an output or becomes a state.
    #[must_use]
    pub fn is_output(&self, id: ValueId) -> bool {
        self.outputs.iter().any(|p| p.value == id) || self.states.iter().any(|s| s.write == id)
    }

    /// Lets everything that reads `old` read `new`.
    pub fn replace(&mut self, old: ValueId, new: ValueId) {
        for node in &mut self.nodes {
            for input in &mut node.inputs {
                if *input == Some(old) {
                    *input = Some(new);
                }
            }
        }
        for port in &mut self.outputs {
            if port.value == old {
                port.value = new;
            }
        }
        for state in &mut self.states {
            if state.write == old {
                state.write = new;
            }
        }
    }

    /// The live nodes, each after those it reads, otherwise in the order in which outputs need them.
    /// Nodes of a cycle stand in it once; [`Graph::verify`] refuses them.
    #[must_use]
    pub fn order(&self) -> Vec<NodeId> {
        let mut order = Vec::new();
        let mut seen = HashSet::new();
        let roots = self.outputs.iter().map(|p| p.value).chain(self.states.iter().map(|s| s.write));
        // Depth first without recursion: a node is emitted on the second visit, after its operands.
        let mut stack: Vec<(NodeId, bool)> = roots.rev_producers(self);
        while let Some((id, ready)) = stack.pop() {
            if ready {
                order.push(id);
            } else if seen.insert(id) {
                stack.push((id, true));
                stack.extend(self.node(id).inputs.iter().copied().flatten().rev_producers(self));
            }
        }
        order
    }

    /// Every live node of operator `O`, in order.
    #[must_use]
    pub fn all<O: Op>(&self) -> Vec<NodeId> {
        self.order().into_iter().filter(|&n| self.node(n).is::<O>()).collect()
    }
}

/// The producers of values, last first, ready for a stack.
trait RevProducers {
    fn rev_producers(self, graph: &Graph) -> Vec<(NodeId, bool)>;
}

impl<I: Iterator<Item = ValueId>> RevProducers for I {
    fn rev_producers(self, graph: &Graph) -> Vec<(NodeId, bool)> {
        let mut list: Vec<_> = self.filter_map(|v| graph.producer(v)).map(|n| (n, false)).collect();
        list.reverse();
        list
    }
}

impl fmt::Display for ValueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}", self.0)
    }
}
