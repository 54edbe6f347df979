/** The page: a model, what goes in, what comes out, and what it costs.
 *
 * ```text
 * pad, cells, samples, microphone, files, stream -> give (runs the model once) -> answer, why, speed, watch
 * ```
 */

import { load } from "./siskin/url.js";
import { Cells } from "./cells.js";
import { npy, wav } from "./files.js";
import { record } from "./microphone.js";
import { Pad, pictureOf } from "./pad.js";
import { samples } from "./samples.js";
import { answer, noAnswer } from "./answer.js";
import { inside } from "./inside.js";
import { Speed } from "./speed.js";
import { Stream } from "./stream.js";
import { Watch } from "./watch.js";
import { BUDGET, explain } from "./why.js";

const at = (id) => document.getElementById(id);
const show = (id, shown) => (at(id).hidden = !shown);

const BUNDLED = new URL("digits.siskin", import.meta.url);
/** Digits that the bundled model did not learn from, to play. */
const PLAYED = new URL("digits.npz", import.meta.url);
const ARRAYS = {
  f16: Uint16Array, f64: Float64Array, i8: Int8Array, u8: Uint8Array, bool: Uint8Array, i16: Int16Array, u16: Uint16Array,
  i32: Int32Array, u32: Uint32Array, i64: BigInt64Array, u64: BigUint64Array,
};
const speed = new Speed();
const pad = new Pad(at("pad"), drawn);
const cells = new Cells(at("cells"), cellsChanged);
const watch = new Watch();
const stream = new Stream(trying((values) => played(values)), () => (at("play").textContent = "Play scanned digits"));
let model;
/** Runs the model on blank values, for the clock; nothing before there was an answer. */
let blank;

/** Something went wrong, in one sentence; or nothing did. */
function problem(error) {
  at("problem").textContent = error ? error.message : "";
  show("problem", error);
}

/** Runs a step of the page; what it throws is shown. */
function trying(step) {
  return async (...args) => {
    try {
      problem();
      await step(...args);
    } catch (error) {
      problem(error);
    }
  };
}

async function open(source, bundled) {
  at("model-line").textContent = "Loading the model…";
  try {
    const next = await load(source);
    model?.dispose();
    model = next;
  } finally {
    if (model) describe();
    else at("model-line").textContent = "No model: open one.";
  }
  show("bundled", !bundled);
  show("playing", bundled);
  stream.stop();
  again = undefined;
  watch.open(model);
  blank = undefined;
  speed.restart();
  noAnswer(model);
  inside(model);
  layOut(bundled);
}

const times = ({ shape }) => shape.join("×") || "one value";
const describe = () => (at("model-line").textContent = `${model.name}: ${model.inputs.map(times).join(", ")} in, ${model.outputs.map(times).join(", ")} out`);

/** Height, width and channels of an input that is made from a picture. */
function pictureShape() {
  const { shape } = model.inputs[0];
  const dims = shape.length > 2 && shape[0] === 1 ? shape.slice(1) : shape;
  const [a, b, c] = dims.length === 2 ? [...dims, 1] : dims;
  return model.preparation.layout === "nchw" && dims.length > 2 ? [b, c, a] : [a, b, c];
}

/** Drawings go through the cells where the model has one channel and few of them. */
let small;

/** Shows what this model can be given. */
function layOut(bundled) {
  const { preparation } = model;
  const kind = preparation?.kind;
  show("drawing", kind === "image");
  show("clear", kind === "image");
  show("speaking", kind === "audio");
  show("record", kind === "audio");
  small = false;
  if (kind === "image") {
    const [height, width, channels] = pictureShape();
    small = channels === 1 && width <= 32 && height <= 32;
    show("samples-part", bundled);
    if (small) cells.resize(width, height);
    pad.clear();
    at("pad-hint").textContent = small ? "Draw here; the model sees it centred and scaled." : "Draw here.";
    if (bundled) giveCells(samples[3], { observe: false });
  }
  show("sees", small);
  // What has a memory would remember what the explanation gave it.
  at("why").disabled = !!model.card.bytes.state;
  if (kind === "audio") at("speak-hint").textContent = `The model listens to ${clip()} s at ${preparation.rate / 1000} kHz.`;
  at("microphone-note").textContent = {
    audio: "",
    image: "The microphone is for models that are made for sound.",
  }[kind] ?? "This model does not say how its input is made from pictures or sound, so only a file with the values will do.";
  const values = `.npy with ${model.inputs.map(times).join(", ")}`;
  at("file-hint").textContent = { image: `A picture, or ${values}.`, audio: `A .wav, or ${values}.` }[kind] ?? `A ${values}.`;
}

const clip = () => Number((model.preparation.samples / model.preparation.rate).toFixed(2));

/** A drawing in the making is no input yet: the monitor sees it when the pen is lifted. */
function drawn(lifted) {
  stream.stop();
  trying(() => {
    const options = { observe: lifted };
    if (!small) return give(() => model.runImage(at("pad"), options), options);
    const [height, width] = pictureShape();
    giveCells(pad.cells(width, height), options);
  })();
}

function cellsChanged(done) {
  stream.stop();
  // A drawing that is done may be so because the pad was touched.
  if (!done) pad.clear();
  trying(() => giveCells(cells.values, { observe: done }))();
}

function giveCells(values, options) {
  cells.show(values);
  const result = give(() => runCells(values, options), options);
  why(values, result);
  again = () => {
    cells.show(values);
    why(values, result);
  };
}

function runCells(values, options) {
  const [, width] = pictureShape();
  return model.runImage(pictureOf(values, width), options);
}

/** Explains the last answer again, or no more. */
let again;
/** Marks the cells that the answer rests on, if the visitor wants it. */
function why(values, result) {
  const wanted = at("why").checked && !at("why").disabled && result.index !== undefined;
  if (!wanted) {
    cells.mark();
    at("why-hint").textContent = "";
    return;
  }
  const start = performance.now();
  const [, width] = pictureShape();
  const { weights, runs } = explain(values, width, (without) => runCells(without, { observe: false }).output, result);
  cells.mark(weights);
  const took = performance.now() - start;
  at("why-hint").textContent = `Orange ink carries the answer, blue speaks against it: ${runs} runs, each without one piece of it (at most ${BUDGET}), in ${took.toFixed(1)} ms. The monitor does not count them.`;
}

/** Runs the model on something and shows its answer, which it returns. */
function give(run, { observe = true, light, timed = true } = {}) {
  const start = performance.now();
  const result = run();
  speed.call(performance.now() - start);
  answer(model, result);
  if (observe && model.monitor) watch.observed(result, light);
  // A model with memory would remember what the clock gave it.
  if (model.card.bytes.state || !timed) return result;
  const values = model.inputs.map(blankOf);
  const measured = model;
  blank = () => measured.run(values, { observe: false });
  speed.measure(blank);
  return result;
}

/** One of a stream, in the light that it was played in; the stream ends with the alarm. */
function played(values) {
  giveCells(values, { light: light(), timed: false });
  if (model.monitor.alarm) stream.stop();
}

const blankOf = ({ shape, dtype }) => new (ARRAYS[dtype] ?? Float32Array)(shape.reduce((a, b) => a * b, 1));

const light = () => at("shift").valueAsNumber / 100;
const showLight = () => (at("shifted").textContent = light() ? `${light() > 0 ? "+" : "−"}${Math.abs(at("shift").value)} %` : "as scanned");
at("shift").addEventListener("input", showLight);
showLight();

at("play").addEventListener("click", trying(async () => {
  if (stream.plays) return stream.stop();
  const wanted = model;
  watch.clear();
  await stream.load(PLAYED);
  if (model !== wanted) return;
  pad.clear();
  stream.play(light);
  at("play").textContent = "Pause";
}));

at("why").addEventListener("change", () => again?.());

at("clear").addEventListener("click", () => {
  stream.stop();
  pad.clear();
  again = undefined;
  if (small) {
    cells.show(new Float32Array(cells.values.length));
    cells.mark();
  }
  noAnswer(model);
});

samples.forEach((values, digit) => {
  const button = Object.assign(document.createElement("button"), { type: "button", ariaLabel: `scanned ${digit}` });
  const canvas = Object.assign(document.createElement("canvas"), { width: 8, height: 8 });
  const { data } = pictureOf(values, 8);
  canvas.getContext("2d").putImageData(new ImageData(data, 8, 8), 0, 0);
  button.append(canvas);
  button.addEventListener("click", () => {
    stream.stop();
    pad.clear();
    trying(() => giveCells(values))();
  });
  at("samples").append(button);
});

at("record").addEventListener("click", trying(async () => {
  const button = at("record");
  button.disabled = true;
  button.textContent = "Listening…";
  try {
    const seconds = clip();
    const sound = await record(seconds, wave);
    give(() => model.runAudio(sound));
  } finally {
    button.disabled = false;
    button.textContent = "Record";
  }
}));

/** Draws the loudest sample of each of 200 parts of the clip; what was not heard yet is flat. */
function wave(samples, whole = samples.length) {
  const part = Math.max(1, Math.ceil(whole / 200));
  let path = "M0 30";
  for (let x = 0; x * part < samples.length; x++) {
    const loudest = samples.subarray(x * part, (x + 1) * part).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    path += `L${x} ${30 - 28 * loudest}L${x} ${30 + 28 * loudest}`;
  }
  document.querySelector("#wave path").setAttribute("d", path);
}

/** A file that was picked or dropped. */
const take = trying(async (file) => {
  if (/\.siskin$/i.test(file.name)) return open(file, false);
  if (!model) throw new Error(`${file.name} needs a model first: open one`);
  const kind = model.preparation?.kind;
  if (/\.npy$/i.test(file.name)) return giveValues(npy(await file.arrayBuffer()));
  if (/\.wav$/i.test(file.name)) {
    if (kind !== "audio") throw new Error(`${file.name} is sound, and the model ${model.name} is not made for sound`);
    const sound = wav(await file.arrayBuffer());
    give(() => model.runAudio(sound));
    return wave(sound.samples);
  }
  if (kind !== "image") throw new Error(`${file.name} is no file with values, and the model ${model.name} is not made for ${kind ? "pictures" : "pictures or sound"}`);
  const bitmap = await createImageBitmap(file).catch(() => {
    throw new Error(`${file.name} is neither a model nor a picture, .wav or .npy that this browser reads`);
  });
  const canvas = Object.assign(document.createElement("canvas"), { width: bitmap.width, height: bitmap.height });
  canvas.getContext("2d").drawImage(bitmap, 0, 0);
  const picture = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  give(() => model.runImage(picture));
});

/** The values themselves; of a batch, the first. */
function giveValues(array) {
  const { shape, dtype } = model.inputs[0];
  const length = shape.reduce((a, b) => a * b, 1);
  const first = array.length > length && array.length % length === 0 ? array.slice(0, length) : array;
  const values = first instanceof Float64Array || (dtype === "f32" && !(first instanceof Int8Array)) ? Float32Array.from(first, Number) : first;
  give(() => model.run(values));
}

for (const id of ["model-file", "data-file"]) {
  at(id).addEventListener("change", ({ target }) => {
    if (target.files[0]) take(target.files[0]);
    // The same file may be picked again.
    target.value = "";
  });
}
at("bundled").addEventListener("click", trying(() => open(BUNDLED, true)));

addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dropping");
});
addEventListener("dragleave", (event) => event.relatedTarget ?? document.body.classList.remove("dropping"));
addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dropping");
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});

speed.keep(() => blank);
await trying(() => open(BUNDLED, true))();
document.documentElement.dataset.ready = "";
