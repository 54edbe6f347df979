# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "numpy==2.4.6",
#   "onnx==1.16.2",
#   "onnxruntime==1.32.0",
#   "scikit-learn==1.9.1",
# ]
# ///
"""Trains the example model `digits.onnx` from scratch and writes the data files beside it.

    image [N,1,8,8] -> conv3x3 16 -> separable 32 -> maxpool 2 -> separable 64 -> mean -> logits [N,10]

Every convolution is followed by BatchNormalization and Relu, which stay separate nodes in the file.
The data are scikit-learn's bundled digits, so nothing is downloaded; `load_splits` says how they are cut.
Everything random comes from SEED, and training runs in double precision on one thread: in single
precision other BLAS kernels led to other weights and moved the test count by up to three images.
Absent: a framework (`layers.py` is numpy, forward and backward), early stopping, and any use of
the test images other than the final count. `--eval` only measures the `digits.onnx` that is there.
"""

import argparse
import os
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # the order of a sum must not depend on the cores

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from layers import BatchNorm, Conv, Depthwise, Flatten, Gemm, MaxPool, Mean, Relu

SEED = 0
EPOCHS = 80
BATCH = 32
PEAK_RATE = 6e-3
WEIGHT_DECAY = 2e-2
CALIB = 256


# --- data -----------------------------------------------------------------------------------------


def load_splits():
    """`{name: (x [n,1,8,8] float32 in 0..1, y [n] int64)}`, stratified by digit.

    Of all 1,797 images a fifth is `test`; of the rest 15% is `val`, the remainder `train`.
    `calib` is 256 images drawn from `train` without replacement.
    """
    digits = load_digits()
    x = (digits.images[:, None] / 16).astype(np.float32)
    y = digits.target.astype(np.int64)
    rest, test = train_test_split(np.arange(len(y)), test_size=0.2, random_state=SEED, stratify=y)
    train, val = train_test_split(rest, test_size=0.15, random_state=SEED, stratify=y[rest])
    calib = np.random.default_rng(SEED).choice(train, CALIB, replace=False)
    parts = {"train": train, "calib": calib, "val": val, "test": test}
    return {name: (x[rows], y[rows]) for name, rows in parts.items()}


def augment(x, rng):
    """Each image turned up to 11 degrees, scaled by 0.87 to 1.15 and moved up to 0.8 pixels, bilinearly."""
    n, size = len(x), x.shape[1]
    angle, zoom = rng.uniform(-0.2, 0.2, n), rng.uniform(0.87, 1.15, n)
    cos, sin = (f(angle)[:, None, None] * zoom[:, None, None] for f in (np.cos, np.sin))
    centre = (size - 1) / 2
    row, col = np.mgrid[:size, :size] - centre
    down, right = rng.uniform(-0.8, 0.8, (2, n, 1, 1)) + centre
    margin = 2  # zeros around the picture; every sample point is clipped into it
    rows = np.clip(cos * row - sin * col + down + margin, 0, size + 2 * margin - 1.001)
    cols = np.clip(sin * row + cos * col + right + margin, 0, size + 2 * margin - 1.001)
    return sample(np.pad(x[..., 0], ((0, 0), (margin,) * 2, (margin,) * 2)), rows, cols)[..., None]


def sample(x, rows, cols):
    """`x` [n,h,w] read at fractional `rows`, `cols` [n,a,b]."""
    image, top, left = np.arange(len(x))[:, None, None], rows.astype(int), cols.astype(int)
    down, right = rows - top, cols - left
    upper = x[image, top, left] * (1 - right) + x[image, top, left + 1] * right
    lower = x[image, top + 1, left] * (1 - right) + x[image, top + 1, left + 1] * right
    return upper * (1 - down) + lower * down


# --- training -------------------------------------------------------------------------------------


def network(rng):
    """The layers in order."""

    def norm(channels):
        return [BatchNorm(channels), Relu()]

    def separable(ins, outs):
        return [Depthwise(rng, ins), *norm(ins), Conv(rng, 1, ins, outs), *norm(outs)]

    stem = [Conv(rng, 3, 1, 16), *norm(16)]
    return [*stem, *separable(16, 32), MaxPool(), *separable(32, 64), Mean(), Flatten(), Gemm(rng, 64, 10)]


def forward(net, x, train=False):
    """`x` [n,8,8,1] -> logits [n,10]."""
    for layer in net:
        x = layer.forward(x, train)
    return x


def backward(net, logits, y):
    """Sets every layer's `grads` to those of the mean cross entropy, and returns that loss."""
    shifted = logits - logits.max(1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    rows = np.arange(len(y))
    g = np.exp(log_p)
    g[rows, y] -= 1
    g /= len(y)
    for layer in reversed(net):
        g = layer.backward(g)
    return -log_p[rows, y].mean()


class AdamW:
    """Adam with decoupled weight decay on convolution and Gemm weights (Loshchilov and Hutter 2019)."""

    def __init__(self, net):
        self.net, self.steps = net, 0
        self.moments = [[(np.zeros_like(p), np.zeros_like(p)) for p in layer.params] for layer in net]

    def step(self, rate):
        self.steps += 1
        first, second = 1 - 0.9**self.steps, 1 - 0.999**self.steps
        for layer, moments in zip(self.net, self.moments):
            for p, g, (m, v) in zip(layer.params, layer.grads, moments):
                m += 0.1 * (g - m)
                v += 0.001 * (g * g - v)
                if layer.decays and p.ndim > 1:
                    p -= rate * WEIGHT_DECAY * p
                p -= rate * (m / first) / (np.sqrt(v / second) + 1e-8)


def fit(x, y):
    """A trained network; the rate warms up over a tenth of the steps, then falls along a cosine to 0."""
    rng = np.random.default_rng(SEED)
    net = network(rng)
    x, optimiser = x.transpose(0, 2, 3, 1).astype(float), AdamW(net)
    batches = len(y) // BATCH
    for epoch in range(EPOCHS):
        order, loss = rng.permutation(len(y)), 0.0
        for b in range(batches):
            rows = order[b * BATCH : (b + 1) * BATCH]
            loss += backward(net, forward(net, augment(x[rows], rng), train=True), y[rows])
            done = (epoch * batches + b) / (EPOCHS * batches)
            optimiser.step(PEAK_RATE * min(done / 0.1 + 1e-3, (1 + np.cos(np.pi * done)) / 2))
        if epoch % 10 == 9:
            print(f"epoch {epoch + 1:3}  loss {loss / batches:.4f}", flush=True)
    return net


# --- files ----------------------------------------------------------------------------------------


def to_onnx(net):
    """The network as an ONNX model: opset 17, `image` [batch,1,8,8] -> `logits` [batch,10]."""
    nodes, weights, counts, value = [], [], {}, "image"
    for layer in net:
        counts[layer.op] = counts.get(layer.op, 0) + 1
        name = f"{layer.op.lower()}_{counts[layer.op]}"
        tensors = {f"{name}.{k}": np.ascontiguousarray(v, np.float32) for k, v in layer.initializers().items()}
        weights += [numpy_helper.from_array(v, k) for k, v in tensors.items()]
        result = "logits" if layer is net[-1] else f"{name}.out"
        nodes.append(helper.make_node(layer.op, [value, *tensors], [result], name, **layer.attributes()))
        value = result
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 8, 8])
    logits = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "digits", [image], [logits], weights)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8, producer_name="models/digits/train.py")


def check(path, net=None):
    """Stops on a malformed file, one whose answers depend on the batch size, or one that differs from `net`."""
    onnx.checker.check_model(onnx.load(path), full_check=True)
    x = load_splits()["val"][0][:7]
    session = open_session(path)
    together = session.run(None, {"image": x})[0]
    apart = np.concatenate([session.run(None, {"image": one[None]})[0] for one in x])
    np.testing.assert_allclose(together, apart, rtol=1e-4, atol=1e-4)
    if net is not None:
        np.testing.assert_allclose(together, forward(net, x.transpose(0, 2, 3, 1)), rtol=1e-3, atol=1e-3)


def report(path, splits):
    """Prints onnxruntime's top-1 on every split."""
    session = open_session(path)
    for name, (x, y) in splits.items():
        right = int((session.run(None, {"image": x})[0].argmax(1) == y).sum())
        print(f"{name:6} {right}/{len(y)}  top1 {right / len(y):.4f}")


def open_session(path):
    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description="Trains digits.onnx and writes its data files.")
    parser.add_argument("--out", type=Path, default=here, help="folder to write to (default: this one)")
    parser.add_argument("--eval", action="store_true", help="measure OUT/digits.onnx instead of training")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    model, splits, net = args.out / "digits.onnx", load_splits(), None
    if not args.eval:
        net = fit(*splits["train"])
        onnx.save(to_onnx(net), model)
        for name, (x, y) in splits.items():
            np.savez_compressed(args.out / f"{name}.npz", x=x, y=y)
        (args.out / "labels.txt").write_text("".join(f"{digit}\n" for digit in range(10)))
    check(model, net)
    report(model, splits)


if __name__ == "__main__":
    main()
