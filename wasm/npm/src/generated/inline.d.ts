/** `runtime.wasm`, deflated (zlib), as base64. */
declare const inline: string;
export default inline;
