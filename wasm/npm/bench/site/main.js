import { PEERS } from "./peers.js";

/** A batch takes about this long: the page's clock ticks every 0.1 ms. */
const BATCH_MS = 4;

/** From nothing to the first answer, scripts included; in a page of its own. */
window.cold = async (peer, given) => {
  const task = typed(given);
  const start = performance.now();
  let script;
  const run = await PEERS[peer](task, () => (script = performance.now() - start));
  await run();
  return { script, "first answer": performance.now() - start };
};

/**
 * Every peer on one task, in turns: `rounds` batches each, the first of a round rotating. Returns milliseconds per
 * inference by peer, or the reason why one does not run.
 */
window.race = async (peers, given, rounds) => {
  const task = typed(given);
  const racers = [];
  const refused = {};
  for (const peer of peers) {
    try {
      const run = await PEERS[peer](task, () => {});
      racers.push({ peer, run, scores: Array.from(await run()), count: await warm(run), times: [] });
    } catch (error) {
      refused[peer] = String(error).slice(0, 200);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < racers.length; i++) {
      const racer = racers[(i + round) % racers.length];
      racer.times.push((await batch(racer.run, racer.count)) / racer.count);
    }
  }
  return { refused, racers: racers.map(({ peer, scores, times }) => ({ peer, scores, times })) };
};

/** Runs until the engine has optimized what runs often; returns how many inferences fill a batch. */
async function warm(run) {
  const start = performance.now();
  let count = 0;
  for (; performance.now() - start < 400; count++) await run();
  return Math.max(1, Math.round((count * BATCH_MS) / 400));
}

async function batch(run, count) {
  const start = performance.now();
  for (let i = 0; i < count; i++) {
    const answer = run();
    // Those that answer at once are not made to wait.
    if (answer instanceof Promise) await answer;
  }
  return performance.now() - start;
}

const typed = (task) => ({ ...task, real: Float32Array.from(task.real), stored: Int8Array.from(task.stored) });

window.ready = true;
