/** Loading and disposing models a thousand times leaves nothing: measured outside the page, as the system sees it. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { launch, open, packed, serve } from "./helpers/browser.js";
import { compile, WORK } from "./helpers/native.js";

const MB = 1 << 20;
let server, browser;

before(async () => {
  compile("kws");
  const site = fileURLToPath(new URL("site/", import.meta.url));
  server = await serve({ "/": site, "/pkg/": packed(), "/work/": WORK });
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.close();
});

/** Resident bytes of all renderers. */
async function resident(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const pids = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => id);
  const bytes = pids.map((pid) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024);
  return bytes.reduce((a, b) => a + b);
}

test("a thousand models, one after the other", async (t) => {
  const { page } = await open(browser, server.url);
  const [tab, whole] = [await page.context().newCDPSession(page), await browser.newBrowserCDPSession()];
  await page.evaluate(async () => (window.file = await (await fetch("/work/kws.siskin")).arrayBuffer()));
  const samples = [];
  for (let i = 0; i < 10; i++) {
    await page.evaluate(async () => {
      for (let i = 0; i < 100; i++) {
        const model = await window.siskin.inlined.load(window.file);
        model.run(new Float32Array(490));
        model.dispose();
      }
    });
    const before = await resident(whole);
    await tab.send("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize } = await tab.send("Runtime.getHeapUsage");
    samples.push({ rss: before, heap: usedSize, buffers: backingStorageSize });
  }
  const show = (n) => (n / MB).toFixed(1);
  t.diagnostic(samples.map(({ rss, heap, buffers }) => `${show(rss)} (heap ${show(heap)}, buffers ${show(buffers)})`).join(", ") + " MB");
  const [, second] = samples;
  const last = samples.at(-1);
  // 800 memories of a model would be over 100 MB.
  assert.ok(last.rss - second.rss < 24 * MB, `the renderer grew by ${show(last.rss - second.rss)} MB`);
  // A control: this measure sees models that are kept.
  await page.evaluate(async () => {
    window.kept = [];
    for (let i = 0; i < 300; i++) window.kept.push(await window.siskin.inlined.load(window.file));
  });
  const kept = (await resident(whole)) - last.rss;
  t.diagnostic(`300 models that are kept: ${show(kept)} MB`);
  assert.ok(kept > 10 * MB, "the measure sees nothing");
  assert.ok(last.heap - second.heap < MB && last.buffers - second.buffers < MB, "the heap grew");
});
