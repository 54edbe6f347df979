"""The layers of `train.py` in numpy: each computes forward, backward and its own ONNX node's parts.

Activations are NHWC here, because a convolution is then one matrix product; `initializers` gives the
weights in ONNX's layouts (OIHW). All of it is float64: float32 sums differ between processors in ways
that training amplifies into other weights. Absent: general strides, dilation, bias in a convolution.
"""

import numpy as np

EPSILON = 1e-5  # of BatchNormalization, the default of ONNX


class Layer:
    """`forward` keeps what `backward` needs; `backward` sets `grads` and returns the input's gradient."""

    params, grads, decays = [], [], False

    def initializers(self):
        """`{suffix: array}` in ONNX's layouts."""
        return {}


class Conv(Layer):
    """Dense convolution, `kernel` x `kernel`, same padding, no bias (BatchNorm brings it)."""

    op, decays = "Conv", True

    def __init__(self, rng, kernel, ins, outs):
        self.kernel, fan = kernel, kernel * kernel * ins
        self.shape = (kernel, kernel, ins, outs)
        self.params = [rng.normal(0, np.sqrt(2 / fan), (fan, outs))]

    def forward(self, x, train):
        self.columns = np.concatenate(list(taps(x, self.kernel)), axis=-1)
        return self.columns @ self.params[0]

    def backward(self, g):
        fan, outs = self.params[0].shape
        self.grads = [self.columns.reshape(-1, fan).T @ g.reshape(-1, outs)]
        return untap(np.split(g @ self.params[0].T, self.kernel**2, axis=-1), self.kernel)

    def initializers(self):
        return {"weight": self.params[0].reshape(self.shape).transpose(3, 2, 0, 1)}

    def attributes(self):
        return {"kernel_shape": [self.kernel] * 2, "pads": [self.kernel // 2] * 4, "strides": [1, 1], "group": 1}


class Depthwise(Layer):
    """3x3 convolution of each channel by itself, same padding, no bias."""

    op, decays = "Conv", True

    def __init__(self, rng, channels):
        self.params = [rng.normal(0, np.sqrt(2 / 9), (9, channels))]

    def forward(self, x, train):
        self.taps = list(taps(x, 3))
        return sum(t * w for t, w in zip(self.taps, self.params[0]))

    def backward(self, g):
        self.grads = [np.stack([(t * g).sum((0, 1, 2)) for t in self.taps])]
        return untap([g * w for w in self.params[0]], 3)

    def initializers(self):
        return {"weight": self.params[0].T.reshape(-1, 1, 3, 3)}

    def attributes(self):
        return {"kernel_shape": [3, 3], "pads": [1] * 4, "strides": [1, 1], "group": self.params[0].shape[1]}


class BatchNorm(Layer):
    """`scale * (x - mean) / sqrt(var + eps) + bias` per channel; batch statistics while training."""

    op = "BatchNormalization"

    def __init__(self, channels, momentum=0.05):
        self.params = [np.ones(channels), np.zeros(channels)]
        self.mean, self.var = np.zeros(channels), np.ones(channels)
        self.momentum = momentum

    def forward(self, x, train):
        mean, var = (x.mean((0, 1, 2)), x.var((0, 1, 2))) if train else (self.mean, self.var)
        if train:
            self.mean += self.momentum * (mean - self.mean)
            self.var += self.momentum * (var - self.var)
        self.inverse = 1 / np.sqrt(var + EPSILON)
        self.unit = (x - mean) * self.inverse
        return self.params[0] * self.unit + self.params[1]

    def backward(self, g):
        self.grads = [(g * self.unit).sum((0, 1, 2)), g.sum((0, 1, 2))]
        n = g.size // g.shape[-1]
        centred = g - self.grads[1] / n - self.unit * (self.grads[0] / n)
        return centred * (self.params[0] * self.inverse)

    def initializers(self):
        return {"scale": self.params[0], "bias": self.params[1], "mean": self.mean, "var": self.var}

    def attributes(self):
        return {"epsilon": EPSILON}


class Relu(Layer):
    op = "Relu"

    def forward(self, x, train):
        self.on = x > 0
        return x * self.on

    def backward(self, g):
        return g * self.on

    def attributes(self):
        return {}


class MaxPool(Layer):
    """2x2, stride 2; equal maxima share the gradient."""

    op = "MaxPool"

    def forward(self, x, train):
        n, h, w, c = x.shape
        blocks = x.reshape(n, h // 2, 2, w // 2, 2, c)
        y = blocks.max((2, 4), keepdims=True)
        top = (blocks == y).astype(float)
        self.share, self.shape = top / top.sum((2, 4), keepdims=True), x.shape
        return y[:, :, 0, :, 0]

    def backward(self, g):
        return (self.share * g[:, :, None, :, None]).reshape(self.shape)

    def attributes(self):
        return {"kernel_shape": [2, 2], "strides": [2, 2]}


class Mean(Layer):
    """Average over the picture: `[n,h,w,c] -> [n,1,1,c]`."""

    op = "GlobalAveragePool"

    def forward(self, x, train):
        self.shape = x.shape
        return x.mean((1, 2), keepdims=True)

    def backward(self, g):
        area = self.shape[1] * self.shape[2]
        return np.broadcast_to(g / area, self.shape)

    def attributes(self):
        return {}


class Flatten(Layer):
    op = "Flatten"

    def forward(self, x, train):
        return x[:, 0, 0]

    def backward(self, g):
        return g[:, None, None]

    def attributes(self):
        return {"axis": 1}


class Gemm(Layer):
    """`y = x·W' + b`, W stored `[out, in]`."""

    op, decays = "Gemm", True

    def __init__(self, rng, ins, outs):
        self.params = [rng.normal(0, np.sqrt(1 / ins), (outs, ins)), np.zeros(outs)]

    def forward(self, x, train):
        self.x = x
        return x @ self.params[0].T + self.params[1]

    def backward(self, g):
        self.grads = [g.T @ self.x, g.sum(0)]
        return g @ self.params[0]

    def initializers(self):
        return {"weight": self.params[0], "bias": self.params[1]}

    def attributes(self):
        return {"transB": 1}


def taps(x, kernel):
    """The kernel² shifted views of zero-padded `x`, in row-major order."""
    pad, (h, w) = kernel // 2, x.shape[1:3]
    x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    return (x[:, i : i + h, j : j + w] for i in range(kernel) for j in range(kernel))


def untap(parts, kernel):
    """The transpose of `taps`: adds each part back where it was read from."""
    pad, (n, h, w, c) = kernel // 2, parts[0].shape
    out = np.zeros((n, h + 2 * pad, w + 2 * pad, c))
    for k, part in enumerate(parts):
        i, j = divmod(k, kernel)
        out[:, i : i + h, j : j + w] += part
    return out[:, pad : pad + h, pad : pad + w]
