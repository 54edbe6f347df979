/** The monitor in node: what it says is what the command line says of the same stream, byte for byte. */

import assert from "node:assert/strict";
import { randomFillSync } from "node:crypto";
import { test } from "node:test";
import { load, SiskinError } from "siskin";
import { bytes, compile, replayed, shown, streamOf, watchedDigits } from "./helpers/native.js";

const paths = { digits_watched: watchedDigits(), kws_watched: compile("kws_watched") };
const digits = bytes(paths.digits_watched);
const { rows } = streamOf("digits_watched");

/** Runs a stream as `siskin monitor replay` does, which takes every alarm back. */
function replay({ run, monitor }, rows) {
  const alarms = [];
  monitor.onAlarm((alarm) => alarms.push(alarm));
  let [sum, evidence] = [0, 0];
  for (const row of rows) {
    sum += run(row).confidence;
    evidence = monitor.evidence;
    if (monitor.alarm) monitor.clear();
  }
  // No labels, so nothing is known of errors.
  return { n: rows.length, alarms, evidence, confidence: sum / rows.length, errors: null, report: monitor.report() };
}

for (const [name, path] of Object.entries(paths)) {
  test(`${name}: alarms, evidence, confidence and every byte of the report are the native ones`, async (t) => {
    const stream = streamOf(name);
    const model = await load(bytes(path));
    const ours = replay({ run: (row) => model.run(row), monitor: model.monitor }, stream.rows);
    assert.deepEqual(ours, replayed(path, stream));
    const [{ at, features }] = ours.alarms;
    assert.ok(at > stream.rows.length / 2 && features.length > 0, `at ${at}`);
    t.diagnostic(`${ours.n} runs, mean confidence ${ours.confidence.toFixed(4)}, alarm at ${at}: ${features.join(", ")}`);
  });
}

for (const [name, path] of Object.entries(paths)) {
  test(`${name}: distances, and the inputs that are unlike the reference, add up to the native report`, async (t) => {
    const stream = streamOf(name);
    replayed(path, stream);
    const { unlike, features } = shown(`${path}.rep`, path);
    const model = await load(bytes(path));
    const answers = stream.rows.map((row) => model.run(row));
    const mean = answers.reduce((sum, { distance }) => sum + distance, 0) / answers.length;
    const native = features.find(({ name }) => name === "distance").mean;
    assert.ok(Math.abs(mean / native - 1) < 1e-12, `${mean}, natively ${native}`);
    assert.equal(answers.filter((answer) => answer.unlike).length, unlike);
    assert.ok(unlike > 0 && unlike < answers.length, `${unlike} of ${answers.length}: the stream tells nothing`);
    const nearest = Math.min(...answers.filter((answer) => answer.unlike).map(({ distance }) => distance));
    assert.ok(answers.every((answer) => answer.unlike === answer.distance >= nearest), "what is farther is no more alike");
    t.diagnostic(`${unlike} of ${answers.length} unlike the reference, mean distance ${mean.toFixed(1)}`);
  });
}

test("a run says how sure it is", async () => {
  const model = await load(digits);
  const plain = await load(bytes(compile("kws")));
  const { label, index, confidence, set, setSize, abstain, distance, unlike } = model.run(rows[0]);
  assert.equal(label, String(index));
  assert.ok(confidence > 0 && confidence <= 1);
  assert.equal(set.length, setSize);
  assert.deepEqual([typeof abstain, typeof unlike], ["boolean", "boolean"]);
  assert.ok(Number.isInteger(distance) && distance > 0, `${distance}`);
  assert.equal(plain.monitor, undefined);
  assert.deepEqual(Object.keys(plain.run(new Float32Array(490))).sort(), ["confidence", "index", "output", "outputs"]);
  assert.deepEqual([plain.card.bytes.monitor, model.card.bytes.monitor > 800], [0, true]);
});

test("what is not observed has the same answer and leaves no trace", async () => {
  const model = await load(digits);
  const [row] = rows;
  const before = model.monitor.save();
  const unobserved = model.run(row, { observe: false });
  assert.deepEqual(model.monitor.save(), before);
  assert.deepEqual(model.run(row), unobserved);
  assert.equal(model.monitor.seen, 1);
});

test("an alarm comes once, stands, and is taken back", async () => {
  const model = await load(digits);
  const { monitor } = model;
  const [came, gone] = [[], []];
  monitor.onAlarm((alarm) => came.push(alarm));
  monitor.onAlarm((alarm) => gone.push(alarm))();
  const again = await load(digits);
  const told = [];
  again.monitor.onAlarm(() => again.monitor.clear());
  again.monitor.onAlarm((alarm) => told.push(alarm));
  for (const row of rows) again.run(row);
  assert.ok(told.length > 1 && told.every(({ features }) => features.length > 0), "every listener is told, whatever another does");
  for (const row of [...rows, ...rows]) model.run(row);
  assert.deepEqual([came.length, gone.length], [1, 0]);
  assert.deepEqual(monitor.alarm, came[0]);
  assert.ok(came[0].evidence >= 1 && came[0].features.length > 0 && came[0].features.every((name) => monitor.features.includes(name)));
  monitor.clear();
  assert.deepEqual([monitor.alarm, monitor.evidence, monitor.seen], [undefined, 0, 2 * rows.length]);
  monitor.reset();
  assert.equal(monitor.seen, 0);
});

test("a saved state is gone on from", async () => {
  const [whole, first, second] = await Promise.all([1, 2, 3].map(() => load(digits)));
  const half = rows.length >> 1;
  rows.forEach((row) => whole.run(row));
  rows.slice(0, half).forEach((row) => first.run(row));
  second.monitor.restore(first.monitor.save());
  assert.equal(second.monitor.seen, half);
  rows.slice(half).forEach((row) => second.run(row));
  assert.deepEqual(second.monitor.save(), whole.monitor.save());
  assert.deepEqual(second.monitor.report(), whole.monitor.report());
});

test("a state that is no state is refused and changes nothing", async () => {
  const model = await load(digits);
  const other = await load(bytes(paths.kws_watched));
  rows.forEach((row) => model.run(row));
  const saved = model.monitor.save();
  const refused = (bytes, what) => assert.throws(() => model.monitor.restore(bytes), (error) => error instanceof SiskinError && error.code === "wrong-state", what);
  refused(other.monitor.save(), "of another model");
  refused(new Uint8Array(), "nothing");
  refused(Uint8Array.from([...saved, 0]), "too long");
  for (let length = 0; length < saved.length; length += 7) refused(saved.slice(0, length), `cut to ${length}`);
  for (let i = 0; i < saved.length; i++) refused(saved.map((byte, j) => (i === j ? byte ^ (1 << (i % 8)) : byte)), `a bit of byte ${i}`);
  for (let i = 0; i < 300; i++) refused(randomFillSync(new Uint8Array(saved.length)), "random");
  assert.deepEqual(model.monitor.save(), saved);
});

test("without IndexedDB nothing is kept, and the error says so", async () => {
  const { monitor } = await load(digits);
  await assert.rejects(monitor.persist("digits"), (error) => error instanceof SiskinError && error.code === "unsupported-environment" && /IndexedDB/.test(error.message));
});

test("a disposed model's monitor is disposed", async () => {
  const model = await load(digits);
  model.dispose();
  for (const call of ["report", "save", "clear"]) assert.throws(() => model.monitor[call](), { code: "disposed" });
});
