#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed unwrap is a failed test")]

use super::channels::Structure;
use super::loss::Losing;
use super::remove::{Removed, macs, remove};
use super::{Options, PruneError};
use crate::fit::{Layer, Moments};
use crate::ir::{Graph, parse};

/// The text of a constant of small numbers that depend on its place.
fn constant(name: &str, dims: &[usize], zero: impl Fn(&[usize]) -> bool) -> String {
    let mut values = String::new();
    for i in 0..dims.iter().product::<usize>() {
        let mut at = vec![0; dims.len()];
        let mut rest = i;
        for (a, d) in at.iter_mut().zip(dims).rev() {
            (*a, rest) = (rest % d, rest / d);
        }
        let value = if zero(&at) { 0.0 } else { ((i * 7 + 3) % 11) as f32 / 8.0 - 0.5 };
        values += &format!(" {value}");
    }
    let dims: Vec<String> = dims.iter().map(ToString::to_string).collect();
    format!("const {name}: f32[{}] ={values}\n", dims.join(","))
}

const CONV: &str = "stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0]";

/// Two layers of four channels that are added, a depthwise one, a flattening, and a product; channel 2 is nothing but zeros.
fn residual() -> Graph {
    let dead = |at: &[usize]| at[0] == 2;
    let text = format!(
        "graph g\nin x: f32[1,2,2,3]\n{}{}{}{}{}{}{}{}\
         a: f32[1,2,2,4] = Conv(x, w1, b1) {CONV} group=1 min=0 max=inf\n\
         c: f32[1,2,2,4] = Conv(a, w2, b2) {CONV} group=1 min=0 max=inf\n\
         s: f32[1,2,2,4] = Add(a, c)\n\
         d: f32[1,2,2,4] = Conv(s, w3, b3) {CONV} group=4 min=0 max=inf\n\
         f: f32[1,16] = Reshape(d) shape=[1,16]\n\
         y: f32[1,3] = MatMul(f, w4, b4) transpose_b=true min=-inf max=inf\nout y\n",
        constant("w1", &[4, 1, 1, 3], dead),
        constant("b1", &[4], dead),
        constant("w2", &[4, 1, 1, 4], dead),
        constant("b2", &[4], dead),
        constant("w3", &[4, 1, 1, 1], dead),
        constant("b3", &[4], dead),
        constant("w4", &[3, 16], |_| false),
        constant("b4", &[3], |_| false),
    );
    parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn run(graph: &Graph, x: &[f32]) -> Vec<f32> {
    let file = crate::lower::lower(graph, &crate::lower::Extras::default()).unwrap().file;
    let mut loaded = crate::run::Loaded::new(&file).unwrap();
    let mut session = loaded.session().unwrap();
    session.write_f32(0, x).unwrap();
    session.run();
    session.output::<f32>(0).unwrap().to_vec()
}

#[test]
fn a_channel_of_zeros_goes_from_all_that_depend_on_it_and_nothing_changes() {
    let graph = residual();
    let structure = Structure::of(&graph);
    // The first two layers' outputs are one set each.
    let [(_, first), (_, second), ..] = structure.makers.as_slice() else { panic!("two layers") };
    assert!(first.iter().zip(second).all(|(&a, &b)| structure.units.root(a) == structure.units.root(b)));
    let mut removed = Removed::none(&structure);
    removed.set(structure.units.root(first[2]), true);
    let small = remove(&graph, &structure, &removed).unwrap();
    assert!(macs(&small) < macs(&graph));
    assert!(small.to_string().contains("f32[1,12]"), "{small}");
    let x: Vec<f32> = (0..12).map(|i| (i * 5 % 13) as f32 / 4.0 - 1.0).collect();
    let (whole, pruned) = (run(&graph, &x), run(&small, &x));
    assert!(whole.iter().zip(&pruned).all(|(a, b)| (a - b).abs() < 1e-5), "{whole:?} {pruned:?}");
}

#[test]
fn outputs_stay_and_say_why() {
    let structure = Structure::of(&residual());
    let (_, last) = structure.makers.last().unwrap();
    assert!(structure.units.pinned(last[0]).unwrap().contains("output"));
}

#[test]
fn channels_that_are_concatenated_go_each_from_its_place() {
    let text = format!(
        "graph g\nin x: f32[1,1,1,2]\n{}{}{}\
         a: f32[1,1,1,2] = Conv(x, w1) {CONV} group=1 min=0 max=inf\n\
         b: f32[1,1,1,2] = Conv(x, w2) {CONV} group=1 min=0 max=inf\n\
         c: f32[1,1,1,4] = Concat(a, b) axis=3\n\
         y: f32[1,1,1,1] = Conv(c, w3) {CONV} group=1 min=0 max=inf\nout y\n",
        constant("w1", &[2, 1, 1, 2], |_| false),
        constant("w2", &[2, 1, 1, 2], |at| at[0] == 0),
        constant("w3", &[1, 1, 1, 4], |_| false),
    );
    let graph = parse(&text).unwrap_or_else(|e| panic!("{e}"));
    let structure = Structure::of(&graph);
    let mut removed = Removed::none(&structure);
    removed.set(structure.units.root(structure.makers[1].1[0]), true);
    let small = remove(&graph, &structure, &removed).unwrap();
    assert!(small.to_string().contains("f32[1,1,1,3] = Concat"), "{small}");
    assert_eq!(run(&graph, &[1.0, -2.0]), run(&small, &[1.0, -2.0]));
}

#[test]
fn of_two_inputs_that_say_the_same_only_the_first_goes_for_nothing() {
    let text = "graph g\nin x: f32[1,3]\nconst w: f32[1,3] = 1 1 1\n\
                y: f32[1,1] = MatMul(x, w) transpose_b=true min=-inf max=inf\nout y\n";
    let graph = parse(text).unwrap();
    let layer = Layer::float(&graph, graph.order()[0]).unwrap();
    let x: Vec<f32> = (0..60).flat_map(|i| [(i % 5) as f32, (i % 5) as f32, (i % 7) as f32]).collect();
    let mut moments = Moments::new(3);
    moments.add(&x, &x);
    let mut losing = Losing::new(&layer, &moments).unwrap();
    assert!(losing.loss(&[0]) < 0.05 && losing.loss(&[2]) > 0.2, "{} {}", losing.loss(&[0]), losing.loss(&[2]));
    losing.lose(&[0]);
    assert!(losing.loss(&[1]) > 0.2, "{}", losing.loss(&[1]));
}

#[test]
fn options_say_what_is_wrong() {
    assert_eq!("ops=0.5,multiple=4".parse(), Ok(Options { ops: 0.5, multiple: 4 }));
    for (text, reason) in [("ops=2", "below 1"), ("half", "expected"), ("ops=0.5,multiple=0", "at least 1")] {
        assert!(text.parse::<Options>().unwrap_err().contains(reason), "{text}");
    }
}

#[test]
fn what_cannot_be_reached_says_what_holds_it() {
    let structure = Structure::of(&residual());
    let error = PruneError::ratio(&structure, &Options { ops: 0.1, multiple: 8 }, 0.9).to_string();
    assert!(error.contains("90.0%") && error.contains("output 'y'"), "{error}");
}
