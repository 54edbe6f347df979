//! What a translator works with: one ONNX node, its operands as values of the IR, and ways to add nodes.

use super::ImportError;
use crate::ir::{Graph, IrError, Tensor, ValueId};
use crate::run::eval;
use core::cell::Cell;
use siskin::attrs::Attrs;
use siskin::op::DequantizeLinear;
use siskin::{DType, Op, Type};
use std::path::Path;
use tract_onnx::pb::{AttributeProto, NodeProto, attribute_proto::AttributeType};

/// One ONNX node under translation.
pub struct NodeContext<'a> {
    /// The graph under construction.
    pub graph: &'a mut Graph,
    pub(super) node: &'a NodeProto,
    pub(super) name: String,
    pub(super) opset: i64,
    pub(super) inputs: Vec<Option<ValueId>>,
    /// The operands that the translator has asked for, a bit each.
    pub(super) asked: Cell<u64>,
    pub(super) path: &'a Path,
}

impl NodeContext<'_> {
    /// The node's name, or its first output's where it has none.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// ONNX's name of the operator.
    #[must_use]
    pub fn op_type(&self) -> &str {
        &self.node.op_type
    }

    /// The version of the operator's domain.
    #[must_use]
    pub fn opset(&self) -> i64 {
        self.opset
    }

    /// An error of this node.
    pub fn fail<T>(&self, reason: impl Into<String>) -> Result<T, ImportError> {
        Err(self.error(reason))
    }

    /// An error of this node.
    #[must_use]
    pub fn error(&self, reason: impl Into<String>) -> ImportError {
        ImportError::Node {
            file: self.path.display().to_string(),
            node: self.name.clone(),
            op: self.node.op_type.clone(),
            opset: self.opset,
            reason: reason.into(),
        }
    }

    /// The number of operands, absent ones included.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inputs.len()
    }

    /// The first operand that is given and that nobody asked for: the operator has no such operand.
    #[must_use]
    pub(super) fn unasked(&self) -> Option<usize> {
        let given = self.inputs.iter().enumerate().take(64).filter(|(_, v)| v.is_some());
        given.map(|(i, _)| i).find(|i| self.asked.get() >> i & 1 == 0)
    }

    /// The number of outputs that the node names; trailing unnamed ones do not count.
    #[must_use]
    pub fn output_count(&self) -> usize {
        self.node.output.len()
    }

    /// Whether output `i` is named, thus wanted.
    #[must_use]
    pub fn wants(&self, i: usize) -> bool {
        self.node.output.get(i).is_some_and(|n| !n.is_empty())
    }

    /// Operand `i`, which must be given.
    pub fn input(&self, i: usize) -> Result<ValueId, ImportError> {
        self.opt(i).ok_or_else(|| self.error(format!("input {i} is missing")))
    }

    /// Operand `i`, if given.
    #[must_use]
    pub fn opt(&self, i: usize) -> Option<ValueId> {
        self.asked.set(self.asked.get() | 1u64.checked_shl(i as u32).unwrap_or(0));
        self.inputs.get(i).copied().flatten()
    }

    /// Every operand, all of which must be given.
    pub fn all_inputs(&self) -> Result<Vec<ValueId>, ImportError> {
        (0..self.count()).map(|i| self.input(i)).collect()
    }

    /// The axes of a value.
    #[must_use]
    pub fn dims(&self, v: ValueId) -> Vec<u32> {
        self.graph.dims(v).to_vec()
    }

    /// The number of axes of a value.
    #[must_use]
    pub fn rank(&self, v: ValueId) -> usize {
        self.graph.dims(v).len()
    }

    /// The element type of a value.
    #[must_use]
    pub fn dtype(&self, v: ValueId) -> DType {
        self.graph.dtype(v)
    }

    /// The constant behind a value, if it is one. A dequantized constant counts.
    #[must_use]
    pub fn constant(&self, v: ValueId) -> Option<Tensor> {
        if let Some(tensor) = self.graph.constant(v) {
            return Some((**tensor).clone());
        }
        let node = self.graph.node(self.graph.producer(v)?).clone();
        let inputs: Option<Vec<_>> = node.inputs.iter().map(|i| Some(self.graph.constant((*i)?)?.clone())).collect();
        let inputs = inputs?;
        let refs: Vec<_> = inputs.iter().map(|t| Some(&**t)).collect();
        eval(node.op, &node.attrs, &refs).ok()?.into_iter().next()
    }

    /// The integers of operand `i`, which decides a shape and so must be a constant; `None` if it is not given.
    pub fn ints(&self, i: usize) -> Result<Option<Vec<i64>>, ImportError> {
        let Some(v) = self.opt(i) else { return Ok(None) };
        let name = self.node.input.get(i).map_or("", String::as_str);
        let tensor = self.constant(v).ok_or_else(|| {
            self.error(format!(
                "'{name}' decides a shape and is computed at run time: give its value with --bake {name}=FILE.npy"
            ))
        })?;
        tensor.to_i64().map(Some).ok_or_else(|| self.error(format!("'{name}' must hold integers")))
    }

    /// The integers of operand `i`, which must be given.
    pub fn need_ints(&self, i: usize) -> Result<Vec<i64>, ImportError> {
        self.ints(i)?.ok_or_else(|| self.error(format!("input {i} is missing")))
    }

    /// The floats of operand `i`, which must be a constant; `None` if it is not given.
    pub fn floats(&self, i: usize) -> Result<Option<Vec<f32>>, ImportError> {
        let Some(v) = self.opt(i) else { return Ok(None) };
        let name = self.node.input.get(i).map_or("", String::as_str);
        self.constant(v).map(|t| Some(t.to_f32())).ok_or_else(|| {
            self.error(format!("'{name}' must be a constant: give its value with --bake {name}=FILE.npy"))
        })
    }

    fn attr(&self, name: &str, kind: AttributeType) -> Result<Option<&AttributeProto>, ImportError> {
        let Some(attr) = self.node.attribute.iter().find(|a| a.name == name) else { return Ok(None) };
        // Old exporters leave the type out.
        if attr.r#type == kind as i32 || attr.r#type == 0 {
            Ok(Some(attr))
        } else {
            self.fail(format!("attribute '{name}' is of the wrong type"))
        }
    }

    /// Whether the attribute is given.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.node.attribute.iter().any(|a| a.name == name)
    }

    /// An integer attribute.
    pub fn int(&self, name: &str) -> Result<Option<i64>, ImportError> {
        Ok(self.attr(name, AttributeType::Int)?.map(|a| a.i))
    }

    /// An integer attribute with its default.
    pub fn int_or(&self, name: &str, default: i64) -> Result<i64, ImportError> {
        Ok(self.int(name)?.unwrap_or(default))
    }

    /// A float attribute with its default.
    pub fn float_or(&self, name: &str, default: f32) -> Result<f32, ImportError> {
        Ok(self.attr(name, AttributeType::Float)?.map_or(default, |a| a.f))
    }

    /// A list of integers.
    pub fn int_list(&self, name: &str) -> Result<Option<Vec<i64>>, ImportError> {
        Ok(self.attr(name, AttributeType::Ints)?.map(|a| a.ints.clone()))
    }

    /// A list of floats.
    pub fn float_list(&self, name: &str) -> Result<Option<Vec<f32>>, ImportError> {
        Ok(self.attr(name, AttributeType::Floats)?.map(|a| a.floats.clone()))
    }

    /// A string attribute with its default.
    pub fn text_or(&self, name: &str, default: &str) -> Result<String, ImportError> {
        let attr = self.attr(name, AttributeType::String)?;
        Ok(attr.map_or_else(|| default.into(), |a| String::from_utf8_lossy(&a.s).into_owned()))
    }

    /// A list of strings.
    pub fn text_list(&self, name: &str) -> Result<Option<Vec<String>>, ImportError> {
        let attr = self.attr(name, AttributeType::Strings)?;
        Ok(attr.map(|a| a.strings.iter().map(|s| String::from_utf8_lossy(s).into_owned()).collect()))
    }

    /// A tensor attribute.
    pub fn tensor(&self, name: &str) -> Result<Option<Tensor>, ImportError> {
        let attr = self.attr(name, AttributeType::Tensor)?.and_then(|a| a.t.as_ref());
        attr.map(|t| super::proto::tensor(t, self.path)).transpose()
    }

    /// An ONNX element type code (as in `Cast.to`) as ours.
    pub fn dtype_of(&self, code: i64) -> Result<DType, ImportError> {
        let code = i32::try_from(code).unwrap_or(0);
        super::proto::dtype(code)
            .ok_or_else(|| self.error(format!("elements of {} are not supported", super::proto::dtype_name(code))))
    }

    /// An axis, counted from the end if negative, checked against `rank`.
    pub fn axis(&self, axis: i64, rank: usize) -> Result<usize, ImportError> {
        let rank_i = rank as i64;
        let at = if axis < 0 { axis + rank_i } else { axis };
        if (0..rank_i).contains(&at) {
            Ok(at as usize)
        } else {
            self.fail(format!("axis {axis} lies outside {rank} axes"))
        }
    }

    /// Adds a constant.
    pub fn add_const(&mut self, tensor: Tensor) -> ValueId {
        let name = format!("{}.const", self.name);
        self.graph.add_const(&name, tensor)
    }

    /// Adds a node; folded at once if every operand is constant. Returns all outputs.
    pub fn add_all<O: Op>(
        &mut self,
        attrs: &O::Attrs,
        inputs: &[Option<ValueId>],
    ) -> Result<Vec<ValueId>, ImportError> {
        let name = self.name.clone();
        if let Some(folded) = self.fold::<O>(attrs, inputs) {
            return Ok(folded.into_iter().map(|t| self.graph.add_const(&name, t)).collect());
        }
        self.graph.add::<O>(&name, attrs, inputs).map_err(|e| match e {
            IrError::Refused { reason, inputs, .. } => self.error(format!("{reason}; inputs: {inputs}")),
            // Every other error names the node already.
            e => ImportError::ir(&self.path.display().to_string(), &e),
        })
    }

    /// Adds a node with one output; folded at once if every operand is constant.
    pub fn add<O: Op>(&mut self, attrs: &O::Attrs, inputs: &[Option<ValueId>]) -> Result<ValueId, ImportError> {
        let outputs = self.add_all::<O>(attrs, inputs)?;
        outputs.first().copied().ok_or_else(|| self.error("the operator has no output"))
    }

    /// As [`NodeContext::add`] for operands that are all given.
    pub fn op<O: Op>(&mut self, attrs: &O::Attrs, inputs: &[ValueId]) -> Result<ValueId, ImportError> {
        let inputs: Vec<_> = inputs.iter().copied().map(Some).collect();
        self.add::<O>(attrs, &inputs)
    }

    fn fold<O: Op>(&self, attrs: &O::Attrs, inputs: &[Option<ValueId>]) -> Option<Vec<Tensor>> {
        // The integers behind a DequantizeLinear are the weights: they must stay to be seen.
        if O::CODE == DequantizeLinear::CODE {
            return None;
        }
        let tensors: Option<Vec<_>> =
            inputs.iter().map(|i| i.map_or(Some(None), |v| Some(Some(self.graph.constant(v)?)))).collect();
        let tensors = tensors?;
        let refs: Vec<_> = tensors.iter().map(|t| t.map(|t| &**t)).collect();
        let mut words = Vec::new();
        attrs.write(&mut |w| words.push(w));
        eval(crate::ir::catalogue().get(O::CODE)?, &words, &refs).ok()
    }

    /// The type of a value.
    #[must_use]
    pub fn ty(&self, v: ValueId) -> Type {
        self.graph.ty(v)
    }
}
