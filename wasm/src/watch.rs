//! What the monitor and the model say, as numbers that JavaScript reads in this order.
//!
//! ```text
//! evidence seen alarm-at named (low, high)  |  classifies class confidence set (low, high) set-length abstain distance unlike
//! ```
//!
//! A set is two words of bits. `wasm/npm/src/monitor.ts` reads them.

use siskin::{Monitor, Prediction};

/// The numbers; every one is exact, counts up to 2^53.
pub(crate) fn numbers(monitor: &Monitor<'_>, prediction: Option<Prediction>) -> [f64; 14] {
    let (alarm, p) = (monitor.alarm(), prediction.unwrap_or_default());
    let [low, high] = words(alarm.map_or(0, |alarm| alarm.features));
    let [set_low, set_high] = words(p.set);
    [
        monitor.evidence().into(),
        monitor.seen() as f64,
        alarm.map_or(0, |alarm| alarm.at) as f64,
        low,
        high,
        f64::from(u8::from(prediction.is_some())),
        p.class.into(),
        p.confidence.into(),
        set_low,
        set_high,
        p.set_len.into(),
        f64::from(u8::from(p.abstain)),
        p.distance.into(),
        f64::from(u8::from(p.unlike)),
    ]
}

fn words(set: u64) -> [f64; 2] {
    [f64::from(set as u32), f64::from((set >> 32) as u32)]
}
