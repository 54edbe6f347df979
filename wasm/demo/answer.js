/** What the model says: the label, and a bar for each class. */

const at = (id) => document.getElementById(id);
const percent = (part) => `${(part * 100).toFixed(1)} %`;

/** More classes than this, and only the best are shown. */
const MOST = 12;
let later;

/** Nothing was given yet. */
export function noAnswer(model) {
  clearTimeout(later);
  at("label").textContent = "–";
  at("confidence").textContent = at("spoken").textContent = at("sure").textContent = "";
  at("plain").hidden = true;
  const { labels } = model.outputs[0];
  bars((labels ?? []).slice(0, MOST).map((name, i) => ({ i, name, part: 0 })));
}

export function answer(model, { label, index, confidence, output, set, setSize, abstain }) {
  const classifies = index !== undefined;
  at("plain").hidden = classifies;
  if (!classifies) return values(model, output);
  const best = label ?? `class ${index}`;
  at("label").textContent = best;
  at("confidence").textContent = percent(confidence);
  const { labels } = model.outputs[0];
  const name = (i) => labels?.[i] ?? String(i);
  const all = parts(output, index, confidence).map((part, i) => ({ i, name: name(i), part }));
  at("sure").textContent = set ? sure(set.map(name), setSize, abstain) : "";
  const shown = all.length > MOST ? all.sort((a, b) => b.part - a.part).slice(0, MOST) : all;
  bars(shown, index);
  say(`${best}, ${percent(confidence)}${abstain ? ", too unsure to act on" : ""}`);
}

/** What the prediction set says; the artifact promises how often it holds the right class. */
function sure(names, size, abstain) {
  const rest = size > names.length ? ` and ${size - names.length} more` : "";
  const set = size ? `Prediction set: ${names.join(", ")}${rest}.` : "Prediction set: none, it is like no class.";
  return abstain ? `${set} Too unsure to act on.` : set;
}

/** The probability of each class, from the scores and the confidence in the best.
 *
 * The confidence is a softmax of the scores, or of their logarithms if they are probabilities already, times a
 * number that the artifact's calibration chose: the one that gives this confidence.
 */
function parts(output, index, confidence) {
  const scores = Array.from(output, Number);
  if (scores[index] === confidence) return scores;
  const probabilities = scores.every((v) => v >= 0) && Math.abs(scores.reduce((a, b) => a + b) - 1) < 0.1;
  const below = scores.map((v) => (probabilities ? Math.log(v / scores[index]) : v - scores[index]));
  const times = (gain) => below.map((d) => confidence * Math.exp(gain * d));
  const whole = (gain) => times(gain).reduce((a, b) => a + b);
  // Usually it is 1: the scores' own.
  if (Math.abs(whole(1) - 1) < 0.001) return times(1);
  let [low, high] = [0, 64];
  for (let i = 0; i < 40; i++) {
    const middle = (low + high) / 2;
    if (whole(middle) > 1) low = middle;
    else high = middle;
  }
  return times(high);
}

/** An output that is no vector of scores. */
function values(model, output) {
  bars([]);
  const numbers = Array.from(output, Number);
  at("label").textContent = numbers.length === 1 ? numbers[0].toPrecision(4) : "–";
  at("confidence").textContent = at("sure").textContent = "";
  const { name, shape } = model.outputs[0];
  const first = numbers.slice(0, 16).map((v) => v.toPrecision(3)).join("  ");
  at("plain").textContent = `${name}, ${shape.join("×")}: ${first}${numbers.length > 16 ? " …" : ""}`;
  say(`${numbers.length} values`);
}

/** Read aloud once the hand rests, not at every point of a stroke. */
function say(text) {
  clearTimeout(later);
  later = setTimeout(() => (at("spoken").textContent = text), 600);
}

function bars(classes, best) {
  const list = at("bars");
  const longest = Math.max(1, ...classes.map(({ name }) => name.length));
  list.style.setProperty("--names", `${Math.min(longest + 1, 12) * 0.6}rem`);
  while (list.children.length > classes.length) list.lastChild.remove();
  while (list.children.length < classes.length) list.append(bar());
  classes.forEach(({ i, name, part }, row) => {
    const item = list.children[row];
    item.classList.toggle("best", i === best);
    const [title, track, number] = item.children;
    title.textContent = title.title = name;
    track.firstChild.style.setProperty("--part", part);
    number.textContent = percent(part);
  });
}

function bar() {
  const item = document.createElement("li");
  const part = (name) => Object.assign(document.createElement("span"), { className: name });
  const track = part("track");
  track.append(part("fill"));
  item.append(part("name"), track, part("part"));
  return item;
}
