//! What a monitor costs on every board, and that a board prints a report.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::boards::Board;
use super::models::Model;
use super::{LIMIT, Place, in_parallel, qemu};

/// The model that is watched.
pub(super) const MODEL: &str = "kws_watched";

/// What watching may cost at most: a part of an inference's instructions, on the core that is judged. Where vector units make the
/// inference itself short, or there is no FPU, the part is another.
const SHARE: (&str, f64) = ("cortex-m4", 0.03);

/// The line that a program prints.
#[derive(Deserialize)]
struct Line {
    instructions: u64,
    watched: u64,
    memory: u64,
    alarm: u64,
    report: String,
}

/// Runs the model with its monitor and without on every board that has it; fails where watching costs too much.
pub(super) fn measure(place: &Place, wanted: &[(&Board, Vec<&Model>)]) -> Result<()> {
    let has = |(board, models): &(&Board, Vec<&Model>)| board.takes_all() && models.iter().any(|m| m.name == MODEL);
    let boards: Vec<&Board> = wanted.iter().filter(|w| has(w)).map(|(board, _)| *board).collect();
    let lines = in_parallel(&boards, |board| {
        let mut command = board.emulate(&place.dir(board.name)?.join(MODEL))?;
        command.args(["-icount", "shift=0"]);
        let name = format!("{MODEL} on {}", board.name);
        let text = qemu::run(command, LIMIT).with_context(|| name.clone())?;
        let line: Line =
            serde_json::from_str(text.trim()).with_context(|| format!("{name} printed no line: {text}"))?;
        Ok(line)
    })?;
    for (board, line) in boards.iter().zip(lines) {
        let name = board.name;
        ensure!(line.instructions > 0 && line.watched > 0, "{name} counted nothing");
        ensure!(line.report.starts_with("73727074"), "{name} printed no report: {}", line.report);
        ensure!(line.alarm == 0, "{name}: an alarm at the first inference");
        let more = line.watched as f64 / line.instructions as f64 - 1.0;
        println!(
            "{name:12} {MODEL}: watching takes {:.2}% of {} instructions, {} bytes of memory, a report of {}",
            100.0 * more,
            line.instructions,
            line.memory,
            line.report.len() / 2
        );
        let (judged, most) = SHARE;
        ensure!(name != judged || more <= most, "{name}: watching may take {:.0}% of an inference", 100.0 * most);
    }
    Ok(())
}
