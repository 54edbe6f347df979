//! Tensors made from numbers: `ConstantOfShape`, `Range`, `EyeLike`, windows, mel weights.
//!
//! All become constants. Windows and mel weights are computed in `f64` and rounded once.

use super::shape::{Made, count, lengths, one, shape_of};
use super::{ImportError, NodeContext, Translate};
use crate::ir::Tensor;
use core::f64::consts::PI;
use half::f16;
use siskin::{DType, Shape, Type};

pub(super) const OPERATORS: &[(&str, Translate)] = &[
    ("ConstantOfShape", constant_of_shape),
    ("Range", range),
    ("EyeLike", eye_like),
    ("HannWindow", hann),
    ("HammingWindow", hamming),
    ("BlackmanWindow", blackman),
    ("MelWeightMatrix", mel_weights),
];

/// A number that becomes an element: `f64` or `i64`.
pub(super) trait Number: Copy {
    fn float(self) -> f64;
    fn int(self) -> i64;
}

impl Number for f64 {
    fn float(self) -> f64 {
        self
    }
    fn int(self) -> i64 {
        self as i64
    }
}

impl Number for i64 {
    fn float(self) -> f64 {
        self as f64
    }
    fn int(self) -> i64 {
        self
    }
}

/// A tensor of these numbers, converted; nothing if their number is not what the axes say.
pub(super) fn tensor_of<N: Number>(dtype: DType, dims: &[u32], values: &[N]) -> Option<Tensor> {
    let ty = Type::new(dtype, Shape::new(dims)?);
    if ty.checked_bytes().is_none() || count(dims) != values.len() as u64 {
        return None;
    }
    let mut tensor = Tensor::zeros(ty);
    macro_rules! fill {
        ($($d:ident: $t:ty, $f:expr;)*) => {
            match dtype {
                $(DType::$d => tensor.get_mut::<$t>()?.iter_mut().zip(values).for_each(|(o, &v)| *o = $f(v)),)*
                _ => return None,
            }
        };
    }
    fill! {
        F32: f32, |v: N| v.float() as f32; F16: f16, |v: N| f16::from_f64(v.float()); F64: f64, |v: N| v.float();
        I8: i8, |v: N| v.int() as i8; U8: u8, |v: N| v.int() as u8; I16: i16, |v: N| v.int() as i16;
        U16: u16, |v: N| v.int() as u16; I32: i32, |v: N| v.int() as i32; U32: u32, |v: N| v.int() as u32;
        I64: i64, |v: N| v.int(); U64: u64, |v: N| v.int() as u64; Bool: u8, |v: N| u8::from(v.float() != 0.0);
    }
    Some(tensor)
}

/// As [`tensor_of`], with an error that names the node.
fn constant<N: Number>(cx: &mut NodeContext<'_>, dtype: DType, dims: &[u32], values: &[N]) -> Made {
    let Some(tensor) = tensor_of(dtype, dims, values) else {
        return cx.fail(format!("a constant of shape {dims:?} cannot be made"));
    };
    one(cx.add_const(tensor))
}

fn constant_of_shape(cx: &mut NodeContext<'_>) -> Made {
    let dims = lengths(cx, &cx.need_ints(0)?)?;
    let value = cx.tensor("value")?.unwrap_or_else(|| Tensor::scalar(0f32));
    let ty = Type::new(value.ty().dtype, shape_of(cx, &dims)?);
    if value.ty().shape.elements() != 1 || ty.checked_bytes().is_none() {
        return cx.fail(format!("'value' must be one element, and {ty} less than 4 GiB"));
    }
    let mut tensor = Tensor::zeros(ty);
    for element in tensor.bytes_mut().chunks_exact_mut(ty.dtype.size() as usize) {
        element.copy_from_slice(value.bytes());
    }
    one(cx.add_const(tensor))
}

/// The only element of operand `i`, which must be a constant.
fn scalar(cx: &NodeContext<'_>, i: usize) -> Result<f64, ImportError> {
    let v = cx.input(i)?;
    let tensor = cx.constant(v).ok_or_else(|| {
        let name = &cx.graph.value(v).name;
        cx.error(format!("'{name}' decides a constant and is computed at run time: fix it with --bake {name}=FILE.npy"))
    })?;
    let exact = tensor.get::<f64>().and_then(|t| t.first().copied());
    let whole = tensor.to_i64().and_then(|t| Some(*t.first()? as f64));
    exact
        .or(whole)
        .or(tensor.to_f32().first().map(|&v| v.into()))
        .ok_or_else(|| cx.error(format!("input {i} holds no element")))
}

fn range(cx: &mut NodeContext<'_>) -> Made {
    let dtype = cx.dtype(cx.input(0)?);
    let most = 1 << 30;
    if dtype.is_float() {
        let (start, limit, delta) = (scalar(cx, 0)?, scalar(cx, 1)?, scalar(cx, 2)?);
        let n = ((limit - start) / delta).ceil();
        if n.is_nan() || n > f64::from(most) {
            return cx.fail(format!("{start}, {limit} by {delta} is no range"));
        }
        let values: Vec<f64> = (0..n.max(0.0) as u32).map(|i| start + f64::from(i) * delta).collect();
        return constant(cx, dtype, &[values.len() as u32], &values);
    }
    let int = |i| cx.need_ints(i).and_then(|v| v.first().copied().ok_or_else(|| cx.error("an input holds no element")));
    let (start, limit, delta) = (int(0)?, int(1)?, int(2)?);
    let distance = (i128::from(limit) - i128::from(start)) * i128::from(delta.signum());
    let n = if distance <= 0 { 0 } else { (distance - 1) / i128::from(delta).abs().max(1) + 1 };
    if delta == 0 || n > i128::from(most) {
        return cx.fail(format!("{start}, {limit} by {delta} is no range"));
    }
    let values: Vec<i64> = (0..n as i64).map(|i| start + i * delta).collect();
    constant(cx, dtype, &[values.len() as u32], &values)
}

fn eye_like(cx: &mut NodeContext<'_>) -> Made {
    let x = cx.input(0)?;
    let dims = cx.dims(x);
    let &[rows, columns] = dims.as_slice() else { return cx.fail(format!("2 axes are needed, {dims:?} are given")) };
    let dtype = cx.int("dtype")?.map_or(Ok(cx.dtype(x)), |code| cx.dtype_of(code))?;
    let k = cx.int_or("k", 0)?;
    let mut values = Vec::new();
    for row in 0..i64::from(rows) {
        values.extend((0..i64::from(columns)).map(|column| i64::from(column.checked_sub(row) == Some(k))));
    }
    constant(cx, dtype, &dims, &values)
}

/// `Σ terms[j]·cos(2πj·n / period)`.
fn window(cx: &mut NodeContext<'_>, terms: [f64; 3]) -> Made {
    let size = lengths(cx, &cx.need_ints(0)?)?.first().copied().unwrap_or(0);
    if size > 1 << 24 {
        return cx.fail(format!("a window of {size} elements is longer than 2^24"));
    }
    let dtype = cx.dtype_of(cx.int_or("output_datatype", 1)?)?;
    let period = if cx.int_or("periodic", 1)? != 0 { size } else { size.saturating_sub(1) };
    let value = |n: u32| {
        // A window of one element keeps it.
        let angle = if period == 0 { PI } else { 2.0 * PI * f64::from(n) / f64::from(period) };
        terms.iter().zip(0u8..).map(|(a, j)| a * (f64::from(j) * angle).cos()).sum::<f64>()
    };
    let values: Vec<f64> = (0..size).map(value).collect();
    constant(cx, dtype, &[size], &values)
}

fn hann(cx: &mut NodeContext<'_>) -> Made {
    window(cx, [0.5, -0.5, 0.0])
}

fn hamming(cx: &mut NodeContext<'_>) -> Made {
    window(cx, [25.0 / 46.0, -21.0 / 46.0, 0.0])
}

fn blackman(cx: &mut NodeContext<'_>) -> Made {
    window(cx, [0.42, -0.5, 0.08])
}

/// Triangles on the mel scale: `[dft_length / 2 + 1, bins]`.
fn mel_weights(cx: &mut NodeContext<'_>) -> Made {
    let int = |i| cx.need_ints(i).map(|v| v.first().copied().unwrap_or(0));
    let (bins, dft, rate) = (int(0)?, int(1)?, int(2)?);
    let (low, high) = (scalar(cx, 3)?, scalar(cx, 4)?);
    let dtype = cx.dtype_of(cx.int_or("output_datatype", 1)?)?;
    let sane = |n: i64| (1..1 << 20).contains(&n);
    if !sane(bins) || !sane(dft) || rate < 1 || low < 0.0 || high > rate as f64 / 2.0 {
        return cx.fail(format!("{bins} bins of {dft} points from {low} to {high} Hz at {rate} samples a second"));
    }
    let (rows, columns) = (dft as usize / 2 + 1, bins as usize);
    let edges = mel_edges(columns, dft as f64, rate as f64, low, high);
    let mut values = vec![0f64; rows * columns];
    for (column, edge) in edges.windows(3).enumerate() {
        let &[lower, center, upper] = edge else { continue };
        let mut set = |row: usize, v: f64| {
            if let Some(slot) = values.get_mut(row * columns + column).filter(|_| row < rows) {
                *slot = v;
            }
        };
        (lower..=center).for_each(|row| set(row, ratio(row - lower, center - lower)));
        (center..upper).for_each(|row| set(row, ratio(upper - row, upper - center)));
    }
    constant(cx, dtype, &[rows as u32, columns as u32], &values)
}

/// `a / b`, where nothing over nothing is all of it.
fn ratio(a: usize, b: usize) -> f64 {
    if b == 0 { 1.0 } else { a as f64 / b as f64 }
}

/// The frequency bins at which triangles begin, peak and end, equally far apart in mel.
fn mel_edges(bins: usize, dft: f64, rate: f64, low: f64, high: f64) -> Vec<usize> {
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let step = (mel(high) - mel(low)) / (bins + 2) as f64;
    let hertz = |i: usize| 700.0 * (10f64.powf((i as f64 * step + mel(low)) / 2595.0) - 1.0);
    (0..bins + 2).map(|i| ((dft + 1.0) * hertz(i) / rate).floor().max(0.0) as usize).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn numbers_convert_to_every_element_type() {
        for dtype in DType::ALL {
            let ones = tensor_of(dtype, &[2], &[1.0, 0.0]).unwrap();
            assert_eq!(ones.to_f32(), [1.0, 0.0], "{dtype}");
            assert_eq!(tensor_of(dtype, &[2], &[1i64, 0]).unwrap(), ones);
        }
        assert_eq!(tensor_of(DType::F32, &[3], &[1.0]), None);
    }

    #[test]
    fn mel_edges_rise_from_low_to_high() {
        let edges = mel_edges(8, 512.0, 16_000.0, 0.0, 8_000.0);
        assert_eq!(edges[0], 0);
        assert!(edges.is_sorted() && edges.len() == 10);
    }
}
