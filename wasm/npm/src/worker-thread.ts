/** The worker: one model, in the order of the requests. */

import type { SiskinError } from "./error.js";
import { inlined } from "./inlined.js";
import { modelOf } from "./load.js";
import type { Description, Model } from "./model.js";
import { describe, type Reply, type Request } from "./protocol.js";
import type { Bytes } from "./source.js";

const page = self as unknown as {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(reply: Reply, transfer: Transferable[]): void;
};

let model: Promise<Model>;

page.onmessage = async ({ data }) => {
  const { id } = data;
  try {
    const value = "load" in data ? await open(data.load) : await call(await model, data);
    page.postMessage({ id, value }, buffersIn(value));
  } catch (error) {
    const { code = "worker", message } = error as SiskinError;
    page.postMessage({ id, error: { code, message } }, []);
  }
};

async function open(file: Bytes): Promise<Description> {
  const opened = await (model = inlined().then((module) => modelOf(module, file)));
  opened.monitor?.onAlarm((alarm) => page.postMessage({ alarm }, []));
  return describe(opened);
}

function call(model: any, { args, ...names }: { call: string; args: unknown[] } | { monitor: string; args: unknown[] }): unknown {
  const [on, name] = "call" in names ? [model, names.call] : [model.monitor, names.monitor];
  return typeof on[name] === "function" ? on[name](...args) : on[name];
}

/** Results are handed over, not copied. */
function buffersIn(value: unknown): Transferable[] {
  const arrays = Object.values((value as { outputs?: object } | undefined)?.outputs ?? {});
  return [...new Set(arrays.filter(ArrayBuffer.isView).map((array) => array.buffer as ArrayBuffer))];
}
