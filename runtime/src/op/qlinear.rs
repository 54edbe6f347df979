//! What the integer operators share: packed attributes, windows, the operands that requantize.

use crate::attrs::{Quad, SignedQuad};
use crate::{DType, Io, Outputs, Refusal, Sig};
use siskin_kernels::{Axis, Conv, ToI8};

/// How sums become outputs, of zeros `[x_zero, y_zero, min, max]`.
pub(super) fn output(zeros: SignedQuad) -> ToI8 {
    let [_, zero, min, max] = zeros.0.map(i32::from);
    ToI8::new(zero, min, max)
}

/// Refuses a step that is not a positive normal number.
pub(super) fn positive(scale: f32) -> Result<(), Refusal> {
    if scale.is_normal() && scale > 0.0 { Ok(()) } else { Err(Refusal::Attrs) }
}

/// Refuses a number where an attribute has none.
pub(super) fn unused<T: PartialEq + Default>(slots: &[T]) -> Result<(), Refusal> {
    if slots.iter().all(|slot| *slot == T::default()) { Ok(()) } else { Err(Refusal::Attrs) }
}

/// Inputs 2 and 3 are a bias and a scale per output channel, and there is no further input.
pub(super) fn requantizes(sig: &Sig<'_>, channels: u32) -> Result<(), Refusal> {
    sig.at_most(4)?;
    let (bias, scale) = (sig.shape(2, DType::I32)?, sig.shape(3, DType::F32)?);
    if bias == [channels] && scale == [channels] { Ok(()) } else { Err(Refusal::Shape) }
}

/// The axes of a shape that must have `N` of them, none of length 0.
pub(super) fn axes<const N: usize>(shape: &[u32]) -> Result<[u32; N], Refusal> {
    let dims = <[u32; N]>::try_from(shape).map_err(|_| Refusal::Shape)?;
    if dims.contains(&0) { Err(Refusal::Shape) } else { Ok(dims) }
}

/// A window over height and width, of `window` `[stride_h, stride_w, dilation_h, dilation_w]` and `pads`
/// `[top, left, bottom, right]`.
#[derive(Clone, Copy)]
pub(super) struct Window {
    pub(super) window: Quad,
    pub(super) pads: Quad,
}

impl Window {
    /// Height and width of a convolution or pooling.
    pub(super) fn slide(&self, input: [u32; 2], kernel: [u32; 2]) -> Result<[Axis; 3], Refusal> {
        self.axes(input, kernel, |side, input, reach| {
            let room = u32::from(side.before).checked_add(side.after.into())?.checked_add(input)?.checked_sub(reach)?;
            room.checked_div(side.stride.into())?.checked_add(1)
        })
    }

    /// Height and width of a transposed convolution whose output is `extra` longer than its last window's reach.
    pub(super) fn spread(&self, input: [u32; 2], kernel: [u32; 2], extra: [u8; 2]) -> Result<[Axis; 3], Refusal> {
        let [down, across] = extra;
        self.axes(input, kernel, |side, input, reach| {
            let extra = if side.down { down } else { across };
            let span = input.checked_sub(1)?.checked_mul(side.stride.into())?.checked_add(reach)?;
            let span = span.checked_add(extra.into())?;
            span.checked_sub(side.before.into())?.checked_sub(side.after.into()).filter(|&n| n > 0)
        })
    }

    /// Both axes, with outputs as `len` says, given the input's length and the window's reach.
    fn axes(
        &self,
        input: [u32; 2],
        kernel: [u32; 2],
        len: impl Fn(Side, u32, u32) -> Option<u32>,
    ) -> Result<[Axis; 3], Refusal> {
        let ([height, width], [kernel_h, kernel_w]) = (input, kernel);
        let ([stride_h, stride_w, dilation_h, dilation_w], [top, left, bottom, right]) = (self.window.0, self.pads.0);
        if self.window.0.contains(&0) {
            return Err(Refusal::Attrs);
        }
        let axis = |side: Side, input: u32, kernel: u32| -> Option<Axis> {
            let reach = kernel.checked_sub(1)?.checked_mul(side.dilation.into())?.checked_add(1)?;
            Some(Axis {
                input: input as usize,
                output: len(side, input, reach)? as usize,
                kernel: kernel as usize,
                stride: side.stride.into(),
                dilation: side.dilation.into(),
                pad: side.before.into(),
            })
        };
        let down = Side { down: true, stride: stride_h, dilation: dilation_h, before: top, after: bottom };
        let across = Side { down: false, stride: stride_w, dilation: dilation_w, before: left, after: right };
        let rows = axis(down, height, kernel_h).ok_or(Refusal::Shape)?;
        let cols = axis(across, width, kernel_w).ok_or(Refusal::Shape)?;
        Ok([Axis::UNIT, rows, cols])
    }
}

/// What the attributes say of one axis.
#[derive(Clone, Copy)]
struct Side {
    down: bool,
    stride: u8,
    dilation: u8,
    before: u8,
    after: u8,
}

/// `[batch, height, width, channels]` of this geometry's output.
pub(super) fn image(g: &Conv, out: &mut Outputs) -> Result<(), Refusal> {
    let [_, rows, cols] = g.axes;
    let dims = [g.batch, rows.output, cols.output, g.out_channels].map(|d| u32::try_from(d).unwrap_or(u32::MAX));
    out.dims(DType::I8, &dims)
}

/// The product of sizes, as a count of operations.
pub(super) fn count(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |n: u64, &d| n.saturating_mul(u64::try_from(d).unwrap_or(u64::MAX)))
}

/// Output 0 holding input 0: as the plan left it, or copied.
pub(super) fn taken_over<'a>(io: &mut Io<'a>) -> &'a mut [i8] {
    let (x, y) = (io.input::<i8>(0), io.output::<i8>(0));
    y.iter_mut().zip(x).for_each(|(y, &x)| *y = x);
    y
}
