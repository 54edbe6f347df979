//! `Constant` and `Identity`: values that pass unchanged.

use super::{ImportError, NodeContext, Translate};
use crate::ir::{Tensor, ValueId};

pub(super) const OPERATORS: &[(&str, Translate)] = &[("Constant", constant), ("Identity", identity)];

fn constant(cx: &mut NodeContext<'_>) -> Result<Vec<Option<ValueId>>, ImportError> {
    let tensor = if let Some(t) = cx.tensor("value")? {
        t
    } else if let Some(v) = cx.int("value_int")? {
        Tensor::scalar(v)
    } else if let Some(v) = cx.int_list("value_ints")? {
        Tensor::vector(&v)
    } else if let Some(v) = cx.float_list("value_floats")? {
        Tensor::vector(&v)
    } else if cx.has("value_float") {
        Tensor::scalar(cx.float_or("value_float", 0.0)?)
    } else {
        return cx.fail("a constant of strings or of a sparse tensor is not supported: export it as a dense tensor");
    };
    Ok(vec![Some(cx.add_const(tensor))])
}

fn identity(cx: &mut NodeContext<'_>) -> Result<Vec<Option<ValueId>>, ImportError> {
    Ok(vec![Some(cx.input(0)?)])
}
