/** The packed package in Chromium, under `script-src 'self' 'wasm-unsafe-eval'`. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "siskin";
import { launch, open, packed, serve } from "./helpers/browser.js";
import { bytes, compile, inputs, INT8, nativeOutputs, WORK } from "./helpers/native.js";

const ROWS = 20;
const site = fileURLToPath(new URL("site/", import.meta.url));
let server, browser, page, complaints;

before(async () => {
  server = await serve({ "/": site, "/pkg/": packed(), "/artifacts/": WORK });
  browser = await launch();
  ({ page, complaints } = await open(browser, server.url));
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** Compiles a model and lays its first rows beside it, for the page to fetch. */
async function stage(name) {
  const path = compile(name);
  const port = name.endsWith("_qdq") ? (await load(bytes(compile(name.replace("_qdq", ""))))).inputs[0] : undefined;
  const data = inputs(name, { count: ROWS, port });
  writeFileSync(`${path}.rows`, Buffer.concat(data.rows.map((row) => new Uint8Array(row.buffer))));
  return { native: nativeOutputs(path, data).rows, int8: !!port };
}

/** In the page: outputs for every staged row. */
const runRows = async ({ entry, name, int8 }) => {
  const model = await window.siskin[entry].load(`/artifacts/${name}.siskin`);
  const file = await (await fetch(`/artifacts/${name}.siskin.rows`)).arrayBuffer();
  const all = int8 ? new Int8Array(file) : new Float32Array(file);
  const length = model.inputs[0].shape.reduce((a, b) => a * b);
  const outputs = [];
  for (let i = 0; i < all.length; i += length) outputs.push([...(await model.run(all.slice(i, i + length))).output]);
  model.dispose();
  return outputs;
};

for (const name of INT8) {
  test(`${name}: every byte of ${ROWS} rows, from each entry`, async () => {
    const { native, int8 } = await stage(name);
    assert.equal(native.length, ROWS);
    for (const entry of ["inlined", "url", "worker"]) {
      const ours = await page.evaluate(runRows, { entry, name, int8 });
      assert.deepEqual(ours, native.map((row) => [...row]), entry);
    }
  });
}

test("the policy was in force and nothing was refused by it", async () => {
  assert.deepEqual(complaints, []);
  const evaluated = await page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "window.inline = true";
    document.body.append(script);
    return "inline" in window;
  });
  assert.equal(evaluated, false, "an inline script is refused");
});

test("a page in place of the model: the error names the address and what came", async () => {
  for (const entry of ["inlined", "url", "worker"]) {
    const error = await page.evaluate(async (entry) => {
      const { load, SiskinError } = window.siskin[entry];
      return load("/missing/model.siskin").catch((e) => ({ code: e.code, message: e.message, typed: e instanceof SiskinError }));
    }, entry);
    assert.equal(error.code, "not-a-model", entry);
    assert.ok(error.typed, entry);
    assert.match(error.message, /http:.*\/missing\/model\.siskin: .*a web page came \(content type text\/html\), beginning "<!doctype html>/);
  }
});

test("a page in place of the wasm: the error names the address and what came", async () => {
  const error = await page.evaluate(() =>
    window.siskin.url.load("/artifacts/kws.siskin", { runtime: "/missing/runtime.wasm" }).catch((e) => ({ code: e.code, message: e.message })),
  );
  assert.equal(error.code, "not-a-runtime");
  assert.match(error.message, /\/missing\/runtime\.wasm: not WebAssembly: a web page came \(content type text\/html\)/);
});

test("a page in place of the worker: the error says so", async () => {
  const error = await page.evaluate(() =>
    window.siskin.worker.load("/artifacts/kws.siskin", { worker: "/missing/worker-thread.js" }).catch((e) => ({ code: e.code, message: e.message })),
  );
  assert.equal(error.code, "worker");
  assert.match(error.message, /script did not load/);
});

test("both builds are streamed, and chosen by what validates", async () => {
  const asked = [];
  page.on("request", (request) => request.url().endsWith(".wasm") && asked.push(new URL(request.url()).pathname));
  const fresh = await open(browser, server.url);
  fresh.page.on("request", (request) => request.url().endsWith(".wasm") && asked.push(new URL(request.url()).pathname));
  await fresh.page.evaluate(async () => {
    await window.siskin.url.load("/artifacts/kws.siskin");
    await window.siskin.url.load("/artifacts/kws.siskin", { simd: "simd128" });
  });
  assert.deepEqual(asked, ["/pkg/dist/runtime-relaxed.wasm", "/pkg/dist/runtime.wasm"]);
  await fresh.page.close();
});

test("a server that does not know .wasm serves it all the same", async () => {
  const other = await serve({ "/": site, "/pkg/": packed(), "/artifacts/": WORK }, { types: { ".js": "text/javascript" } });
  const { page } = await open(browser, other.url);
  const label = await page.evaluate(async () => (await window.siskin.url.load("/artifacts/kws.siskin")).name);
  assert.equal(label, "kws_dscnn_float");
  await page.close();
  other.close();
});

test("a policy without wasm-unsafe-eval: the error says what to add", async () => {
  const strict = await serve({ "/": site, "/pkg/": packed(), "/artifacts/": WORK }, { policy: "script-src 'self'" });
  const { page } = await open(browser, strict.url);
  for (const entry of ["inlined", "url"]) {
    const error = await page.evaluate((entry) => window.siskin[entry].load("/artifacts/kws.siskin").catch((e) => ({ code: e.code, message: e.message })), entry);
    assert.equal(error.code, "unsupported-environment");
    assert.match(error.message, /add 'wasm-unsafe-eval' to script-src/);
  }
  await page.close();
  strict.close();
});

test("a download can be watched and aborted", async () => {
  const seen = await page.evaluate(async () => {
    const progress = [];
    await window.siskin.inlined.load("/artifacts/vww.siskin", { onProgress: (p) => progress.push(p) });
    const abort = new AbortController();
    const code = await window.siskin.inlined
      .load("/artifacts/vww.siskin", { signal: abort.signal, onProgress: () => abort.abort() })
      .catch((error) => error.code);
    return { progress, code };
  });
  const { length } = readFileSync(join(WORK, "vww.siskin"));
  assert.deepEqual(seen.progress.at(-1), { loaded: length, total: length });
  assert.equal(seen.code, "aborted");
});

test("a disposed worker rejects what is open and what comes", async () => {
  const codes = await page.evaluate(async () => {
    const model = await window.siskin.worker.load("/artifacts/kws.siskin");
    const open = model.run(new Float32Array(490)).catch((error) => error.code);
    model.dispose();
    return [await open, await model.run(new Float32Array(490)).catch((error) => error.code)];
  });
  assert.deepEqual(codes, ["disposed", "disposed"]);
});

test("a wrong input to a worker rejects with the same error", async () => {
  const error = await page.evaluate(async () => {
    const model = await window.siskin.worker.load("/artifacts/kws.siskin");
    return model.run(new Float32Array(3)).catch((e) => ({ code: e.code, message: e.message }));
  });
  assert.equal(error.code, "wrong-input");
  assert.match(error.message, /takes a Float32Array or Int8Array of 490 values \(shape 1x49x10x1\); a Float32Array of 3 came/);
});
