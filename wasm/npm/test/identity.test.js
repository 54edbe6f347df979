/** The same file gives the same answer here and natively: byte for byte if its arithmetic is integer. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "siskin";
import { bytes, compile, FLOAT, inputs, INT8, nativeOutputs } from "./helpers/native.js";

/** Outputs of the model for every row, and what the native program gives. */
async function both(name) {
  const path = compile(name);
  // Models that came quantized take int8: as our own model of that task quantizes its inputs.
  const ours = name.endsWith("_qdq") && (await load(bytes(compile(name.replace("_qdq", ""))))).inputs[0];
  const data = inputs(name, ours ? { port: ours } : {});
  const model = await load(bytes(path));
  model.selfTest();
  return { ours: data.rows.map((row) => model.run(row).output), native: nativeOutputs(path, data).rows };
}

for (const name of INT8) {
  test(`${name}: every byte of every row`, async (t) => {
    const { ours, native } = await both(name);
    assert.ok(ours.length >= 45 && ours.length === native.length);
    assert.ok(new Set(ours.map(String)).size > 1, "rows give different outputs");
    ours.forEach((row, i) => assert.deepEqual(row, native[i], `row ${i}`));
    t.diagnostic(`${ours.length} rows`);
  });
}

for (const name of FLOAT) {
  test(`${name}: within a relative 1e-5`, async (t) => {
    const { ours, native } = await both(name);
    assert.equal(ours.length, native.length);
    let worst = 0;
    ours.forEach((row, i) => {
      const largest = Math.max(...native[i].map(Math.abs));
      row.forEach((value, j) => (worst = Math.max(worst, Math.abs(value - native[i][j]) / largest)));
    });
    assert.ok(worst <= 1e-5, `off by ${worst}`);
    t.diagnostic(`${ours.length} rows, off by ${worst} at most`);
  });
}
