"""Runs an exported model in onnxruntime, default optimisation, and compares it with the artifact, output by output.

    check.py SISKIN ARTIFACT.siskin EXPORTED.onnx DATA STD

DATA is .npz with an array x, or .npy; the first axis counts samples; STD divides it. Ends with 1 if a byte differs.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

siskin, artifact, exported, data, std = sys.argv[1:]
x = np.load(data)
x = (x if isinstance(x, np.ndarray) else x["x"]).astype(np.float32) / np.float32(std)
session = onnxruntime.InferenceSession(exported, providers=["CPUExecutionProvider"])
port = session.get_inputs()[0]
x = x.reshape(len(x), *port.shape[1:])
with tempfile.TemporaryDirectory() as folder:
    given, found = Path(folder, "x.npy"), Path(folder, "y.npz")
    np.save(given, x)
    subprocess.run([siskin, "run", "--quiet", artifact, "--std", "1", "--input", given, "--output", found], check=True)
    answers = np.load(found)
    want = answers[answers.files[0]]
got = np.concatenate([session.run(None, {port.name: sample[None]})[0] for sample in x]).reshape(want.shape)
unequal = int((got.view(np.uint32) != want.view(np.uint32)).sum())
print(f"{Path(artifact).stem:8} {unequal} of {want.size} outputs of {len(x)} samples unequal, {len(np.unique(want))} values")
sys.exit(unequal > 0)
