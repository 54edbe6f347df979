//! A monitor's section, its saved state and its report, patched and sealed: refused, or served without a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use siskin::format::{ALTERNATIVES, BINS, Baseline, FeatureRecord, MonitorRecord, Totals};
use siskin::{Monitor, monitor};
use siskin_fuzz::Aligned;

/// Larger memories are only slower to fuzz.
const MOST: usize = 1 << 16;

/// A section of three features, of a detector of any kind.
fn section(detector: u16) -> Vec<u8> {
    let parts = MonitorRecord::MOMENTS | MonitorRecord::HEALTH;
    let mut record: MonitorRecord = bytemuck::Zeroable::zeroed();
    (record.version, record.features, record.tables, record.stride) = (1, 3, 1, 1);
    (record.detector, record.parts) = (detector, if detector == 0 { parts | MonitorRecord::ADAPT } else { parts });
    record.window = if record.is_windowed() { 5 } else { 0 };
    (record.threshold, record.correction, record.gain, record.temperature) = (50.0, 0.99, 1.0, 1.0);
    record.weighed = 3;
    record.memory_len = monitor::memory_len(&record) as u32;
    let mut feature: FeatureRecord = bytemuck::Zeroable::zeroed();
    (feature.rows, feature.columns, feature.step) = (1, 1, 1.0);
    feature.reference = [4096; BINS];
    feature.reference[0] = 4095;
    feature.cuts = core::array::from_fn(|i| i as i32);
    let odds = [[1.0f32; BINS]; ALTERNATIVES];
    let features = [feature; 3];
    [bytemuck::bytes_of(&record), bytemuck::cast_slice(&features), bytemuck::bytes_of(&odds)].concat()
}

/// Replaces bytes: each four say where and what.
fn patch(bytes: &mut [u8], data: &[u8]) {
    for word in data.chunks_exact(4) {
        let at = usize::from(u16::from_le_bytes([word[0], word[1]]));
        if let Some(place) = bytes.get_mut(at..at + 2) {
            place.copy_from_slice(&word[2..4]);
        }
    }
}

/// Lets a monitor see values and tell all it knows; its report is one.
fn use_up(monitor: &mut Monitor<'_>, data: &[u8]) {
    let features = monitor.baseline().features.len();
    let mut values = vec![0i32; features];
    for (i, &byte) in data.iter().cycle().take(64 * features.min(8)).enumerate() {
        values[i % features] = i32::from(byte.cast_signed()) << (byte % 24);
        if i % features == features - 1 {
            monitor.observe(&values);
        }
    }
    let _ = (monitor.evidence(), monitor.alarm());
    let mut report = vec![0; Totals::len(monitor.baseline().record.features)];
    monitor.report(&mut report).unwrap();
    let mut sum = vec![0; report.len()];
    let totals = Totals::new_checked(&report).unwrap();
    totals.merge(&totals, &mut sum).unwrap();
    monitor.clear();
}

/// The checksum of a saved state, as `FORMAT.md` says.
fn seal(saved: &mut [u8]) {
    let sum = crc32fast::hash(&saved[..8]).rotate_left(1) ^ crc32fast::hash(&saved[12..]);
    saved[8..12].copy_from_slice(&sum.to_le_bytes());
}

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else { return };
    let mut bytes = section(u16::from(kind >> 2) % 6);
    if kind & 1 == 1 {
        patch(&mut bytes, data);
    }
    let section = Aligned::new(&bytes);
    let Ok(baseline) = Baseline::new_checked(section.bytes()) else { return };
    let mut memory = vec![0u64; MOST / 8];
    let Ok(mut monitor) = Monitor::detached(baseline, bytemuck::cast_slice_mut(&mut memory)) else { return };
    use_up(&mut monitor, data);
    let mut saved = vec![0; monitor::memory_len(baseline.record)];
    monitor.save(&mut saved).unwrap();
    if kind & 2 == 2 {
        patch(&mut saved, data);
        seal(&mut saved);
    }
    if monitor.resume(&mut saved).is_ok() {
        use_up(&mut monitor, data);
    }
    let mut report = vec![0; Totals::len(baseline.record.features)];
    monitor.report(&mut report).unwrap();
    patch(&mut report, data);
    let end = report.len() - 4;
    let sum = crc32fast::hash(&report[..end]);
    report[end..].copy_from_slice(&sum.to_le_bytes());
    let mut out = vec![0; report.len()];
    for bytes in [&report[..], data] {
        if let Ok(totals) = Totals::new_checked(bytes) {
            let _ = totals.merge(&totals, &mut out);
        }
    }
});
