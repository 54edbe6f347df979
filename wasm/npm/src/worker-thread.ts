/** The worker: one model, in the order of the requests. */

import type { SiskinError } from "./error.js";
import { inlined } from "./inlined.js";
import { modelOf } from "./load.js";
import type { Model } from "./model.js";
import { describe, type Reply, type Request } from "./protocol.js";

const page = self as unknown as {
  onmessage: ((event: MessageEvent<Request>) => void) | null;
  postMessage(reply: Reply, transfer: Transferable[]): void;
};

let model: Promise<Model>;

page.onmessage = async ({ data }) => {
  const { id } = data;
  try {
    const value = "load" in data ? describe(await (model = inlined().then((module) => modelOf(module, data.load)))) : await call(await model, data.call, data.args);
    page.postMessage({ id, value }, buffersIn(value));
  } catch (error) {
    const { code = "worker", message } = error as SiskinError;
    page.postMessage({ id, error: { code, message } }, []);
  }
};

const call = (model: Model, name: string, args: unknown[]): unknown => (model as any)[name](...args);

/** Results are handed over, not copied. */
function buffersIn(value: unknown): Transferable[] {
  const arrays = Object.values((value as { outputs?: object } | undefined)?.outputs ?? {});
  return [...new Set(arrays.filter(ArrayBuffer.isView).map((array) => array.buffer as ArrayBuffer))];
}
