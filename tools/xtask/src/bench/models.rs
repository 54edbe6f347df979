//! The models that are timed, and the artifacts that siskin runs for them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::shell;

/// One model in one number format.
pub(super) struct Case {
    pub(super) model: &'static str,
    pub(super) format: &'static str,
    /// Under the shared directory, as the paths below; what siskin compiles.
    source: &'static str,
    /// What siskin calibrates with; nothing to keep the source's numbers.
    calib: Option<&'static str>,
    /// What onnxruntime, tract and rten run.
    pub(super) onnx: &'static str,
    /// What LiteRT runs, if there is such a file.
    pub(super) tflite: Option<&'static str>,
}

const fn float(model: &'static str, onnx: &'static str, tflite: Option<&'static str>) -> Case {
    Case { model, format: "f32", source: onnx, calib: None, onnx, tflite }
}

/// Every case: the int8 models, then the float ones.
pub(super) const CASES: &[Case] = &[
    Case {
        model: "ad",
        format: "i8",
        source: "mlperf_tiny/ad_autoencoder_float.onnx",
        calib: Some("ad_x_f32.npy"),
        onnx: "mlperf_tiny/ad_autoencoder_int8_qdq.onnx",
        tflite: Some("mlperf_tiny/ad_int8.tflite"),
    },
    Case {
        model: "sww",
        format: "i8",
        source: "mlperf_tiny/sww_dsconv1d_float.onnx",
        calib: Some("sww_calib.npz"),
        onnx: "mlperf_tiny/sww_dsconv1d_int8_qdq.onnx",
        tflite: Some("mlperf_tiny/sww_int8.tflite"),
    },
    Case {
        model: "kws",
        format: "i8",
        source: "mlperf_tiny/kws_dscnn_float.onnx",
        calib: Some("kws_calib.npz"),
        onnx: "mlperf_tiny/kws_dscnn_int8_qdq.onnx",
        tflite: Some("mlperf_tiny/kws_int8.tflite"),
    },
    Case {
        model: "vww",
        format: "i8",
        source: "mlperf_tiny/vww_mobilenetv1_025_96_float.onnx",
        calib: Some("vww_calib.npz"),
        onnx: "mlperf_tiny/vww_mobilenetv1_025_96_int8_qdq.onnx",
        tflite: Some("mlperf_tiny/vww_int8.tflite"),
    },
    Case {
        model: "ic",
        format: "i8",
        source: "mlperf_tiny/ic_resnet8_float.onnx",
        calib: Some("cifar10_train.npz"),
        onnx: "mlperf_tiny/ic_resnet8_int8_qdq.onnx",
        tflite: Some("mlperf_tiny/ic_int8.tflite"),
    },
    Case {
        model: "mobilenetv2",
        format: "i8",
        source: "breadth/mobilenetv2_10_224_int8_qdq.onnx",
        calib: None,
        onnx: "breadth/mobilenetv2_10_224_int8_qdq.onnx",
        tflite: Some("breadth/mobilenetv2_int8.tflite"),
    },
    float("ad", "mlperf_tiny/ad_autoencoder_float.onnx", Some("mlperf_tiny/ad_float.tflite")),
    float("sww", "mlperf_tiny/sww_dsconv1d_float.onnx", Some("mlperf_tiny/sww_float.tflite")),
    float("kws", "mlperf_tiny/kws_dscnn_float.onnx", Some("mlperf_tiny/kws_float.tflite")),
    float("vww", "mlperf_tiny/vww_mobilenetv1_025_96_float.onnx", Some("mlperf_tiny/vww_float.tflite")),
    float("ic", "mlperf_tiny/ic_resnet8_float.onnx", Some("mlperf_tiny/ic_float.tflite")),
    float("mobilenetv2", "breadth/mobilenetv2_10_224.onnx", Some("breadth/mobilenetv2_float.tflite")),
    float("gru", "breadth/gru1_49x10.onnx", None),
    float("lstm", "breadth/lstm2_49x10.onnx", None),
    float("tcn", "breadth/tcn_49.onnx", None),
    float("transformer", "breadth/transformer_2l_d128_s64.onnx", None),
    float("vit", "breadth/vit_tiny4_96.onnx", None),
    float("unet", "breadth/unet_tiny_64.onnx", None),
];

impl Case {
    /// The name in tables and on the command line.
    pub(super) fn name(&self) -> String {
        format!("{}-{}", self.model, self.format)
    }

    /// A file of the shared models.
    pub(super) fn path(file: &str) -> Result<PathBuf> {
        Ok(shell::shared_dir()?.join("models").join(file))
    }

    /// The artifact, compiled with this checkout's compiler unless it is there; `renew` compiles it anyway.
    pub(super) fn artifact(&self, cache: &Path, renew: bool) -> Result<PathBuf> {
        let out = cache.join(format!("{}.siskin", self.name()));
        if renew || !out.exists() {
            let mut command = Command::new(shell::siskin()?);
            command.args(["compress", "--quiet"]);
            command.arg(Case::path(self.source)?).arg("-o").arg(&out);
            match self.calib {
                Some(calib) => command.arg("--calib").arg(shell::shared_dir()?.join("data").join(calib)),
                None if self.format == "f32" => command.args(["--weights", "f32"]),
                None => &mut command,
            };
            shell::run(&mut command)?;
        }
        Ok(out)
    }
}
