//! `GRU`, `LSTM`, `RNN`: recurrent layers, operand by operand as ONNX has them.
//!
//! What a constant says anyway is left out: initial states of zeros, lengths of all steps, and outputs that nothing
//! names.

use super::{ImportError, NodeContext, Translate};
use crate::ir::ValueId;
use siskin::op::gru::GruAttrs;
use siskin::op::lstm::LstmAttrs;
use siskin::op::recurrent::{BIDIRECTIONAL, FORWARD, REVERSE, Y, Y_H};
use siskin::op::rnn::RnnAttrs;
use siskin::op::{Gru, Lstm, Rnn};
use siskin::{Activation, Function, Op};

pub(super) const OPERATORS: &[(&str, Translate)] = &[("GRU", gru), ("LSTM", lstm), ("RNN", rnn)];

type Outputs = Result<Vec<Option<ValueId>>, ImportError>;

fn gru(cx: &mut NodeContext<'_>) -> Outputs {
    let layer = Layer::read(cx)?;
    let attrs = GruAttrs {
        direction: layer.direction,
        batch_first: layer.batch_first,
        outputs: layer.outputs,
        clip: layer.clip,
        activations: activations(cx, &layer, [Function::Sigmoid, Function::Tanh])?,
        linear_before_reset: cx.int_or("linear_before_reset", 0)? != 0,
    };
    layer.add::<Gru>(cx, &attrs)
}

fn lstm(cx: &mut NodeContext<'_>) -> Outputs {
    let layer = Layer::read(cx)?;
    let attrs = LstmAttrs {
        direction: layer.direction,
        batch_first: layer.batch_first,
        outputs: layer.outputs,
        clip: layer.clip,
        activations: activations(cx, &layer, [Function::Sigmoid, Function::Tanh, Function::Tanh])?,
        input_forget: cx.int_or("input_forget", 0)? != 0,
    };
    layer.add::<Lstm>(cx, &attrs)
}

fn rnn(cx: &mut NodeContext<'_>) -> Outputs {
    let layer = Layer::read(cx)?;
    let attrs = RnnAttrs {
        direction: layer.direction,
        batch_first: layer.batch_first,
        outputs: layer.outputs,
        clip: layer.clip,
        activations: activations(cx, &layer, [Function::Tanh])?,
    };
    layer.add::<Rnn>(cx, &attrs)
}

/// What every recurrent layer has.
struct Layer {
    direction: u32,
    batch_first: bool,
    outputs: u32,
    clip: f32,
    inputs: Vec<Option<ValueId>>,
}

impl Layer {
    fn read(cx: &NodeContext<'_>) -> Result<Layer, ImportError> {
        let direction = match cx.text_or("direction", "forward")?.to_lowercase().as_str() {
            "forward" => FORWARD,
            "reverse" => REVERSE,
            "bidirectional" => BIDIRECTIONAL,
            other => return cx.fail(format!("direction '{other}' is none of forward, reverse and bidirectional")),
        };
        let wanted = (0..3).filter(|&i| cx.wants(i)).fold(0, |bits, i| bits | 1 << i);
        let batch_first = cx.int_or("layout", 0)? != 0;
        let mut layer = Layer {
            direction,
            batch_first,
            outputs: if wanted == 0 { Y_H } else { wanted },
            clip: if cx.has("clip") { cx.float_or("clip", 0.0)? } else { f32::INFINITY },
            inputs: (0..cx.count()).map(|i| cx.opt(i)).collect(),
        };
        layer.check_hidden_size(cx)?;
        layer.drop_idle_inputs(cx);
        Ok(layer)
    }

    fn check_hidden_size(&self, cx: &NodeContext<'_>) -> Result<(), ImportError> {
        let dims = cx.dims(cx.input(2)?);
        match (cx.int("hidden_size")?, dims.last()) {
            (Some(said), Some(&found)) if said != i64::from(found) => {
                cx.fail(format!("hidden_size is {said}, but the recurrent weights are for {found}"))
            }
            _ => Ok(()),
        }
    }

    /// Leaves out operands that say what holds without them.
    fn drop_idle_inputs(&mut self, cx: &NodeContext<'_>) {
        let time = usize::from(self.batch_first);
        let steps = self.inputs.first().copied().flatten().and_then(|x| cx.dims(x).get(time).copied());
        for (i, input) in self.inputs.iter_mut().enumerate() {
            let Some(tensor) = input.and_then(|v| cx.graph.constant(v)) else { continue };
            let idle = match i {
                4 => tensor.to_i64().is_some_and(|n| n.iter().all(|&n| Some(n) == steps.map(i64::from))),
                3 | 5 | 6 | 7 => tensor.to_f32().iter().all(|&v| v == 0.0),
                _ => false,
            };
            if idle {
                *input = None;
            }
        }
        while self.inputs.last() == Some(&None) {
            self.inputs.pop();
        }
    }

    /// Adds the node; its outputs in ONNX's order.
    fn add<O: Op>(&self, cx: &mut NodeContext<'_>, attrs: &O::Attrs) -> Outputs {
        let mut made = cx.add_all::<O>(attrs, &self.inputs)?.into_iter();
        Ok((0..3).map(|i| if self.outputs & Y << i == 0 { None } else { made.next() }).collect())
    }
}

/// The functions of a cell for two directions; `defaults` are those of one.
fn activations<const N: usize, const M: usize>(
    cx: &NodeContext<'_>,
    layer: &Layer,
    defaults: [Function; N],
) -> Result<[Activation; M], ImportError> {
    let functions: Vec<Function> = match cx.text_list("activations")?.filter(|names| !names.is_empty()) {
        Some(names) => names.iter().map(|name| function(cx, name)).collect::<Result<_, _>>()?,
        None => defaults.to_vec(),
    };
    let directions = if layer.direction == BIDIRECTIONAL { 2 } else { 1 };
    if functions.len() != N && functions.len() != N * directions {
        let found = functions.len();
        return cx.fail(format!("{found} activations are given: {N} are needed for each of {directions} directions"));
    }
    // ONNX lists parameters only for the functions that have them, in the functions' order.
    let mut alphas = cx.float_list("activation_alpha")?.unwrap_or_default().into_iter();
    let mut betas = cx.float_list("activation_beta")?.unwrap_or_default().into_iter();
    let mut next = |function: Function| {
        let (alpha, beta) = function.defaults();
        let alpha = alpha.map_or(0.0, |default| alphas.next().unwrap_or(default));
        Activation { function, alpha, beta: beta.map_or(0.0, |default| betas.next().unwrap_or(default)) }
    };
    let given: Vec<Activation> = functions.into_iter().map(&mut next).collect();
    Ok(core::array::from_fn(|i| given[i % given.len()]))
}

fn function(cx: &NodeContext<'_>, name: &str) -> Result<Function, ImportError> {
    let found = Function::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name));
    found.map(|&(function, _)| function).ok_or_else(|| {
        let known: Vec<_> = Function::ALL.iter().map(|(_, known)| *known).collect();
        cx.error(format!("activation '{name}' is none of {}", known.join(", ")))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;
    use crate::import::testing::{fold, int, text};
    use crate::ir::Tensor;

    #[test]
    fn what_a_layer_says_is_checked() {
        let of = |dims: &[u32]| Tensor::new(dims, &vec![0.5f32; dims.iter().product::<u32>() as usize]).unwrap();
        let (x, w, r) = (of(&[1, 1, 1]), of(&[1, 1, 1]), of(&[1, 1, 1]));
        let layer = |attribute| fold(rnn, &[attribute], &[Some(&x), Some(&w), Some(&r)]);
        assert_eq!(layer(int("hidden_size", 1)).unwrap().dims(), [1, 1, 1, 1]);
        for (attribute, reason) in [
            (int("hidden_size", 2), "hidden_size is 2, but the recurrent weights are for 1"),
            (text("direction", "up"), "direction 'up' is none of"),
            (text("direction", "bidirectional"), "do not suit the operator"),
        ] {
            let e = layer(attribute).unwrap_err().to_string();
            assert!(e.contains(reason), "{e}");
        }
    }
}
