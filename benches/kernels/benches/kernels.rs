//! Times kernels by themselves, those of this processor beside the portable ones: `cargo bench` here.
//!
//! The sizes are layers of the keyword spotter and of MobileNetV2.

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main, measurement::WallTime};
use siskin_kernels::int8::ConvI8;
use siskin_kernels::{Axis, Conv, ConvF32, Generic, Kernels, ToI8, Weights, WithKernels, best};

/// One window over square-free images: `[rows, cols]` of the output, and channels.
struct Layer {
    name: &'static str,
    size: [usize; 2],
    channels: [usize; 2],
    kernel: usize,
    depthwise: bool,
}

const LAYERS: &[Layer] = &[
    Layer { name: "kws pointwise", size: [25, 5], channels: [64, 64], kernel: 1, depthwise: false },
    Layer { name: "kws depthwise", size: [25, 5], channels: [64, 64], kernel: 3, depthwise: true },
    Layer { name: "ic dense", size: [16, 16], channels: [32, 32], kernel: 3, depthwise: false },
    Layer { name: "mobilenet expand", size: [56, 56], channels: [24, 144], kernel: 1, depthwise: false },
    Layer { name: "mobilenet depthwise", size: [28, 28], channels: [192, 192], kernel: 3, depthwise: true },
];

impl Layer {
    fn geometry(&self) -> Conv {
        let axis = |n| Axis { input: n, output: n, kernel: self.kernel, stride: 1, dilation: 1, pad: self.kernel / 2 };
        let ([rows, cols], [ins, outs]) = (self.size, self.channels);
        let groups = if self.depthwise { ins } else { 1 };
        let axes = [Axis::UNIT, axis(rows), axis(cols)];
        Conv { batch: 1, in_channels: ins, out_channels: outs, groups, axes }
    }
}

/// Numbers that differ.
fn bytes(n: usize) -> Vec<i8> {
    (0..n).map(|i| (i.wrapping_mul(2_654_435_761) >> 8) as i8).collect()
}

fn floats(n: usize) -> Vec<f32> {
    bytes(n).into_iter().map(|b| f32::from(b) / 128.0).collect()
}

struct Int8<'a, 'b>(&'a mut BenchmarkGroup<'b, WallTime>, &'a Layer, &'a str);

impl WithKernels for Int8<'_, '_> {
    type Output = ();

    fn with<K: Kernels>(self) {
        let Int8(group, layer, set) = self;
        let geometry = layer.geometry();
        let [ins, outs] = layer.channels;
        let pixels: usize = layer.size.iter().product();
        let (x, w) = (bytes(pixels * ins), bytes(geometry.filter_len() * outs));
        let (bias, scale) = (vec![100; outs], vec![0.001; outs]);
        let output = ToI8::new(3, -128, 127);
        let conv = ConvI8 { geometry, x: &x, x_zero: -4, w: &w, bias: &bias, scale: &scale, output };
        let pack = if layer.depthwise { K::pack_depthwise_conv_i8 } else { K::pack_conv_i8 };
        let mut packed = vec![0; pack(&conv, &mut [])];
        pack(&conv, &mut packed);
        let mut y = vec![0; pixels * outs];
        let run = if layer.depthwise { K::packed_depthwise_conv_i8 } else { K::packed_conv_i8 };
        group.bench_function(set, |b| b.iter(|| run(&conv, &packed, &mut y)));
    }
}

struct Float<'a, 'b>(&'a mut BenchmarkGroup<'b, WallTime>, &'a Layer, &'a str);

impl WithKernels for Float<'_, '_> {
    type Output = ();

    fn with<K: Kernels>(self) {
        let Float(group, layer, set) = self;
        let geometry = layer.geometry();
        let [ins, outs] = layer.channels;
        let pixels: usize = layer.size.iter().product();
        let (x, w, bias) = (floats(pixels * ins), floats(geometry.filter_len() * outs), floats(outs));
        let w = Weights::F32(&w);
        let mut packed = vec![0.0; K::pack_conv_f32(&geometry, w, &mut [])];
        K::pack_conv_f32(&geometry, w, &mut packed);
        let (mut y, mut scratch) = (vec![0.0; pixels * outs], vec![0.0; ConvF32::scratch_len(&geometry)]);
        group.bench_function(set, |b| {
            b.iter(|| {
                let (scratch, y) = (&mut scratch[..], &mut y[..]);
                let clamp = (0.0, 6.0);
                K::packed_conv_f32(ConvF32 { geometry, x: &x, w, bias: &bias, clamp, scratch, y }, &packed);
            });
        });
    }
}

fn layers(c: &mut Criterion) {
    for layer in LAYERS {
        for format in ["i8", "f32"] {
            let mut group = c.benchmark_group(format!("{} {format}", layer.name));
            group.throughput(Throughput::Elements(layer.geometry().macs()));
            if format == "i8" {
                best(Int8(&mut group, layer, "native"));
                Int8(&mut group, layer, "generic").with::<Generic>();
            } else {
                best(Float(&mut group, layer, "native"));
                Float(&mut group, layer, "generic").with::<Generic>();
            }
            group.finish();
        }
    }
}

criterion_group!(benches, layers);
criterion_main!(benches);
