/** What every entry's `load` is made of. */

import { SiskinError } from "./error.js";
import { open } from "./instance.js";
import { Model } from "./model.js";
import { check, read, type Bytes, type ReadOptions, type Source } from "./source.js";

/** Which build of the runtime: with WebAssembly's 128-bit vectors, or with its relaxed ones as well. */
export type Simd = "simd128" | "relaxed";

export interface LoadOptions extends ReadOptions {
  /** Which build of the runtime. */
  simd?: Simd | undefined;
}

// The smallest modules that use a 128-bit vector and a relaxed instruction.
const SIMD = [65, 0, 253, 15, 253, 98, 11];
const RELAXED = [65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

const validates = (body: number[]): boolean =>
  WebAssembly.validate(
    Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, body.length + 3, 1, body.length + 1, 0, ...body),
  );

/** The build that this browser can run and the caller did not forbid. */
export function chooseSimd(wanted: Simd = "relaxed"): Simd {
  if (!globalThis.WebAssembly || !validates(SIMD)) {
    throw new SiskinError("unsupported-environment", "siskin needs WebAssembly with SIMD: every browser since 2023 has it");
  }
  return wanted === "relaxed" && validates(RELAXED) ? "relaxed" : "simd128";
}

/** Compiles; a page that forbids it is told what to allow. */
export async function compile(from: string, compiled: Promise<WebAssembly.Module>): Promise<WebAssembly.Module> {
  try {
    return await compiled;
  } catch (cause) {
    if (cause instanceof SiskinError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw /embedder|Content Security Policy|unsafe-eval/i.test(why)
      ? new SiskinError("unsupported-environment", "the page's Content-Security-Policy forbids WebAssembly: add 'wasm-unsafe-eval' to script-src", { cause })
      : new SiskinError("not-a-runtime", `${from}: cannot be compiled (${why})`, { cause });
  }
}

/** A promise that is made once, and again if it failed. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | undefined;
  return () => (promise ??= make().catch((error) => {
    promise = undefined;
    throw error;
  }));
}

/** Reads the model while the module compiles. */
export async function loadWith(module: Promise<WebAssembly.Module>, source: Source, options?: LoadOptions): Promise<Model> {
  const [compiled, file] = await Promise.all([module, read(source, options)]);
  check(options?.signal);
  return modelOf(compiled, file);
}

/** A model with an instance of its own. */
export const modelOf = (module: WebAssembly.Module, file: Bytes): Model => new Model(open(module, file), file.length);
