//! `siskin monitor …`: what an artifact's monitor says of a stream, and what monitors report.

mod formats;
mod merge;
mod page;
mod replay;
mod show;
mod watch;

use crate::Failure;
use crate::args::{Args, Monitor};
pub(super) use watch::{Watch, describe};

pub(crate) fn monitor(args: &Args, a: &Monitor) -> Result<(), Failure> {
    match a {
        Monitor::Replay(a) => replay::replay(args, a),
        Monitor::Merge(a) => merge::merge(args, a),
        Monitor::Show(a) => show::show(args, a),
    }
}
