/** The packed package in Chromium, under `script-src 'self' 'wasm-unsafe-eval'`. */

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { load } from "siskin";
import { launch, open, packed, serve } from "./helpers/browser.js";
import { bytes, compile, compileDigits, inputs, INT8, nativeOutputs, prepared, recipe, replayed, shown, streamOf, watchedDigits, WORK } from "./helpers/native.js";

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

test("pictures: pixels, a canvas, a bitmap, an image, from each entry", async () => {
  const digits = compileDigits();
  const [width, height] = [20, 24];
  // Opaque and of whole values, so that a canvas gives back what it was given.
  const data = Uint8ClampedArray.from({ length: width * height * 4 }, (_, i) => (i % 4 === 3 ? 255 : (i * i * 31) % 256));
  const native = [...prepared(digits, data, width, height)];
  const ours = await page.evaluate(async ({ data, width, height }) => {
    const image = new ImageData(Uint8ClampedArray.from(data), width, height);
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").putImageData(image, 0, 0);
    const offscreen = new OffscreenCanvas(width, height);
    offscreen.getContext("2d").putImageData(image, 0, 0);
    const element = Object.assign(new Image(), { src: URL.createObjectURL(await new Promise((done) => canvas.toBlob(done))) });
    await element.decode();
    const pictures = { image, canvas, offscreen, bitmap: await createImageBitmap(image), element };
    const outputs = {};
    for (const [entry, { load }] of Object.entries(window.siskin)) {
      const model = await load("/artifacts/digits.siskin");
      for (const [what, picture] of Object.entries(pictures)) outputs[`${entry} ${what}`] = [...(await model.runImage(picture)).output];
      outputs[`${entry} code`] = await Promise.resolve().then(() => model.runAudio({ samples: new Float32Array(9), sampleRate: 8000 })).catch((e) => e.code);
      outputs[`${entry} kind`] = model.preparation.kind;
      model.dispose();
    }
    return outputs;
  }, { data: [...data], width, height });
  assert.equal(Object.keys(ours).length, 3 * 7);
  for (const [what, got] of Object.entries(ours)) assert.deepEqual(got, what.endsWith("code") ? "no-preparation" : what.endsWith("kind") ? "image" : native, what);
});

test("sound: an AudioBuffer and samples, from each entry", async () => {
  const kws = compile("kws", ...recipe("kws"));
  const samples = Float32Array.from({ length: 22050 }, (_, n) => Math.fround(0.3 * Math.sin(n / 7) + 0.2 * Math.sin(n / 2.3)));
  const native = [...prepared(kws, samples, 22050)];
  const ours = await page.evaluate(async (values) => {
    const [samples, sampleRate] = [Float32Array.from(values), 22050];
    const buffer = new AudioBuffer({ length: samples.length, numberOfChannels: 2, sampleRate });
    for (const channel of [0, 1]) buffer.copyToChannel(samples, channel);
    const outputs = [];
    for (const { load } of Object.values(window.siskin)) {
      const model = await load("/artifacts/kws.siskin");
      for (const sound of [buffer, { samples, sampleRate }]) outputs.push([...(await model.runAudio(sound)).output]);
      model.dispose();
    }
    return outputs;
  }, [...samples]);
  assert.deepEqual(ours, Array(6).fill(native));
});

for (const name of ["digits_watched", "kws_watched"]) {
  test(`${name}: what the monitor says of a stream, from each entry`, async () => {
    const path = name === "kws_watched" ? compile(name) : watchedDigits();
    const stream = streamOf(name);
    const native = replayed(path, stream);
    writeFileSync(`${path}.rows`, Buffer.concat(stream.rows.map((row) => new Uint8Array(row.slice().buffer))));
    for (const entry of ["inlined", "url", "worker"]) {
      const ours = await page.evaluate(async ({ entry, name }) => {
        const { run, monitor } = await window.watched(entry, name);
        const [alarms, told] = [[], []];
        monitor.onAlarm((alarm) => told.push(alarm));
        let [confidence, unlike] = [0, 0];
        for (const row of await window.rowsOf(name)) {
          const answer = await run(row);
          confidence += answer.confidence;
          unlike += answer.unlike;
          const alarm = await monitor.alarm;
          if (alarm) alarms.push(alarm), await monitor.clear();
        }
        return { alarms, told, confidence, unlike, report: [...(await monitor.report())] };
      }, { entry, name });
      assert.deepEqual(ours.report, [...native.report], entry);
      assert.deepEqual([ours.alarms, ours.told], [native.alarms, native.alarms], entry);
      assert.equal(ours.confidence / native.n, native.confidence, entry);
      assert.equal(ours.unlike, shown(`${path}.rep`, path).unlike, entry);
    }
  });
}

test("the monitor's state survives a reload, from each entry", async () => {
  watchedDigits();
  compile("kws_watched");
  const { page } = await open(browser, server.url);
  /** Goes on from what is kept, runs, and waits until that is kept. */
  const visit = (entry, name, runs, { every = 50, hidden } = {}) =>
    page.evaluate(async ({ entry, name, runs, every, hidden }) => {
      const key = `the model, ${entry}`;
      const { run, monitor } = await window.watched(entry, name);
      const found = await monitor.persist(key, { every });
      const seen = await monitor.seen;
      const rows = runs ? await window.rowsOf(name) : [];
      for (let i = 0; i < runs; i++) await run(rows[i]);
      if (hidden) document.dispatchEvent(new Event("visibilitychange", { bubbles: true }));
      const last = String(await monitor.save());
      while (String(await window.kept(key)) !== last) await new Promise((next) => setTimeout(next, 20));
      return [found, seen];
    }, { entry, name, runs, every, hidden });
  const reload = async () => {
    await page.reload();
    await page.waitForFunction(() => "ready" in window);
  };
  for (const entry of ["inlined", "url", "worker"]) {
    assert.deepEqual(await visit(entry, "digits_watched", 31), ["new", 0], entry);
    await reload();
    assert.deepEqual(await visit(entry, "digits_watched", 5, { every: 1e9, hidden: true }), ["restored", 31], entry);
    await reload();
    assert.deepEqual(await visit(entry, "digits_watched", 0), ["restored", 36], entry);
    assert.deepEqual(await visit(entry, "kws_watched", 0), ["replaced", 0], entry);
    await page.evaluate((entry) => window.damage(`the model, ${entry}`), entry);
    assert.deepEqual(await visit(entry, "kws_watched", 0), ["replaced", 0], entry);
  }
  await page.close();
});

test("observing costs little: runs of kws with a monitor beside runs without", async (t) => {
  compile("kws");
  compile("kws_watched");
  const ratio = await page.evaluate(async () => {
    const { load } = window.siskin.inlined;
    const [plain, watched] = [await load("/artifacts/kws.siskin"), await load("/artifacts/kws_watched.siskin")];
    const x = Float32Array.from({ length: 490 }, (_, i) => Math.sin(i));
    const time = (model) => {
      const start = performance.now();
      for (let i = 0; i < 50; i++) model.run(x);
      return performance.now() - start;
    };
    const ratios = [];
    for (let i = 0; i < 100; i++) {
      // The same input for ever is a drift; while an alarm stands, the detectors would rest.
      watched.monitor.clear();
      const first = i % 2 ? time(plain) : time(watched);
      const second = i % 2 ? time(watched) : time(plain);
      if (i >= 20) ratios.push(i % 2 ? second / first : first / second);
    }
    return ratios.sort((a, b) => a - b)[ratios.length >> 1];
  });
  t.diagnostic(`${((ratio - 1) * 100).toFixed(1)} %, the median of 80 pairs`);
  // The aim is 3 %; a machine that is shared measures no finer than this.
  assert.ok(ratio < 1.1, `${ratio}`);
});

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
