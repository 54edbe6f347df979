/** A stream of inputs to watch: real digits, drawn by lot, for ever, in a light that the visitor shifts. */

import { npz } from "./files.js";

/** Between two digits: as many a second as the eye follows. */
const PAUSE = 80;

export class Stream {
  #rows;
  #timer;
  #each;
  #stopped;

  /** Calls `each` with the values of one input after the other, and `stopped` when no more come. */
  constructor(each, stopped) {
    this.#each = each;
    this.#stopped = stopped;
  }

  get plays() {
    return this.#timer !== undefined;
  }

  /** Fetches what is played, once. */
  async load(address) {
    this.#rows ??= await rowsOf(address);
  }

  /** Begins, in the light that `light` gives, -1 to 1. */
  play(light) {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => {
      if (document.hidden) return;
      const row = this.#rows[Math.floor(Math.random() * this.#rows.length)];
      this.#each(lit(row, light()));
    }, PAUSE);
  }

  stop() {
    if (!this.plays) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#stopped();
  }
}

/** Ink in another light: brighter than it was scanned, there is less of it, and darker, paper is grey. */
const lit = (ink, light) => ink.map((v) => Math.min(1, Math.max(0, v - light)));

async function rowsOf(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`the digits to play are not at ${address}: the server answers ${answer.status}`);
  const { x } = await npz(await answer.arrayBuffer());
  const values = Float32Array.from(x);
  return Array.from({ length: values.length / 64 }, (_, i) => values.subarray(i * 64, i * 64 + 64));
}
