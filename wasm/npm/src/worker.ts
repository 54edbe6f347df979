/**
 * The same API in a worker of its own, as promises: a long inference does not hold up the page.
 *
 * The page reads the model and hands it over; the worker's script carries the WebAssembly.
 */

import { SiskinError } from "./error.js";
import type { TypedArray } from "./dtype.js";
import type { LoadOptions } from "./load.js";
import { pixels, samples, type Image, type Sound } from "./media.js";
import type { Card, Description, Input, Port, Result, RunOptions } from "./model.js";
import { whenHidden, type Alarm, type Persisted, type PersistOptions } from "./monitor.js";
import type { Preparation } from "./prepare.js";
import type { Call, MonitorCall, Reply, Request } from "./protocol.js";
import { check, read, type Source } from "./source.js";

export * from "./public.js";

export interface WorkerOptions extends Omit<LoadOptions, "simd"> {
  /**
   * The worker, for bundlers that do not understand `new Worker(new URL("./worker-thread.js", import.meta.url))`: the
   * address of a copy of `siskin/worker-thread`, or a module worker that runs it.
   */
  worker?: string | URL | Worker | undefined;
}

/**
 * Loads a model as `siskin` does, into a worker.
 *
 * @throws {SiskinError} whose `code` says why
 */
export async function load(source: Source, options: WorkerOptions = {}): Promise<WorkerModel> {
  if (!globalThis.Worker) {
    throw new SiskinError("unsupported-environment", 'there are no web workers here: import { load } from "siskin"');
  }
  // Both start at once.
  const thread = new Thread(startWorker(options.worker));
  try {
    const file = await read(source, options);
    const description = (await thread.ask({ load: file })) as Description;
    check(options.signal);
    return new WorkerModel(thread, description);
  } catch (error) {
    thread.end(error);
    throw error;
  }
}

function startWorker(worker?: string | URL | Worker): Worker {
  if (worker instanceof Worker) return worker;
  if (worker) return new Worker(worker, { type: "module" });
  // Bundlers look for this very expression.
  return new Worker(new URL("./worker-thread.js", import.meta.url), { type: "module" });
}

/** A model in a worker. */
export class WorkerModel implements Description {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly preparation: Preparation | undefined;
  readonly card: Card;
  readonly monitor: WorkerMonitor | undefined;
  readonly #thread: Thread;

  /** @internal */
  constructor(thread: Thread, { name, inputs, outputs, preparation, card, monitor }: Description) {
    this.#thread = thread;
    this.name = name;
    this.inputs = inputs;
    this.outputs = outputs;
    this.preparation = preparation;
    this.card = card;
    this.monitor = monitor && new WorkerMonitor(thread, monitor.features);
  }

  /** As `Model.run`. Inputs are copied; runs that are asked for together happen in that order. */
  run<T extends TypedArray = Float32Array>(input: Input, options: RunOptions = {}): Promise<Result<T>> {
    return this.#call("run", input, options) as Promise<Result<T>>;
  }

  /** As `Model.runImage`. The worker reads the pixels of an `ImageBitmap`, the page those of anything else. */
  async runImage<T extends TypedArray = Float32Array>(image: Image, options: RunOptions = {}): Promise<Result<T>> {
    const posted = globalThis.ImageBitmap && image instanceof ImageBitmap && globalThis.OffscreenCanvas ? image : pixels(image);
    return this.#call("runImage", posted, options) as Promise<Result<T>>;
  }

  /** As `Model.runAudio`. */
  async runAudio<T extends TypedArray = Float32Array>(sound: Sound, options: RunOptions = {}): Promise<Result<T>> {
    return this.#call("runAudio", samples(sound), options) as Promise<Result<T>>;
  }

  /** As `Model.reset`. */
  async reset(): Promise<void> {
    await this.#call("reset");
  }

  /** As `Model.state`. */
  state(): Promise<Uint8Array> {
    return this.#call("state") as Promise<Uint8Array>;
  }

  /** As `Model.restore`. */
  async restore(state: Uint8Array): Promise<void> {
    await this.#call("restore", state);
  }

  /** As `Model.selfTest`. */
  async selfTest(): Promise<void> {
    await this.#call("selfTest");
  }

  /** Ends the worker, and with it the model and every call that is not done. */
  dispose(): void {
    this.#thread.end(new SiskinError("disposed", `the model ${this.name} was disposed: load it again`));
  }

  #call(call: Call, ...args: unknown[]): Promise<unknown> {
    return this.#thread.ask({ call, args });
  }
}

const dispose: typeof Symbol.dispose = Symbol.dispose ?? Symbol.for("Symbol.dispose");
Object.defineProperty(WorkerModel.prototype, dispose, { value: WorkerModel.prototype.dispose });
export interface WorkerModel extends Disposable {}

/** As `Monitor`, from a worker: what it says comes as promises. */
export class WorkerMonitor {
  readonly features: readonly string[];
  readonly #thread: Thread;

  /** @internal */
  constructor(thread: Thread, features: readonly string[]) {
    this.#thread = thread;
    this.features = features;
  }

  /** As `Monitor.alarm`. */
  get alarm(): Promise<Alarm | undefined> {
    return this.#ask("alarm");
  }

  /** As `Monitor.evidence`. */
  get evidence(): Promise<number> {
    return this.#ask("evidence");
  }

  /** As `Monitor.seen`. */
  get seen(): Promise<number> {
    return this.#ask("seen");
  }

  /** Calls `listener` when an alarm comes, before the promise of its run is kept. Returns what ends that. */
  onAlarm(listener: (alarm: Alarm) => void): () => void {
    this.#thread.listeners.add(listener);
    return () => void this.#thread.listeners.delete(listener);
  }

  /** As `Monitor.report`. */
  report(): Promise<Uint8Array> {
    return this.#ask("report");
  }

  /** As `Monitor.save`. */
  save(): Promise<Uint8Array> {
    return this.#ask("save");
  }

  /** As `Monitor.restore`. */
  restore(saved: Uint8Array): Promise<void> {
    return this.#ask("restore", saved);
  }

  /** As `Monitor.clear`. */
  clear(): Promise<void> {
    return this.#ask("clear");
  }

  /** As `Monitor.reset`. */
  reset(): Promise<void> {
    return this.#ask("reset");
  }

  /** As `Monitor.persist`. */
  async persist(key: string, options: PersistOptions = {}): Promise<Persisted> {
    const found = await this.#ask<Persisted>("persist", key, options);
    // Workers are not told that their page goes.
    this.#thread.hidden?.abort();
    this.#thread.hidden = whenHidden(() => void this.#ask("flush"));
    return found;
  }

  #ask<T>(monitor: MonitorCall, ...args: unknown[]): Promise<T> {
    return this.#thread.ask({ monitor, args }) as Promise<T>;
  }
}

/** The page's side of the conversation. */
class Thread {
  readonly #worker: Worker;
  readonly #open = new Map<number, { resolve(value: unknown): void; reject(error: unknown): void }>();
  /** Who wants to know of alarms. */
  readonly listeners = new Set<(alarm: Alarm) => void>();
  /** What has the monitor's state kept when the page is hidden. */
  hidden: AbortController | undefined;
  #asked = 0;
  #ended: unknown;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<Reply>) => this.#answer(data));
    worker.addEventListener("error", (event) => {
      const why = event.message ? `it died: ${event.message}` : "its script did not load: check its address and worker-src";
      this.end(new SiskinError("worker", `the worker of siskin is gone, ${why}`));
    });
  }

  ask(request: { load: unknown } | { call: Call; args: unknown[] } | { monitor: MonitorCall; args: unknown[] }): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended);
      const id = this.#asked++;
      this.#worker.postMessage({ id, ...request } as Request);
      this.#open.set(id, { resolve, reject });
    });
  }

  /** Ends the worker; what is open or asked later is rejected with `error`. */
  end(error: unknown): void {
    this.#ended ??= error;
    this.hidden?.abort();
    this.#worker.terminate();
    this.#open.forEach(({ reject }) => reject(this.#ended));
    this.#open.clear();
  }

  #answer(reply: Reply): void {
    if ("alarm" in reply) return this.listeners.forEach((listener) => listener(reply.alarm));
    const waiting = this.#open.get(reply.id);
    this.#open.delete(reply.id);
    if ("error" in reply) waiting?.reject(new SiskinError(reply.error.code, reply.error.message));
    else waiting?.resolve(reply.value);
  }
}
