/** The native side: artifacts that the command line compiles and the outputs that native programs compute. */

import { execFileSync } from "node:child_process";
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

/** Compiles anew, so that nothing stale is compared. */
export function compile(name, ...more) {
  mkdirSync(WORK, { recursive: true });
  const [task, kind] = name.split("_");
  const { stem, calib, rows, std } = TASKS[task];
  const path = join(WORK, `${name}.siskin`);
  rmSync(path, { force: true });
  if (kind === "qdq") siskin("compress", model(`${stem}_int8_qdq`), "-o", path, ...more);
  else if (kind) siskin("compress", model(`${stem}_float`), "--weights", kind, "-o", path, ...more);
  else {
    const inputs = join(WORK, `${name}.calib.npy`);
    write(inputs, scaled(data(calib), std, rows));
    siskin("compress", model(`${stem}_float`), "--calib", inputs, "-o", path, ...more);
  }
  return path;
}

/** A model of the repository's own, or an .onnx of a test. */
export function compileFile(onnx, path, ...more) {
  siskin("compress", onnx, "-o", path, ...more);
  return path;
}

/** The repository's own model, made for pictures. */
export function compileDigits() {
  const [calib, labels] = ["calib.npz", "labels.txt"].map((file) => join(DIGITS, file));
  return compileFile(join(DIGITS, "digits.onnx"), join(WORK, "digits.siskin"), "--calib", calib, "--mean", "0", "--std", "1", "--labels", labels, ...recipe("digits"));
}

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
