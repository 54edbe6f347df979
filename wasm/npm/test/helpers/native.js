/** The native side: artifacts that the command line compiles and the outputs that native programs compute. */

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readArrays, writeNpy } from "./npz.js";

const need = (name) => {
  if (!process.env[name]) throw new Error(`${name} is not set: run the tests by \`cargo xtask npm\``);
  return process.env[name];
};

export const SHARED = need("SISKIN_SHARED");
export const WORK = need("SISKIN_WORK");
/** The repository's own model, with its data. */
export const DIGITS = fileURLToPath(new URL("../../../../models/digits", import.meta.url));
const siskin = (...args) => execFileSync(need("SISKIN_BIN"), args, { stdio: ["ignore", "pipe", "inherit"] });

const data = (name) => join(SHARED, "data", name);
const model = (name) => join(SHARED, "models/mlperf_tiny", `${name}.onnx`);

/** Each task: its model's stem, what it is calibrated and judged on, and what turns the stored data into inputs. */
const TASKS = {
  kws: { stem: "kws_dscnn", calib: "kws_calib.npz", val: "kws_val.npz" },
  sww: { stem: "sww_dsconv1d", calib: "sww_calib.npz", val: "sww_calib.npz" },
  ad: { stem: "ad_autoencoder", calib: "ad_x_f32.npy", val: "ad_x_f32.npy" },
  ic: { stem: "ic_resnet8", calib: "cifar10_train.npz", rows: 256, val: ["ic_val.npz", "cifar10_val.npz"] },
  vww: { stem: "vww_mobilenetv1_025_96", calib: "vww_calib.npz", val: "vww_val.npz", std: 255 },
};

/** Our int8 models, and the ones that came quantized. */
export const INT8 = Object.keys(TASKS).flatMap((task) => [task, `${task}_qdq`]);

/** Float models, with weights of both widths. */
export const FLOAT = Object.keys(TASKS).flatMap((task) => [`${task}_f32`, `${task}_f16`]);

/** How inputs are made. */
const RECIPES = {
  digits: readFileSync(new URL("../../../demo/digits.toml", import.meta.url), "utf8"),
  kws: `[input]
kind = "audio"
rate = 16000
samples = 16000
window = 480
hop = 320
mels = 40
coefficients = 10
low = 20
high = 4000
offset = 1e-6
power = 1
slopes = "mel"
dct = "htk"
`,
};

/** The options that put a recipe into an artifact. */
export function recipe(name) {
  mkdirSync(WORK, { recursive: true });
  const path = join(WORK, `${name}.toml`);
  writeFileSync(path, RECIPES[name]);
  return ["--recipe", path];
}

/** What a monitor promises, in tests as on the demo page. */
const MONITOR = ["--monitor", "arl=10000,coverage=0.99,abstain=0.8"];

/** Compiles anew, so that nothing stale is compared. `kws`, `kws_watched`, `kws_qdq`, `kws_f16`. */
export function compile(name, ...more) {
  mkdirSync(WORK, { recursive: true });
  const [task, kind] = name.split("_");
  const { stem, calib, rows, std } = TASKS[task];
  const path = join(WORK, `${name}.siskin`);
  rmSync(path, { force: true });
  const watched = kind === "watched";
  if (kind === "qdq") siskin("compress", model(`${stem}_int8_qdq`), "-o", path, ...more);
  else if (kind && !watched) siskin("compress", model(`${stem}_float`), "--weights", kind, "-o", path, ...more);
  else {
    const inputs = join(WORK, `${name}.calib.npy`);
    write(inputs, scaled(data(calib), std, rows));
    siskin("compress", model(`${stem}_float`), "--calib", inputs, "-o", path, ...(watched ? MONITOR : []), ...more);
  }
  return path;
}

/** A model of the repository's own, or an .onnx of a test. */
export function compileFile(onnx, path, ...more) {
  siskin("compress", onnx, "-o", path, ...more);
  return path;
}

/** The repository's own model, made for pictures. */
export const compileDigits = () => digits("digits", "calib.npz");

/** The same as the demo page has it: with a monitor whose reference the model was not trained on. */
export const watchedDigits = () => digits("digits_watched", "val.npz", ...MONITOR);

function digits(name, calib, ...more) {
  const data = [...AS_THEY_ARE, "--calib", join(DIGITS, calib), "--labels", join(DIGITS, "labels.txt"), ...recipe("digits")];
  return compileFile(join(DIGITS, "digits.onnx"), join(WORK, `${name}.siskin`), ...data, ...more);
}

/** The digits' data are inputs already. */
const AS_THEY_ARE = ["--mean", "0", "--std", "1"];

/** A stream of a watched model that changes in the middle: all values halve. */
export function streamOf(name) {
  const { x } = name === "digits_watched" ? readArrays(join(DIGITS, "test.npz")) : {};
  const { rows, shape } = x ? cut(x) : inputs(name);
  return { shape, rows: [...rows, ...rows.map((row) => row.map((value) => value / 2))] };
}

/** What `siskin monitor replay` says of a stream, and its report. */
export function replayed(path, stream) {
  const [x, report] = [`${path}.stream.npy`, `${path}.rep`];
  write(x, stream);
  const { status, stdout, stderr } = spawnSync(need("SISKIN_BIN"), ["monitor", "replay", path, "--data", x, ...AS_THEY_ARE, "--quiet", "--json", "--report", report]);
  if (status !== 0 && status !== 3) throw new Error(`siskin monitor replay ended with ${status}: ${stderr}`);
  return { ...JSON.parse(stdout), report: bytes(report) };
}

/** What `siskin monitor show` reads in a report. */
export const shown = (report, path) => JSON.parse(siskin("monitor", "show", report, "--model", path, "--format", "json"));

/** What a model is judged on: rows of float32, or of int8 for models that take it, as `port` would quantize. */
export function inputs(name, { count, port } = {}) {
  const { val, std } = TASKS[name.split("_")[0]];
  const sets = [val].flat().map((file) => scaled(data(file), std, count));
  const [{ shape }] = sets;
  const rows = sets.flatMap((set) => set.rows).slice(0, count);
  const quantized = (value) => Math.min(127, Math.max(-128, Math.round(value / port.scale) + port.zeroPoint));
  return { shape, rows: port ? rows.map((row) => Int8Array.from(row, quantized)) : rows };
}

/** The first output of the native program for these rows. */
export function nativeOutputs(path, rows) {
  const [x, y] = [`${path}.x.npy`, `${path}.y.npz`];
  write(x, rows);
  siskin("run", path, "--quiet", "--input", x, "--output", y);
  const [output] = Object.values(readArrays(y));
  return cut(output);
}

/** The first output of a native program for pixels (and width and height) or samples (and their rate). */
export function prepared(path, given, ...numbers) {
  const input = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  const output = execFileSync(need("SISKIN_PREPARED"), [path, ...numbers], { input });
  return new Float32Array(Uint8Array.from(output).buffer);
}

function scaled(path, std = 1, count = Infinity) {
  const { x } = readArrays(path);
  const { rows, shape } = cut(x, count);
  return { shape, rows: rows.map((row) => Float32Array.from(row, (value) => value / std)) };
}

function cut({ data, shape: [n, ...shape] }, count = Infinity) {
  const length = data.length / n;
  return { shape, rows: Array.from({ length: Math.min(n, count) }, (_, i) => data.slice(i * length, (i + 1) * length)) };
}

function write(path, { rows, shape }) {
  const length = rows[0].length;
  const all = new rows[0].constructor(rows.length * length);
  rows.forEach((row, i) => all.set(row, i * length));
  writeNpy(path, all, [rows.length, ...shape]);
}

export const bytes = (path) => new Uint8Array(readFileSync(path));
