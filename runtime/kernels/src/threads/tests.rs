//! Parts give what the whole gives, bit for bit, whatever the pool does.

use super::split::{Split, each_part};
use super::{Pool, conv_f32, conv_i8, depthwise_conv_i8, matmul_f32};
use crate::drawn::{conv, values};
use crate::int8::ConvI8;
use crate::{Axis, Conv, ConvF32, Generic, Kernels, MatMulF32, ToI8, Weights, WithKernels, best};
use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use proptest::prelude::*;

/// The last task first, some twice, some not at all.
struct Careless(AtomicUsize);

impl Pool for Careless {
    fn threads(&self) -> usize {
        3
    }

    fn run(&self, tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        self.0.fetch_add(1, SeqCst);
        (0..tasks + 5).rev().filter(|i| i % 3 > 0).for_each(task);
        task(1);
    }
}

/// One thread: nothing is cut.
struct Alone;

impl Pool for Alone {
    fn threads(&self) -> usize {
        1
    }

    fn run(&self, _: usize, _: &(dyn Fn(usize) + Sync)) {
        unreachable!("one thread has no parts");
    }
}

/// A convolution, with the pool or in one.
#[derive(Clone, Copy)]
struct Floats<'a>(Conv, &'a dyn Pool);

impl WithKernels for Floats<'_> {
    type Output = Vec<u32>;

    fn with<K: Kernels>(self) -> Vec<u32> {
        let Floats(geometry, pool) = self;
        let pixels = |of: fn(&Axis) -> usize| geometry.axes.iter().map(of).product::<usize>() * geometry.batch;
        let x = values(pixels(|a| a.input) * geometry.in_channels, 1);
        let (w, bias) = (values(geometry.filter_len() * geometry.out_channels, 2), values(geometry.out_channels, 3));
        let w = Weights::F32(&w);
        let mut packed = vec![0.0; K::pack_conv_f32(&geometry, w, &mut [])];
        K::pack_conv_f32(&geometry, w, &mut packed);
        let mut y = vec![f32::NAN; pixels(|a| a.output) * geometry.out_channels];
        let mut scratch = vec![0.0; ConvF32::scratch_len(&geometry)];
        let args = ConvF32 { geometry, x: &x, w, bias: &bias, clamp: (-1.5, 2.0), scratch: &mut scratch, y: &mut y };
        conv_f32::<K>(pool, args, &packed);
        y.iter().map(|y| y.to_bits()).collect()
    }
}

#[derive(Clone, Copy)]
struct Bytes<'a>(Conv, bool, &'a dyn Pool);

impl WithKernels for Bytes<'_> {
    type Output = Vec<i8>;

    fn with<K: Kernels>(self) -> Vec<i8> {
        let Bytes(geometry, depthwise, pool) = self;
        let pixels = |of: fn(&Axis) -> usize| geometry.axes.iter().map(of).product::<usize>() * geometry.batch;
        let bytes = |n: usize, seed: u32| values(n, seed).iter().map(|v| (v * 127.0) as i8).collect::<Vec<_>>();
        let (x, w) = (
            bytes(pixels(|a| a.input) * geometry.in_channels, 1),
            bytes(geometry.filter_len() * geometry.out_channels, 2),
        );
        let (bias, scale) = (vec![50; geometry.out_channels], vec![0.003; geometry.out_channels]);
        let output = ToI8::new(3, -128, 127);
        let conv = ConvI8 { geometry, x: &x, x_zero: -5, w: &w, bias: &bias, scale: &scale, output };
        let mut y = vec![0; pixels(|a| a.output) * geometry.out_channels];
        let pack = if depthwise { K::pack_depthwise_conv_i8 } else { K::pack_conv_i8 };
        let mut packed = vec![0; pack(&conv, &mut [])];
        pack(&conv, &mut packed);
        let run = if depthwise { depthwise_conv_i8::<K> } else { conv_i8::<K> };
        run(pool, &conv, &packed, &mut y);
        y
    }
}

#[derive(Clone, Copy)]
struct Product<'a>([usize; 3], bool, &'a dyn Pool);

impl WithKernels for Product<'_> {
    type Output = Vec<u32>;

    fn with<K: Kernels>(self) -> Vec<u32> {
        let Product([m, k, n], is_packed, pool) = self;
        let (a, b, bias) = (values(m * k, 1), values(k * n, 2), values(n, 3));
        let b = Weights::F32(&b);
        let mut packed = vec![0.0; if is_packed { K::pack_matmul_f32(b, k, n, false, &mut []) } else { 0 }];
        K::pack_matmul_f32(b, k, n, false, &mut packed);
        let mut y = vec![f32::NAN; m * n];
        let args = MatMulF32 { a: &a, b, bias: &bias, y: &mut y, k, n, transpose_b: false, min: -1.0, max: 3.0 };
        matmul_f32::<K>(pool, args, &packed);
        y.iter().map(|y| y.to_bits()).collect()
    }
}

/// Images tall enough to be cut, most of them single.
fn tall() -> impl Strategy<Value = Conv> {
    (conv(), 1usize..30, 0usize..4).prop_map(|(mut g, more, batch)| {
        let rows = &mut g.axes[1];
        (rows.input, rows.output) = (rows.input + more * rows.stride, rows.output + more);
        g.batch = batch.max(1);
        g
    })
}

fn depthwise(g: Conv) -> Conv {
    Conv { out_channels: g.in_channels, groups: g.in_channels, ..g }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn floats(g in tall()) {
        let pool = Careless(AtomicUsize::new(0));
        for g in [g, depthwise(g)] {
            prop_assert_eq!(best(Floats(g, &pool)), best(Floats(g, &Alone)), "{:?}", g);
            prop_assert_eq!(Floats(g, &pool).with::<Generic>(), Floats(g, &Alone).with::<Generic>(), "{:?}", g);
        }
    }

    #[test]
    fn bytes(g in tall(), narrow in 1usize..9) {
        let pool = Careless(AtomicUsize::new(0));
        let few = Conv { in_channels: narrow, out_channels: narrow, groups: narrow, ..g };
        for (g, is_depthwise) in [(g, false), (depthwise(g), true), (few, true)] {
            prop_assert_eq!(best(Bytes(g, is_depthwise, &pool)), best(Bytes(g, is_depthwise, &Alone)), "{:?}", g);
        }
    }

    #[test]
    fn products(m in 1usize..60, k in 1usize..80, n in 1usize..40, is_packed: bool) {
        let pool = Careless(AtomicUsize::new(0));
        let size = [m, k, n];
        prop_assert_eq!(best(Product(size, is_packed, &pool)), best(Product(size, is_packed, &Alone)));
    }
}

/// Channels that fill a vector with their neighbours', in an image of which only parts fit a strip.
#[test]
fn a_part_that_fits_a_strip_is_packed_as_all_of_it() {
    let axis = Axis { input: 62, output: 60, kernel: 3, stride: 1, dilation: 1, pad: 0 };
    let g = depthwise(Conv { batch: 1, in_channels: 8, out_channels: 8, groups: 8, axes: [Axis::UNIT, axis, axis] });
    let pool = Careless(AtomicUsize::new(0));
    assert_eq!(best(Bytes(g, true, &pool)), best(Bytes(g, true, &Alone)));
}

#[test]
fn a_part_is_given_once() {
    let (split, calls) = (Split::new(50, 3, 9, 3).expect("enough rows"), AtomicUsize::new(0));
    let mut y = [0; 150];
    each_part(&Careless(AtomicUsize::new(0)), split, &mut y, &|rows, y| {
        calls.fetch_add(1, SeqCst);
        y.iter_mut().zip(3 * rows.start..).for_each(|(y, i)| *y += i);
    });
    assert_eq!(calls.load(SeqCst), 9);
    assert!(y.iter().copied().eq(0..150));
}

#[test]
fn what_is_large_is_cut_and_what_is_small_is_not() {
    let axis = |n: usize| Axis { input: n, output: n, kernel: 3, stride: 1, dilation: 1, pad: 1 };
    let conv =
        |n: usize| Conv { batch: 1, in_channels: 4, out_channels: 4, groups: 1, axes: [Axis::UNIT, axis(n), axis(n)] };
    for (n, jobs) in [(1, 0), (20, 1)] {
        let pool = Careless(AtomicUsize::new(0));
        best(Bytes(conv(n), false, &pool));
        assert_eq!(pool.0.load(SeqCst), jobs, "{n}");
    }
}

#[cfg(feature = "std")]
mod workers {
    use super::super::{Pool, Workers};
    use core::sync::atomic::{AtomicUsize, Ordering::SeqCst};
    use core::time::Duration;

    fn workers(threads: usize) -> Workers {
        Workers::new(threads).expect("threads can be started")
    }

    #[test]
    fn every_task_runs_once() {
        let pool = workers(3);
        for tasks in (0..40).cycle().take(3000) {
            let done: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            pool.run(tasks, &|i| {
                done[i].fetch_add(1, SeqCst);
            });
            assert!(done.iter().all(|n| n.load(SeqCst) == 1), "{done:?}");
        }
    }

    #[test]
    fn sleepers_wake() {
        let pool = workers(2);
        let here = std::thread::current().id();
        for _ in 0..3 {
            std::thread::sleep(Duration::from_millis(5));
            let elsewhere = AtomicUsize::new(0);
            pool.run(20, &|_| {
                std::thread::sleep(Duration::from_millis(1));
                elsewhere.fetch_add(usize::from(std::thread::current().id() != here), SeqCst);
            });
            assert!(elsewhere.load(SeqCst) > 0);
        }
    }

    #[test]
    fn a_task_that_runs_tasks_does_them_alone() {
        let (pool, sum) = (workers(2), AtomicUsize::new(0));
        pool.run(4, &|i| {
            pool.run(4, &|k| {
                sum.fetch_add(4 * i + k, SeqCst);
            });
        });
        assert_eq!(sum.load(SeqCst), (0..16).sum());
    }

    #[test]
    fn a_panic_arrives_and_the_pool_goes_on() {
        let pool = workers(2);
        let thrown = std::panic::catch_unwind(core::panic::AssertUnwindSafe(|| {
            pool.run(8, &|_| panic!("as a task may"));
        }));
        assert!(thrown.is_err());
        let done = AtomicUsize::new(0);
        pool.run(8, &|_| {
            done.fetch_add(1, SeqCst);
        });
        assert_eq!(done.load(SeqCst), 8);
    }
}

/// Packed weights suit the length of a row, which a part of a row or of a column does not have.
#[test]
fn rows_and_columns_of_few_channels_stay_the_same() {
    let pool = Careless(AtomicUsize::new(0));
    let long = |n| Axis { input: n, output: n, ..Axis::UNIT };
    for channels in [2, 4, 8] {
        for axes in [[Axis::UNIT, long(25), Axis::UNIT], [Axis::UNIT, Axis::UNIT, long(50)]] {
            let g = Conv { batch: 1, in_channels: channels, out_channels: channels, groups: channels, axes };
            assert_eq!(best(Bytes(g, true, &pool)), best(Bytes(g, true, &Alone)), "{g:?}");
            for g in [g, Conv { groups: 1, ..g }] {
                assert_eq!(best(Bytes(g, false, &pool)), best(Bytes(g, false, &Alone)), "{g:?}");
                assert_eq!(best(Floats(g, &pool)), best(Floats(g, &Alone)), "{g:?}");
            }
        }
    }
}
