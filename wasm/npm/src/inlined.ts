/** The runtime that the package carries inside. */

import { fromColumns } from "./columns.js";
import inline from "./generated/inline.js";
import { compile, once } from "./load.js";

/** Compiled once for a page, whatever the number of models. */
export const inlined = once(() => compile("the runtime inside siskin", unpack()));

async function unpack(): Promise<WebAssembly.Module> {
  const packed = Uint8Array.from(atob(inline), (c) => c.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return WebAssembly.compile(fromColumns(await new Response(stream).arrayBuffer()));
}
