//! Serves tract or rten to `cargo xtask bench`, or the machine's peak.
//!
//! ```text
//! siskin-bench-peers tract|rten MODEL.onnx THREADS
//! siskin-bench-peers peak f32|i8 THREADS
//! ```
//!
//! Prints `ready NAME VERSION`; then, for every line of standard input that holds a number, runs the model as many times and
//! prints how many nanoseconds that took. tract has one thread, and so has the peak, whose run is 2^20 multiply-adds.

mod peak;

use anyhow::{Context, Result, bail};
use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Instant;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, peer, model, threads] = args.as_slice() else {
        bail!("usage: siskin-bench-peers tract|rten MODEL.onnx THREADS, or peak f32|i8 THREADS")
    };
    let mut run = match peer.as_str() {
        "tract" => tract(model)?,
        "rten" => rten(model, threads.parse()?)?,
        "peak" => {
            let peak = peak::peak(model)?;
            Box::new(move || {
                peak();
                Ok(())
            })
        }
        other => bail!("{other}: tract, rten or peak"),
    };
    run()?;
    let version = match peer.as_str() {
        "tract" => "0.23.9",
        "rten" => "0.27.0",
        _ => "-",
    };
    println!("ready {peer} {version}");
    for line in std::io::stdin().lock().lines() {
        let n: u32 = line?.trim().parse()?;
        let start = Instant::now();
        for _ in 0..n {
            run()?;
        }
        println!("{}", start.elapsed().as_nanos());
        std::io::stdout().flush()?;
    }
    Ok(())
}

type Run = Box<dyn FnMut() -> Result<()>>;

/// Numbers in 0..1, the same for every run.
fn values(len: usize) -> Vec<f32> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / 16_777_216.0
    };
    (0..len).map(|_| next()).collect()
}

fn tract(path: &str) -> Result<Run> {
    use tract_onnx::prelude::*;
    use tract_onnx::tract_hir::infer::Factoid;
    let mut model = tract_onnx::onnx().model_for_path(path)?;
    let inputs: Vec<_> = model.input_outlets()?.to_vec();
    for i in 0..inputs.len() {
        let fact = model.input_fact(i)?.clone();
        let dims = fact.shape.dims().map(|d| d.concretize().and_then(|d| d.to_i64().ok()).unwrap_or(1) as usize);
        let shape: Vec<usize> = dims.collect();
        let dtype = fact.datum_type.concretize().unwrap_or(f32::datum_type());
        model.set_input_fact(i, InferenceFact::dt_shape(dtype, &shape))?;
    }
    let model = model.into_optimized()?;
    let mut feed = TVec::new();
    for i in 0..inputs.len() {
        let fact = model.input_fact(i)?.clone();
        let shape = fact.shape.as_concrete().context("a shape is not known")?.to_vec();
        let real = tract_ndarray::ArrayD::from_shape_vec(shape.clone(), values(shape.iter().product()))?;
        let tensor: Tensor = real.into();
        feed.push(tensor.cast_to_dt(fact.datum_type)?.into_owned().into_tvalue());
    }
    let plan = model.into_runnable()?;
    let mut state = plan.spawn()?;
    Ok(Box::new(move || {
        std::hint::black_box(state.run(feed.clone())?);
        Ok(())
    }))
}

fn rten(path: &str, threads: usize) -> Result<Run> {
    use rten::{Dimension, ModelOptions, RunOptions, ThreadPool, Value};
    let mut options = ModelOptions::with_all_ops();
    options.prepack_weights(true);
    let model = options.load_file(path)?;
    let mut feed = Vec::new();
    for &id in model.input_ids() {
        let info = model.node_info(id).context("an input is not known")?;
        let dims = info.shape().context("a shape is not known")?;
        let shape: Vec<usize> = dims.iter().map(|d| if let Dimension::Fixed(n) = d { *n } else { 1 }).collect();
        let data = values(shape.iter().product());
        let value: Value = match info.dtype() {
            Some(rten::ValueType::Tensor(rten::DataType::Int8)) => {
                rten_tensor::Tensor::from_data(&shape, data.iter().map(|v| *v as i8).collect::<Vec<_>>()).into()
            }
            // Indices.
            Some(rten::ValueType::Tensor(rten::DataType::Int32)) => {
                rten_tensor::Tensor::from_data(&shape, vec![0i32; data.len()]).into()
            }
            _ => rten_tensor::Tensor::from_data(&shape, data).into(),
        };
        feed.push((id, value));
    }
    let outputs = model.output_ids().to_vec();
    let pool = Arc::new(ThreadPool::with_num_threads(threads));
    Ok(Box::new(move || {
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        let inputs = feed.iter().map(|(id, value)| (*id, value.as_view().into())).collect();
        std::hint::black_box(model.run(inputs, &outputs, Some(options))?);
        Ok(())
    }))
}
