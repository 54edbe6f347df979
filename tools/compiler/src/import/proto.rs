//! Protobuf pieces to ours: files, tensors, types.

use super::ImportError;
use crate::ir::Tensor;
use siskin::{DType, Shape, Type};
use std::path::Path;
use tract_onnx::pb::tensor_proto::{DataLocation, DataType};
use tract_onnx::pb::{ModelProto, TensorProto};
use tract_onnx::prelude::Framework;
use tract_onnx::tract_hir::internal::{DatumType, Tensor as TractTensor};

/// ONNX's element types and ours.
const ELEMENTS: [(DataType, DType); 12] = [
    (DataType::Float, DType::F32),
    (DataType::Float16, DType::F16),
    (DataType::Double, DType::F64),
    (DataType::Int8, DType::I8),
    (DataType::Uint8, DType::U8),
    (DataType::Int16, DType::I16),
    (DataType::Uint16, DType::U16),
    (DataType::Int32, DType::I32),
    (DataType::Uint32, DType::U32),
    (DataType::Int64, DType::I64),
    (DataType::Uint64, DType::U64),
    (DataType::Bool, DType::Bool),
];

/// The element type that ONNX calls `code`.
pub(super) fn dtype(code: i32) -> Option<DType> {
    let known = DataType::try_from(code).ok()?;
    ELEMENTS.iter().find(|(theirs, _)| *theirs == known).map(|&(_, ours)| ours)
}

/// What ONNX calls this element type.
pub(crate) fn element_code(dtype: DType) -> i32 {
    ELEMENTS.iter().find(|(_, ours)| *ours == dtype).map_or(DataType::Undefined as i32, |&(theirs, _)| theirs as i32)
}

/// ONNX's name of the element type `code`, for messages.
pub(super) fn dtype_name(code: i32) -> String {
    DataType::try_from(code).map_or_else(|_| format!("type {code}"), |d| d.as_str_name().to_lowercase())
}

/// Decodes a model file.
pub(super) fn read_model(path: &Path) -> Result<ModelProto, ImportError> {
    let file = path.display().to_string();
    let reader =
        std::fs::File::open(path).map_err(|e| ImportError::Read { file: file.clone(), reason: e.to_string() })?;
    let proto = tract_onnx::onnx()
        .proto_model_for_read(&mut std::io::BufReader::new(reader))
        .map_err(|e| ImportError::Decode { file: file.clone(), reason: e.root_cause().to_string() })?;
    if proto.graph.is_none() {
        return Err(ImportError::Decode { file, reason: "it holds no graph".into() });
    }
    Ok(proto)
}

/// Reads one tensor from a file that holds a single ONNX `TensorProto`.
///
/// # Errors
/// If the file cannot be read or is no tensor of a supported element type.
pub fn read_tensor(path: &Path) -> Result<Tensor, ImportError> {
    let file = path.display().to_string();
    let reader =
        std::fs::File::open(path).map_err(|e| ImportError::Read { file: file.clone(), reason: e.to_string() })?;
    let proto = tract_onnx::tensor::proto_from_reader(std::io::BufReader::new(reader))
        .map_err(|e| ImportError::Decode { file: file.clone(), reason: e.root_cause().to_string() })?;
    tensor(&proto, path)
}

/// Converts a tensor; `path` is the model's file, beside which external data lies.
pub(super) fn tensor(proto: &TensorProto, path: &Path) -> Result<Tensor, ImportError> {
    let fail =
        |reason: String| ImportError::Tensor { file: path.display().to_string(), tensor: proto.name.clone(), reason };
    let dtype = dtype(proto.data_type)
        .ok_or_else(|| fail(format!("elements of {} are not supported", dtype_name(proto.data_type))))?;
    let dims: Option<Vec<u32>> = proto.dims.iter().map(|&d| u32::try_from(d).ok()).collect();
    let shape = dims.as_deref().and_then(Shape::new).ok_or_else(|| {
        let limit = siskin::MAX_RANK;
        fail(format!("shape {:?}: axes are at most {limit}, each from 0 to 2^32 - 1: the file is damaged", proto.dims))
    })?;
    let ty = Type::new(dtype, shape);
    ty.checked_bytes().ok_or_else(|| fail("larger than 4 GiB".into()))?;
    let folder = path.parent().map_or(String::new(), |p| p.display().to_string());
    external(proto, path).map_err(fail)?;
    let resolver = tract_onnx::data_resolver::default();
    let loaded = tract_onnx::tensor::load_tensor(&*resolver, proto, Some(&folder))
        .map_err(|e| fail(format!("its data do not make up {ty}: the file is damaged ({})", e.root_cause())))?;
    Tensor::from_bytes(ty, bytes(&loaded))
        .ok_or_else(|| fail(format!("{} bytes do not fill {ty}: the file is damaged", bytes(&loaded).len())))
}

/// Data that lie in another file need that file.
fn external(proto: &TensorProto, path: &Path) -> Result<(), String> {
    if proto.data_location != Some(DataLocation::External as i32) {
        return Ok(());
    }
    let location = proto.external_data.iter().find(|e| e.key == "location").map_or("", |e| e.value.as_str());
    let file = path.with_file_name(location);
    match std::fs::metadata(&file) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(format!("its data should lie in {}, which is no file", file.display())),
        Err(e) => Err(format!("its data should lie in {}: {e}: put it beside the model", file.display())),
    }
}

fn bytes(tensor: &TractTensor) -> &[u8] {
    if tensor.datum_type() == DatumType::String { &[] } else { tensor.as_bytes() }
}
