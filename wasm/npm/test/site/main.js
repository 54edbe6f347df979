import * as inlined from "/pkg/dist/index.js";
import * as url from "/pkg/dist/url.js";
import * as worker from "/pkg/dist/worker.js";

Object.assign(window, { siskin: { inlined, url, worker }, ready: true });

/** A model with a monitor. */
window.watched = async (entry, name) => {
  const model = await window.siskin[entry].load(`/artifacts/${name}.siskin`);
  return { run: (row) => model.run(row), monitor: model.monitor };
};

/** The rows that a test laid beside a model. */
window.rowsOf = async (name) => {
  const all = new Float32Array(await (await fetch(`/artifacts/${name}.siskin.rows`)).arrayBuffer());
  const length = name.startsWith("kws") ? 490 : 64;
  return Array.from({ length: all.length / length }, (_, i) => all.subarray(i * length, (i + 1) * length));
};

/** What is kept under a key; `change` may put something else there. */
window.kept = (key, change) =>
  new Promise((done) => {
    const request = indexedDB.open("siskin");
    request.onsuccess = () => {
      const transaction = request.result.transaction("monitors", "readwrite");
      const store = transaction.objectStore("monitors");
      const get = store.get(key);
      get.onsuccess = () => change && store.put(change(get.result), key);
      transaction.oncomplete = () => {
        request.result.close();
        done(get.result);
      };
    };
  });

/** Turns a bit of a state that is kept. */
window.damage = (key) => window.kept(key, (saved) => saved.with(99, saved[99] ^ 1));
