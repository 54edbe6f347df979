//! One training step of a DS-CNN block, batch 32: time of one core, beside what other libraries take.

use siskin_compiler::data::{Array, ArrayData, Dataset, InputSpec, write_npz};
use siskin_train::{Loss, Options, Set, Trainer, he};
use std::time::Instant;

/// Depthwise 3x3 and pointwise 64 -> 64 over 25 x 5 pixels, each with relu.
const BLOCK: &str = "graph block\nin x: f32[1,25,5,64]\nconst d: f32[64,3,3,1] = 0\nconst e: f32[64] = 0\n\
    y: f32[1,25,5,64] = Conv(x, d, e) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,1,1] pad_end=[0,1,1] group=64 min=0 max=inf\n\
    const w: f32[64,1,1,64] = 0\nconst b: f32[64] = 0\n\
    z: f32[1,25,5,64] = Conv(y, w, b) stride=[1,1,1] dilation=[1,1,1] pad_begin=[0,0,0] pad_end=[0,0,0] group=1 min=0 max=inf\nout z\n";

pub(crate) fn run() {
    let folder = std::env::temp_dir().join(format!("siskin-step-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("x.npz");
    let noise = siskin_tests::noise(32 * 8000, 1);
    let array = |shape: Vec<usize>| Array { shape, data: ArrayData::F32(noise.clone()) };
    write_npz(&path, &[("x".into(), array(vec![32, 25, 5, 64])), ("y".into(), array(vec![32, 8000]))]).unwrap();
    let data = Dataset::open(path.to_str().unwrap(), &[InputSpec::new(vec![1, 25, 5, 64])]).unwrap();
    let set = Set::read(&data, 8000).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();

    let mut graph = siskin_compiler::ir::parse(BLOCK).unwrap();
    he(&mut graph, 1);
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let steps = 10;
        let options = Options { loss: Loss::Squares, epochs: steps, threads: 1, ..Options::default() };
        let mut trainer = Trainer::new(graph.clone(), None, options).unwrap();
        let start = Instant::now();
        trainer.fit(&set, &mut ()).unwrap();
        best = best.min(start.elapsed().as_secs_f64() * 1e3 / steps as f64);
    }
    println!("one training step of the DS-CNN block, batch 32, ms of one core: siskin {best:.1}, burn 77, candle 262");
}
