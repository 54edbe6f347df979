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
  at("confidence").textContent = at("spoken").textContent = "";
  at("plain").hidden = true;
  const { labels } = model.outputs[0];
  bars((labels ?? []).slice(0, MOST).map((name, i) => ({ i, name, part: 0 })));
}

export function answer(model, { label, index, confidence, output }) {
  const classifies = index !== undefined;
  at("plain").hidden = classifies;
  if (!classifies) return values(model, output);
  const best = label ?? `class ${index}`;
  at("label").textContent = best;
  at("confidence").textContent = percent(confidence);
  // Scores that are probabilities are so as they are; of others, the softmax.
  const given = output[index] === confidence;
  const { labels } = model.outputs[0];
  const all = Array.from(output, (v, i) => ({ i, name: labels?.[i] ?? String(i), part: given ? v : confidence * Math.exp(v - output[index]) }));
  const shown = all.length > MOST ? all.sort((a, b) => b.part - a.part).slice(0, MOST) : all;
  bars(shown, index);
  say(`${best}, ${percent(confidence)}`);
}

/** An output that is no vector of scores. */
function values(model, output) {
  bars([]);
  const numbers = Array.from(output, Number);
  at("label").textContent = numbers.length === 1 ? numbers[0].toPrecision(4) : "–";
  at("confidence").textContent = "";
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
