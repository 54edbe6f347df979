/**
 * The keyword spotter in Chromium beside onnxruntime-web, one thread, in the same page: from nothing to the first
 * answer, and one inference after that.
 *
 * Each cold start has a page of its own, with an empty cache; the two take turns. Prints medians and ratios.
 */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, open, packed, serve } from "../test/helpers/browser.js";
import { compile, SHARED, WORK } from "../test/helpers/native.js";

const ROUNDS = 11;
const here = fileURLToPath(new URL(".", import.meta.url));
if (!existsSync(join(here, "node_modules/onnxruntime-web"))) {
  console.log("installing bench/package-lock.json");
  execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: here, stdio: "inherit" });
}

compile("kws");
const server = await serve(
  { "/": join(here, "site"), "/pkg/": packed(), "/artifacts/": WORK, "/ort/": join(here, "node_modules/onnxruntime-web/dist"), "/models/": join(SHARED, "models/mlperf_tiny") },
  { policy: "default-src 'self'; script-src 'self' 'wasm-unsafe-eval' blob:; worker-src 'self' blob:", types: { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" } },
);
const browser = await launch();
const times = {};
for (let round = 0; round < ROUNDS; round++) {
  for (const peer of ["siskin", "siskin/url", "siskin/worker", "onnxruntime-web"]) {
    const { page } = await open(browser, server.url);
    const result = await page.evaluate((peer) => window.measure(peer), peer);
    for (const [what, ms] of Object.entries(result)) ((times[peer] ??= {})[what] ??= []).push(ms);
    await page.close();
  }
}
await browser.close();
server.close();

const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
console.log(`kws int8, ${ROUNDS} pages each, medians in ms`);
for (const [peer, parts] of Object.entries(times)) {
  console.log(peer.padEnd(16), Object.entries(parts).map(([what, list]) => `${what} ${median(list).toFixed(2)}`).join("  "));
}
