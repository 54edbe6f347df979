//! `siskin demo`: the main job on the handwritten digits model that is built into the command.

use super::compress::compress;
use crate::Failure;
use crate::args::{Args, Command, Demo};
use clap::Parser;
use siskin_compiler::data::atomic;
use siskin_compiler::data::temporary::Temporary;

const FILES: [(&str, &[u8]); 4] = [
    ("digits.onnx", include_bytes!("../../../../models/digits/digits.onnx")),
    ("calib.npz", include_bytes!("../../../../models/digits/calib.npz")),
    ("test.npz", include_bytes!("../../../../models/digits/test.npz")),
    ("labels.txt", include_bytes!("../../../../models/digits/labels.txt")),
];

pub(crate) fn demo(args: &Args, a: &Demo) -> Result<(), Failure> {
    atomic::check(&a.output)?;
    let place = std::env::temp_dir();
    let folder = Temporary::folder(&place).map_err(|e| format!("{}: {e}", place.display()))?;
    for (name, bytes) in FILES {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (model, calib, test, labels) = (path("digits.onnx"), path("calib.npz"), path("test.npz"), path("labels.txt"));
    let output = a.output.display().to_string();
    let words = ["siskin", "compress", &model, "--calib", &calib, "--eval", &test, "--labels", &labels, "-o", &output];
    let parsed = Args::try_parse_from(words)?;
    if !args.json {
        println!("siskin compress digits.onnx --calib calib.npz --eval test.npz --labels labels.txt -o {output}\n");
    }
    let Command::Compress(job) = parsed.command else { return Err("the demo is broken".into()) };
    compress(
        &Args { json: args.json, quiet: args.quiet, command: Command::Demo(Demo { output: a.output.clone() }) },
        &job,
    )
}
