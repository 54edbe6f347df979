//! Measures what training is worth: weights of few bits, distillation, and the time of one step.

use anyhow::Result;
use clap::Parser;

use crate::shell;

/// The experiments of three seeds, each a model, bits and its options.
const FEW_BITS: [&[&str]; 6] = [
    &["kws", "4", "epochs=150", "rate=1e-3", "seeds=3"],
    &["kws", "3", "epochs=150", "rate=1e-3", "seeds=3"],
    &["kws", "2", "epochs=150", "rate=1e-3", "seeds=3"],
    &["ic", "4", "epochs=12", "rate=2e-4", "seeds=3"],
    &["ic", "3", "epochs=10", "rate=5e-4", "seeds=3"],
    &["ic", "2", "epochs=10", "rate=1e-3", "seeds=3"],
];

#[derive(Parser)]
pub(crate) struct Args {
    /// Times one training step and leaves the experiments out, which take half an hour.
    #[arg(long)]
    step: bool,
}

/// Prints every figure.
pub(crate) fn run(args: &Args) -> Result<()> {
    experiment(&["step"])?;
    if args.step {
        return Ok(());
    }
    experiment(&["digits"])?;
    FEW_BITS.iter().try_for_each(|options| experiment(&[&["few-bits"], *options].concat()))
}

fn experiment(options: &[&str]) -> Result<()> {
    shell::run(shell::experiment("train")?.args(options))
}
