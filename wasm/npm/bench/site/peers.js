/**
 * Each peer: from nothing to a function that runs one model once and gives its scores, scripts included.
 *
 * A `task` has a `name`, whether it is `int8`, and one `input`: real values, and as our int8 model stores them. Peers
 * that take integers get those, so nobody converts while the clock runs. All use one thread.
 */

const ours = (entry) => async (task, mark) => {
  const { load } = await import(`/pkg/dist/${entry}.js`);
  mark();
  const model = await load(`/artifacts/${task.artifact}`);
  const input = task.int8 ? task.stored : task.real;
  const run = () => model.run(input).output;
  // What the integers are is known once our model is open.
  return Object.assign(run, { port: model.inputs?.[0] });
};

async function tflite(task, mark) {
  await script("/tflite/tflite_web_api_client.js");
  const { tfweb } = window;
  mark();
  tfweb.tflite_web_api.setWasmPath("/tflite/");
  const runner = await tfweb.TFLiteWebModelRunner.create(`/models/${task.name}_${kind(task)}.tflite`, { numThreads: 1 });
  const [[input], [output]] = [runner.getInputs(), runner.getOutputs()];
  return () => {
    input.data().set(task.int8 ? task.stored : task.real);
    if (!runner.infer()) throw new Error("tfjs-tflite did not run");
    return output.data().slice();
  };
}

let liteRt;
async function litert(task, mark) {
  const { loadLiteRt, loadAndCompile, Tensor } = await import("/bench/litert.js");
  mark();
  await (liteRt ??= loadLiteRt("/litert/", { threads: false }));
  const model = await loadAndCompile(`/models/${task.name}_${kind(task)}.tflite`, { accelerator: "wasm" });
  // A batch of any size is -1.
  const shape = Array.from(model.getInputDetails()[0].shape, (d) => (d > 0 ? d : 1));
  return async () => {
    const input = new Tensor(task.int8 ? task.stored : task.real, shape);
    const [output] = await model.run(input);
    const scores = output.toTypedArray().slice();
    input.delete();
    output.delete();
    return scores;
  };
}

async function onnxruntime(task, mark) {
  const ort = await import("/ort/ort.wasm.min.mjs");
  mark();
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = "/ort/";
  const session = await ort.InferenceSession.create(`/models/${task.onnx}_${task.int8 ? "int8_qdq" : "float"}.onnx`);
  const [{ type, shape }] = session.inputMetadata;
  const dims = shape.map((d) => (typeof d === "number" ? d : 1));
  const input = new ort.Tensor(type, type === "int8" ? task.stored : task.real, dims);
  return async () => {
    const outputs = await session.run({ [session.inputNames[0]]: input });
    return outputs[session.outputNames[0]].data;
  };
}

const kind = (task) => (task.int8 ? "int8" : "float");

function script(src) {
  if (document.querySelector(`script[src="${src}"]`)) return undefined;
  const element = Object.assign(document.createElement("script"), { src });
  const done = new Promise((resolve, reject) => Object.assign(element, { onload: resolve, onerror: reject }));
  document.body.append(element);
  return done;
}

export const PEERS = {
  "siskin": ours("index"),
  "siskin/url": ours("url"),
  "siskin/worker": ours("worker"),
  "tfjs-tflite": tflite,
  "@litertjs/core": litert,
  "onnxruntime-web": onnxruntime,
};
