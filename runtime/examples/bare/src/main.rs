//! Uses everything that firmware may use, with every operator; `cargo xtask bare` inspects what was linked.
//!
//! The entry takes the file and all memory as arguments. The optimizer knows nothing about them, so what it
//! removed cannot happen, whatever the file says.
//!
//! What is absent: texts (`Display`, operator listings), which bring `core::fmt`; hardware; a reason to run it.
#![no_std]
#![no_main]

use siskin::{DType, Error, Model, Native, OpSet, Session, op};

static OPS: OpSet = op::all::<Native>();

/// The linker's entry. Returns what was computed, so that no part of it is removed as unused.
#[unsafe(no_mangle)]
pub fn _start(
    file: &'static [u8],
    arena: &'static mut [u8],
    state: &'static mut [u8],
    values: &mut [f32],
    saved: &[u8],
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
    let sum = session.output::<f32>(0)?.iter().sum::<f32>() + f32::from(session.output::<i8>(0)?.len() as u8);
    let last = session.state().last().copied().unwrap_or(0);
    session.reset();
    Ok(macs ^ u64::from(sum.to_bits()) ^ u64::from(last) ^ known as u64)
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
