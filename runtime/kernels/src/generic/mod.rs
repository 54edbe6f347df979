//! The portable kernels: also the oracle that every other kernel must equal.

mod average_pool_i8;
mod conv_f32;
mod conv_i8;
mod conv_transpose_f32;
mod conv_transpose_i8;
mod depthwise_conv_i8;
mod depthwise_f32;
mod elementwise_i8;
mod fft;
pub(crate) mod field_i8;
pub(crate) mod filters;
mod matmul_f32;
mod matmul_i8;
mod normalize_f32;
mod pool;
mod recurrent_f32;
pub(crate) mod rows;
mod softmax_f32;
mod softmax_i8;
mod tile_i8;
pub(crate) mod window_i8;

pub use average_pool_i8::average_pool_i8;
pub use conv_f32::conv_f32;
pub use conv_i8::conv_i8;
pub use conv_transpose_f32::conv_transpose_f32;
pub use conv_transpose_i8::conv_transpose_i8;
#[cfg(siskin_dsp)]
pub(crate) use depthwise_conv_i8::depthwise_channels;
pub use depthwise_conv_i8::depthwise_conv_i8;
pub use depthwise_f32::depthwise_f32;
#[cfg(target_arch = "x86_64")]
pub(crate) use elementwise_i8::combine;
pub use elementwise_i8::{add_i8, lut_i8, mul_i8};
pub use fft::{fft, fft_twiddles};
pub use matmul_f32::matmul_f32;
pub use matmul_i8::matmul_i8;
pub use normalize_f32::{normalize_f32, rms_normalize_f32};
pub use pool::{Ordered, Tap, average_pool_f32, each_tap, max_pool, pool};
pub use recurrent_f32::{gru_f32, lstm_f32, rnn_f32};
#[cfg(target_arch = "x86_64")]
pub(crate) use softmax_f32::softmax_row;
pub use softmax_f32::{log_softmax_f32, softmax_f32};
pub use softmax_i8::softmax_i8;
pub use tile_i8::tile_i8;

#[cfg(test)]
mod tests;
