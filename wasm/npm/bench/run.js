/**
 * In Chromium, beside every runtime for browsers that runs these models, one thread each.
 *
 * - A race for each model: all peers in one page, in turns, many rounds; medians, and ratios to the best peer.
 * - A cold start of the keyword spotter: each in a page of its own with an empty cache, in turns.
 *
 * `BENCH_TASKS=kws,ic_f32` races these only, without cold starts. Ratios of one run count, times do not.
 */

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { launch, open, packed, serve } from "../test/helpers/browser.js";
import { bytes, compile, inputs, SHARED, WORK } from "../test/helpers/native.js";

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 31);
const COLD_ROUNDS = 7;
const ONNX = { kws: "kws_dscnn", ic: "ic_resnet8", vww: "vww_mobilenetv1_025_96" };
const OURS = ["siskin", "siskin/url"];
const THEIRS = ["tfjs-tflite", "@litertjs/core", "onnxruntime-web"];
const here = fileURLToPath(new URL(".", import.meta.url));
const modules = join(here, "node_modules");

install();
const dist = packed();
const { load } = await import(join(dist, "dist/index.js"));
const chosen = process.env.BENCH_TASKS?.split(",");
const tasks = [];
for (const name of chosen ?? Object.keys(ONNX).flatMap((task) => [task, `${task}_f32`])) tasks.push(await task(name));

const types = { ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
const policy = "default-src 'self'; script-src 'self' 'unsafe-eval' blob:; worker-src 'self' blob:; connect-src 'self' blob: data:";
const server = await serve(
  {
    "/": join(here, "site"),
    "/bench/": join(here, "dist"),
    "/pkg/": dist,
    "/artifacts/": WORK,
    "/models/": join(SHARED, "models/mlperf_tiny"),
    "/tflite/": join(modules, "@tensorflow/tfjs-tflite/wasm"),
    "/litert/": join(modules, "@litertjs/core/wasm"),
    "/ort/": join(modules, "onnxruntime-web/dist"),
  },
  { policy, types },
);
const browser = await launch();
for (const given of tasks) await race(given);
if (!chosen) await coldStarts(tasks[0]);
await browser.close();
server.close();

/** The tools that the lock file names, and the one peer whose imports a browser cannot resolve. */
function install() {
  if (!existsSync(join(modules, "@litertjs/core"))) {
    console.log("installing bench/package-lock.json");
    execFileSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--legacy-peer-deps"], { cwd: here, stdio: "inherit" });
  }
  const esbuild = join(here, "../node_modules/.bin/esbuild");
  const [from, to] = [join(modules, "@litertjs/core/dist/index.js"), join(here, "dist/litert.js")];
  execFileSync(esbuild, [from, "--bundle", "--minify", "--format=esm", `--outfile=${to}`, "--log-level=warning"]);
}

/** A model compiled, and the first sample of its data as both kinds of models take it. */
async function task(name) {
  const [base, kind] = name.split("_");
  const int8 = kind !== "f32";
  compile(name);
  const first = (options) => inputs(name, { count: 1, ...options }).rows[0];
  const port = int8 && (await load(bytes(join(WORK, `${name}.siskin`)))).inputs[0];
  const stored = int8 ? Array.from(first({ port })) : [];
  return { name: base, int8, artifact: `${name}.siskin`, onnx: ONNX[base], real: Array.from(first()), stored };
}

async function race(given) {
  const { page } = await open(browser, server.url);
  const { racers, refused } = await page.evaluate(([peers, given, rounds]) => window.race(peers, given, rounds), [[...OURS, ...THEIRS], given, ROUNDS]);
  await page.close();
  console.log(`\n${given.name} ${given.int8 ? "int8" : "f32"}, ${ROUNDS} rounds, µs (median, least) and the class that won`);
  const peers = racers.filter(({ peer }) => THEIRS.includes(peer));
  const best = Math.min(...peers.map(({ times }) => median(times)));
  for (const { peer, scores, times } of racers) {
    const [middle, least] = [median(times), Math.min(...times)].map((ms) => (ms * 1000).toFixed(1).padStart(8));
    const ratio = OURS.includes(peer) ? `  ${(median(times) / best).toFixed(2)} of the best peer` : "";
    console.log(`  ${peer.padEnd(16)} ${middle} ${least}   ${scores.indexOf(Math.max(...scores))}${ratio}`);
  }
  for (const [peer, why] of Object.entries(refused)) console.log(`  ${peer.padEnd(16)} does not run it: ${why}`);
}

async function coldStarts(given) {
  const [times, refused] = [{}, {}];
  for (let round = 0; round < COLD_ROUNDS; round++) {
    for (const peer of [...OURS, "siskin/worker", ...THEIRS]) {
      const { page } = await open(browser, server.url);
      // One that refuses integers shows what it can.
      const one = { ...given, int8: peer !== "@litertjs/core" };
      try {
        const result = await page.evaluate(([peer, given]) => window.cold(peer, given), [peer, one]);
        for (const [what, ms] of Object.entries(result)) ((times[peer] ??= {})[what] ??= []).push(ms);
      } catch (error) {
        refused[peer] = error.message.split("\n")[0];
      }
      await page.close();
    }
  }
  console.log(`\ncold start of ${given.name} int8 (@litertjs/core: f32), ${COLD_ROUNDS} pages each, medians in ms`);
  for (const [peer, parts] of Object.entries(times)) {
    console.log(" ", peer.padEnd(16), Object.entries(parts).map(([what, list]) => `${what} ${median(list).toFixed(1)}`).join("  "));
  }
  for (const [peer, why] of Object.entries(refused)) console.log(`  ${peer.padEnd(16)} does not run it: ${why}`);
}

function median(list) {
  return list.toSorted((a, b) => a - b)[list.length >> 1];
}
