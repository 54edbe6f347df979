//! `siskin demo`: the main job on the handwritten digits model that is built into the command.

use super::compress::compress;
use crate::Failure;
use crate::args::{Args, Command, Demo};
use clap::Parser;
use std::path::Path;

const FILES: [(&str, &[u8]); 4] = [
    ("digits.onnx", include_bytes!("../../../../models/digits/digits.onnx")),
    ("calib.npz", include_bytes!("../../../../models/digits/calib.npz")),
    ("test.npz", include_bytes!("../../../../models/digits/test.npz")),
    ("labels.txt", include_bytes!("../../../../models/digits/labels.txt")),
];

pub(crate) fn demo(args: &Args, a: &Demo) -> Result<(), Failure> {
    let folder = Folder::new()?;
    for (name, bytes) in FILES {
        std::fs::write(folder.0.join(name), bytes).map_err(|e| format!("{}: {e}", folder.0.join(name).display()))?;
    }
    let path = |name: &str| folder.0.join(name).display().to_string();
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

/// A folder of its own that goes when the command ends.
struct Folder(std::path::PathBuf);

impl Folder {
    fn new() -> Result<Folder, Failure> {
        let path = std::env::temp_dir().join(format!("siskin-demo-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|e| format!("{}: {e}", Path::new(&path).display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // Nothing can be done about a folder that stays behind in the system's own temporary place.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
