/** What a page downloads for each entry: `[what, bytes, bytes after gzip -9]`, the default entry first, as JSON. */

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const dist = new URL("../../dist/", import.meta.url);
const read = (name) => readFileSync(new URL(name, dist));

/** A script and the scripts that it imports. */
function scripts(name, found = new Map()) {
  if (found.has(name)) return found;
  found.set(name, read(name));
  for (const [, next] of String(found.get(name)).matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) scripts(next, found);
  return found;
}

function row(what, files) {
  const sum = (sizes) => sizes.reduce((a, b) => a + b, 0);
  return [what, sum(files.map((file) => file.length)), sum(files.map((file) => gzipSync(file, { level: 9 }).length))];
}

const all = (name) => [...scripts(name).values()];
const withoutInline = all("index.js").map((file) => Buffer.from(String(file).replace(/"[A-Za-z0-9+/=]{10000,}"/, '""')));

const rows = [
  row("siskin: JavaScript with the wasm inside", all("index.js")),
  row("siskin: the JavaScript alone", withoutInline),
  row("siskin/url: JavaScript", all("url.js")),
  row("siskin/runtime.wasm", [read("runtime.wasm")]),
  row("siskin/runtime-relaxed.wasm", [read("runtime-relaxed.wasm")]),
  row("siskin/worker: JavaScript of the page", all("worker.js")),
  row("siskin/worker-thread: JavaScript of the worker", all("worker-thread.js")),
];
console.log(JSON.stringify(rows));
