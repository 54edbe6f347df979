//! Ends the command when it is told to, without leaving half a file behind.
//!
//! The exit code is 128 and the signal's number, as shells have it: 130 for an interrupt, 143 for a termination.
//!
//! A signal that is ignored when the command starts stays ignored: `nohup` and scripts' background jobs rely on it.
//!
//! What is absent: systems without signals, where the next write to a folder sweeps it.

/// Watches for the signals that ask a process to end.
///
/// # Errors
/// If the system refuses to.
#[cfg(unix)]
pub(crate) fn watch() -> std::io::Result<()> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let ignored = ignored();
    let heeded = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| ignored >> (signal - 1) & 1 == 0);
    let mut signals = Signals::new(heeded)?;
    std::thread::Builder::new().name("interrupt".into()).spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _abandoned = siskin_compiler::data::temporary::abandon();
            std::process::exit(128 + signal);
        }
    })?;
    Ok(())
}

/// The signals that are ignored, one a bit, where the system tells.
#[cfg(unix)]
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|m| u64::from_str_radix(m.trim(), 16).ok()).unwrap_or(0)
}

#[cfg(not(unix))]
pub(crate) fn watch() -> std::io::Result<()> {
    Ok(())
}
