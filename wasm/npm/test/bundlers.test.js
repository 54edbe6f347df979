/** A page that uses every entry, built by three bundlers from the packed package, runs in Chromium. */

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as esbuild from "esbuild";
import { build as vite } from "vite";
import webpack from "webpack";
import { launch, open, packed, serve } from "./helpers/browser.js";
import { compile, inputs, nativeOutputs, WORK } from "./helpers/native.js";

const app = (urlOptions, workerOptions, imports = "") => `
import { load } from "siskin";
import { load as loadByUrl } from "siskin/url";
import { load as loadInWorker } from "siskin/worker";
${imports}
const file = "/artifacts/kws.siskin";
window.models = Promise.all([load(file), loadByUrl(file, ${urlOptions}), loadInWorker(file, ${workerOptions})]);
window.ready = true;
`;

let row, expected, browser, apps, tarball;

before(async () => {
  const path = compile("kws");
  const data = inputs("kws", { count: 2 });
  row = [...data.rows[0]];
  expected = [...nativeOutputs(path, data).rows[0]];
  tarball = packed();
  apps = mkdtempSync(join(tmpdir(), "siskin-apps-"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(apps, { recursive: true, force: true });
});

/** A folder with the package installed and the page's script. */
function project(name, source) {
  const dir = join(apps, name);
  mkdirSync(join(dir, "node_modules"), { recursive: true });
  cpSync(tarball, join(dir, "node_modules/siskin"), { recursive: true });
  writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
  writeFileSync(join(dir, "app.js"), source);
  writeFileSync(join(dir, "index.html"), '<!doctype html><script type="module" src="/app.js"></script>');
  return dir;
}

/** Runs what was built; every entry gives the native answer. */
async function check(dir, page) {
  const server = await serve({ "/": dir, "/artifacts/": WORK });
  try {
    const opened = await open(browser, `${server.url}/${page}`);
    const outputs = await opened.page.evaluate(async (row) => {
      const models = await window.models;
      return Promise.all(models.map(async (model) => [...(await model.run(Float32Array.from(row))).output]));
    }, row);
    assert.deepEqual(outputs, [expected, expected, expected]);
    assert.deepEqual(opened.complaints, []);
    await opened.page.close();
  } finally {
    server.close();
  }
}

test("Vite", async () => {
  const root = project("vite", app("{}", "{}"));
  await vite({ root, logLevel: "error", configFile: false });
  await check(join(root, "dist"), "index.html");
});

test("webpack", async () => {
  const context = project("webpack", app("{}", "{}"));
  const stats = await new Promise((done, fail) =>
    webpack({ context, mode: "production", entry: "./app.js", output: { path: join(context, "dist") } }, (error, stats) => (error ? fail(error) : done(stats))),
  );
  assert.equal(stats.hasErrors(), false, stats.toString("errors-only"));
  writeFileSync(join(context, "dist/index.html"), '<!doctype html><script type="module" src="/main.js"></script>');
  await check(join(context, "dist"), "index.html");
});

test("esbuild", async () => {
  // It leaves `new URL(…, import.meta.url)` alone, so the page names the copies.
  const source = app("{ runtime }", '{ worker: "/worker-thread.js" }', 'import runtime from "siskin/runtime.wasm";');
  const absWorkingDir = project("esbuild", source);
  await esbuild.build({
    absWorkingDir,
    entryPoints: { app: "app.js", "worker-thread": "siskin/worker-thread" },
    bundle: true,
    minify: true,
    format: "esm",
    loader: { ".wasm": "file" },
    publicPath: "/",
    outdir: "dist",
    logLevel: "error",
  });
  writeFileSync(join(absWorkingDir, "dist/index.html"), '<!doctype html><script type="module" src="/app.js"></script>');
  await check(join(absWorkingDir, "dist"), "index.html");
});
