/** Pictures and sound become inputs as the artifact says: the same answer here and natively. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { load, SiskinError } from "siskin";
import { bytes, compile, compileDigits, DIGITS, prepared, recipe } from "./helpers/native.js";
import { readArrays } from "./helpers/npz.js";

const digits = compileDigits();
const kws = compile("kws", ...recipe("kws"));

/** Ink on paper of any size: grey 255 - 255 x, scaled up by repeating pixels. */
function picture(x, times = 1) {
  const side = 8 * times;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let i = 0; i < side * side; i++) {
    const [row, column] = [Math.floor(i / side / times), Math.floor((i % side) / times)];
    data.fill(255 - 255 * x[row * 8 + column], i * 4, i * 4 + 3);
  }
  return { data, width: side, height: side };
}

/** Tones and noise, different in each second. */
const sound = (seed, rate, seconds) =>
  Float32Array.from({ length: rate * seconds }, (_, n) => 0.4 * Math.sin((n / rate) * 2 * Math.PI * 300 * (seed + 1)) + ((((n * 7919 * (seed + 3)) % 2003) - 1001) / 4000));

async function refusal(call) {
  let error;
  try {
    await call();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof SiskinError, `a SiskinError and not ${error}`);
  return `${error.code}: ${error.message}`;
}

test("the preparation in words", async () => {
  const image = (await load(bytes(digits))).preparation;
  assert.deepEqual(image, {
    kind: "image", mean: [255, 255, 255, 255], std: [-255, -255, -255, -255],
    filter: "antialias", fit: "stretch", layout: "nchw", colour: "rgb",
  });
  const { low, high, offset, ...audio } = (await load(bytes(kws))).preparation;
  assert.deepEqual([low, high, offset], [20, 4000, Math.fround(1e-6)]);
  assert.deepEqual(audio, {
    kind: "audio", rate: 16000, samples: 16000, window: 480, hop: 320, fft: 512, mels: 40, coefficients: 10,
    gain: 1, floor: 0, mean: 0, std: 1, shape: "hann", symmetric: false, power: 1,
    scale: "htk", slopes: "mel", unitArea: false, log: "ln", dct: "htk", order: "frames-first",
  });
});

test("digits as pictures: native's bytes at three sizes, and the right labels", async () => {
  const model = await load(bytes(digits));
  const { x, y } = readArrays(join(DIGITS, "test.npz"));
  let right = 0;
  for (let i = 0; i < 60; i++) {
    const ink = x.data.subarray(i * 64, i * 64 + 64);
    const given = picture(ink, [1, 3, 16][i % 3]);
    const { label, output } = model.runImage(given);
    if (i < 12) assert.deepEqual(output, prepared(digits, given.data, given.width, given.height), `picture ${i}`);
    right += Number(label === String(y.data[i]));
    // Without scaling, the picture is the input itself.
    if (i % 3 === 0) assert.deepEqual(output, model.run(Float32Array.from(ink, (_, j) => (255 - picture(ink).data[4 * j]) / 255)).output);
  }
  assert.ok(right >= 54, `${right} of 60`);
});

test("sound at three rates: native's bytes", async () => {
  const model = await load(bytes(kws));
  const seen = new Set();
  for (const [seed, rate, seconds] of [[0, 16000, 1], [1, 48000, 1], [2, 44100, 3], [3, 8000, 0.5], [4, 16000, 2]]) {
    const samples = sound(seed, rate, seconds);
    const { output } = model.runAudio({ samples, sampleRate: rate });
    assert.deepEqual(output, prepared(kws, samples, rate), `${seconds} s at ${rate}`);
    seen.add(String(output));
  }
  assert.equal(seen.size, 5, "each sound gives another answer");
});

test("channels are mixed to one", async () => {
  const model = await load(bytes(kws));
  const [left, right] = [sound(0, 16000, 1), sound(1, 16000, 1)];
  const buffer = { length: 16000, numberOfChannels: 2, sampleRate: 16000, getChannelData: (c) => [left, right][c] };
  const mono = left.map((v, i) => Math.fround(v / 2) + right[i] / 2);
  assert.deepEqual(model.runAudio(buffer).output, model.runAudio({ samples: mono, sampleRate: 16000 }).output);
});

test("small pictures after large ones: memory is not mixed up", async () => {
  const model = await load(bytes(digits));
  const { x } = readArrays(join(DIGITS, "test.npz"));
  const [small, large] = [picture(x.data.subarray(0, 64)), picture(x.data.subarray(64, 128), 40)];
  const before = model.runImage(small).output;
  model.runImage(large);
  assert.deepEqual(model.runImage(small).output, before);
  model.selfTest();
});

test("what the artifact does not say is refused, with the way out", async () => {
  const [plain, image, audio] = [await load(bytes(new URL("../../../tests/golden/digits-1.0.siskin", import.meta.url))), await load(bytes(digits)), await load(bytes(kws))];
  const [pixels, samples] = [{ data: new Uint8Array(4), width: 1, height: 1 }, { samples: new Float32Array(9), sampleRate: 16000 }];
  assert.equal(plain.preparation, undefined);
  assert.match(await refusal(() => plain.runImage(pixels)), /^no-preparation: the model digits cannot be run on a picture: .*--recipe/);
  assert.match(await refusal(() => plain.runAudio(samples)), /^no-preparation: .* on sound: .*--recipe/);
  assert.match(await refusal(() => image.runAudio(samples)), /^no-preparation: .*made from a picture: use runImage/);
  assert.match(await refusal(() => audio.runImage(pixels)), /^no-preparation: .*made from sound: use runAudio/);
  assert.match(await refusal(() => image.runImage({ ...pixels, width: 2 })), /^wrong-input: a picture of 2x1 has 8 bytes .*; 4 came/);
  assert.match(await refusal(() => image.runImage({})), /^wrong-input: runImage takes ImageData/);
  assert.match(await refusal(() => audio.runAudio({ samples: [1], sampleRate: 9 })), /^wrong-input: runAudio takes an AudioBuffer/);
  assert.match(await refusal(() => audio.runAudio(undefined)), /^wrong-input: runAudio takes/);
});

test("the card: bytes and steps as `siskin inspect` lists them", async () => {
  const { card } = await load(bytes(digits));
  const facts = JSON.parse(execFileSync(process.env.SISKIN_BIN, ["inspect", digits, "--json"]));
  assert.equal(card.producer, facts.producer);
  assert.equal(card.recipe, facts.recipe);
  assert.deepEqual([card.bytes.file, card.bytes.arena, card.bytes.state], [facts.file_bytes, facts.arena_bytes, facts.state_bytes]);
  assert.deepEqual(card.steps.map((step) => [step.operator, step.macs]), facts.steps.map((step) => [step.op, step.macs]));
  card.steps.forEach((step, i) => assert.ok(facts.steps[i].outputs[0] === `${step.dtype}[${step.shape}]`, `${step.shape} is ${facts.steps[i].outputs[0]}`));
  assert.ok(card.steps.some((step) => step.weights > 0));
});
