/** A module instance with its memory: one for each model, so that a model that is dropped leaves nothing. */

import { SiskinError, type Code } from "./error.js";
import { glue, type Runtime } from "./generated/glue.js";
import { whatCame, type Bytes } from "./source.js";

export interface Instance {
  readonly runtime: Runtime;
  readonly memory: WebAssembly.Memory;
}

/** An instance that holds this model, proved safe. */
export function open(module: WebAssembly.Module, file: Bytes): Instance {
  const instance = instantiate(module);
  const address = instance.runtime.reserve(file.length);
  if (!address) throw new SiskinError("out-of-memory", `${file.from}: no memory for its ${file.length} bytes`);
  let at = address;
  for (const chunk of file.chunks) {
    new Uint8Array(instance.memory.buffer, at, chunk.length).set(chunk);
    at += chunk.length;
  }
  refuse(instance.runtime.open(), file);
  return instance;
}

function instantiate(module: WebAssembly.Module): Instance {
  const { Runtime, __wbg_set_wasm, ...functions } = glue();
  // One module is imported, under the name that wasm-bindgen chose.
  const name = WebAssembly.Module.imports(module)[0]?.module ?? "";
  let instance;
  try {
    instance = new WebAssembly.Instance(module, { [name]: functions });
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new SiskinError("out-of-memory", "no memory for another model: dispose those no longer used", { cause });
  }
  const exports = instance.exports as { memory: WebAssembly.Memory; __wbindgen_start?(): void };
  __wbg_set_wasm(instance.exports);
  exports.__wbindgen_start?.();
  return { runtime: new Runtime(), memory: exports.memory };
}

/** Throws what the runtime refused: nothing, or a code, a zero and a sentence. */
export function refuse(refusal: string, file?: Bytes): void {
  if (!refusal) return;
  const [code, sentence] = refusal.split("\0") as [Code, string];
  const wayOut =
    code === "not-a-model" && file
      ? `: ${whatCame(file)}: check the path, and that the server sends the file and not a page in its place`
      : code.startsWith("unsupported-")
        ? ": update the package siskin to the version of the compiler, or later"
        : code === "damaged-model"
          ? ": copy or compile it again"
          : "";
  throw new SiskinError(code, `${file ? `${file.from}: ` : ""}${sentence}${wayOut}`);
}
