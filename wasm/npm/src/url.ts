/**
 * The same `load`, with the WebAssembly as files beside it that the browser streams: smaller than base64, compiled
 * while it downloads, cached on its own, and in two builds.
 */

import { SiskinError } from "./error.js";
import { chooseSimd, compile, loadWith, type LoadOptions } from "./load.js";
import type { Model } from "./model.js";
import { read, respond, whatCame, type Source } from "./source.js";

export * from "./public.js";

export interface UrlOptions extends LoadOptions {
  /**
   * Where the WebAssembly is, for bundlers that do not understand `new URL("./runtime.wasm", import.meta.url)`:
   * the address of a copy of `siskin/runtime.wasm`, or its compiled module.
   */
  runtime?: string | URL | WebAssembly.Module | undefined;
}

const modules = new Map<string, Promise<WebAssembly.Module>>();

/**
 * Loads a model as `siskin` does. Without `simd` it takes the relaxed build where the browser validates it.
 *
 * @throws {SiskinError} whose `code` says why
 */
export async function load(source: Source, options: UrlOptions = {}): Promise<Model> {
  const simd = chooseSimd(options.simd);
  const { runtime } = options;
  if (runtime instanceof WebAssembly.Module) return loadWith(Promise.resolve(runtime), source, options);
  const url =
    runtime ??
    (simd === "relaxed" ? new URL("./runtime-relaxed.wasm", import.meta.url) : new URL("./runtime.wasm", import.meta.url));
  return loadWith(fetched(String(url)), source, options);
}

function fetched(url: string): Promise<WebAssembly.Module> {
  let module = modules.get(url);
  if (!module) {
    module = compile(url, streamed(url));
    modules.set(url, module);
    module.catch(() => modules.delete(url));
  }
  return module;
}

async function streamed(url: string): Promise<WebAssembly.Module> {
  const response = await respond(url);
  if (/^application\/wasm\b/.test(response.headers.get("content-type") ?? "")) {
    return WebAssembly.compileStreaming(response);
  }
  // Servers that do not know .wasm send it as something else: what counts is how it begins.
  const file = { ...(await read(response)), from: url };
  const bytes = new Uint8Array(await new Blob(file.chunks as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  if (String(bytes.subarray(0, 4)) !== "0,97,115,109") {
    throw new SiskinError("not-a-runtime", `${url}: not WebAssembly: ${whatCame(file)}: check that the server has a copy of siskin/runtime.wasm there`);
  }
  return WebAssembly.compile(bytes);
}
