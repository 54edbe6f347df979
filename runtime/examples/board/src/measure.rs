//! One model: parse, self-test, one counted run, one line.

use crate::report::{Line, fail};
use crate::{clock, semihosting, stack};
use siskin::{Embedded, Error, Session};

/// What a run showed.
struct Figures {
    vectors: u16,
    output: u32,
    load: Option<u32>,
    run: Option<u32>,
}

/// Tests and measures `model`, prints the line and ends the program.
pub fn measure(name: &str, model: &Embedded, arena: &'static mut [u8], state: &'static mut [u8]) -> ! {
    stack::paint();
    let figures = match figures(model, arena, state) {
        Ok(figures) => figures,
        Err(error) => fail(error),
    };
    let stack = stack::high_water();
    Line::new()
        .text("model", name)
        .hex("output", figures.output)
        .number("vectors", figures.vectors.into())
        .number("load", figures.load.unwrap_or(0))
        .number("instructions", figures.run.unwrap_or(0))
        .number("stack", stack)
        .number("arena", model.arena_len() as u32)
        .number("state", model.state_len() as u32)
        .end();
    semihosting::exit(0)
}

/// Never inlined, so that nothing of the report counts as stack of the model.
#[inline(never)]
fn figures(model: &Embedded, arena: &'static mut [u8], state: &'static mut [u8]) -> Result<Figures, Error> {
    let mut parsed = model.parse();
    let load = clock::count(|| parsed = model.parse());
    let parsed = parsed?;
    let mut session = Session::new(&parsed, arena, state)?;
    let vectors = session.self_test()?.vectors;
    if let Some(golden) = parsed.artifact().goldens().with_inputs(parsed.inputs().count()).next() {
        session.fill_golden(&golden);
    }
    let run = clock::count(|| session.run());
    Ok(Figures { vectors, output: session.output_crc(), load, run })
}
