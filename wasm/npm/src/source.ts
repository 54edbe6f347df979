/** Where the bytes of a model come from, and what to say if they are something else. */

import { SiskinError } from "./error.js";

/** A model: its address, its bytes, or an answer that holds them. */
export type Source = string | URL | Response | Blob | ArrayBuffer | Uint8Array;

/** How far a download is. */
export interface Progress {
  /** Bytes so far. */
  readonly loaded: number;
  /** Bytes in all; absent where the server does not say, or says the length before decompression. */
  readonly total?: number;
}

export interface ReadOptions {
  /** Called as bytes come in. */
  onProgress?: ((progress: Progress) => void) | undefined;
  /** Ends the download. */
  signal?: AbortSignal | undefined;
}

/** Bytes and where they are from. */
export interface Bytes {
  readonly chunks: readonly Uint8Array[];
  readonly length: number;
  /** For messages: the address, or what was given in its place. */
  readonly from: string;
  /** The content type that the server named. */
  readonly type?: string | undefined;
}

export async function read(source: Source, options: ReadOptions = {}): Promise<Bytes> {
  const { onProgress, signal } = options;
  check(signal);
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) {
    const bytes = ArrayBuffer.isView(source)
      ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
      : new Uint8Array(source);
    onProgress?.({ loaded: bytes.length, total: bytes.length });
    return { chunks: [bytes], length: bytes.length, from: "the bytes given" };
  }
  const response = await respond(source, signal);
  const from = nameOf(source, response);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of parts(response, signal)) {
      chunks.push(chunk);
      length += chunk.length;
      onProgress?.({ loaded: length, ...totalOf(response) });
      check(signal);
    }
  } catch (cause) {
    check(signal);
    throw cause instanceof SiskinError || response.bodyUsed === false
      ? cause
      : new SiskinError("network", `${from}: the download broke off after ${length} bytes`, { cause });
  }
  check(signal);
  return { chunks, length, from, type: response.headers.get("content-type") ?? undefined };
}

/** Asks for an address; an answer other than success is an error. */
export async function respond(source: string | URL | Response | Blob, signal?: AbortSignal): Promise<Response> {
  if (source instanceof Blob) return new Response(source);
  let response = source as Response;
  if (typeof source === "string" || source instanceof URL) {
    try {
      response = (await fromDisk(source)) ?? (await fetch(source, signal ? { signal } : {}));
    } catch (cause) {
      check(signal);
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new SiskinError(
        "network",
        `${source}: cannot be fetched (${why}): check the address, the server's CORS header and connect-src; ` +
          "where there is no server, pass the bytes",
        { cause },
      );
    }
  }
  if (!(response instanceof Response)) {
    const what = Object.prototype.toString.call(source);
    throw new SiskinError("wrong-input", `load takes a URL, a Response or bytes; ${what} came`);
  }
  if (!response.ok) {
    throw new SiskinError("network", `${nameOf(source, response)}: the server answered ${response.status} ${response.statusText}`.trim());
  }
  if (response.bodyUsed) {
    throw new SiskinError("wrong-input", `${nameOf(source, response)}: the Response was read already: pass a clone()`);
  }
  return response;
}

/** A file of this machine, in node: its `fetch` has no `file:`. */
async function fromDisk(source: string | URL): Promise<Response | undefined> {
  if (!String(source).startsWith("file:")) return undefined;
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): any } };
  const files = process?.getBuiltinModule?.("node:fs/promises");
  return files && new Response(await files.readFile(new URL(source)));
}

async function* parts(response: Response, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  const stop = () => void reader?.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", stop);
  try {
    for (let part; reader && !(part = await reader.read()).done; ) yield part.value;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function totalOf({ headers }: Response): { total?: number } {
  const total = Number(headers.get("content-length"));
  return total && !headers.get("content-encoding") ? { total } : {};
}

const nameOf = (source: string | URL | Response | Blob, response: Response): string =>
  response.url || (source instanceof Blob || source instanceof Response ? "the answer given" : String(source));

/** Throws if the caller no longer wants it. */
export function check(signal?: AbortSignal): void {
  if (signal?.aborted) throw new SiskinError("aborted", "loading was aborted", { cause: signal.reason });
}

/** What the bytes are instead of what was hoped for. */
export function whatCame({ chunks, length, type }: Bytes): string {
  if (!length) return "nothing came";
  const start = new Uint8Array([...(chunks.find((chunk) => chunk.length) ?? [])].slice(0, 48));
  const text = new TextDecoder().decode(start).trim();
  const kind = text.startsWith("<") ? "a web page came" : `${length} bytes came`;
  const begins = /^[\x20-\x7e\s]*$/.test(text)
    ? JSON.stringify(text)
    : [...start.slice(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `${kind}${type ? ` (content type ${type})` : ""}, beginning ${begins}`;
}
