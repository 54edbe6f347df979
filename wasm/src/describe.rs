//! What a model is, as words and texts that JavaScript reads in this order.
//!
//! ```text
//! description = card weights arena state preparation inputs outputs steps monitor
//! card        = bytes, as they are in the file          preparation = kind (0 none, 1 image, 2 audio) words
//! port        = name shape outer stored scale zeroPoint operator
//! step        = operator shape stored weights macs (low, high)
//! monitor     = bytes (0 without one) features             feature = word, number + 1 (0 without one)
//! ```
//!
//! A word is a little-endian `u32`; a list is its length and its items; a text is the list of its bytes. No JSON:
//! writing numbers and quotes would link a tenth of the package.

use alloc::vec::Vec;
use siskin::format::Place;
use siskin::monitor::{memory_len, name};
use siskin::{Model, Monitor, Port, Preparation, Step};

/// The description; `wasm/npm/src/describe.ts` reads it.
pub(crate) fn describe(model: &Model<'_>, monitor: Option<&Monitor<'_>>) -> Vec<u8> {
    let mut notes = Notes(Vec::new());
    notes.bytes(model.artifact().card());
    notes.size(model.artifact().weights().len());
    notes.size(model.arena_len());
    notes.size(model.state_len());
    notes.preparation(model.preparation(0));
    notes.size(model.inputs().count());
    for port in model.inputs() {
        notes.port(&port, "");
    }
    notes.size(model.outputs().count());
    for (i, port) in model.outputs().enumerate() {
        notes.port(&port, writer(model, i));
    }
    notes.size(model.steps().count());
    for step in model.steps() {
        notes.step(model, &step);
    }
    notes.size(monitor.map_or(0, |monitor| memory_len(monitor.baseline().record)));
    let features = monitor.map_or(&[][..], |monitor| monitor.baseline().features);
    notes.size(features.len());
    for feature in features {
        let (word, number) = name(feature);
        notes.bytes(word.as_bytes());
        notes.word(number.map_or(0, |number| u32::from(number).saturating_add(1)));
    }
    notes.0
}

/// The name of the last operator that writes output `i`.
fn writer(model: &Model<'_>, i: usize) -> &'static str {
    let Some(io) = model.artifact().outputs().nth(i) else { return "" };
    let writes = model.steps().filter(|step| step.outputs().contains(&io.tensor));
    writes.last().map_or("", |step| step.entry.name)
}

/// A description in the making.
struct Notes(Vec<u8>);

impl Notes {
    #[inline(never)]
    fn word(&mut self, word: u32) {
        self.0.extend_from_slice(&word.to_le_bytes());
    }

    #[inline(never)]
    fn size(&mut self, size: usize) {
        self.word(u32::try_from(size).unwrap_or(u32::MAX));
    }

    #[inline(never)]
    fn bytes(&mut self, bytes: &[u8]) {
        self.size(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    #[inline(never)]
    fn words(&mut self, words: &[u32]) {
        self.size(words.len());
        self.0.extend_from_slice(bytemuck::cast_slice(words));
    }

    fn preparation(&mut self, preparation: Option<Preparation>) {
        let (kind, record) = match &preparation {
            None => (0, &[][..]),
            Some(Preparation::Image(record)) => (1, bytemuck::bytes_of(record)),
            Some(Preparation::Audio(record)) => (2, bytemuck::bytes_of(record)),
        };
        self.word(kind);
        self.words(bytemuck::try_cast_slice(record).unwrap_or(&[]));
    }

    #[inline(never)]
    fn port(&mut self, port: &Port<'_>, operator: &str) {
        self.bytes(port.name.as_bytes());
        self.words(&port.shape);
        self.bytes(port.outer.name().as_bytes());
        self.bytes(port.dtype.name().as_bytes());
        self.word(port.scale.to_bits());
        self.word(port.zero_point.cast_unsigned());
        self.bytes(operator.as_bytes());
    }

    fn step(&mut self, model: &Model<'_>, step: &Step<'_>) {
        let ty = step.outputs().first().and_then(|&output| step.ty(output));
        let constants = step
            .inputs()
            .iter()
            .filter(|&&t| model.artifact().tensor(t).is_some_and(|record| record.place() == Some(Place::Weights)));
        let weights = constants.filter_map(|&t| step.ty(t)?.checked_bytes()).fold(0, u32::saturating_add);
        self.bytes(step.entry.name.as_bytes());
        self.words(ty.map_or(&[], |ty| ty.shape));
        self.bytes(ty.map_or("", |ty| ty.dtype.name()).as_bytes());
        self.word(weights);
        let macs = step.macs();
        self.word(macs as u32);
        self.word((macs >> 32) as u32);
    }
}
