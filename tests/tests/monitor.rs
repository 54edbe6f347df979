//! The monitor on the example model: alarms when the digits change and not before, goes on after a restart as if nothing had
//! been, merges its reports, and refuses what is damaged.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use siskin::format::{Prng, ReportError, Totals, crc32};
use siskin::{Error, Monitor, Session};
use siskin_compiler::compress;
use siskin_compiler::data::{Dataset, InputSpec};
use siskin_compiler::monitor::{DETECTORS, Options, attach, estimate, replay};
use siskin_compiler::run::Loaded;
use siskin_tests::{root, source};
use std::sync::LazyLock;

fn digits(name: &str) -> Dataset {
    let path = root().join("models/digits").join(name).display().to_string();
    Dataset::open(&path, &[InputSpec::new(vec![1, 1, 8, 8])]).unwrap()
}

fn images(name: &str) -> Vec<Vec<f32>> {
    digits(name).iter().map(|s| s.unwrap().x[0].to_f32().into_owned()).collect()
}

/// The example model with a monitor; made once.
static WATCHED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let model = source(&root().join("models/digits/digits.onnx"), &[]);
    let calib = digits("train.npz");
    let file = model.compress(&compress::Options::default(), Some(&calib), &mut ()).unwrap().file;
    attach(&file, &Options { arl: 10_000, ..Options::default() }, &calib, &mut ()).unwrap().file
});

/// Memory of a monitor.
fn memory(model: &siskin::Model<'_>) -> Vec<u64> {
    vec![0; model.artifact().baseline().unwrap().unwrap().record.memory_len.div_ceil(8) as usize]
}

fn watch(monitor: &mut Monitor<'_>, session: &mut Session<'_>, images: &[Vec<f32>]) {
    for image in images {
        session.write_f32(0, image).unwrap();
        monitor.run(session);
    }
}

fn report(monitor: &Monitor<'_>) -> Vec<u8> {
    let mut bytes = vec![0; Totals::len(monitor.baseline().record.features)];
    let len = monitor.report(&mut bytes).unwrap();
    assert_eq!(len, bytes.len());
    bytes
}

#[test]
fn an_alarm_comes_after_the_change_and_names_what_changed() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let calm = replay(&mut loaded, &[&digits("val.npz"), &digits("test.npz")], &mut ()).unwrap();
    assert_eq!(calm.alarms, [], "none before a change");
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let mut memory = memory(&model);
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let test = images("test.npz");
    watch(&mut monitor, &mut session, &test);
    assert_eq!(monitor.alarm(), None);
    // Half the light.
    watch(&mut monitor, &mut session, &dimmed(&test));
    let alarm = monitor.alarm().unwrap();
    let delay = alarm.at - test.len() as u64;
    assert!((1..60).contains(&delay), "{delay} inferences after the change");
    assert!(alarm.features != 0 && alarm.evidence >= 1.0);
    monitor.clear();
    assert_eq!(monitor.alarm(), None);
}

fn dimmed(images: &[Vec<f32>]) -> Vec<Vec<f32>> {
    images.iter().map(|x| x.iter().map(|v| v / 2.0).collect()).collect()
}

#[test]
fn every_detector_sees_the_change_and_goes_on_after_a_restart() {
    let (test, calib) = (images("test.npz"), digits("train.npz"));
    for (name, detector) in DETECTORS {
        let options = Options { arl: 10_000, detector, window: 60, ..Options::default() };
        let watched = attach(&WATCHED, &options, &calib, &mut ()).unwrap().file;
        let mut loaded = Loaded::new(&watched).unwrap();
        let mut session = loaded.session().unwrap();
        let model = *session.model();
        let (mut a, mut b) = (memory(&model), memory(&model));
        let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut a)).unwrap();
        watch(&mut monitor, &mut session, &test);
        assert_eq!(monitor.alarm(), None, "{name}: before the change");
        let mut saved = vec![0; monitor.baseline().record.memory_len as usize];
        monitor.save(&mut saved).unwrap();
        let mut restored = Monitor::restore(&model, bytemuck::cast_slice_mut(&mut b), &saved).unwrap();
        for monitor in [&mut monitor, &mut restored] {
            watch(monitor, &mut session, &dimmed(&test));
        }
        let alarm = monitor.alarm().unwrap_or_else(|| panic!("{name} sees nothing"));
        let delay = alarm.at - test.len() as u64;
        assert!((1..=120).contains(&delay) && alarm.features != 0, "{name}: {alarm:?}");
        assert_eq!(restored.alarm(), Some(alarm), "{name}");
        println!("{name}: alarm {delay} inferences after the change");
    }
}

#[test]
fn accuracy_is_estimated_without_labels_and_known_with_them() {
    // The model has seen its training data: its confidence on them says nothing of others.
    let watched =
        attach(&WATCHED, &Options { arl: 10_000, ..Options::default() }, &digits("val.npz"), &mut ()).unwrap();
    let mut loaded = Loaded::new(&watched.file).unwrap();
    let found = replay(&mut loaded, &[&digits("test.npz")], &mut ()).unwrap();
    let model = loaded.model().unwrap();
    let baseline = model.artifact().baseline().unwrap().unwrap();
    let estimate = estimate(&baseline, &Totals::new_checked(&found.report).unwrap());
    let errors = found.errors.unwrap();
    let truth = f64::from(errors.right) / f64::from(errors.labelled);
    assert_eq!(estimate.by_labels.unwrap().value, truth);
    for share in [estimate.by_confidence.unwrap(), estimate.by_threshold.unwrap()] {
        assert!((share.value - truth).abs() < 3.0 * share.error && share.error < 0.02, "{share:?} for {truth}");
    }
    assert!(errors.adwin.is_empty() && errors.calibration < 0.05, "{errors:?}");
}

#[test]
fn an_input_like_nothing_in_the_reference_is_told() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let mut memory = memory(&model);
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    let mut unlike = |images: &[Vec<f32>]| {
        let each = images.iter().filter(|image| {
            session.write_f32(0, image).unwrap();
            monitor.run(&mut session).unwrap().unlike
        });
        each.count() as f64 / images.len() as f64
    };
    let test = images("test.npz");
    let mut prng = Prng::new(9);
    let noise: Vec<Vec<f32>> =
        test.iter().map(|x| x.iter().map(|_| f32::from(prng.next_u8() % 17)).collect()).collect();
    let (known, noise) = (unlike(&test), unlike(&noise));
    println!("unlike the reference: {known:.3} of digits, {noise:.3} of noise");
    assert!(known < 0.05 && noise > 0.5, "{known} {noise}");
}

#[test]
fn a_monitor_goes_on_after_a_restart() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let test = images("test.npz");
    let (mut a, mut b, mut c) = (memory(&model), memory(&model), memory(&model));
    let mut whole = Monitor::new(&model, bytemuck::cast_slice_mut(&mut a)).unwrap();
    watch(&mut whole, &mut session, &test);
    let mut first = Monitor::new(&model, bytemuck::cast_slice_mut(&mut b)).unwrap();
    watch(&mut first, &mut session, &test[..100]);
    let mut saved = vec![0; first.baseline().record.memory_len as usize];
    first.save(&mut saved).unwrap();
    let mut second = Monitor::restore(&model, bytemuck::cast_slice_mut(&mut c), &saved).unwrap();
    watch(&mut second, &mut session, &test[100..]);
    let mut states = [saved.clone(), saved.clone()];
    whole.save(&mut states[0]).unwrap();
    second.save(&mut states[1]).unwrap();
    assert_eq!(states[0], states[1]);
    assert_eq!(report(&whole), report(&second));
}

#[test]
fn a_saved_state_that_is_damaged_is_refused() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let (mut a, mut b) = (memory(&model), memory(&model));
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut a)).unwrap();
    watch(&mut monitor, &mut session, &images("test.npz")[..20]);
    let mut saved = vec![0; monitor.baseline().record.memory_len as usize];
    monitor.save(&mut saved).unwrap();
    let mut try_on = |bytes: &[u8]| Monitor::restore(&model, bytemuck::cast_slice_mut(&mut b), bytes).err();
    assert_eq!(try_on(&saved), None);
    assert_eq!(try_on(&saved[1..]), Some(Error::Saved));
    for at in 0..saved.len() {
        let mut bad = saved.clone();
        bad[at] ^= 1 << (at % 8);
        assert_eq!(try_on(&bad), Some(Error::Saved), "byte {at}");
    }
}

#[test]
fn a_monitor_resumes_in_its_own_memory() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let test = images("test.npz");
    let (mut a, mut b) = (memory(&model), memory(&model));
    let mut first = Monitor::new(&model, bytemuck::cast_slice_mut(&mut a)).unwrap();
    let mut second = Monitor::new(&model, bytemuck::cast_slice_mut(&mut b)).unwrap();
    watch(&mut first, &mut session, &test[..100]);
    watch(&mut second, &mut session, &test[..7]);
    let save = |monitor: &Monitor<'_>| {
        let mut saved = vec![0; monitor.baseline().record.memory_len as usize];
        monitor.save(&mut saved).unwrap();
        saved
    };
    let (saved, before) = (save(&first), save(&second));
    // Sealed and impossible: an alarm at an inference that did not come yet.
    let mut impossible = saved.clone();
    impossible[24] = 101;
    impossible[8..12].fill(0);
    let sum = crc32(&impossible[..8]).rotate_left(1) ^ crc32(&impossible[12..]);
    impossible[8..12].copy_from_slice(&sum.to_le_bytes());
    for bad in [&saved[1..], &saved.iter().map(|b| b ^ 4).collect::<Vec<_>>(), &impossible] {
        assert_eq!(second.resume(&mut bad.to_vec()), Err(Error::Saved));
        assert_eq!(save(&second), before, "what is refused changes nothing");
    }
    second.resume(&mut saved.clone()).unwrap();
    assert_eq!(save(&second), saved);
}

#[test]
fn what_is_only_predicted_leaves_no_trace() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let mut memory = memory(&model);
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory)).unwrap();
    for image in &images("test.npz")[..20] {
        let before = report(&monitor);
        session.write_f32(0, image).unwrap();
        let predicted = monitor.predict(&mut session).unwrap();
        assert_eq!(report(&monitor), before);
        session.write_f32(0, image).unwrap();
        assert_eq!(monitor.run(&mut session), Some(predicted));
    }
}

#[test]
fn reports_merge_in_any_order_to_what_one_device_would_have_told() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let test = images("test.npz");
    let mut prng = Prng::new(3);
    for _ in 0..8 {
        let mut memories: [Vec<u64>; 4] = core::array::from_fn(|_| memory(&model));
        let mut monitors: Vec<Monitor<'_>> =
            memories.iter_mut().map(|m| Monitor::new(&model, bytemuck::cast_slice_mut(m)).unwrap()).collect();
        for image in &test[..120] {
            let device = usize::from(prng.next_u8() % 3);
            for monitor in [device, 3] {
                watch(&mut monitors[monitor], &mut session, core::slice::from_ref(image));
            }
        }
        let [a, b, c, whole] = core::array::from_fn(|i| report(&monitors[i]));
        let merge = |x: &[u8], y: &[u8]| {
            let mut out = vec![0; x.len()];
            Totals::new_checked(x).unwrap().merge(&Totals::new_checked(y).unwrap(), &mut out).unwrap();
            out
        };
        assert_eq!(merge(&a, &b), merge(&b, &a));
        assert_eq!(merge(&merge(&a, &b), &c), merge(&a, &merge(&b, &c)));
        let (merged, whole) = (merge(&merge(&a, &b), &c), whole);
        let (merged, whole) = (Totals::new_checked(&merged).unwrap(), Totals::new_checked(&whole).unwrap());
        assert_eq!((merged.head().devices, merged.head().seen), (3, whole.head().seen));
        assert_eq!(merged.health(), whole.health());
        for i in 0..usize::from(whole.head().features) {
            assert_eq!(merged.feature(i), whole.feature(i), "feature {i}");
        }
    }
}

#[test]
fn damaged_and_foreign_reports_are_refused() {
    let mut loaded = Loaded::new(&WATCHED).unwrap();
    let mut session = loaded.session().unwrap();
    let model = *session.model();
    let mut a = memory(&model);
    let mut monitor = Monitor::new(&model, bytemuck::cast_slice_mut(&mut a)).unwrap();
    watch(&mut monitor, &mut session, &images("test.npz")[..20]);
    let good = report(&monitor);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        assert_eq!(Totals::new_checked(&bad).err(), Some(ReportError::Malformed), "byte {at}");
        assert!(Totals::new_checked(&good[..at]).is_err());
    }
    assert!(monitor.report(&mut vec![0; good.len() - 1]).is_err());
}

/// Every byte of the section changed in turn, the checksums made right: refused, or served without a panic.
#[test]
fn a_hostile_section_is_refused_or_served() {
    use siskin::format::{Baseline, Writer};
    let loaded = Loaded::new(&WATCHED).unwrap();
    let model = loaded.model().unwrap();
    let baseline = model.artifact().baseline().unwrap().unwrap();
    let section = Baseline::write(baseline.record, baseline.features, baseline.odds, baseline.prototypes);
    let (mut served, mut refused) = (0, 0);
    for at in (0..section.len()).step_by(3) {
        let mut bad = section.clone();
        bad[at] ^= [0xFF, 0x80, 0x01][at % 3];
        let writer = Writer { monitor: bad, ..Writer::of(model.artifact()) };
        let file = writer.finish(|_| [0; 32]).unwrap();
        let mut loaded = Loaded::new(&file).unwrap();
        let mut session = loaded.session().unwrap();
        let model = *session.model();
        let mut memory = vec![0u64; 4096];
        match Monitor::new(&model, bytemuck::cast_slice_mut(&mut memory)) {
            Ok(mut monitor) => {
                served += 1;
                monitor.run(&mut session);
                let _ = monitor.alarm();
                report(&monitor);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(served > 100 && refused > 10, "{served} served, {refused} refused");
}
