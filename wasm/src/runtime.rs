//! The exported object.

use crate::memory::{Block, for_ever, zeroed};
use crate::{describe, error, prepare, watch};
use alloc::string::String;
use alloc::vec::Vec;
use bytemuck::Pod;
use core::ptr;
use siskin::format::Totals;
use siskin::monitor::memory_len;
use siskin::{Error, Model, Monitor, Native, OpSet, Prediction, Session, op};
use wasm_bindgen::prelude::wasm_bindgen;

static OPS: OpSet = op::all::<Native>();

/// A model with its memory. Addresses are in the instance's memory and stay valid once the model is open.
#[wasm_bindgen]
#[derive(Default)]
pub struct Runtime {
    /// A file that is not open yet, later pixels or samples.
    given: Vec<Block>,
    len: usize,
    session: Option<Session<'static>>,
    /// Real values on their way to or from integer ports: as many as the longest port has.
    reals: Vec<f32>,
    monitor: Option<Monitor<'static>>,
    prediction: Option<Prediction>,
    /// See `watch.rs`.
    numbers: [f64; 14],
}

#[wasm_bindgen]
impl Runtime {
    /// Without a model.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Runtime {
        Runtime::default()
    }

    /// Where `len` bytes of a file, of pixels or of samples are to be written; null if there is no memory for them.
    pub fn reserve(&mut self, len: usize) -> *mut u8 {
        if len.div_ceil(size_of::<Block>()) != self.given.len() {
            self.given = Vec::new();
            let Some(memory) = zeroed(len) else { return ptr::null_mut() };
            self.given = memory;
        }
        self.len = len;
        self.given.as_mut_ptr().cast()
    }

    /// Proves the file safe and makes its memory. Returns nothing, or a refusal: code, zero, sentence.
    pub fn open(&mut self) -> String {
        let file: &'static [u8] = for_ever(core::mem::take(&mut self.given));
        let model = Model::parse(file.get(..self.len).unwrap_or(&[]), &OPS);
        let opened = model.and_then(|model| {
            // Without memory for packed constants a model only runs more slowly.
            let packed = zeroed(model.packed_len()).unwrap_or_default();
            self.prepare(&model.pack(for_ever(packed)))
        });
        opened.map_or_else(error::refusal, |opened| String::from(if opened.is_some() { "" } else { error::NO_MEMORY }))
    }

    /// Makes the model's memory; nothing if there is too little of it.
    fn prepare(&mut self, model: &Model<'static>) -> Result<Option<()>, Error> {
        let Some(baseline) = model.artifact().baseline()? else { return Ok(self.prepare_session(model)) };
        let Some(memory) = zeroed(memory_len(baseline.record)) else { return Ok(None) };
        self.monitor = Some(Monitor::new(model, for_ever(memory))?);
        Ok(self.prepare_session(model))
    }

    fn prepare_session(&mut self, model: &Model<'static>) -> Option<()> {
        let ports = model.inputs().chain(model.outputs());
        let longest = ports.map(|port| port.shape.elements()).max().unwrap_or(0);
        self.reals = zeroed(longest.checked_mul(size_of::<f32>())?)?;
        let (arena, state) = (zeroed(model.arena_len())?, zeroed(model.state_len())?);
        self.session = Session::new(model, for_ever(arena), for_ever(state)).ok();
        self.session.as_ref().map(|_| ())
    }

    /// What the model is, in the order of `describe.rs`.
    #[must_use]
    pub fn describe(&self) -> Vec<u8> {
        self.session
            .as_ref()
            .map_or_else(Vec::new, |session| describe::describe(session.model(), self.monitor.as_ref()))
    }

    /// Where real values are written before [`Runtime::write`] and found after [`Runtime::read`].
    pub fn reals(&mut self) -> *mut f32 {
        self.reals.as_mut_ptr()
    }

    /// Quantizes the first `len` real values into input `i`; says whether it can.
    pub fn write(&mut self, i: usize, len: usize) -> bool {
        let values = self.reals.get(..len).unwrap_or(&[]);
        self.session.as_mut().is_some_and(|session| session.write_f32(i, values).is_ok())
    }

    /// Puts output `i`, of `len` elements, into the real values; says whether it can.
    pub fn read(&mut self, i: usize, len: usize) -> bool {
        let values = self.reals.get_mut(..len).unwrap_or(&mut []);
        self.session.as_ref().is_some_and(|session| session.read_f32(i, values).is_ok())
    }

    /// Makes input `i` from the reserved bytes: `height` rows of `width` pixels of red, green, blue, alpha. Says
    /// whether it can.
    pub fn picture(&mut self, i: usize, width: u32, height: u32) -> bool {
        let pixels = given(&self.given, self.len);
        self.session.as_mut().and_then(|session| prepare::picture(session, i, pixels, width, height)).is_some()
    }

    /// Makes input `i` from the reserved bytes: samples, `f32` from -1 to 1, `rate` a second. Says whether it can.
    pub fn sound(&mut self, i: usize, rate: u32) -> bool {
        let samples = given(&self.given, self.len);
        self.session.as_mut().and_then(|session| prepare::sound(session, i, samples, rate)).is_some()
    }

    /// Where the elements of input `i` are to be written, as they are stored.
    pub fn input(&mut self, i: usize) -> *mut u8 {
        let bytes = self.session.as_mut().and_then(|session| session.input_bytes(i).ok());
        bytes.map_or(ptr::null_mut(), <[u8]>::as_mut_ptr)
    }

    /// Where the elements of output `i` lie, as they are stored.
    #[must_use]
    pub fn output(&self, i: usize) -> *const u8 {
        let bytes = self.session.as_ref().and_then(|session| session.output_bytes(i).ok());
        bytes.map_or(ptr::null(), |(_, bytes)| bytes.as_ptr())
    }

    /// Runs every operator; the monitor, if the file has one, counts the input if it is to be `observed`.
    pub fn run(&mut self, observed: bool) {
        let Some(session) = &mut self.session else { return };
        self.prediction = match &mut self.monitor {
            Some(monitor) if observed => monitor.run(session),
            Some(monitor) => monitor.predict(session),
            None => {
                session.run();
                None
            }
        };
    }

    /// Where the numbers of `watch.rs` lie, as they are now; null without a monitor.
    pub fn watch(&mut self) -> *const f64 {
        let Some(monitor) = &self.monitor else { return ptr::null() };
        self.numbers = watch::numbers(monitor, self.prediction);
        self.numbers.as_ptr()
    }

    /// The monitor's report.
    #[must_use]
    pub fn report(&self) -> Vec<u8> {
        let Some(monitor) = &self.monitor else { return Vec::new() };
        written(Totals::len(monitor.baseline().record.features), |out| monitor.report(out))
    }

    /// The monitor's state.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let Some(monitor) = &self.monitor else { return Vec::new() };
        written(memory_len(monitor.baseline().record), |out| monitor.save(out))
    }

    /// Sets the monitor to what [`Runtime::save`] gave. Returns nothing, or a refusal: code, zero, sentence.
    pub fn resume(&mut self, mut saved: Vec<u8>) -> String {
        let result = self.monitor.as_mut().map(|monitor| monitor.resume(&mut saved));
        result.and_then(Result::err).map_or_else(String::new, error::refusal)
    }

    /// Has the monitor take its alarm back, or forget everything.
    pub fn clear(&mut self, everything: bool) {
        match &mut self.monitor {
            Some(monitor) if everything => monitor.reset(),
            Some(monitor) => monitor.clear(),
            None => {}
        }
    }

    /// Forgets the past.
    pub fn reset(&mut self) {
        if let Some(session) = &mut self.session {
            session.reset();
        }
    }

    /// Sets the state to these bytes; says whether their length is right.
    pub fn restore(&mut self, state: &[u8]) -> bool {
        self.session.as_mut().is_some_and(|session| session.restore(state).is_ok())
    }

    /// The state's bytes.
    #[must_use]
    pub fn state(&self) -> Vec<u8> {
        self.session.as_ref().map_or_else(Vec::new, |session| session.state().to_vec())
    }

    /// Runs the file's golden vectors. Returns nothing, or a refusal: code, zero, sentence.
    #[wasm_bindgen(js_name = selfTest)]
    pub fn self_test(&mut self) -> String {
        let result = self.session.as_mut().map(Session::self_test);
        result.and_then(Result::err).map_or_else(String::new, error::refusal)
    }
}

/// What `write` writes to `len` bytes; empty if there is no memory for them.
fn written(len: usize, write: impl FnOnce(&mut [u8]) -> Result<usize, Error>) -> Vec<u8> {
    let mut out = zeroed(len).unwrap_or_default();
    let written = write(&mut out).unwrap_or(0);
    out.truncate(written);
    out
}

/// What was written to the first `len` bytes.
fn given<T: Pod>(memory: &[Block], len: usize) -> &[T] {
    let all = bytemuck::try_cast_slice(memory).unwrap_or(&[]);
    all.get(..len / size_of::<T>().max(1)).unwrap_or(&[])
}
