//! The run whose bytes must be the same everywhere: a model and inputs in, the bytes of every output out.
//!
//! The firmware's files come over semihosting, the native program's from its disk; this is what both do between.

use siskin::format::{MAX_FEATURES, Totals};
use siskin::op::{
    AveragePool, Conv, DequantizeLinear, Lut, MaxPool, QLinearAdd, QLinearAveragePool, QLinearConv,
    QLinearDepthwiseConv, QLinearMatMul, QLinearSoftmax, QuantizeLinear, Relu, Reshape,
};
use siskin::{Error, Model, Monitor, Native, OpSet, Session};

/// The operators of the models that are compared.
pub static OPS: OpSet = siskin::ops![
    Native; AveragePool, Conv, DequantizeLinear, Lut, MaxPool, QLinearAdd, QLinearAveragePool, QLinearConv,
    QLinearDepthwiseConv, QLinearMatMul, QLinearSoftmax, QuantizeLinear, Relu, Reshape,
];

/// Bytes that hold every model, arena and state that is compared.
pub const MODEL_LEN: usize = 288 << 10;
/// See [`MODEL_LEN`].
pub const ARENA_LEN: usize = 96 << 10;
/// See [`MODEL_LEN`].
pub const STATE_LEN: usize = 16 << 10;
/// See [`MODEL_LEN`].
pub const MONITOR_LEN: usize = 8 << 10;

/// Runs `file` on inputs that `read` fills until it gives nothing; the number of runs. Hands to `write` the bytes of
/// every output, then a checksum of the arena: what the inner layers left, where a classifier's few output bytes are
/// the same for many inputs. A model with a monitor runs before it, and its report comes last.
///
/// # Errors
/// As [`Model::parse`] and [`Session::new`], and what the self-test found.
pub fn serve(
    file: &[u8],
    arena: &mut [u8],
    state: &mut [u8],
    monitor: &mut [u8],
    mut read: impl FnMut(&mut [u8]) -> usize,
    mut write: impl FnMut(&[u8]),
) -> Result<u32, Error> {
    let model = Model::parse(file, &OPS)?;
    Session::new(&model, arena, state)?.self_test()?;
    let mut monitor = match Monitor::new(&model, monitor) {
        Err(Error::NoMonitor) => None,
        monitor => Some(monitor?),
    };
    let mut runs = 0u32;
    loop {
        let mut session = Session::new(&model, arena, state)?;
        for i in 0..model.inputs().count() {
            let input = session.input_bytes(i)?;
            let wanted = input.len();
            if read(input) != wanted {
                tell(monitor.as_ref(), write)?;
                return Ok(runs);
            }
        }
        match &mut monitor {
            Some(monitor) => _ = monitor.run(&mut session),
            None => session.run(),
        }
        for i in 0..model.outputs().count() {
            write(session.output_bytes(i)?.1);
        }
        let left = arena.get(..model.arena_len()).unwrap_or(&[]);
        write(&siskin::format::crc32(left).to_le_bytes());
        runs = runs.wrapping_add(1);
    }
}

/// Hands the report of what was watched to `write`.
fn tell(monitor: Option<&Monitor<'_>>, mut write: impl FnMut(&[u8])) -> Result<(), Error> {
    let Some(monitor) = monitor else { return Ok(()) };
    let mut report = [0; Totals::len(MAX_FEATURES)];
    let len = monitor.report(&mut report)?;
    write(report.get(..len).unwrap_or(&[]));
    Ok(())
}

/// [`serve`] with files beside the emulator, for firmware: prints a line and ends the program.
#[cfg(target_os = "none")]
pub fn run(
    file: &'static mut [u8],
    arena: &'static mut [u8],
    state: &'static mut [u8],
    monitor: &'static mut [u8],
) -> ! {
    use crate::report::{FAULT, Line, fail};
    use crate::semihosting::{File, exit};

    let files = (File::open(c"model"), File::open(c"inputs"), File::create(c"outputs"));
    let (Some(model), Some(inputs), Some(outputs)) = files else { exit(FAULT) };
    let len = model.read(file);
    let file = file.get(..len).unwrap_or(&[]);
    let mut whole = true;
    match serve(file, arena, state, monitor, |bytes| inputs.read(bytes), |bytes| whole &= outputs.write(bytes)) {
        Ok(runs) => Line::new().number("runs", runs).end(),
        Err(error) => fail(error),
    }
    exit(if whole { 0 } else { FAULT })
}
