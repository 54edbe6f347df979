//! Gradients against finite differences: the shape of every rule's test.

use crate::program::{Program, Workspace};
use proptest::test_runner::Config;
use siskin_compiler::ir::{Graph, Tensor, parse};
use std::collections::HashMap;

/// How far an element is moved: its square is lost to curvature, its inverse to rounding.
const STEP: f32 = 2e-3;

/// A property over so many drawn shapes.
pub(crate) fn sizes(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

/// Random numbers of magnitude 0.1 to 1, so that none lies where a function has a kink at 0.
fn draw(random: &mut fastrand::Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| (0.1 + 0.9 * random.f32()) * if random.bool() { 1.0 } else { -1.0 }).collect()
}

/// The graph with every real constant drawn, and its input given as the sum of the input and a constant, so that the constant's
/// gradient is the input's.
fn drawn(text: &str, random: &mut fastrand::Rng) -> Graph {
    let line = text.lines().next().expect("a line");
    let ty = line.strip_prefix("in x: ").expect("an input x");
    let text = text.replacen(line, &format!("in i: {ty}\nconst j: {ty} = 0\nx: {ty} = Add(i, j)"), 1);
    let mut graph = parse(&format!("graph g\n{text}")).expect("a graph");
    let constants: Vec<_> = graph.values().filter(|(v, _)| graph.constant(*v).is_some()).map(|(v, _)| v).collect();
    for value in constants {
        let tensor = graph.constant(value).expect("a constant");
        if tensor.get::<f32>().is_some() {
            let fresh = Tensor::new(tensor.dims(), &draw(random, tensor.to_f32().len())).expect("as many elements");
            graph.value_mut(value).def = siskin_compiler::ir::Def::Const(fresh.into());
        }
    }
    graph
}

/// Checks the gradient of every real constant of a graph in text form, whose first line is its input `x`.
///
/// # Panics
/// Where a gradient is not the slope of the output along the constant's element.
pub(crate) fn check(text: &str) {
    let mut random = fastrand::Rng::with_seed(7);
    let graph = drawn(text, &mut random);
    let program = Program::new(&graph, graph.outputs[0].value, &|_, _, _| true).expect("a program");
    let x = draw(&mut random, program.input_len());
    let weights = draw(&mut random, program.output_len());
    let (constants, mut space, mut sums) = (program.constants(), Workspace::default(), program.zeros());
    let mut shared = program.share(constants.clone(), HashMap::new());
    program.forward(&shared, &mut space, &x);
    program.backward(&shared, &mut space, &mut sums, &weights);

    let mut output = |slot: usize, i: usize, move_by: f32| -> f64 {
        shared.constants = constants.clone();
        if let Some(values) = shared.constants[slot].as_mut().and_then(|t| t.get_mut::<f32>()) {
            values[i] += move_by;
        }
        program.renew(&mut shared, true);
        let y = program.forward(&shared, &mut space, &x);
        y.iter().zip(&weights).map(|(&y, &w)| f64::from(y) * f64::from(w)).sum()
    };
    let (mut checked, mut kinks) = (0, 0);
    for (slot, gradient) in sums.constants.iter().enumerate() {
        // A hundred elements tell of a tensor.
        for i in (0..gradient.len()).step_by(gradient.len() / 100 + 1) {
            let [below, at, above] = [-STEP, 0.0, STEP].map(|by| output(slot, i, by));
            let [left, right] = [at - below, above - at].map(|d| d / f64::from(STEP));
            let (found, slope) = (f64::from(gradient[i]), (left + right) / 2.0);
            let near = |a: f64, b: f64| (a - b).abs() <= 0.01 * (1.0 + b.abs());
            // Where the sides disagree lies a kink: a maximum changes hands, or a bound is reached.
            if near(left, right) {
                assert!(near(found, slope), "slot {slot} [{i}]: {found} is not the slope {slope}\n{text}");
            } else {
                kinks += 1;
            }
            checked += 1;
        }
    }
    assert!(checked > 0 && kinks * 4 <= checked + 4, "{kinks} of {checked} elements lie at kinks\n{text}");
}
