/** How long an inference takes, over time.
 *
 * A clock of a browser ticks in steps of 5 to 100 µs, so runs are timed by the dozen: as many as fill a few
 * milliseconds. What is timed is `run`: values in, inference, values out. How long the last call took that made its input
 * from a picture or from sound stands beside it.
 */

const at = (id) => document.getElementById(id);

/** Milliseconds that are timed at once. */
const SPAN = 4;
/** Runs before the first measurement. */
const WARM = 8;
/** Points of the plot. */
const POINTS = 120;

export class Speed {
  #times = [];
  #count = 1;

  /** Forgets every time. */
  restart() {
    this.#times = [];
    this.#count = 1;
    at("whole").textContent = "–";
    this.#draw();
  }

  /** A call took so many milliseconds, its input made. */
  call(milliseconds) {
    at("whole").textContent = micros(milliseconds * 1000);
  }

  /** Times some runs. */
  measure(run) {
    // The browser compiles what runs often; the first runs are slower.
    for (let i = 0; i < WARM && !this.#times.length; i++) run();
    const count = this.#count;
    const start = performance.now();
    for (let i = 0; i < count; i++) run();
    const whole = performance.now() - start;
    if (whole < SPAN / 2 && count < 1024) {
      this.#count *= 2;
      return this.measure(run);
    }
    if (whole > SPAN * 2 && count > 1) this.#count /= 2;
    this.#times = [...this.#times, (whole / count) * 1000].slice(-POINTS);
    this.#draw();
  }

  /** Times what `blank` gives, twice a second, where the visitor wants it. */
  keep(blank) {
    const steady = at("steady");
    steady.checked = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    setInterval(() => {
      const run = blank();
      if (run && steady.checked && !document.hidden) this.measure(run);
    }, 500);
  }

  #draw() {
    const times = this.#times;
    const sorted = [...times].sort((a, b) => a - b);
    const [last, median, fastest] = [times.at(-1), sorted[sorted.length >> 1], sorted[0]];
    Object.entries({ last, median, fastest }).forEach(([id, time]) => (at(id).textContent = micros(time)));
    // A slow moment of the machine must not flatten the rest.
    const top = scale((median ?? 1) * 2);
    at("plot-top").textContent = times.length ? `top: ${micros(top)}` : "";
    const first = POINTS - times.length;
    const points = times.map((time, i) => `${(first + i) * (240 / (POINTS - 1))} ${80 - 78 * Math.min(1, time / top)}`);
    const plot = at("plot");
    plot.innerHTML = points.length ? `<path d="M${points.join("L")}${points.length < 2 ? "h-2" : ""}"/>` : "";
    plot.ariaLabel = times.length ? `Microseconds per inference over time: ${times.length} measurements, median ${micros(median)}` : "No measurement yet";
  }
}

/** The least of 1, 2, 5, 10, 20, … that holds the time. */
function scale(time) {
  const ten = 10 ** Math.floor(Math.log10(time));
  return [1, 2, 5, 10].find((step) => step * ten >= time * 1.05) * ten || time;
}

function micros(time) {
  if (time === undefined) return "–";
  if (time >= 10_000) return `${(time / 1000).toPrecision(3)} ms`;
  return `${time < 100 ? time.toPrecision(3) : Math.round(time).toLocaleString("en")} µs`;
}
