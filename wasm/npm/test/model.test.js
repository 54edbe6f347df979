/** What a web developer meets: ports, runs, answers, state, errors. */

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { load, SiskinError } from "siskin";
import * as url from "siskin/url";
import { adder } from "./helpers/onnx.js";
import { bytes, compileFile, WORK } from "./helpers/native.js";
import { readArrays } from "./helpers/npz.js";

mkdirSync(WORK, { recursive: true });
const root = new URL("../../../", import.meta.url);
const digits = bytes(new URL("tests/golden/digits-1.0.siskin", root));
const onnx = join(WORK, "adder.onnx");
writeFileSync(onnx, adder(3));
const plain = compileFile(onnx, join(WORK, "adder.siskin"), "--weights", "f32");
const stateful = compileFile(onnx, join(WORK, "stateful.siskin"), "--weights", "f32", "--state", "h_in=h_out");

/** The error of a call that must fail. */
async function failure(call, code) {
  let error;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof SiskinError, `a SiskinError and not ${error}`);
  assert.equal(error.code, code, error.message);
  return error.message;
}

test("a model says what goes in and what comes out", async () => {
  const model = await load(digits);
  assert.equal(model.name, "digits");
  const [image] = model.inputs;
  const { name, shape, dtype, stored, zeroPoint } = image;
  assert.deepEqual({ name, shape, dtype, stored, zeroPoint }, { name: "image", shape: [1, 1, 8, 8], dtype: "f32", stored: "i8", zeroPoint: -128 });
  assert.ok(Math.abs(image.scale - 1 / 255) < 1e-6);
  assert.equal("labels" in image, false);
  assert.deepEqual(model.outputs[0].labels, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
});

test("labels and confidences of real digits", async () => {
  const model = await load(digits);
  const { x, y } = readArrays(new URL("models/digits/test.npz", root).pathname);
  let right = 0;
  const rows = y.data.length;
  for (let i = 0; i < rows; i++) {
    const { label, index, confidence, output, outputs } = model.run(Float32Array.from(x.data.subarray(i * 64, i * 64 + 64)));
    right += Number(label === String(y.data[i]));
    assert.equal(label, String(index));
    assert.equal(outputs.logits, output);
    const scores = [...output].map((v) => Math.exp(v));
    assert.ok(Math.abs(confidence - scores[index] / scores.reduce((a, b) => a + b)) < 1e-9, "the softmax of the logits");
  }
  assert.ok(right / rows > 0.9, `${right} of ${rows}`);
});

test("bytes as they are stored go in and come out", async () => {
  const model = await load(digits);
  const [image] = model.inputs;
  const real = Float32Array.from({ length: 64 }, (_, i) => i / 63);
  const stored = Int8Array.from(real, (v) => Math.min(127, Math.round(v / image.scale) + image.zeroPoint));
  const a = model.run(real);
  const b = model.run(stored, { raw: true });
  assert.ok(b.output instanceof Int8Array);
  const { scale, zeroPoint } = model.outputs[0];
  assert.deepEqual(Float32Array.from(b.output, (q) => (q - zeroPoint) * scale), a.output);
  assert.deepEqual([b.label, b.confidence], [a.label, a.confidence]);
});

test("outputs are copies", async () => {
  const model = await load(digits);
  const { output } = model.run(new Float32Array(64));
  const before = [...output];
  model.run(new Float32Array(64).fill(1));
  assert.deepEqual([...output], before);
  assert.equal(output.byteLength, output.buffer.byteLength);
});

test("several inputs: in order or by name", async () => {
  const model = await load(bytes(plain));
  const [x, h] = [Float32Array.of(1, 2, 3), Float32Array.of(10, 20, 30)];
  assert.deepEqual([...model.run([x, h]).output], [11, 22, 33]);
  const result = model.run({ h_in: h, x });
  assert.deepEqual([[...result.outputs.y], [...result.outputs.h_out]], [[11, 22, 33], [11, 22, 33]]);
  assert.deepEqual(Object.keys(result), ["output", "outputs"], "no label is made up");
});

test("a model with memory: reset, save, restore", async () => {
  const model = await load(bytes(stateful));
  const x = Float32Array.of(1, 2, 3);
  const run = () => [...model.run(x).output];
  assert.deepEqual([run(), run()], [[1, 2, 3], [2, 4, 6]]);
  const saved = model.state();
  assert.ok(saved.length > 0);
  assert.deepEqual(run(), [3, 6, 9]);
  model.restore(saved);
  assert.deepEqual(run(), [3, 6, 9]);
  model.reset();
  assert.deepEqual(run(), [1, 2, 3]);
  await failure(() => model.restore(new Uint8Array(1)), "wrong-state");
});

test("the golden vectors of the file", async () => {
  (await load(digits)).selfTest();
});

test("wrong inputs: the error names the input, what it takes and what came", async () => {
  const model = await load(digits);
  const takes = "the input image takes a Float32Array or Int8Array of 64 values \\(shape 1x1x8x8\\)";
  for (const [input, came] of [
    [new Float32Array(3), "a Float32Array of 3"],
    [new Uint8Array(64), "a Uint8Array of 64"],
    [[[1, 2]], "a plain array"],
  ]) {
    assert.match(await failure(() => model.run(input), "wrong-input"), new RegExp(`${takes}; ${came}`));
  }
  assert.match(await failure(() => model.run({ picture: new Float32Array(64) }), "wrong-input"), /has no input picture, but image/);
  assert.match(await failure(() => model.run(undefined), "wrong-input"), /has 1 inputs \(image\)/);
  const two = await load(bytes(plain));
  assert.match(await failure(() => two.run(new Float32Array(3)), "wrong-input"), /has 2 inputs \(x, h_in\)/);
  assert.match(await failure(() => two.run({ x: new Float32Array(3) }), "wrong-input"), /the input h_in takes .*; nothing came/);
});

test("a disposed model says so, by either name", async () => {
  const model = await load(digits);
  model[Symbol.dispose ?? Symbol.for("Symbol.dispose")]();
  assert.match(await failure(() => model.run(new Float32Array(64)), "disposed"), /the model digits was disposed/);
});

test("one memory each: disposing one leaves the other", async () => {
  const [a, b] = [await load(digits), await load(digits)];
  const expected = [...b.run(new Float32Array(64)).output];
  a.run(new Float32Array(64).fill(1));
  a.dispose();
  assert.deepEqual([...b.run(new Float32Array(64)).output], expected);
});

test("what is no model is refused with its beginning", async () => {
  const html = new TextEncoder().encode("<!doctype html><title>404</title>");
  assert.match(await failure(() => load(html), "not-a-model"), /the bytes given: .*a web page came, beginning "<!doctype html>/);
  assert.match(await failure(() => load(new ArrayBuffer(0)), "not-a-model"), /nothing came/);
  assert.match(await failure(() => load(Uint8Array.of(0x1f, 0x8b, 8, 0xff)), "not-a-model"), /4 bytes came, beginning 1f 8b 08 ff/);
});

test("damage, later formats and unknown operators have their codes", async () => {
  const cut = digits.slice(0, -1);
  await failure(() => load(cut), "damaged-model");
  const flipped = digits.slice();
  flipped[flipped.length - 1] ^= 1;
  await failure(() => load(flipped), "damaged-model");
  const later = digits.slice();
  later[8] = 9;
  assert.match(await failure(() => load(later), "unsupported-version"), /format 9\..*update the package siskin/);
  assert.match(await failure(() => load(unknownOperator()), "unsupported-operator"), /operator 0 has the code 65000.*update the package siskin/);
});

/** The digits with an operator that nobody knows; checksums made good. */
function unknownOperator() {
  const file = Buffer.from(digits);
  const OPS = 2;
  const entries = file.readUInt32LE(12);
  for (let at = 64; at < 64 + entries * 16; at += 16) {
    if (file.readUInt16LE(at) !== OPS) continue;
    const [offset, length] = [file.readUInt32LE(at + 4), file.readUInt32LE(at + 8)];
    file.writeUInt16LE(65000, offset);
    file.writeUInt32LE(crc32(file.subarray(offset, offset + length)), at + 12);
  }
  file.writeUInt32LE(crc32(file.subarray(64, 64 + entries * 16)), 56);
  file.writeUInt32LE(crc32(file.subarray(0, 60)), 60);
  return new Uint8Array(file);
}

function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}

test("from an address, a Response, a Blob, a view, a buffer", async () => {
  const padded = new Uint8Array(digits.length + 7);
  padded.set(digits, 7);
  const sources = [
    pathToFileURL(plain),
    new Response(digits),
    new Blob([digits]),
    padded.subarray(7),
    digits.slice().buffer,
    `data:application/octet-stream;base64,${Buffer.from(digits).toString("base64")}`,
  ];
  for (const source of sources) (await load(source)).selfTest();
});

test("answers that are no success, and addresses that nobody answers", async () => {
  const gone = new Response("not here", { status: 404, statusText: "Not Found" });
  assert.match(await failure(() => load(gone), "network"), /the server answered 404 Not Found/);
  assert.match(await failure(() => load("/kws.siskin"), "network"), /\/kws\.siskin: cannot be fetched .*pass the bytes/);
  assert.match(await failure(() => load(42), "wrong-input"), /load takes a URL, a Response or bytes/);
});

test("an aborted signal", async () => {
  await failure(() => load(digits, { signal: AbortSignal.abort() }), "aborted");
});

test("the entry siskin/url: both builds, and a module that is passed in", async () => {
  for (const simd of ["simd128", "relaxed", undefined]) (await url.load(digits, { simd })).selfTest();
  const module = await WebAssembly.compile(bytes(new URL("../dist/runtime.wasm", import.meta.url)));
  (await url.load(digits, { runtime: module })).selfTest();
  await failure(() => load(digits, { simd: "relaxed" }), "wrong-option");
});
