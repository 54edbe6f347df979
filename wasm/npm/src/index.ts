/**
 * Runs `.siskin` models. This entry carries its WebAssembly inside, so it survives every bundler and asks no server.
 *
 * ```js
 * import { load } from "siskin";
 * const model = await load("/kws.siskin", { onProgress });
 * const { label, confidence, output } = model.run(features);
 * ```
 */

import { SiskinError } from "./error.js";
import { inlined } from "./inlined.js";
import { chooseSimd, loadWith, type LoadOptions } from "./load.js";
import type { Model } from "./model.js";
import type { Source } from "./source.js";

export * from "./public.js";

/**
 * Loads a model: from an address, from bytes, or from an answer of `fetch`.
 *
 * @throws {SiskinError} whose `code` says why
 */
export async function load(source: Source, options: LoadOptions = {}): Promise<Model> {
  if (options.simd === "relaxed") {
    throw new SiskinError("wrong-option", 'this entry carries the simd128 build alone: import { load } from "siskin/url" for relaxed SIMD');
  }
  chooseSimd("simd128");
  return loadWith(inlined(), source, options);
}
