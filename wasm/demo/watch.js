/** What the monitor says, over time: how sure the model is, and how far the input has moved from the reference. */

const at = (id) => document.getElementById(id);

/** Points of a plot, one to a unit of its width. */
const POINTS = 240;
const HEIGHT = 80;
/** Powers of ten that the plot of evidence shows at least, below the alarm. */
const DECADES = 4;

export class Watch {
  #model;
  /** Confidence, evidence and whether the light was changed since the one before, newest last. */
  #points = [];
  #light = 0;
  /** The first input in the light that there is now. */
  #changed;
  /** The alarm that stands, in a sentence. */
  #told;

  constructor() {
    at("take-back").addEventListener("click", () => this.clear());
    at("start-over").addEventListener("click", () => {
      this.#model.monitor.reset();
      this.open(this.#model);
    });
    at("export").addEventListener("click", () => save(`${this.#model.name}.rep`, this.#model.monitor.report()));
  }

  /** Another model, or the same anew. */
  open(model) {
    this.#model = model;
    this.#points = [];
    this.#changed = this.#told = undefined;
    this.#light = 0;
    at("watch").hidden = !model.monitor;
    if (!model.monitor) return;
    const { features } = model.monitor;
    // Only classifiers are confident.
    at("confidence-part").hidden = !features.includes("confidence");
    at("watch-hint").textContent = `The file holds what ${features.length} features of input and answer were when the model was made. The monitor weighs each input against that, in ${model.card.bytes.monitor.toLocaleString("en")} bytes.`;
    at("export-hint").textContent = `Counts, no inputs: siskin monitor show ${model.name}.rep --model ${model.name}.siskin reads it.`;
    at("features").replaceChildren(...features.map((name) => Object.assign(document.createElement("li"), { textContent: name })));
    this.#show();
  }

  /** An input was observed, in this light. */
  observed({ confidence }, light = 0) {
    const { monitor } = this.#model;
    const changed = light !== this.#light;
    if (changed) this.#changed = monitor.seen;
    this.#light = light;
    if (monitor.alarm) this.#told ??= this.#tell(monitor.alarm);
    this.#points = [...this.#points, { confidence, evidence: monitor.evidence, changed }].slice(-POINTS);
    this.#show();
  }

  /** Takes the alarm back, if one stands. */
  clear() {
    if (!this.#told) return;
    this.#model.monitor.clear();
    this.#told = undefined;
    this.#show();
  }

  #show() {
    const { monitor } = this.#model;
    const { alarm, seen, evidence } = monitor;
    const said = alarm ? this.#told : seen ? `${seen.toLocaleString("en")} observed, no alarm.` : "Nothing observed yet: draw, or play.";
    // What is read aloud must not change with every digit that is played.
    const line = at("alarm");
    line.ariaLive = alarm ? "assertive" : "off";
    line.classList.toggle("stands", !!alarm);
    line.textContent = said;
    at("take-back").disabled = !alarm;
    at("start-over").disabled = !seen;
    [...at("features").children].forEach((item) => item.classList.toggle("named", !!alarm?.features.includes(item.textContent)));
    at("evidence-now").textContent = seen ? `now ${power(evidence)}` : "";
    this.#plotConfidence();
    this.#plotEvidence(!!alarm);
  }

  #tell({ at: run, features }) {
    const since = this.#light ? `, ${run - this.#changed + 1} after the light was shifted` : "";
    return `Alarm at input ${run.toLocaleString("en")}${since}: ${features.join(", ")}.`;
  }

  #plotConfidence() {
    const plot = at("confidences");
    const path = line(this.#points.map(({ confidence = 0 }) => 2 + (HEIGHT - 4) * (1 - confidence)));
    plot.innerHTML = `${path && `<path class="area" d="${path}V${HEIGHT}H${POINTS - this.#points.length - 1}Z"/>`}${this.#changes()}<path d="${path}"/>`;
    const last = this.#points.at(-1);
    plot.ariaLabel = last ? `Confidence over time: ${this.#points.length} answers, the last ${(100 * (last.confidence ?? 0)).toFixed(1)} %` : "Confidence over time: nothing yet";
  }

  #plotEvidence(alarmed) {
    const logarithms = this.#points.map(({ evidence }) => Math.log10(Math.max(evidence, 1e-38)));
    const low = Math.floor(Math.min(-DECADES, ...logarithms));
    // The alarm's line has a tenth of the height above it.
    const level = HEIGHT / 10;
    const y = (log) => Math.max(1, level + (HEIGHT - level - 2) * (log / low));
    const plot = at("evidence");
    const threshold = `<path class="level" d="M0 ${level}H${POINTS}"/>`;
    plot.innerHTML = `${this.#changes()}${threshold}<path d="${line(logarithms.map(y))}"/>`;
    plot.classList.toggle("stands", alarmed);
    const last = this.#points.at(-1);
    plot.ariaLabel = last ? `Evidence of a change over time, from 10 to the ${low} to the alarm at 1, now ${power(last.evidence)}` : "Evidence of a change over time: nothing yet";
  }

  /** Where the light was changed. */
  #changes() {
    const first = POINTS - this.#points.length;
    return this.#points.map(({ changed }, i) => (changed ? `<path class="change" d="M${first + i} 0V${HEIGHT}"/>` : "")).join("");
  }
}

/** The path of a line whose newest point is at the right. */
function line(ys) {
  const first = POINTS - ys.length;
  return ys.length ? `M${first - 1} ${ys[0].toFixed(2)}L${ys.map((y, i) => `${first + i} ${y.toFixed(2)}`).join("L")}` : "";
}

function power(evidence) {
  if (evidence >= 0.01) return `${Number(evidence.toPrecision(2))} of the alarm`;
  const digits = String(Math.floor(Math.log10(Math.max(evidence, 1e-38)))).slice(1);
  return `10⁻${[...digits].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("")} of the alarm`;
}

/** Hands a file to the visitor. */
function save(name, bytes) {
  const href = URL.createObjectURL(new Blob([bytes]));
  Object.assign(document.createElement("a"), { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1000);
}
