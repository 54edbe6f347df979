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
  server = await serve({ "/": site, "/pkg/": packed(), "/artifacts/": WORK });
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
  await page.evaluate(async () => (window.file = await (await fetch("/artifacts/kws.siskin")).arrayBuffer()));
  const cycle = (count) =>
    page.evaluate(async (count) => {
      for (let i = 0; i < count; i++) {
        const model = await window.siskin.inlined.load(window.file);
        model.run(new Float32Array(490));
        model.dispose();
      }
    }, count);
  const sample = async () => {
    await tab.send("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize } = await tab.send("Runtime.getHeapUsage");
    return { rss: await resident(whole), heap: usedSize, buffers: backingStorageSize };
  };
  // Nobody collects for the page within a thousand. In the first one V8's pools fill: as high as garbage stands
  // before V8 collects it.
  await cycle(1000);
  const first = await sample();
  await cycle(1000);
  const last = await sample();
  await page.evaluate(async () => {
    window.kept = [];
    for (let i = 0; i < 60; i++) window.kept.push(await window.siskin.inlined.load(window.file));
  });
  const kept = await sample();

  const show = (n) => (n / MB).toFixed(1);
  const line = ({ rss, heap, buffers }) => `${show(rss)} (heap ${show(heap)}, buffers ${show(buffers)})`;
  t.diagnostic(`MB after 1,000, after 1,000 more, and with 60 kept: ${[first, last, kept].map(line).join(", ")}`);
  assert.ok(kept.rss - last.rss > 4 * MB, "the control: models that are kept are seen");
  assert.ok(last.rss - first.rss < 8 * MB, `the renderers grew by ${show(last.rss - first.rss)} MB`);
  assert.ok(last.heap - first.heap < MB && last.buffers - first.buffers < MB, "the heap grew");
});
