/** Reads what the runtime says of a model: words and texts, in the order of `wasm/src/describe.rs`. */

import type { DType } from "./dtype.js";
import type { Step } from "./model.js";
import { preparation, type Preparation } from "./prepare.js";

/** A port with the name of the operator that writes it; empty for inputs. */
export interface DescribedPort {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly stored: DType;
  readonly scale: number;
  readonly zeroPoint: number;
  readonly operator: string;
}

/** What a description holds. */
export interface Described {
  readonly name: string;
  readonly producer: string;
  readonly recipe: string;
  readonly labels: readonly string[];
  readonly bytes: { readonly weights: number; readonly arena: number; readonly state: number; readonly monitor: number };
  readonly preparation: Preparation | undefined;
  readonly inputs: readonly DescribedPort[];
  readonly outputs: readonly DescribedPort[];
  readonly steps: readonly Step[];
  /** The names of what the monitor watches. */
  readonly features: readonly string[];
}

export function read(description: Uint8Array): Described {
  const notes = new DataView(description.buffer, description.byteOffset, description.length);
  let at = 0;
  const word = (): number => notes.getUint32((at += 4) - 4, true);
  const list = <T>(item: () => T): T[] => Array.from({ length: word() }, item);
  const bytes = (): Uint8Array => {
    const length = word();
    return description.subarray(at, (at += length));
  };
  const text = <T extends string>(): T => utf8(bytes()) as T;
  const port = (): DescribedPort => ({
    name: text(),
    shape: list(word),
    dtype: text(),
    stored: text(),
    scale: notes.getFloat32((at += 4) - 4, true),
    zeroPoint: word() | 0,
    operator: text(),
  });
  const step = (): Step => ({
    operator: text(),
    shape: list(word),
    dtype: text(),
    weights: word(),
    macs: word() + word() * 2 ** 32,
  });
  const prepared = (kind: number, words: number[]) => (kind ? preparation(kind === 1 ? "image" : "audio", words) : undefined);
  const feature = (): string => {
    const [name, number] = [text(), word()];
    return number ? `${name} ${number - 1}` : name;
  };
  const [said, weights, arena, state] = [card(bytes()), word(), word(), word()];
  return {
    ...said,
    preparation: prepared(word(), list(word)),
    inputs: list(port),
    outputs: list(port),
    steps: list(step),
    bytes: { weights, arena, state, monitor: word() },
    features: list(feature),
  };
}

/** The file's card, as `runtime/format/src/card.rs` has it, in `postcard`; what is missing or damaged is empty. */
function card(bytes: Uint8Array): Pick<Described, "name" | "producer" | "recipe" | "labels"> {
  let at = 0;
  const number = (): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = bytes[at++] ?? 0;
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
  };
  const text = (): string => {
    const length = number();
    return utf8(bytes.subarray(at, (at += length)));
  };
  const [name, producer] = [text(), text()];
  // The digests of the model and of its calibration.
  at += 32;
  const recipe = text();
  const labels: string[] = [];
  for (let count = number(); count && at < bytes.length; count--) labels.push(text());
  return { name, producer, recipe, labels };
}

const utf8 = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
