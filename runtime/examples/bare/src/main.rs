//! Uses everything that firmware may use, with every operator; `cargo xtask bare` inspects what was linked.
//!
//! The entry takes the file and all memory as arguments. The optimizer knows nothing about them, so what it
//! removed cannot happen, whatever the file says.
//!
//! What is absent: texts (`Display`, operator listings), which bring `core::fmt`; hardware; a reason to run it.
#![no_std]
#![no_main]

use siskin::explain::{Baseline, Grid, LastLayer, Masked};
use siskin::format::{self, Contexts};
use siskin::queue::Ask;
use siskin::{DType, Error, Model, Monitor, Native, OpSet, Queue, Scores, Session, op};

static OPS: OpSet = op::all::<Native>();

/// The linker's entry. Returns what was computed, so that no part of it is removed as unused.
#[unsafe(no_mangle)]
pub fn _start(
    file: &'static [u8],
    arena: &'static mut [u8],
    state: &'static mut [u8],
    values: &mut [f32],
    saved: &[u8],
    watched: &'static mut [u8],
    out: &mut [u8],
) -> Result<u64, Error> {
    #[cfg(feature = "control")]
    assert!(file.len() > 3, "the control's panic");

    let model = Model::parse(file, &OPS)?;
    let known = model.inputs().chain(model.outputs()).filter(|port| port.dtype == DType::I8).count();
    let macs: u64 = model.steps().map(|step| step.macs()).fold(0, u64::wrapping_add);

    let mut session = Session::new(&model, arena, state)?;
    session.self_test()?;
    session.restore(saved)?;
    session.write_f32(0, values)?;
    session.run();
    session.read_f32(0, values)?;

    for (input, &value) in session.input::<i8>(0)?.iter_mut().zip(saved) {
        *input = value.cast_signed();
    }
    while session.step() {}
    let why = explain(&mut session, known as u16, values)?;
    let (watched, queued) = watched.split_at_mut(watched.len() / 2);
    let evidence = watch(&model, &mut session, saved, watched, out)? ^ why ^ ask(saved, queued, out)?;
    let unpacked = format::unpack(saved, &mut Contexts::new(), out)?.len();
    let sum = session.output::<f32>(0)?.iter().sum::<f32>() + f32::from(session.output::<i8>(0)?.len() as u8);
    let last = session.state().last().copied().unwrap_or(0);
    session.reset();
    Ok(macs ^ u64::from(sum.to_bits()) ^ u64::from(last) ^ (known ^ unpacked) as u64 ^ evidence)
}

/// Every explanation of an answer.
fn explain(session: &mut Session<'_>, class: u16, values: &mut [f32]) -> Result<u64, Error> {
    let model = *session.model();
    let (Some(scores), Some(layer)) = (Scores::of(&model), LastLayer::of(&model)) else { return Ok(0) };
    let shape = model.inputs().next().map(|port| port.shape);
    let Some(grid) = shape.and_then(|s| Grid::new(s.dims(), class.into())) else { return Ok(1) };
    let (input, heat) = values.split_at_mut(values.len() / 2);
    let mut ticks = 0u64;
    let baseline = if class > 7 { Baseline::Each(input) } else { Baseline::Value(0.0) };
    let score = Masked { input, baseline, grid }.occlusion(session, &scores, class, heat, || ticks ^= 1)?;
    let sum = layer.contributions(session, class, heat)?;
    Ok(ticks ^ u64::from(score.to_bits()) ^ sum.bias.to_bits() ^ sum.unit.to_bits())
}

/// Everything that a label queue does.
fn ask(saved: &[u8], memory: &'static mut [u8], out: &mut [u8]) -> Result<u64, Error> {
    let (first, second) = memory.split_at_mut(memory.len() / 2);
    let mut queue = Queue::new(first)?;
    for (&byte, reference) in saved.iter().zip(0..) {
        queue.offer(Ask { reference, urgency: byte.into(), class: 0 });
    }
    let len = queue.save(out)?;
    queue.clear();
    let restored = Queue::restore(second, saved)?;
    Ok(restored.asks().iter().fold(len as u64 ^ restored.seen(), |all, a| all ^ a.reference))
}

/// Everything that a monitor does.
fn watch(
    model: &Model<'static>,
    session: &mut Session<'_>,
    saved: &[u8],
    memory: &'static mut [u8],
    out: &mut [u8],
) -> Result<u64, Error> {
    let (first, second) = memory.split_at_mut(memory.len() / 2);
    let mut monitor = Monitor::new(model, first)?;
    let confidence = monitor.run(session).map_or(0.0, |p| p.confidence);
    if let Some(health) = monitor.health() {
        health.took(confidence.to_bits());
    }
    let alarm = monitor.alarm().map_or(0, |alarm| alarm.features);
    monitor.clear();
    let len = monitor.report(out)? + monitor.save(out)?;
    let restored = Monitor::restore(model, second, saved)?;
    Ok(alarm ^ restored.seen() ^ len as u64 ^ u64::from(restored.evidence().to_bits()))
}

/// Stays in the image if anything can panic.
#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    siskin_panic_reached(info.location())
}

#[inline(never)]
#[unsafe(no_mangle)]
fn siskin_panic_reached(place: Option<&core::panic::Location<'_>>) -> ! {
    loop {
        // Keeps the places in the image, where the check reads them.
        core::hint::black_box(place);
    }
}
