//! A whole model: inputs, initializers, nodes in dependency order, outputs.

use super::context::NodeContext;
use super::{ImportError, proto, translator};
use crate::ir::{Graph, Tensor, ValueId};
use core::cell::Cell;
use siskin::{DType, Shape, Type};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, ValueInfoProto, tensor_shape_proto, type_proto};

/// What a user can fix while importing.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lengths of symbolic dimensions, by the symbol or by the input's name and axis (`x.1`).
    pub shapes: BTreeMap<String, u32>,
    /// Values of inputs that become constants, by name: for inputs that decide a shape.
    pub bake: BTreeMap<String, Tensor>,
    /// Values to give as outputs instead of the file's own, by name; empty for the file's own.
    pub outputs: Vec<String>,
    /// Whether inputs and activations may have an axis of length 0; a model of which nothing can be computed is else refused.
    pub allow_empty: bool,
}

/// Imports an ONNX file.
///
/// # Errors
/// If the file is no whole ONNX model, or holds what siskin does not support; see [`ImportError`].
pub fn import(path: &Path, options: &Options) -> Result<Graph, ImportError> {
    let model = proto::read_model(path)?;
    let Some(graph) = &model.graph else { return Err(ImportError::graph(&file(path), "it holds no graph")) };
    if !model.functions.is_empty() {
        let names: Vec<_> = model.functions.iter().map(|f| f.name.as_deref().unwrap_or_default()).collect();
        let reason = format!("local functions ({}) are not supported: inline them when exporting", names.join(", "));
        return Err(ImportError::graph(&file(path), reason));
    }
    let mut importer = Importer { graph: Graph::default(), values: HashMap::new(), model: &model, path, options };
    importer.graph.name = if graph.name.is_empty() { stem(path) } else { graph.name.clone() };
    importer.initializers(graph)?;
    importer.inputs(graph)?;
    importer.nodes(graph)?;
    importer.outputs(graph)?;
    importer.names_exist(graph)?;
    importer.graph.verify().map_err(|e| ImportError::ir(&file(path), &e))?;
    Ok(importer.graph)
}

/// What an ONNX file says of itself, before translation.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The names of the inputs that the caller gives, initializers excluded.
    pub inputs: Vec<String>,
    /// The nodes, in the file's order.
    pub nodes: Vec<NodeSummary>,
}

/// What an ONNX file says of a node.
#[derive(Clone, Debug)]
pub struct NodeSummary {
    /// The operator.
    pub op: String,
    /// The names of its operands, empty for one not given.
    pub inputs: Vec<String>,
    /// The names of its results.
    pub outputs: Vec<String>,
}

/// Reads what an ONNX file says of itself.
///
/// # Errors
/// If the file is no whole ONNX model.
pub fn summarize(path: &Path) -> Result<Summary, ImportError> {
    let graph = proto::read_model(path)?.graph.unwrap_or_default();
    let given = |name: &String| !graph.initializer.iter().any(|t| t.name == *name);
    Ok(Summary {
        inputs: graph.input.iter().map(|i| i.name.clone()).filter(given).collect(),
        nodes: graph
            .node
            .iter()
            .map(|n| NodeSummary { op: n.op_type.clone(), inputs: n.input.clone(), outputs: n.output.clone() })
            .collect(),
    })
}

/// The newest version of ONNX's own operators whose changes are accounted for.
const NEWEST_OPSET: i64 = 25;

struct Importer<'a> {
    graph: Graph,
    values: HashMap<String, ValueId>,
    model: &'a ModelProto,
    path: &'a Path,
    options: &'a Options,
}

fn file(path: &Path) -> String {
    path.display().to_string()
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(|| "model".into(), |s| s.to_string_lossy().into_owned())
}

impl Importer<'_> {
    fn initializers(&mut self, graph: &GraphProto) -> Result<(), ImportError> {
        if let Some(sparse) = graph.sparse_initializer.first() {
            let name = sparse.values.as_ref().map_or("", |v| v.name.as_str());
            let reason = format!("sparse initializer '{name}' is not supported: export dense weights");
            return Err(ImportError::graph(&file(self.path), reason));
        }
        for proto in &graph.initializer {
            let tensor = proto::tensor(proto, self.path)?;
            let id = self.graph.add_const(&proto.name, tensor);
            self.values.insert(proto.name.clone(), id);
        }
        Ok(())
    }

    fn inputs(&mut self, graph: &GraphProto) -> Result<(), ImportError> {
        for input in &graph.input {
            // Before IR version 4 initializers stand among the inputs.
            if self.values.contains_key(&input.name) {
                continue;
            }
            let id = if let Some(value) = self.options.bake.get(&input.name) {
                self.graph.add_const(&input.name, value.clone())
            } else {
                let ty = self.input_type(input)?;
                self.graph.add_input(&input.name, ty)
            };
            self.values.insert(input.name.clone(), id);
        }
        Ok(())
    }

    /// Every name that the user gave must mean something.
    fn names_exist(&self, graph: &GraphProto) -> Result<(), ImportError> {
        let input = |name: &str| graph.input.iter().any(|i| i.name == name);
        if let Some(name) = self.options.bake.keys().find(|n| !input(n)) {
            return Err(ImportError::graph(&file(self.path), format!("--bake {name}: there is no input of that name")));
        }
        let symbol = |name: &str| graph.input.iter().flat_map(symbols).any(|s| s == name);
        let axis = |name: &str| name.rsplit_once('.').is_some_and(|(i, _)| input(i));
        match self.options.shapes.keys().find(|n| !symbol(n) && !axis(n)) {
            Some(name) => {
                let reason = format!("--shape {name}: there is no dimension of that name, and no input '{name}'");
                Err(ImportError::graph(&file(self.path), reason))
            }
            None => Ok(()),
        }
    }

    fn input_type(&self, input: &ValueInfoProto) -> Result<Type, ImportError> {
        let fail = |reason: String| ImportError::Input { file: file(self.path), input: input.name.clone(), reason };
        let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
            return Err(fail("only dense tensors are supported".into()));
        };
        let dtype = proto::dtype(tensor.elem_type)
            .ok_or_else(|| fail(format!("elements of {} are not supported", proto::dtype_name(tensor.elem_type))))?;
        let shape = tensor.shape.as_ref().ok_or_else(|| fail("it has no shape: export it with one".into()))?;
        let mut dims = Vec::new();
        for (axis, dim) in shape.dim.iter().enumerate() {
            dims.push(self.dimension(&input.name, axis, dim.value.as_ref()).map_err(fail)?);
        }
        let shape = Shape::new(&dims).ok_or_else(|| fail(format!("more than {} axes", siskin::MAX_RANK)))?;
        let ty = Type::new(dtype, shape);
        ty.checked_bytes().ok_or_else(|| fail(format!("{ty} exceeds 4 GiB")))?;
        Ok(ty)
    }

    /// The length of one axis: fixed, given by the user, or 1 for a symbolic batch.
    fn dimension(
        &self,
        input: &str,
        axis: usize,
        value: Option<&tensor_shape_proto::dimension::Value>,
    ) -> Result<u32, String> {
        use tensor_shape_proto::dimension::Value::{DimParam, DimValue};
        let by_axis = format!("{input}.{axis}");
        if let Some(&n) = self.options.shapes.get(&by_axis) {
            return Ok(n);
        }
        let symbol = match value {
            Some(DimValue(0)) if self.options.allow_empty => return Ok(0),
            Some(DimValue(0)) => return Err(format!("axis {axis} has length 0: nothing can be computed")),
            Some(&DimValue(n)) if n > 0 => {
                return u32::try_from(n).map_err(|_| format!("axis {axis} has length {n}, which exceeds 2^32"));
            }
            Some(DimParam(symbol)) => symbol.as_str(),
            _ => "",
        };
        match self.options.shapes.get(symbol) {
            Some(&n) => Ok(n),
            None if axis == 0 => Ok(1),
            None => {
                let name = if symbol.is_empty() { by_axis } else { symbol.into() };
                Err(format!("axis {axis} has no fixed length: give it with --shape {name}=LENGTH"))
            }
        }
    }

    /// Translates the nodes in dependency order, whatever order they are written in.
    fn nodes(&mut self, graph: &GraphProto) -> Result<(), ImportError> {
        let mut waiting: Vec<&NodeProto> = graph.node.iter().collect();
        while !waiting.is_empty() {
            let mut later = Vec::new();
            let before = waiting.len();
            for node in waiting {
                if node.input.iter().all(|i| i.is_empty() || self.values.contains_key(i)) {
                    self.node(node)?;
                } else {
                    later.push(node);
                }
            }
            if later.len() == before {
                return Err(self.stuck(graph, &later));
            }
            waiting = later;
        }
        Ok(())
    }

    /// Why no remaining node can be translated: an operand that nothing makes, or a cycle.
    fn stuck(&self, graph: &GraphProto, later: &[&NodeProto]) -> ImportError {
        let made = |name: &String| graph.node.iter().any(|n| n.output.contains(name));
        for node in later {
            if let Some(input) = node.input.iter().find(|i| !i.is_empty() && !self.values.contains_key(*i) && !made(i))
            {
                let reason = format!("node '{}' ({}) reads '{input}', which nothing makes", name(node), node.op_type);
                return ImportError::graph(&file(self.path), reason);
            }
        }
        let names: Vec<_> = later.iter().take(5).map(|n| format!("'{}'", name(n))).collect();
        ImportError::graph(&file(self.path), format!("nodes {} depend on each other in a cycle", names.join(", ")))
    }

    fn node(&mut self, node: &NodeProto) -> Result<(), ImportError> {
        self.finite_weights(node)?;
        let opset = self.opset(node)?;
        let translate = self.translator(node, opset)?;
        let inputs = node.input.iter().map(|i| self.values.get(i).copied()).collect();
        let asked = Cell::default();
        let mut cx =
            NodeContext { graph: &mut self.graph, node, name: name(node), opset, inputs, asked, path: self.path };
        let outputs = translate(&mut cx)?;
        if let Some(i) = cx.unasked() {
            let operand = node.input.get(i).map_or("", String::as_str);
            return cx.fail(format!("input {i} ('{operand}') is one that the operator does not have: leave it out"));
        }
        for (i, output) in node.output.iter().enumerate().filter(|(_, o)| !o.is_empty()) {
            let Some(value) = outputs.get(i).copied().flatten() else {
                let reason = format!("output {i} ('{output}') is not supported");
                let (file, op) = (file(self.path), node.op_type.clone());
                return Err(ImportError::Node { file, node: name(node), op, opset, reason });
            };
            if self.is_void(value) {
                let reason = format!("output {i} ('{output}') is {}: nothing can be computed", self.graph.ty(value));
                let (file, op) = (file(self.path), node.op_type.clone());
                return Err(ImportError::Node { file, node: name(node), op, opset, reason });
            }
            if self.values.insert(output.clone(), value).is_some() {
                let reason =
                    format!("node '{}' ({}) makes '{output}', which is made already", name(node), node.op_type);
                return Err(ImportError::graph(&file(self.path), reason));
            }
        }
        Ok(())
    }

    /// Whether a value holds no activations. Integers may: an empty list of axes is a shape.
    fn is_void(&self, value: ValueId) -> bool {
        let ty = self.graph.ty(value);
        let real = matches!(ty.dtype, DType::F32 | DType::F16 | DType::F64);
        real && ty.shape.elements() == 0 && self.graph.constant(value).is_none() && !self.options.allow_empty
    }

    /// Constants of a file may hold what no weight should: better said here, by name, than found in an activation.
    fn finite_weights(&self, node: &NodeProto) -> Result<(), ImportError> {
        for name in &node.input {
            let Some(tensor) = self.values.get(name).and_then(|&v| self.graph.constant(v)) else { continue };
            if let Some((at, value)) = super::finite::misfit(&node.op_type, tensor) {
                let node = format!("node '{}' ({})", self::name(node), node.op_type);
                let reason =
                    format!("element {at} is {value}, which {node} reads: export the model again from finite weights");
                return Err(ImportError::Tensor { file: file(self.path), tensor: name.clone(), reason });
            }
        }
        Ok(())
    }

    fn translator(&self, node: &NodeProto, opset: i64) -> Result<super::Translate, ImportError> {
        let known_domain = matches!(node.domain.as_str(), "" | "ai.onnx" | "com.microsoft");
        translator(&node.op_type).filter(|_| known_domain).ok_or_else(|| ImportError::Unsupported {
            file: file(self.path),
            node: name(node),
            op: node.op_type.clone(),
            domain: node.domain.clone(),
            opset,
            way_out: "replace it when exporting by operators that `siskin operators` lists, or cut the model before it"
                .into(),
        })
    }

    /// The version of the operators that a node means.
    fn opset(&self, node: &NodeProto) -> Result<i64, ImportError> {
        let domain = node.domain.as_str();
        let own = |d: &str| matches!(d, "" | "ai.onnx");
        let same = |d: &str| d == domain || own(d) && own(domain);
        let given = self.model.opset_import.iter().find(|o| same(&o.domain)).map(|o| o.version);
        let fail = |reason: String| Err(ImportError::graph(&file(self.path), reason));
        match given {
            Some(version) if own(domain) && !(1..=NEWEST_OPSET).contains(&version) => fail(format!(
                "it is written in opset {version}, and siskin knows 1 to {NEWEST_OPSET}: export it with one of those"
            )),
            Some(version) => Ok(version),
            None if own(domain) => fail(
                "it does not say which opset its operators are of: export it again, or check it with onnx.checker"
                    .into(),
            ),
            None => Ok(1),
        }
    }

    fn outputs(&mut self, graph: &GraphProto) -> Result<(), ImportError> {
        if graph.output.is_empty() {
            return Err(ImportError::graph(&file(self.path), "it has no outputs"));
        }
        let own = graph.output.iter().map(|o| &o.name);
        let names: Vec<&String> =
            if self.options.outputs.is_empty() { own.collect() } else { self.options.outputs.iter().collect() };
        for name in names {
            let Some(&value) = self.values.get(name) else {
                return Err(ImportError::graph(&file(self.path), format!("output '{name}' is made by no node")));
            };
            self.graph.add_output(name, value);
        }
        Ok(())
    }
}

/// The symbolic dimensions of an input.
fn symbols(input: &ValueInfoProto) -> Vec<String> {
    use tensor_shape_proto::dimension::Value::DimParam;
    let Some(type_proto::Value::TensorType(t)) = input.r#type.as_ref().and_then(|t| t.value.as_ref()) else {
        return vec![];
    };
    let dims = t.shape.iter().flat_map(|s| &s.dim);
    dims.filter_map(|d| if let Some(DimParam(s)) = &d.value { Some(s.clone()) } else { None }).collect()
}

/// A node's name, or its first output's.
fn name(node: &NodeProto) -> String {
    let output = || node.output.iter().find(|o| !o.is_empty()).cloned().unwrap_or_default();
    if node.name.is_empty() { output() } else { node.name.clone() }
}
