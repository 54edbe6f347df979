//! `QLinearAveragePool`: averages of `i8` over two-dimensional windows, channels last.
//!
//! ```text
//! y[n,i,j,c] = clamp(round_half_even(f32(Σ (x - x_zero)) · (scale / f32(count))) + y_zero, min, max)
//! ```
//!
//! The sum is an exact `i32`; `count` is the number of elements under the window, with the padding if
//! `count_include_pad`; `scale` is `x_scale / y_scale`. A window over nothing but padding gives `y_zero`.
//! Global pooling is a window as large as the input. Source: ONNX `AveragePool` between `DequantizeLinear` and
//! `QuantizeLinear`.

use super::qlinear::{self, Window};
use crate::attrs::{Quad, SignedQuad};
use crate::{Code, DType, Refusal, Io, Kernels, Op, Outputs, Sig};
use siskin_kernels::Conv;
use siskin_kernels::int8::AveragePoolI8;

crate::attrs! {
    /// Attributes of [`QLinearAveragePool`].
    pub struct QLinearAveragePoolAttrs {
        /// `[height, width, 0, 0]`; a length of 0 is that of the input.
        pub kernel: Quad,
        /// `[stride_h, stride_w, dilation_h, dilation_w]`
        pub window: Quad,
        /// `[top, left, bottom, right]`
        pub pads: Quad,
        /// `[x_zero, y_zero, min, max]`
        pub zeros: SignedQuad,
        /// `x_scale / y_scale`
        pub scale: f32,
        /// Whether padding counts as elements under the window.
        pub count_include_pad: bool,
    }
}

/// `[N,H,W,C] -> [N,oh,ow,C]`; see the module.
pub struct QLinearAveragePool;

impl Op for QLinearAveragePool {
    const CODE: Code = Code(266);
    const NAME: &'static str = "QLinearAveragePool";
    type Attrs = QLinearAveragePoolAttrs;

    fn infer(attrs: &QLinearAveragePoolAttrs, sig: &Sig<'_>, out: &mut Outputs) -> Result<(), Refusal> {
        sig.at_most(1)?;
        qlinear::positive(attrs.scale)?;
        qlinear::image(&geometry(attrs, sig.shape(0, DType::I8)?)?, out)
    }

    fn run<K: Kernels>(attrs: &QLinearAveragePoolAttrs, io: &mut Io<'_>) {
        let Ok(geometry) = geometry(attrs, io.shape(0)) else { return };
        let [x_zero, ..] = attrs.zeros.0;
        let pool = AveragePoolI8 {
            geometry,
            x: io.input(0),
            x_zero,
            scale: attrs.scale,
            count_include_pad: attrs.count_include_pad,
            output: qlinear::output(attrs.zeros),
        };
        K::average_pool_i8(&pool, io.output(0));
    }
}

fn geometry(attrs: &QLinearAveragePoolAttrs, x: &[u32]) -> Result<Conv, Refusal> {
    let [batch, height, width, channels] = qlinear::axes(x)?;
    let [kernel_h, kernel_w, unused @ ..] = attrs.kernel.0;
    qlinear::unused(&unused)?;
    let taps = |kernel: u8, whole: u32| if kernel == 0 { whole } else { kernel.into() };
    let kernel = [taps(kernel_h, height), taps(kernel_w, width)];
    let axes = Window { window: attrs.window, pads: attrs.pads }.slide([height, width], kernel)?;
    let channels = channels as usize;
    Ok(Conv { batch: batch as usize, in_channels: channels, out_channels: channels, groups: channels, axes })
}
