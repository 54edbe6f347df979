"""Serves onnxruntime or LiteRT to `cargo xtask bench`.

    peers.py onnxruntime|litert MODEL THREADS

Prints `ready NAME VERSION`; then, for every line of standard input that holds a number, runs the model as many times and
prints how many nanoseconds that took. Inputs and outputs are bound once: what Python costs is one call each.
"""

import importlib.metadata
import itertools
import sys
import time

import numpy as np

RNG = np.random.default_rng(1)


def values(shape, dtype):
    """Numbers in 0..1, all of an 8-bit type, or 0 where integers are indices."""
    if np.issubdtype(dtype, np.integer) and dtype.itemsize > 1:
        return np.zeros(shape, dtype)
    if np.issubdtype(dtype, np.integer):
        limits = np.iinfo(dtype)
        return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return RNG.random(shape).astype(dtype)


def onnxruntime(path, threads):
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    if threads == 1:
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    types = {
        "tensor(float)": np.float32,
        "tensor(int8)": np.int8,
        "tensor(uint8)": np.uint8,
        "tensor(int32)": np.int32,
        "tensor(int64)": np.int64,
    }
    binding = session.io_binding()
    keep = []
    for port in session.get_inputs():
        shape = [d if isinstance(d, int) else 1 for d in port.shape]
        value = ort.OrtValue.ortvalue_from_numpy(values(shape, np.dtype(types[port.type])))
        binding.bind_ortvalue_input(port.name, value)
        keep.append(value)
    outputs = session.run_with_iobinding
    for port in session.get_outputs():
        binding.bind_output(port.name)
    session.run_with_iobinding(binding)
    for port, value in zip(session.get_outputs(), binding.get_outputs()):
        binding.bind_ortvalue_output(port.name, value)
        keep.append(value)
    run, bound = session._sess.run_with_iobinding, binding._iobinding
    return lambda: (run(bound, None), keep)[0]


def litert(path, threads):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    for port in interpreter.get_input_details():
        interpreter.set_tensor(port["index"], values(port["shape"], np.dtype(port["dtype"])))
    return interpreter._interpreter.Invoke


def main():
    peer, path, threads = sys.argv[1:]
    run = {"onnxruntime": onnxruntime, "litert": litert}[peer](path, int(threads))
    package = {"onnxruntime": "onnxruntime", "litert": "ai-edge-litert"}[peer]
    run()
    print("ready", peer, importlib.metadata.version(package), flush=True)
    for line in sys.stdin:
        n = itertools.repeat(None, int(line))
        start = time.perf_counter_ns()
        for _ in n:
            run()
        print(time.perf_counter_ns() - start, flush=True)


main()
