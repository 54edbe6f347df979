//! Models of several inputs and models that keep state, from data to integers.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin_compiler::data::{Array, ArrayData, Dataset, InputSpec, write_npz};
use siskin_compiler::eval::{Metric, evaluate};
use siskin_compiler::ir::{Graph, parse};
use siskin_compiler::lower::{Extras, Lowered, lower};
use siskin_compiler::quantize::{Options, quantize};
use siskin_compiler::run::Loaded;
use siskin_compiler::walk::{WalkError, read, walk};
use siskin_tests::noise;
use std::path::PathBuf;

/// A file of arrays that is gone when the test is.
struct File(PathBuf);

impl File {
    fn new(name: &str, arrays: &[(&str, Array)]) -> File {
        let path = std::env::temp_dir().join(format!("siskin-{}-{name}.npz", std::process::id()));
        let arrays: Vec<_> = arrays.iter().map(|(n, a)| ((*n).to_owned(), a.clone())).collect();
        write_npz(&path, &arrays).unwrap();
        File(path)
    }

    fn open(&self, graph: &Graph) -> Dataset {
        let spec = |port: &siskin_compiler::ir::Port| {
            let dims: Vec<usize> = graph.dims(port.value).iter().map(|&d| d as usize).collect();
            InputSpec::new(dims).named(&port.name)
        };
        let specs: Vec<InputSpec> = graph.inputs.iter().map(spec).collect();
        Dataset::open(&self.0.display().to_string(), &specs).unwrap_or_else(|e| panic!("{e}"))
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn floats(shape: &[usize], seed: u64) -> Array {
    Array { shape: shape.to_vec(), data: ArrayData::F32(noise(shape.iter().product(), seed)) }
}

/// Every first output of a set, sample after sample.
fn answers(lowered: &Lowered, data: &Dataset) -> Vec<f32> {
    let mut loaded = Loaded::new(&lowered.file).unwrap();
    let mut answers = Vec::new();
    walk(&mut loaded.session().unwrap(), data, |_, _, session| {
        answers.extend(read(session, 0).unwrap());
        Ok::<(), WalkError>(())
    })
    .unwrap();
    answers
}

/// Power of the answers over power of what integers change, in dB.
fn quality(graph: &Graph, data: &Dataset) -> f64 {
    let float = answers(&lower(graph, &Extras::default()).unwrap(), data);
    let int8 = quantize(graph, data, &Options::default(), &mut ()).unwrap_or_else(|e| panic!("{e}"));
    let integer = int8.order().iter().any(|&n| int8.node(n).op.name.starts_with("QLinear"));
    assert!(integer, "nothing became integers:\n{int8}");
    let int8 = answers(&lower(&int8, &Extras::default()).unwrap(), data);
    let power = |v: &mut dyn Iterator<Item = f32>| v.map(|v| f64::from(v).powi(2)).sum::<f64>();
    10.0 * (power(&mut float.iter().copied()) / power(&mut float.iter().zip(&int8).map(|(f, i)| f - i))).log10()
}

const SUM: &str = "graph g\nin a: f32[1,4]\nin b: f32[1,2,2]\nr: f32[1,4] = Reshape(b) shape=[1,4]\n\
                   y: f32[1,4] = Add(a, r)\nout y\n";

#[test]
fn every_input_is_calibrated_and_fed() {
    let graph = parse(SUM).unwrap();
    // The second input is ten times as large: a range taken of zeros would clip it away.
    let big = noise(128, 2).iter().map(|v| 10.0 * v).collect();
    let big = Array { shape: vec![32, 2, 2], data: ArrayData::F32(big) };
    let file = File::new("two", &[("b", big), ("a", floats(&[32, 4], 1))]);
    let data = file.open(&graph);
    let expected: Vec<f32> = noise(128, 1).iter().zip(noise(128, 2)).map(|(a, b)| a + 10.0 * b).collect();
    assert_eq!(answers(&lower(&graph, &Extras::default()).unwrap(), &data), expected);
    let found = quality(&graph, &data);
    assert!(found > 35.0, "{found:.1} dB");
}

#[test]
fn every_input_needs_an_array_of_as_many_samples() {
    let graph = parse(SUM).unwrap();
    let refusal = |arrays: &[(&str, Array)]| {
        let file = File::new("bad", arrays);
        let specs = [InputSpec::new([1, 4]).named("a"), InputSpec::new([1, 2, 2]).named("b")];
        Dataset::open(&file.0.display().to_string(), &specs).unwrap_err().to_string()
    };
    let lacking = refusal(&[("a", floats(&[3, 4], 1)), ("x", floats(&[3, 2, 2], 2))]);
    assert!(lacking.contains("no array 'b'; it has 'a', 'x'"), "{lacking}");
    let shorter = refusal(&[("a", floats(&[3, 4], 1)), ("b", floats(&[2, 2, 2], 2))]);
    assert!(shorter.contains("array 'b'") && shorter.contains("has 2 entries, but there are 3 samples"), "{shorter}");
    let file = File::new("set", &[("a", floats(&[3, 4], 1)), ("b", floats(&[3, 2, 2], 2))]);
    // One input for a model of two: refused when it is fed, not answered with zeros.
    let data = Dataset::open(&file.0.display().to_string(), &[InputSpec::new([1, 4]).named("a")]).unwrap();
    let mut loaded = Loaded::new(&lower(&graph, &Extras::default()).unwrap().file).unwrap();
    assert!(evaluate(&mut loaded, &data, Some(Metric::Mse), &mut ()).is_err());
}

/// `h' = tanh(W (x + h))`, `y = V h'`: a cell whose state the runtime keeps.
fn cell() -> Graph {
    let numbers = |n, seed| noise(n, seed).iter().map(|v| format!(" {v}")).collect::<String>();
    let text = format!(
        "graph g\nin x: f32[1,4]\nin h: f32[1,4]\nconst w: f32[4,4] ={}\nconst v: f32[2,4] ={}\n\
         s: f32[1,4] = Add(x, h)\nm: f32[1,4] = MatMul(s, w) transpose_b=true min=-inf max=inf\nt: f32[1,4] = Tanh(m)\n\
         y: f32[1,2] = MatMul(t, v) transpose_b=true min=-inf max=inf\nout y\nout t\n",
        numbers(16, 5),
        numbers(8, 6)
    );
    let mut graph = parse(&text).unwrap();
    let (read, write) = (graph.inputs[1].value, graph.outputs[1].value);
    graph.outputs.truncate(1);
    graph.add_state(read, write);
    graph
}

#[test]
fn a_model_with_state_is_calibrated_along_its_stream() {
    let graph = cell();
    let file = File::new("state", &[("x", floats(&[200, 4], 7))]);
    let found = quality(&graph, &file.open(&graph));
    assert!(found > 20.0, "{found:.1} dB");
}

#[test]
fn states_begin_anew_with_every_group() {
    let lowered = lower(&cell(), &Extras::default()).unwrap();
    let x = floats(&[4, 4], 7);
    let run = |arrays: &[(&str, Array)]| {
        let file = File::new("groups", arrays);
        answers(&lowered, &file.open(&cell()))
    };
    let group = |of: [u8; 4]| Array { shape: vec![4], data: ArrayData::U8(of.to_vec()) };
    let one = run(&[("x", x.clone())]);
    let same = run(&[("x", x.clone()), ("group", group([3, 3, 3, 3]))]);
    let two = run(&[("x", x.clone()), ("group", group([3, 3, 4, 4]))]);
    assert_eq!(one, same);
    assert_eq!(one[..4], two[..4]);
    assert!(one[4..6] != two[4..6]);
    // The third sample of two groups answers as the first of a set that begins there.
    let ArrayData::F32(values) = &x.data else { panic!("floats") };
    let rest = Array { shape: vec![2, 4], data: ArrayData::F32(values[8..].to_vec()) };
    assert_eq!(run(&[("x", rest)]), two[4..]);
}

/// A table of which rows are read by number, then a product.
fn embedding() -> Graph {
    let table = noise(40, 8).iter().map(|v| format!(" {v}")).collect::<String>();
    parse(&format!(
        "graph g\nin x: i64[3]\nconst t: f32[10,4] ={table}\nconst w: f32[2,4] = 1 -1 0.5 2 -2 1 0.25 3\n\
         r: f32[3,4] = Gather(t, x) axis=0\ny: f32[3,2] = MatMul(r, w) transpose_b=true min=-inf max=inf\nout y\n"
    ))
    .unwrap()
}

#[test]
fn tables_are_stored_as_narrow_as_weights() {
    let graph = embedding();
    let tokens = (0..96).map(|i| i * 7 % 10).collect();
    let tokens = Array { shape: vec![32, 3], data: ArrayData::I64(tokens) };
    let file = File::new("tokens", &[("x", tokens)]);
    let spec = InputSpec { integers: true, ..InputSpec::new([3]).named("x") };
    let data = Dataset::open(&file.0.display().to_string(), &[spec]).unwrap();
    let found = quality(&graph, &data);
    assert!(found > 35.0, "{found:.1} dB");
    let bytes = |graph: &Graph| lower(graph, &Extras::default()).unwrap().constants;
    let mut half = graph.clone();
    siskin_compiler::passes::half_weights(&mut half).unwrap();
    assert_eq!([bytes(&graph), bytes(&half)], [4 * 48, 2 * 48]);
    // 40 bytes of table, 8 of weights, 2 scales, 2 biases.
    assert!(bytes(&quantize(&graph, &data, &Options::default(), &mut ()).unwrap()) <= 48 + 4 * 4);
    let (float, half) = (lower(&graph, &Extras::default()).unwrap(), lower(&half, &Extras::default()).unwrap());
    let (float, half) = (answers(&float, &data), answers(&half, &data));
    assert!(float.iter().zip(&half).all(|(f, h)| (f - h).abs() < 1e-2) && float != half);
}

/// How well integers serve noise of this scale as the graph's first input.
fn quality_of_noise(name: &str, graph: &Graph, scale: f32) -> f64 {
    let dims = graph.dims(graph.inputs[0].value).iter().map(|&d| d as usize);
    let shape: Vec<usize> = core::iter::once(64).chain(dims.skip(1)).collect();
    let values = noise(shape.iter().product(), 13).iter().map(|v| scale * v).collect();
    let file = File::new(name, &[("x", Array { shape, data: ArrayData::F32(values) })]);
    quality(graph, &file.open(graph))
}

/// What is bounded by its formula does not bound what stands beside it.
#[test]
fn a_gate_beside_what_it_gates_keeps_both_ranges() {
    for gate in ["Sigmoid(h)", "Tanh(h)", "Softmax(h) axis=1"] {
        let graph = parse(&format!(
            "graph g\nin x: f32[1,4]\nconst w: f32[4,4] = 3 -1 2 0.5 1 -2 4 1 -3 1 0.5 2 2 2 -1 1\n\
             h: f32[1,4] = MatMul(x, w) transpose_b=true min=-inf max=inf\ns: f32[1,4] = {gate}\n\
             c: f32[1,8] = Concat(s, h) axis=1\nr: f32[1,4] = Relu(h)\nout c\nout r\n"
        ))
        .unwrap();
        let found = quality_of_noise("gate", &graph, 2.0);
        assert!(found > 30.0, "{gate}: {found:.1} dB");
    }
}

/// A mask shuts elements out, however low it reaches, and leaves the others their steps.
#[test]
fn masked_attention_survives_int8() {
    for shut in ["-inf", "-340282350000000000000000000000000000000", "-10000", "-50"] {
        let graph = parse(&format!(
            "graph g\nin x: f32[1,4]\nconst w: f32[4,4] = 3 -1 2 0.5 1 -2 4 1 -3 1 0.5 2 2 2 -1 1\n\
             const m: f32[4] = 0 {shut} 0 {shut}\nh: f32[1,4] = MatMul(x, w) transpose_b=true min=-inf max=inf\n\
             a: f32[1,4] = Add(h, m)\ns: f32[1,4] = Softmax(a) axis=1\nout s\n"
        ))
        .unwrap();
        let found = quality_of_noise("mask", &graph, 1.0);
        assert!(found > 25.0, "{shut}: {found:.1} dB");
    }
}

#[test]
fn a_position_beyond_its_table_is_refused() {
    let lowered = lower(&embedding(), &Extras::default()).unwrap();
    for (token, fits) in [(9, true), (-10, true), (10, false), (-11, false)] {
        let tokens = Array { shape: vec![1, 3], data: ArrayData::I64(vec![0, token, 1]) };
        let file = File::new("beyond", &[("x", tokens)]);
        let spec = InputSpec { integers: true, ..InputSpec::new([3]).named("x") };
        let data = Dataset::open(&file.0.display().to_string(), &[spec]).unwrap();
        let mut loaded = Loaded::new(&lowered.file).unwrap();
        let found = walk(&mut loaded.session().unwrap(), &data, |_, _, _| Ok::<(), WalkError>(()));
        assert_eq!(found.is_ok(), fits, "{token}");
        let said = found.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(fits || said.contains(&format!("sample 0: input 'x' holds {token}, but")), "{said}");
    }
}
