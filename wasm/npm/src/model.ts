/** A loaded model.
 *
 * Arrays are copied in and out: no view of the model's memory is handed out, so none can dangle.
 *
 * `runImage` and `runAudio` join at `#run`: they differ from `run` only in how inputs are written.
 */

import { judge, type Answer } from "./answer.js";
import { read, type DescribedPort } from "./describe.js";
import { arrayName, holds, isTypedArray, view, type DType, type TypedArray } from "./dtype.js";
import { SiskinError } from "./error.js";
import { refuse, type Instance } from "./instance.js";
import { pixels, samples, type Image, type Sound } from "./media.js";
import { members, Monitor, watch } from "./monitor.js";
import { prepares, type Preparation } from "./prepare.js";

/** An input or output of a model. */
export interface Port {
  /** The name, as in the source model. */
  readonly name: string;
  /** The lengths of its axes. */
  readonly shape: readonly number[];
  /** The element type of the source model: what `run` takes and gives. */
  readonly dtype: DType;
  /** The element type in memory: an integer type where the model is quantized. */
  readonly stored: DType;
  /** `real = (stored - zeroPoint) * scale`; 1 where nothing is converted. */
  readonly scale: number;
  /** The integer that stands for 0. */
  readonly zeroPoint: number;
  /** The labels of a first output that has one value for each of them. */
  readonly labels?: readonly string[];
}

/** One array, or one for each input: in order, or by name. */
export type Input = TypedArray | readonly TypedArray[] | Readonly<Record<string, TypedArray>>;

export interface RunOptions {
  /** Gives outputs as they are stored, so `Int8Array` for an int8 model. The answer is the same. */
  raw?: boolean | undefined;
  /** `false`: the input is no part of the stream, and the monitor does not count it. The answer is the same. */
  observe?: boolean | undefined;
}

/** What a run gives. `label` and `confidence` are absent where the model is no classifier. */
export interface Result<T extends TypedArray = Float32Array> extends Answer {
  /** The first output. */
  output: T;
  /** Every output by name. */
  outputs: Record<string, T>;
}

/** One operator of the plan. */
export interface Step {
  /** The operator's name: ONNX's, or the runtime's own. */
  readonly operator: string;
  /** The shape of its first output. */
  readonly shape: readonly number[];
  /** The element type of its first output, as it is stored. */
  readonly dtype: DType;
  /** Bytes of the constants that it reads. */
  readonly weights: number;
  /** Multiply-accumulates of one run. */
  readonly macs: number;
}

/** What the artifact says of itself. */
export interface Card {
  /** The program and version that compiled it. */
  readonly producer: string;
  /** The options it was compiled with. */
  readonly recipe: string;
  /** Bytes of the file, of its constants, and of the memory that a run needs, that lasts between runs, and of the monitor. */
  readonly bytes: { readonly file: number; readonly weights: number; readonly arena: number; readonly state: number; readonly monitor: number };
  /** The operators, in the order they run. */
  readonly steps: readonly Step[];
}

/** What is known of a model without running it. */
export interface Description {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** How the input is made from a picture or from sound; absent if the artifact does not say. */
  readonly preparation: Preparation | undefined;
  readonly card: Card;
  /** What watches the inputs and the answers; absent if the artifact has no reference (`siskin compress --monitor`). */
  readonly monitor: { readonly features: readonly string[] } | undefined;
}

/** A model with its own memory. */
export class Model implements Description {
  /** The name that the compiler found or was given. */
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly preparation: Preparation | undefined;
  readonly card: Card;
  readonly monitor: Monitor | undefined;
  readonly #judge;
  readonly #measures: boolean;
  #instance: Instance | undefined;

  /** @internal */
  constructor(instance: Instance, file: number) {
    const { name, labels, inputs, outputs, preparation, bytes, producer, recipe, steps, features } = read(instance.runtime.describe());
    this.#instance = instance;
    this.name = name;
    this.inputs = inputs.map((port) => portOf(port));
    this.outputs = outputs.map((port, i) => portOf(port, i ? [] : labels));
    this.preparation = preparation;
    this.card = { producer, recipe, bytes: { file, ...bytes }, steps };
    this.monitor = bytes.monitor ? new Monitor(features, () => this.#open()) : undefined;
    this.#measures = features.includes("distance");
    this.#judge = this.outputs[0] && judge(this.outputs[0], outputs[0]!.operator);
  }

  /**
   * Runs the model once. A `Float32Array` goes into a quantized input as its real values; an array of the stored
   * type goes in as it is.
   */
  run<T extends TypedArray = Float32Array>(input: Input, options: RunOptions = {}): Result<T> {
    const instance = this.#open();
    return this.#run(instance, () => this.#arrays(input).forEach((array, i) => this.#write(instance, i, array)), options);
  }

  /**
   * Runs the model once on a picture, which becomes the input as `preparation` says: `ImageData` (or an object like
   * it) as it is, anything else as a 2-D canvas reads it.
   */
  runImage<T extends TypedArray = Float32Array>(image: Image, options: RunOptions = {}): Result<T> {
    const instance = this.#open();
    prepares(this, "image");
    const { data, width, height } = pixels(image);
    const make = () => instance.runtime.picture(0, width, height);
    return this.#run(instance, () => this.#give(instance, data, make), options);
  }

  /**
   * Runs the model once on sound, which becomes the input as `preparation` says: channels are mixed to one, then
   * brought to the model's rate. Of a recording longer than the model's clip, the beginning counts.
   */
  runAudio<T extends TypedArray = Float32Array>(sound: Sound, options: RunOptions = {}): Result<T> {
    const instance = this.#open();
    prepares(this, "audio");
    const { samples: given, sampleRate } = samples(sound);
    const make = () => instance.runtime.sound(0, sampleRate);
    return this.#run(instance, () => this.#give(instance, given, make), options);
  }

  /** Forgets the past, in a model with memory. */
  reset(): void {
    this.#open().runtime.reset();
  }

  /** What a model with memory remembers; empty for others. */
  state(): Uint8Array {
    return this.#open().runtime.state();
  }

  /** Goes back to what `state()` gave. */
  restore(state: Uint8Array): void {
    if (!this.#open().runtime.restore(state)) {
      throw new SiskinError("wrong-state", `a state of ${state.length} bytes is not one of the model ${this.name}`);
    }
  }

  /** Runs the test vectors that the compiler put into the file; throws if one gives another answer. Resets. */
  selfTest(): void {
    refuse(this.#open().runtime.selfTest());
  }

  /** Lets go of the model's memory. Any further call throws. */
  dispose(): void {
    this.monitor?.end();
    this.#instance = undefined;
  }

  #open(): Instance {
    if (!this.#instance) throw new SiskinError("disposed", `the model ${this.name} was disposed: load it again`);
    return this.#instance;
  }

  #run<T extends TypedArray>(instance: Instance, write: () => void, { raw, observe = true }: RunOptions): Result<T> {
    write();
    instance.runtime.run(observe);
    const outputs = this.outputs.map((_, i) => this.#read(instance, i, raw)) as T[];
    const said = this.monitor && watch(instance);
    const result: Result<T> = {
      ...(said?.[5] ? this.#judged(said) : this.#judge?.(raw ? this.#read(instance, 0) : outputs[0]!)),
      output: outputs[0]!,
      outputs: Object.fromEntries(this.outputs.map((port, i) => [port.name, outputs[i]!])),
    };
    if (said && observe) this.monitor!.observed(said);
    return result;
  }

  /** The answer as the monitor judges it. */
  #judged(said: Float64Array): Answer {
    const [index, confidence, low, high, setSize, abstain, distance, unlike] = said.subarray(6) as unknown as number[];
    const label = this.outputs[0]!.labels?.[index!];
    return {
      ...(label && { label }),
      index: index!,
      confidence: confidence!,
      set: members(low!, high!),
      setSize: setSize!,
      abstain: !!abstain,
      ...(this.#measures && { distance: distance!, unlike: !!unlike }),
    };
  }

  /** Hands over bytes that are no input yet, and has one made of them. */
  #give({ runtime, memory }: Instance, array: TypedArray, make: () => boolean): void {
    const address = runtime.reserve(array.byteLength);
    if (address) new Uint8Array(memory.buffer, address, array.byteLength).set(bytesOf(array));
    if (!address || !make()) throw new SiskinError("out-of-memory", `the model ${this.name}: no memory for ${array.byteLength} bytes`);
  }

  /** One array for each input. */
  #arrays(input: Input): readonly TypedArray[] {
    const { inputs } = this;
    const list = isTypedArray(input) ? [input] : input;
    if (Array.isArray(list) ? list.length !== inputs.length : !list || typeof list !== "object") {
      throw wrong(`the model ${this.name} has ${inputs.length} inputs (${inputs.map((port) => port.name).join(", ")}): pass one array for each`);
    }
    if (Array.isArray(list)) return list;
    const named = list as Readonly<Record<string, TypedArray>>;
    const stranger = Object.keys(named).find((key) => !inputs.some((port) => port.name === key));
    if (stranger !== undefined) {
      throw wrong(`the model ${this.name} has no input ${stranger}, but ${inputs.map((port) => port.name).join(", ")}`);
    }
    return inputs.map((port) => named[port.name]!);
  }

  #write({ runtime, memory }: Instance, i: number, array: TypedArray): void {
    const port = this.inputs[i]!;
    const length = elements(port);
    if (!isTypedArray(array) || array.length !== length || !(holds(array, port.stored) || holds(array, port.dtype))) {
      throw wrong(`the input ${port.name} takes ${wanted(port)}; ${cameAs(array)} came`);
    }
    const real = !holds(array, port.stored);
    const target = view(real ? "f32" : port.stored, memory, real ? runtime.reals() : runtime.input(i), length);
    // Bits, not values: a Float16Array into a Uint16Array.
    bytesOf(target).set(bytesOf(array));
    if (real && !runtime.write(i, length)) throw wrong(`the input ${port.name} cannot be converted to ${port.stored}`);
  }

  #read({ runtime, memory }: Instance, i: number, raw?: boolean): TypedArray {
    const port = this.outputs[i]!;
    const length = elements(port);
    const real = !raw && port.dtype !== port.stored && runtime.read(i, length);
    return view(real ? port.dtype : port.stored, memory, real ? runtime.reals() : runtime.output(i), length).slice();
  }
}

// Older browsers have no `Symbol.dispose`; TypeScript and polyfills then use this one.
const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
Object.defineProperty(Model.prototype, dispose, { value: Model.prototype.dispose });
export interface Model extends Disposable {}

function portOf({ operator: _, ...port }: DescribedPort, labels: readonly string[] = []): Port {
  const own = labels.length > 0 && labels.length === elements(port);
  return { ...port, ...(own && { labels }) };
}

const elements = (port: { shape: readonly number[] }): number => port.shape.reduce((n, d) => n * d, 1);
const bytesOf = (array: TypedArray): Uint8Array => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const wrong = (message: string): SiskinError => new SiskinError("wrong-input", message);

function wanted(port: Port): string {
  const names = [...new Set([arrayName(port.dtype), arrayName(port.stored)])].join(" or ");
  return `a ${names} of ${elements(port)} values (shape ${port.shape.join("x") || "scalar"})`;
}

const cameAs = (value: unknown): string =>
  isTypedArray(value)
    ? `a ${Object.prototype.toString.call(value).slice(8, -1)} of ${value.length}`
    : value === undefined
      ? "nothing"
      : Array.isArray(value)
        ? "a plain array (wrap it: Float32Array.from(…))"
        : Object.prototype.toString.call(value).slice(8, -1);
