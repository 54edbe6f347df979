/**
 * Whether the model still sees what it was made for: the artifact's monitor (`siskin compress --monitor`).
 *
 * Everything is computed by the runtime, from the same bytes as on a device; here it gets names and a place to be kept.
 */

import { SiskinError } from "./error.js";
import { refuse, type Instance } from "./instance.js";

/** The stream is no longer like the reference. */
export interface Alarm {
  /** The run at which it came, counted from 1. */
  readonly at: number;
  /** The evidence, as a multiple of the threshold. */
  readonly evidence: number;
  /** The features that carry the evidence. */
  readonly features: readonly string[];
}

export interface PersistOptions {
  /** Milliseconds from a run to its being kept, at most; 1000 if not given. */
  every?: number | undefined;
}

/** What `persist` found: nothing, a state that the monitor went on from, or one of another artifact or damaged. */
export type Persisted = "new" | "restored" | "replaced";

/** What the runtime says, in the order of `wasm/src/watch.rs`. */
export const watch = ({ runtime, memory }: Instance): Float64Array => new Float64Array(memory.buffer, runtime.watch(), 14);

/** The members of a set of two words of bits. */
export function members(low: number, high: number): number[] {
  const list = [];
  for (let i = 0; i < 64; i++) if (((i < 32 ? low : high) >>> i) & 1) list.push(i);
  return list;
}

/** The monitor of a model: counts what runs, and raises an alarm. */
export class Monitor {
  /** What is watched: features of the input, then of the answer. */
  readonly features: readonly string[];
  readonly #open: () => Instance;
  readonly #listeners = new Set<(alarm: Alarm) => void>();
  #alarmed = false;
  #every = 0;
  #due: number | undefined;
  #save: (() => IDBRequest) | undefined;
  #hidden: AbortController | undefined;

  /** @internal */
  constructor(features: readonly string[], open: () => Instance) {
    this.features = features;
    this.#open = open;
  }

  /** The alarm that stands; the detectors rest until `clear()`. */
  get alarm(): Alarm | undefined {
    const [evidence, , at, low, high] = watch(this.#open()) as unknown as number[];
    return at ? { at, evidence: evidence!, features: members(low!, high!).map((i) => this.features[i]!) } : undefined;
  }

  /** The evidence against the reference, as a multiple of the threshold: the alarm comes at 1. */
  get evidence(): number {
    return watch(this.#open())[0]!;
  }

  /** Runs that were observed. */
  get seen(): number {
    return watch(this.#open())[1]!;
  }

  /** Calls `listener` when an alarm comes, before `run` returns. Returns what ends that. */
  onAlarm(listener: (alarm: Alarm) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Aggregates alone, as `siskin monitor show` and `merge` read them; the same bytes as natively. */
  report(): Uint8Array {
    return this.#open().runtime.report();
  }

  /** What `restore` takes. */
  save(): Uint8Array {
    return this.#open().runtime.save();
  }

  /** Goes on from what `save()` gave. Bytes that are damaged or of another artifact are refused and change nothing. */
  restore(saved: Uint8Array): void {
    refuse(this.#open().runtime.resume(saved));
    this.#alarmed = !!this.alarm;
  }

  /** Takes the alarm back: detectors begin anew, counts stay. */
  clear(): void {
    this.#forget(false);
  }

  /** Forgets everything. */
  reset(): void {
    this.#forget(true);
  }

  /**
   * Goes on from the state that this browser keeps (IndexedDB) under `key`, and keeps it there: now, a second after a run
   * at the latest, and when the page is hidden. A state of another artifact or a damaged one is replaced. To be awaited
   * before the first run. A page that goes within the second may take its last runs with it: browsers do not wait.
   */
  async persist(key: string, { every = 1000 }: PersistOptions = {}): Promise<Persisted> {
    const database = await openDatabase();
    const saved = await answered(database.transaction(STORE).objectStore(STORE).get(key));
    let found: Persisted = saved ? "restored" : "new";
    try {
      if (saved) this.restore(saved);
    } catch (error) {
      if ((error as SiskinError).code !== "wrong-state") throw error;
      found = "replaced";
    }
    this.end();
    this.#every = every;
    this.#save = () => {
      const transaction = database.transaction(STORE, "readwrite");
      const put = transaction.objectStore(STORE).put(this.save(), key);
      // At once: the sooner, the likelier it outlives a page that goes.
      transaction.commit();
      return put;
    };
    // The browser may take the database away; the model runs on.
    database.onclose = () => this.end();
    this.#hidden = whenHidden(() => this.flush());
    await answered(this.#save());
    return found;
  }

  /** @internal What `persist` keeps, now. */
  flush(): void {
    clearTimeout(this.#due);
    this.#due = undefined;
    this.#save?.();
  }

  /** @internal A run was observed. */
  observed([, , at]: Float64Array): void {
    if (this.#save) this.#due ??= setTimeout(() => this.flush(), this.#every);
    const came = !!at && !this.#alarmed;
    this.#alarmed = !!at;
    if (!came) return;
    // Before any listener takes it back.
    const alarm = this.alarm!;
    this.#listeners.forEach((listener) => listener(alarm));
  }

  /** @internal Nothing is kept any more. */
  end(): void {
    this.#hidden?.abort();
    this.#save = undefined;
    this.flush();
  }

  #forget(everything: boolean): void {
    this.#open().runtime.clear(everything);
    this.#alarmed = false;
  }
}

/** Calls `save` whenever the page may be about to go, until it is aborted. */
export function whenHidden(save: () => void): AbortController {
  const until = new AbortController();
  for (const event of ["pagehide", "visibilitychange"]) addEventListener(event, save, until);
  return until;
}

const STORE = "monitors";

async function openDatabase(): Promise<IDBDatabase> {
  try {
    const request = indexedDB.open("siskin");
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    return await answered(request);
  } catch (cause) {
    throw new SiskinError("unsupported-environment", "there is no IndexedDB here, or it is forbidden: keep what monitor.save() gives yourself", { cause });
  }
}

const answered = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
